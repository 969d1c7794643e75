"""A diagnosis as one sentence on what binds a run, and one on what easing that would give."""

from hwsim.core.counters import Limit
from hwsim.core.diagnosis import Awaited, Diagnosis, WhatIf
from hwsim.core.result import Summary
from hwsim.report.figures import roughly, seconds

_NO_GAIN = 0.005
"""A share of the latency that is not worth a figure."""

_LIMITS = {
    Limit.ARRAY: "at the pace of the array",
    Limit.ARRAY_PORTS: "at the pace of the scratchpad's port to the array",
    Limit.VECTOR: "at the pace of the vector unit",
    Limit.VECTOR_PORTS: "at the pace of the scratchpad's ports to the vector unit",
    Limit.DRAM_WRITE: "at the pace of writes to DRAM",
    Limit.LOAD_PORTS: "at the pace at which the scratchpad takes what is loaded",
    Limit.STORE_PORTS: "at the pace at which the scratchpad gives what is stored",
    Limit.LATENCY: "in steps that wait for one another, no unit busy for half of it",
}
_AWAITED = {Awaited.WEIGHTS: "its weights", Awaited.ACTIVATIONS: "its activations"}


def diagnosis_text(diagnosis: Diagnosis, summary: Summary) -> str:
    """Which part takes most time, what binds it, and what one thing twice as fast would give."""
    part = roughly(diagnosis.part_cycles, summary.cycles)
    bound = roughly(diagnosis.limit_cycles, diagnosis.part_cycles)
    share = "All of" if diagnosis.part_cycles == summary.cycles else part + " of"
    return (
        f"{share} the time is {diagnosis.part}, {bound} of that {_limit(diagnosis)}. "
        f"With the same plan, {_what_ifs(diagnosis, summary)}."
    )


def _limit(diagnosis: Diagnosis) -> str:
    if diagnosis.limit is Limit.DRAM_READ and diagnosis.awaited is not None:
        return f"waiting for {_AWAITED[diagnosis.awaited]} from DRAM"
    return _LIMITS[diagnosis.limit]


def _what_ifs(diagnosis: Diagnosis, summary: Summary) -> str:
    """What eases the limit first, then the bandwidth."""
    first, *others = reversed(diagnosis.what_ifs)
    found = [f"{first.relief.value} would give {_given(first, summary)}"]
    return ", ".join(found + [f"{one.relief.value} {_given(one, summary)}" for one in others])


def _given(one: WhatIf, summary: Summary) -> str:
    gained = 1 - one.latency_ms / summary.latency_ms
    return "next to nothing" if gained < _NO_GAIN else seconds(one.latency_ms / 1000)

"""A diagnosis in sentences: what binds a run, and what easing that would give."""

import re

from hwsim.report.numbers import percent, roughly, seconds
from hwsim.report.tables import TIE
from hwsim.results.diagnosis import NO_GAIN, Awaited, Diagnosis, WhatIf
from hwsim.results.result import Summary
from hwsim.schedule.unit_table import Limit, Unit


def diagnosis_text(diagnosis: Diagnosis, summary: Summary) -> str:
    """Which part takes most time, what binds it, and what one thing twice as fast would give."""
    part = roughly(diagnosis.part_cycles, summary.cycles)
    bound = roughly(diagnosis.limit_cycles, diagnosis.part_cycles)
    share = "All of" if diagnosis.part_cycles == summary.cycles else part + " of"
    return _tied(
        f"{_host(diagnosis, summary)}{share} the {chips_time(summary)} is {diagnosis.part}, {bound} of that in ops "
        f"bound by {_limit(diagnosis)}. With the same plan, {_what_ifs(diagnosis, summary)}."
    )


def _tied(text: str) -> str:
    """The text, in which no line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=%|[munp]?s\b)", TIE, text)


def chips_time(summary: Summary) -> str:
    """What shares of cycles are shares of: with a host in the search, not the whole time."""
    return "chip's time" if summary.host_ms else "time"


def _host(diagnosis: Diagnosis, summary: Summary) -> str:
    """That the host takes longer than any part of the network, if it does."""
    on_chip = summary.latency_ms - summary.host_ms
    if summary.host_ms <= on_chip * diagnosis.part_cycles / max(1, summary.cycles):
        return ""
    return f"{percent(summary.host_ms, summary.latency_ms)} of the latency is the host's share of the search. "


def _limit(diagnosis: Diagnosis) -> str:
    if diagnosis.limit is Limit.of(Unit.LOAD) and diagnosis.awaited is not None:
        what = {Awaited.WEIGHTS: "weights", Awaited.ACTIVATIONS: "activations"}[diagnosis.awaited]
        return f"reading {what} from DRAM"
    return diagnosis.limit.label


def _what_ifs(diagnosis: Diagnosis, summary: Summary) -> str:
    """What eases the limit first, then the bandwidth; last, what has to be eased as well where neither gains."""
    first, *others = reversed(diagnosis.what_ifs)
    found = [f"{first.relief.label} would give {_given(first, summary)}"]
    found += [f"{one.relief.label} {_given(one, summary)}" for one in others]
    beside = diagnosis.beside
    if beside is not None and _gains(beside, summary):
        both = f"{first.relief.label} and" if others else "with"
        found.append(f"{both} {beside.relief.label}{'' if others else ' as well'} {_given(beside, summary)}")
    return ", ".join(found)


def _gains(one: WhatIf, summary: Summary) -> bool:
    return summary.latency_ms - one.latency_ms >= NO_GAIN * summary.latency_ms


def _given(one: WhatIf, summary: Summary) -> str:
    return seconds(one.latency_ms / 1000) if _gains(one, summary) else "next to nothing"

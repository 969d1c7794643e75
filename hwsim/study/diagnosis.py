"""What a run's counters say of its time: the part that takes most, the limit there, and what easing it would give."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload, part_of
from hwsim.results.diagnosis import NO_GAIN, Awaited, Diagnosis, WhatIf, reliefs_for
from hwsim.schedule.counters import OpCounters
from hwsim.schedule.schedule import OpSchedule, Preload, Schedule
from hwsim.schedule.steps import Repeat, Ring, StepTree
from hwsim.schedule.unit_table import Limit, Relief, Unit
from hwsim.study.relieved import relieved
from hwsim.timing.encode import encode
from hwsim.timing.timeline import times


def diagnose(chip: Chip, workload: Workload, schedule: Schedule, ops: Sequence[OpCounters]) -> Diagnosis:
    """The diagnosis of a schedule that took these ops so long; of equals what comes first."""
    parts: Counter[str] = Counter()
    for op in ops:
        parts[part_of(op.name)] += op.cycles
    part = max(parts, key=lambda name: parts[name])
    limits: Counter[Limit] = Counter()
    for op in ops:
        if part_of(op.name) == part:
            limits[op.limit] += op.cycles
    limit = max(limits, key=lambda one: limits[one])
    bound = {op.name for op in ops if part_of(op.name) == part and op.limit is limit}
    what_ifs = tuple(_what_if(chip, workload, schedule, (relief,)) for relief in reliefs_for(limit))
    # The cycles of the ops are those of the chip: a host that takes most of the latency hides no port.
    cycles = sum(op.cycles for op in ops)
    alone = any(_gains(one, cycles) for one in what_ifs)
    return Diagnosis(
        part=part,
        part_cycles=parts[part],
        limit=limit,
        limit_cycles=limits[limit],
        awaited=_awaited(schedule, bound) if limit.unit is Unit.LOAD else None,
        what_ifs=what_ifs,
        beside=None if alone else _beside(chip, workload, schedule, what_ifs[-1].relief, cycles),
    )


def _beside(chip: Chip, workload: Workload, schedule: Schedule, eased: Relief, cycles: int) -> WhatIf | None:
    """What gains most together with the relief of the limit, if anything does."""
    found = [_what_if(chip, workload, schedule, (eased, other)) for other in Relief if other is not eased]
    best = min(found, key=lambda one: one.cycles)
    return best if _gains(best, cycles) else None


def _gains(one: WhatIf, cycles: int) -> bool:
    return cycles - one.cycles >= NO_GAIN * cycles


def _what_if(chip: Chip, workload: Workload, schedule: Schedule, reliefs: Sequence[Relief]) -> WhatIf:
    """With these reliefs; it is called by the last one."""
    # Encoded here, because what `times` encodes is remembered, and this is asked once.
    cycles = times(encode(relieved(schedule, *reliefs))).cycles
    seconds = Fraction(cycles, chip.clock) + workload.host_seconds
    return WhatIf(relief=reliefs[-1], cycles=cycles, latency_ms=float(seconds * 1000))


def _awaited(schedule: Schedule, ops: set[str]) -> Awaited:
    """What most of the bytes are that these ops load: given to the program, or made by its ops."""
    given = made = 0
    for placed in schedule.placed():
        match placed.node:
            case Preload() as preload if preload.op in ops:
                given += preload.bytes * placed.times
            case OpSchedule() as op if op.name in ops:
                brought = _loaded(op.steps)
                of_ops = {one.ring for one in op.loaded}
                for ring, size in brought.items():
                    made += size * placed.times * (ring in of_ops)
                    given += size * placed.times * (ring not in of_ops)
    return Awaited.WEIGHTS if given >= made else Awaited.ACTIVATIONS


def _loaded(steps: Sequence[StepTree]) -> Counter[Ring]:
    """The bytes that the steps load, by ring."""
    found: Counter[Ring] = Counter()
    for node in steps:
        if isinstance(node, Repeat):
            for ring, size in _loaded(node.body).items():
                found[ring] += size * node.times
        else:
            for load in node.loads:
                found[load.ring] += load.bytes
    return found

"""What a run's counters say of its time: the part that takes most, the limit there, and what easing it would give."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from hwsim.core.chip import Chip
from hwsim.core.counters import Limit, OpCounters
from hwsim.core.diagnosis import Awaited, Diagnosis, Relief, WhatIf, reliefs_for
from hwsim.core.schedule import OpSchedule, Preload, Schedule
from hwsim.core.steps import Repeat, Ring, StepTree
from hwsim.core.workload import Workload, part_of
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
    return Diagnosis(
        part=part,
        part_cycles=parts[part],
        limit=limit,
        limit_cycles=limits[limit],
        awaited=_awaited(schedule, bound) if limit in (Limit.DRAM_READ, Limit.LOAD_PORTS) else None,
        what_ifs=tuple(_what_if(chip, workload, schedule, relief) for relief in reliefs_for(limit)),
    )


def _what_if(chip: Chip, workload: Workload, schedule: Schedule, relief: Relief) -> WhatIf:
    # Encoded here, because what `times` encodes is remembered, and this is asked once.
    cycles = times(encode(relieved(schedule, relief))).cycles
    seconds = Fraction(cycles, chip.clock) + workload.host_seconds
    return WhatIf(relief=relief, cycles=cycles, latency_ms=float(seconds * 1000))


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

"""The diagnosis of a run's time: the part that takes most, the limit there, and the gain of easing it.

The gain is exact for the plan of the run, but a plan made for the eased chip could be better still.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import reduce

from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload, part_of
from hwsim.results.figures import NO_GAIN, Awaited, Diagnosis, WhatIf, reliefs_for
from hwsim.schedule.counters import OpCounters
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Ports, Preload, Schedule, ScheduleNode
from hwsim.schedule.steps import ArrayWork, Fused, Repeat, Ring, Step, StepTree
from hwsim.schedule.unit_table import Limit, Relief, Unit
from hwsim.timing.timeline import encode, times


def relieved(schedule: Schedule, *reliefs: Relief) -> Schedule:
    """The schedule with these reliefs together."""
    ports = reduce(_ports, reliefs, schedule.ports)
    if {Relief.BANDWIDTH, Relief.LATENCY}.issuperset(reliefs):
        return replace(schedule, ports=ports)
    steps = _Steps(frozenset(reliefs))
    return replace(schedule, ports=ports, body=tuple(steps.nodes(schedule.body)))


def _ports(ports: Ports, relief: Relief) -> Ports:
    """The ports with a relief; both directions are twice as fast, because one interface has both."""
    match relief:
        case Relief.BANDWIDTH:
            return replace(ports, dram_read=_twice(ports.dram_read), dram_write=_twice(ports.dram_write))
        case Relief.LATENCY:
            return replace(ports, latency=ports.latency // 2)
        case Relief.PORTS:
            read, write = _twice(ports.scratchpad_read), _twice(ports.scratchpad_write)
            return replace(ports, scratchpad_read=read, scratchpad_write=write)
    return ports


def _twice(rate: Fraction | None) -> Fraction | None:
    return None if rate is None else 2 * rate


class _Steps:
    """Steps with reliefs. Steps that several ops share are changed once and stay shared."""

    def __init__(self, reliefs: frozenset[Relief]) -> None:
        self.reliefs = reliefs
        self.relieved: dict[int, tuple[StepTree, ...]] = {}  # by the identity of steps, which the schedule keeps

    def nodes(self, nodes: Iterable[ScheduleNode]) -> Iterator[ScheduleNode]:
        """The nodes of a schedule with the reliefs."""
        for node in nodes:
            match node:
                case LoopSegment():
                    yield replace(node, body=tuple(self.nodes(node.body)))
                case OpSchedule():
                    if id(node.steps) not in self.relieved:
                        self.relieved[id(node.steps)] = tuple(self.steps(node.steps))
                    yield replace(node, steps=self.relieved[id(node.steps)])
                case Preload():
                    yield node

    def steps(self, steps: Iterable[StepTree]) -> Iterator[StepTree]:
        """The steps of an op with the reliefs."""
        for node in steps:
            if isinstance(node, Repeat):
                yield replace(node, body=tuple(self.steps(node.body)))
            else:
                yield self.step(node)

    def step(self, step: Step) -> Step:
        """One step with the reliefs."""
        array, vector, fused = step.array, step.vector_cycles, step.fused
        if array is not None:
            tail = -(-array.tail // 2) if Relief.ARRAY in self.reliefs else array.tail
            cycles = self.cycles(Relief.ARRAY, array.cycles, array.hidden_cycles, ports=array.port_bound)
            array = ArrayWork(cycles=cycles, tail=tail)
        if vector is not None:
            vector = self.cycles(Relief.VECTOR, vector, step.vector_hidden_cycles, ports=step.vector_port_bound)
        if fused is not None:
            cycles = self.cycles(Relief.VECTOR, fused.cycles, fused.hidden_cycles, ports=fused.port_bound)
            fused = Fused(cycles=cycles, work=fused.work)
        return replace(
            step, array=array, vector_cycles=vector, vector_port_bound=False, vector_hidden_cycles=0, fused=fused
        )

    def cycles(self, unit: Relief, cycles: int, hidden: int, *, ports: bool) -> int:
        """The eased cycles of a unit's step, where the slower of unit and ports, the latter if `ports`, took `cycles`
        and the faster the `hidden` cycles."""
        slower, faster = (Relief.PORTS, unit) if ports else (unit, Relief.PORTS)
        return max(self.eased(slower, cycles), self.eased(faster, hidden))

    def eased(self, relief: Relief, cycles: int) -> int:
        """The cycles, or half of them, rounded up, where the reliefs ease them."""
        return -(-cycles // 2) if relief in self.reliefs else cycles


def diagnose(chip: Chip, workload: Workload, schedule: Schedule, ops: Sequence[OpCounters]) -> Diagnosis:
    """The diagnosis of a schedule whose ops have these counters; of equal parts, or limits, it names the first."""
    parts: Counter[str] = Counter()
    for op in ops:
        parts[part_of(op.name)] += op.cycles
    part = max(parts, key=lambda name: parts[name])
    limits: Counter[Limit] = Counter()
    for op in ops:
        if part_of(op.name) == part:
            limits[op.limit] += op.cycles
    limit = max(limits, key=lambda candidate: limits[candidate])
    bound = {op.name for op in ops if part_of(op.name) == part and op.limit is limit}
    what_ifs = tuple(_what_if(chip, workload, schedule, (relief,)) for relief in reliefs_for(limit))
    # The cycles of the ops are those of the chip: a host that takes most of the latency hides no port.
    cycles = sum(op.cycles for op in ops)
    alone = any(_gains(what_if, cycles) for what_if in what_ifs)
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
    """The relief that gains most together with the relief of the limit, if any gains."""
    what_ifs = [_what_if(chip, workload, schedule, (eased, other)) for other in Relief if other is not eased]
    best = min(what_ifs, key=lambda what_if: what_if.cycles)
    return best if _gains(best, cycles) else None


def _gains(what_if: WhatIf, cycles: int) -> bool:
    return cycles - what_if.cycles >= NO_GAIN * cycles


def _what_if(chip: Chip, workload: Workload, schedule: Schedule, reliefs: Sequence[Relief]) -> WhatIf:
    """The run with these reliefs, under the name of the last one."""
    # Encoded here, because `times` would remember an encoding that is needed only once.
    cycles = times(encode(relieved(schedule, *reliefs))).cycles
    seconds = Fraction(cycles, chip.clock) + workload.host_seconds
    return WhatIf(relief=reliefs[-1], cycles=cycles, latency_ms=float(seconds * 1000))


def _awaited(schedule: Schedule, ops: set[str]) -> Awaited:
    """Where most of the bytes that these ops load come from: given to the program, or computed by its ops."""
    given_bytes = computed_bytes = 0
    for placed in schedule.placed():
        match placed.node:
            case Preload() as preload if preload.op in ops:
                given_bytes += preload.bytes * placed.times
            case OpSchedule() as op if op.name in ops:
                brought = _loaded(op.steps)
                of_ops = {tensor.ring for tensor in op.loaded}
                for ring, size in brought.items():
                    computed_bytes += size * placed.times * (ring in of_ops)
                    given_bytes += size * placed.times * (ring not in of_ops)
    return Awaited.WEIGHTS if given_bytes >= computed_bytes else Awaited.ACTIVATIONS


def _loaded(steps: Sequence[StepTree]) -> Counter[Ring]:
    """The bytes that the steps load, by ring."""
    loaded: Counter[Ring] = Counter()
    for node in steps:
        if isinstance(node, Repeat):
            for ring, size in _loaded(node.body).items():
                loaded[ring] += size * node.times
        else:
            for load in node.loads:
                loaded[load.ring] += load.bytes
    return loaded

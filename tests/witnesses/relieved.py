"""A schedule with things of the chip twice as fast, step by step: the witness of plans eased as tables."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import reduce

from hwsim.schedule.schedule import LoopSegment, OpSchedule, Ports, Preload, Schedule, ScheduleNode
from hwsim.schedule.steps import ArrayWork, Fused, Repeat, Step, StepTree
from hwsim.schedule.unit_table import Relief


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

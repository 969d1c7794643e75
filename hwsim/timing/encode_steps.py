"""The steps of one op as rows of code. Steps are shared by many ops and plans, so their rows are kept."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.quantities.caches import IdentityCache
from hwsim.schedule.schedule import Ports
from hwsim.schedule.steps import Repeat, Ring, Step, StepTree

NO_ROW = (0,) * c.COLUMNS
LONGEST = 2**62


def check_longest(cycles: int) -> None:
    """Refuse what would not fit 64 bits, if nothing overlapped."""
    if cycles > LONGEST:
        raise Unsupported(f"the program takes up to {cycles:,} cycles; hwsim counts to {LONGEST:,}")


@dataclass(frozen=True, slots=True)
class StepCode:
    """Rows of a run between OP_BEGIN and OP_END, and what is known of all steps.

    In the rows loops name each other relative to the first row, and what depends on the schedule around is left out.
    """

    rows: NDArray[np.int64]
    begins: tuple[tuple[int, int], ...]  # of each loop: its first row, and how deep it lies
    ends: tuple[int, ...]  # their last rows
    units: int
    rings: int
    loaded: int
    depth: int
    array_writes: bool
    busy: tuple[int, int, int, int]  # cycles of each unit
    longest: int  # cycles, if nothing overlaps


def step_code(steps: tuple[StepTree, ...], ports: Ports) -> StepCode:
    """The code of some steps. What was asked for with the same objects is remembered."""
    return _CODES.of(steps, ports, make=lambda: _Steps(ports).code(steps))


_CODES = IdentityCache[StepCode](most=1 << 15)


class _Steps:
    """Collects rows while it walks down a tree of steps."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.rows: list[tuple[int, ...]] = [(c.OP_BEGIN, *NO_ROW[1:])]
        self.begins: list[tuple[int, int]] = []
        self.ends: list[int] = []
        self.depth = 0
        self.array_writes = True

    def code(self, steps: Iterable[StepTree]) -> StepCode:
        units, rings, loaded, busy, longest = self.nodes(steps, 0)
        check_longest(longest)  # so every number fits
        self.rows.append((c.OP_END, *NO_ROW[1:]))
        rows, ends = np.array(self.rows, np.int64), tuple(self.ends)
        return StepCode(
            rows, tuple(self.begins), ends, units, rings, loaded, self.depth, self.array_writes, busy, longest
        )

    def nodes(self, nodes: Iterable[StepTree], level: int) -> "_Sum":
        units = rings = loaded = longest = 0
        busy = [0, 0, 0, 0]
        for node in nodes:
            one = self.repeat(node, level + 1) if isinstance(node, Repeat) else self.step(node)
            units, rings, loaded = units | one[0], rings | one[1], loaded | one[2]
            busy = [mine + other for mine, other in zip(busy, one[3], strict=True)]
            longest += one[4]
        return units, rings, loaded, (busy[0], busy[1], busy[2], busy[3]), longest

    def repeat(self, node: Repeat, level: int) -> "_Sum":
        at = len(self.rows)
        self.depth = max(self.depth, level)
        self.rows.append(NO_ROW)
        units, rings, loaded, busy, longest = self.nodes(node.body, level)
        self.rows[at] = (c.BEGIN, node.times, units, rings, loaded, *NO_ROW[5:])
        self.begins.append((at, level))
        self.ends.append(len(self.rows))
        self.rows.append((c.END, at, *NO_ROW[2:]))
        load, array, vector, store = (node.times * cycles for cycles in busy)
        return units, rings, loaded, (load, array, vector, store), node.times * longest

    def step(self, step: Step) -> "_Sum":
        ports = self.ports
        loads = {load.ring: ports.load_cycles(load.bytes) for load in step.loads}
        array, tail = (-1, 0) if step.array is None else (step.array.cycles, step.array.tail)
        vector = -1 if step.vector_cycles is None else step.vector_cycles
        fused = -1 if step.fused is None else step.fused.cycles
        store = -1 if step.store_bytes is None else ports.store_cycles(step.store_bytes)
        flags = c.OPENS * step.phase.opens | c.CLOSES * step.phase.closes
        rings = 1 << (c.VECTOR_RESULTS if step.array is None else c.ARRAY_RESULTS)
        for ring in step.releases:
            flags |= c.RELEASE_0 << ring
            rings |= 1 << ring
        loaded = sum(1 << ring for ring in loads)
        row = [c.STEP, *(loads.get(ring, -1) for ring in Ring), array, tail, vector, fused, store, flags]
        self.rows.append((*row, *NO_ROW[len(row) :]))
        units = bool(loads) << c.LOAD_UNIT | (array >= 0) << c.ARRAY_UNIT | (vector >= 0) << c.VECTOR_UNIT
        if store >= 0:
            units |= 1 << (c.LOAD_UNIT if ports.shared else c.STORE_UNIT)
        self.array_writes &= vector < 0
        load_cycles, vector_cycles = sum(loads.values()), max(0, vector) + max(0, fused)
        busy = load_cycles, max(0, array), vector_cycles, max(0, store)
        return units, rings | loaded, loaded, busy, sum(busy) + tail + len(loads) * ports.latency


_Sum = tuple[int, int, int, tuple[int, int, int, int], int]
"""Masks of units, rings and loaded rings; busy cycles; cycles if nothing overlaps."""

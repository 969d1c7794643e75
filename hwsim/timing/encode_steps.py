"""The steps of one op as rows of code. Steps are shared by many ops and plans, so their rows are kept."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.quantities.caches import IdentityCache
from hwsim.schedule.schedule import Ports
from hwsim.schedule.steps import Repeat, Step, StepTree

NO_ROW = (0,) * c.COLUMNS
_NO_STEP = tuple([0 if column in (c.TAIL, c.FLAGS) or column > c.FLAGS else -1 for column in range(1, c.COLUMNS)])
"""A step all of whose parts are absent, behind its kind."""
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
    busy: tuple[int, ...]  # cycles of each unit that the kernel drives
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
        busy = (0,) * c.UNITS
        for node in nodes:
            one = self.repeat(node, level + 1) if isinstance(node, Repeat) else self.step(node)
            units, rings, loaded = units | one[0], rings | one[1], loaded | one[2]
            busy = tuple([mine + other for mine, other in zip(busy, one[3], strict=True)])
            longest += one[4]
        return units, rings, loaded, busy, longest

    def repeat(self, node: Repeat, level: int) -> "_Sum":
        at = len(self.rows)
        self.depth = max(self.depth, level)
        self.rows.append(NO_ROW)
        units, rings, loaded, busy, longest = self.nodes(node.body, level)
        self.rows[at] = (c.BEGIN, node.times, units, rings, loaded, *NO_ROW[5:])
        self.begins.append((at, level))
        self.ends.append(len(self.rows))
        self.rows.append((c.END, at, *NO_ROW[2:]))
        return units, rings, loaded, tuple([node.times * cycles for cycles in busy]), node.times * longest

    def step(self, step: Step) -> "_Sum":
        ports, row = self.ports, [c.STEP, *_NO_STEP]
        loaded = load_cycles = 0
        for load in step.loads:
            row[c.LOAD_0 + load.ring] = cycles = ports.load_cycles(load.bytes)
            load_cycles += cycles
            loaded |= 1 << load.ring
        array = vector = fused = store = units = 0
        if step.loads:
            units = 1 << c.LOAD_UNIT
        if step.array is not None:
            row[c.ARRAY], row[c.TAIL] = step.array.cycles, step.array.tail
            array = step.array.cycles
            units |= 1 << c.ARRAY_UNIT
        if step.vector_cycles is not None:
            row[c.VECTOR] = vector = step.vector_cycles
            units |= 1 << c.VECTOR_UNIT
            self.array_writes = False
        if step.fused is not None:
            row[c.FUSED] = fused = step.fused.cycles
        if step.store_bytes is not None:
            row[c.STORE] = store = ports.store_cycles(step.store_bytes)
            units |= 1 << (c.LOAD_UNIT if ports.shared else c.STORE_UNIT)
        flags = c.OPENS * step.phase.opens | c.CLOSES * step.phase.closes
        rings = loaded | 1 << (c.VECTOR_RESULTS if step.array is None else c.ARRAY_RESULTS)
        for ring in step.releases:
            flags |= c.RELEASE_0 << ring
            rings |= 1 << ring
        row[c.FLAGS] = flags
        self.rows.append(tuple(row))
        busy = load_cycles, array, vector + fused, store
        return units, rings, loaded, busy, sum(busy) + row[c.TAIL] + len(step.loads) * ports.latency


_Sum = tuple[int, int, int, tuple[int, ...], int]
"""Masks of units, rings and loaded rings; busy cycles; cycles if nothing overlaps."""

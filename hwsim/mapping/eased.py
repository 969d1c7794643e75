"""A plan on a chip of which something is twice as fast: the same steps in the same order, in other cycles."""

from collections.abc import Collection
from copy import copy
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.op_cuts import rows_of
from hwsim.mapping.works import passes
from hwsim.schedule.schedule import Ports
from hwsim.schedule.unit_table import Relief
from hwsim.timing.timeline import fixed_of

Ints = NDArray[np.int64]

_UNITS = (
    (c.ARRAY, t.D_ARRAY, t.D_ARRAY_PORT, Relief.ARRAY),
    (c.VECTOR, t.D_VECTOR, t.D_VECTOR_PORT, Relief.VECTOR),
    (c.FUSED, t.D_FUSED, t.D_FUSED_PORT, Relief.VECTOR),
)
"""What takes the longer of a unit's own cycles and those of the scratchpad's ports, and what eases the unit."""

_MEMORY = {Relief.BANDWIDTH, Relief.PORTS}
"""What eases loads and stores."""


@dataclass(frozen=True, eq=False)
class Easing:
    """A plan whose reliefs somebody asks for, one after another."""

    candidate: CandidatePlan

    def plan(self, *reliefs: Relief) -> CandidatePlan:
        """The plan with these reliefs together."""
        before, (rows, code, steps, which) = self.candidate, self._used
        cuts = copy(before.op_cuts)
        cuts.target = replace(cuts.target, ports=_ports(cuts.target.ports, reliefs))
        cuts.fixed = fixed_of(cuts.target.ports)
        cuts.forget_works()
        code = code.copy()
        code[steps] = _eased(code[steps], cuts.target.ports, reliefs)
        cuts.store = cuts.store._replace(cuts=rows, code=code)
        request = replace(before.request, cuts=which)
        return CandidatePlan(cuts, request, before.way, before.reserved, before.items, before.rounded)

    @cached_property
    def _used(self) -> tuple[Ints, Ints, NDArray[np.bool_], Ints]:
        """The cuts that the plan uses, their rows, which of these are steps, and the cut of each op among them."""
        cuts = self.candidate.op_cuts
        used, which = np.unique(self.candidate.cuts, return_inverse=True)
        rows, code = rows_of(cuts.store, used)
        return rows, code, code[:, c.KIND] == c.STEP, which


def _ports(ports: Ports, reliefs: Collection[Relief]) -> Ports:
    """Both directions are twice as fast, because one interface has both."""
    if Relief.LATENCY in reliefs:
        ports = replace(ports, latency=ports.latency // 2)
    if Relief.BANDWIDTH in reliefs:
        ports = replace(ports, dram_read=_twice(ports.dram_read), dram_write=_twice(ports.dram_write))
    if Relief.INTERCONNECT in reliefs:
        ports = replace(ports, exchange=_twice(ports.exchange))
    if Relief.PORTS in reliefs:
        read, write = _twice(ports.scratchpad_read), _twice(ports.scratchpad_write)
        ports = replace(ports, scratchpad_read=read, scratchpad_write=write)
    return ports


def _twice(rate: Fraction | None) -> Fraction | None:
    return None if rate is None else 2 * rate


def _eased(steps: Ints, ports: Ports, reliefs: Collection[Relief]) -> Ints:
    """Steps with the reliefs; absent parts stay absent."""

    def half(cycles: Ints, relief: Relief) -> Ints:
        return -(-cycles // 2) if relief in reliefs else cycles

    column = steps.copy().T
    loads, loaded, of_core = (column[at : at + c.OPERAND_RINGS] for at in (c.LOAD_0, t.D_OF_RING, t.D_OF_CORE))
    stored, by_core = column[t.D_STORED], column[t.D_CORE_STORED]
    for cycles, moved, eased_by in (
        (loads, ((loaded, ports.dram_read), (of_core, ports.scratchpad_write)), _MEMORY),
        (column[c.STORE], ((stored, ports.dram_write), (by_core, ports.scratchpad_read)), _MEMORY),
        (column[c.EXCHANGE], ((column[t.D_EXCHANGED], ports.exchange),), {Relief.INTERCONNECT}),
    ):
        if not eased_by.isdisjoint(reliefs):
            np.copyto(cycles, np.max([passes(size, rate) for size, rate in moved], axis=0), where=cycles >= 0)
    for unit, own, of_ports, relief in _UNITS:
        if relief in reliefs or Relief.PORTS in reliefs:
            column[own], column[of_ports] = half(column[own], relief), half(column[of_ports], Relief.PORTS)
            np.copyto(column[unit], np.maximum(column[own], column[of_ports]), where=column[unit] >= 0)
    column[c.TAIL] = half(column[c.TAIL], Relief.ARRAY)
    for passing in (c.FIRST_PASS, c.ALL_PASS):
        column[passing] = half(column[passing], Relief.PORTS)
    return column.T

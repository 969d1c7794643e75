"""A plan on a chip of which something is twice as fast: the same steps in the same order, in other cycles."""

from copy import copy
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.mapping.candidate_plan import CandidatePlan
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


def eased(candidate: CandidatePlan, reliefs: frozenset[Relief]) -> CandidatePlan:
    """The plan with these reliefs together."""
    cuts = copy(candidate.op_cuts)
    cuts.target = replace(cuts.target, ports=_ports(cuts.target.ports, reliefs))
    cuts.fixed = fixed_of(cuts.target.ports)
    cuts.forget_works()
    used, which = np.unique(candidate.cuts, return_inverse=True)
    rows_of, code = _rows_of(cuts.store, used)
    steps = code[:, c.KIND] == c.STEP
    code[steps] = _eased(code[steps], cuts.target.ports, reliefs)
    cuts.store = cuts.store._replace(cuts=rows_of, code=code)
    request = replace(candidate.request, cuts=which)
    return CandidatePlan(cuts, request, candidate.way, candidate.reserved, candidate.items, candidate.rounded)


def _ports(ports: Ports, reliefs: frozenset[Relief]) -> Ports:
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


def _rows_of(store: s.Store, used: Ints) -> tuple[Ints, Ints]:
    """These cuts alone, and their rows."""
    cuts = store.cuts[used]
    lengths = cuts[:, s.ROWS]
    starts = np.cumsum(lengths) - lengths
    places = np.repeat(cuts[:, s.FIRST_ROW] - starts, lengths) + np.arange(lengths.sum())
    cuts[:, s.FIRST_ROW] = starts
    return cuts, store.code[places]


def _eased(steps: Ints, ports: Ports, reliefs: frozenset[Relief]) -> Ints:
    """Steps with the reliefs; absent parts stay absent."""

    def half(cycles: Ints, relief: Relief) -> Ints:
        return -(-cycles // 2) if relief in reliefs else cycles

    column = steps.copy().T
    loads, loaded, of_core = (column[at : at + c.OPERAND_RINGS] for at in (c.LOAD_0, t.D_OF_RING, t.D_OF_CORE))
    stored, by_core = column[t.D_STORED], column[t.D_CORE_STORED]
    for cycles, moved in (
        (loads, ((loaded, ports.dram_read), (of_core, ports.scratchpad_write))),
        (column[c.STORE], ((stored, ports.dram_write), (by_core, ports.scratchpad_read))),
        (column[c.EXCHANGE], ((column[t.D_EXCHANGED], ports.exchange),)),
    ):
        np.copyto(cycles, np.max([passes(size, rate) for size, rate in moved], axis=0), where=cycles >= 0)
    for unit, own, of_ports, relief in _UNITS:
        eased = np.maximum(half(column[own], relief), half(column[of_ports], Relief.PORTS))
        np.copyto(column[unit], eased, where=column[unit] >= 0)
        column[own], column[of_ports] = half(column[own], relief), half(column[of_ports], Relief.PORTS)
    column[c.TAIL] = half(column[c.TAIL], Relief.ARRAY)
    for passing in (c.FIRST_PASS, c.ALL_PASS):
        column[passing] = half(column[passing], Relief.PORTS)
    return column.T

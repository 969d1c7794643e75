"""What the steps of cuts do: their work, and cycles that ports bind, exact however large, from the rows of steps."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hwsim.hardware.array import ComputeArray
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.mapping.op_rows import OpRow
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work
from hwsim.schedule.schedule import Ports

Ints = NDArray[np.int64]
Counts = NDArray[Any]
"""Counts as 64-bit integers, or as Python's where these could overflow."""

OWN = Work.__slots__
FUSED = ("vector_lane_cycles", "scratchpad_read_bytes", "scratchpad_write_bytes")
BOUND = len(OWN)
CONFLICTS = BOUND + c.UNITS
OF_EPILOGUE = CONFLICTS + 1
EPILOGUE_BOUND = OF_EPILOGUE + len(FUSED)
COLUMNS = EPILOGUE_BOUND + 1
"""The columns of works: the counters of an op's own work, its busy cycles of each unit in steps whose length a port of
the scratchpad sets, cycles that its read port loses to conflicts of banks, the counters of its epilogue's work, and
busy cycles of the vector unit for it that a port sets."""

_SAFE = 2.0**62


class KnownWorks(NamedTuple):
    """What one run of some cuts does: `rows` has the row of each cut, by its number, and -1 where nothing is known."""

    works: Counts
    rows: Ints

    @classmethod
    def none(cls) -> Self:
        return cls(np.zeros((0, COLUMNS), np.int64), np.zeros(0, np.int64))

    def up_to(self, cuts: int) -> Self:
        """The same, for so many cuts."""
        more = cuts - len(self.rows)
        return self._replace(rows=np.concatenate([self.rows, np.full(more, -1)])) if more > 0 else self

    def and_also(self, cuts: Ints, works: Counts) -> Self:
        """With the works of these cuts; what others hold stays as it is."""
        rows = self.rows.copy()
        rows[cuts] = np.arange(len(self.works), len(self.works) + len(cuts))
        return self._replace(works=np.concatenate([self.works, works]), rows=rows)


class StepCosts(NamedTuple):
    """What a step of each class of ops costs on an array, exactly and nearly: [class, cost]."""

    exact: NDArray[Any]
    near: NDArray[np.float64]

    @classmethod
    def of(cls, classes: Sequence[OpRow], array: ComputeArray) -> Self:
        of_mode = {mode: _costs(mode, array) for mode in dict.fromkeys(op_class.mode for op_class in classes)}
        rows = np.array([of_mode[op_class.mode] for op_class in classes], object).reshape(-1, 6)
        return cls(rows, rows.astype(np.float64))


def _costs(mode: Precision | None, array: ComputeArray) -> tuple[int, ...]:
    if mode is None:
        return 0, 0, 0, 0, 0, 1
    costs, unit = array.step_costs(mode), array.constraints(mode).unit.k
    bits = costs.tile_bits, costs.stream_bits, costs.drain_bits, costs.stream_adder_bits
    return *bits, int(costs.sums_outside), unit


class StepWorks:
    """The work of steps of a program's ops behind some ports."""

    def __init__(self, costs: StepCosts, ports: Ports) -> None:
        self.ports = ports
        self._exact, self._near = costs

    def of(self, steps: Ints, classes: Ints, *, runs: bool = True) -> Counts:
        """The work of each step, whose class is given, in all its runs or in one: [step, columns of works].

        Counts that a bound does not prove to fit 64 bits are Python's integers.
        """
        bound_by_ports = _bound_by_ports(steps.T, self.ports)
        bound = _works(steps.astype(np.float64), self._near[classes], bound_by_ports, runs)
        fits = float(bound.max(initial=0)) * max(1, len(steps)) < _SAFE
        kind = np.int64 if fits and float(self._near.max(initial=0)) < _SAFE else object
        return _works(steps.astype(kind), self._exact[classes].astype(kind), bound_by_ports, runs)

    def bounds(self, steps: Ints) -> Counts:
        """The same columns for all runs of each step, of which only the cycles that ports bind are filled in."""
        bound_by_ports, column = _bound_by_ports(steps.T, self.ports), steps.T
        times = column[t.D_TIMES]
        longest = float(column[c.LOAD_0 : c.LOAD_0 + c.OPERAND_RINGS].max(initial=0)) * c.OPERAND_RINGS
        longest = max(longest, float(column[[c.ARRAY, c.VECTOR, c.STORE, c.FUSED]].max(initial=0)))
        fits = longest * float(times.max(initial=0)) * max(1, len(steps)) < _SAFE
        column = column if fits else column.astype(object)
        works = np.zeros((len(steps), COLUMNS), column.dtype)
        works[:, [*range(BOUND, CONFLICTS), EPILOGUE_BOUND]] = np.stack(_bounds(column, bound_by_ports), axis=1)
        works *= times[:, None]
        return works


def _bound_by_ports(column: Ints, ports: Ports) -> NDArray[np.bool_]:
    """Whether a port of the scratchpad sets the length of each load, and of what array, vector unit and store do for
    the op itself, and the vector unit for the epilogue; what a step lacks is bound by nothing."""
    loads, store = column[c.LOAD_0 : c.LOAD_0 + c.OPERAND_RINGS], column[c.STORE]
    loaded = column[t.D_OF_RING : t.D_OF_RING + c.OPERAND_RINGS]
    of_units = ((c.ARRAY, t.D_ARRAY), (c.VECTOR, t.D_VECTOR), (c.FUSED, t.D_FUSED))
    array, vector, fused = ((column[unit] >= 0) & (column[own + 1] > column[own]) for unit, own in of_units)
    bound: NDArray[np.bool_] = np.stack(
        [
            *(loads > passes(loaded, ports.dram_read)),
            array,
            vector,
            store > passes(column[t.D_STORED], ports.dram_write),
            fused,
        ]
    )
    return bound


def passes(sizes: Ints, rate: Fraction | None) -> Counts:
    """Cycles in which a port with this rate passes each of these sizes."""
    if rate is None:
        return np.zeros_like(sizes)
    largest = max(float(sizes.max(initial=0)) * rate.denominator, float(rate.numerator))
    cycles: Counts = -(-sizes.astype(np.int64 if largest < _SAFE else object) * rate.denominator // rate.numerator)
    return cycles


def _works(steps: Counts, costs: Counts, bound: NDArray[np.bool_], runs: bool) -> Counts:
    """The same sums whatever the numbers are."""
    column = steps.T
    k = column[t.D_K]
    tile_bits, stream_bits, drain_bits, adder_bits, sums_outside, unit_k = costs.T
    opens, closes = (_bit(column[c.FLAGS], bit) for bit in (c.OPENS, c.CLOSES))
    results, tiles = column[t.D_RESULTS], column[t.D_TILES]
    kept = sums_outside * results * ((k + unit_k - 1) // unit_k)
    *of_units, of_epilogue = _bounds(column, bound)
    works = np.stack(
        [
            results * k,
            tiles * (tile_bits + drain_bits * closes) + stream_bits * column[t.D_STREAMED],
            adder_bits * column[t.D_STREAMED],
            kept + results * (closes - opens) * sums_outside,
            kept,
            column[t.D_LANES],
            column[t.D_ENTERING] + column[t.D_STORED] + column[t.D_READ],
            column[t.D_FILLED] + column[t.D_WRITTEN],
            column[t.D_LOADED],
            column[t.D_STORED],
            column[t.D_EXCHANGED],
            *of_units,
            column[t.D_LOST],
            column[t.D_FUSED_LANES],
            column[t.D_FUSED_READ],
            column[t.D_FUSED_WRITTEN],
            of_epilogue,
        ],
        axis=1,
    )
    return works * column[t.D_TIMES][:, None] if runs else works


def _bounds(column: Counts, bound: NDArray[np.bool_]) -> list[Counts]:
    """Cycles of each unit in steps that a port bounds, and of the vector unit for an epilogue."""
    return [
        (column[c.LOAD_0 : c.LOAD_0 + c.OPERAND_RINGS] * bound[: c.OPERAND_RINGS]).sum(axis=0),
        *(column[[c.ARRAY, c.VECTOR, c.STORE]] * bound[c.OPERAND_RINGS : -1]),
        np.zeros_like(column[c.STORE]),  # no port binds the interconnect
        column[c.FUSED] * bound[-1],
    ]


def _bit(flags: Counts, bit: int) -> Counts:
    return flags // bit % 2


def own_work(counts: Sequence[int]) -> Work:
    """The work of an op itself."""
    return Work(**{name: int(count) for name, count in zip(OWN, counts, strict=False)})


def fused_work(counts: Sequence[int]) -> Work:
    """The work of its epilogue."""
    return Work(**{name: int(count) for name, count in zip(FUSED, counts[OF_EPILOGUE:EPILOGUE_BOUND], strict=True)})


def whole_work(counts: Sequence[int]) -> Work:
    """The work of both together."""
    return own_work(counts) + fused_work(counts)


def exact(rows: Sequence[Sequence[int]]) -> Counts:
    """Rows of works as a table."""
    try:
        return np.array(rows, np.int64).reshape(len(rows), COLUMNS)
    except OverflowError:
        return np.array(rows, object).reshape(len(rows), COLUMNS)


def times(counts: Counts, runs: Ints) -> Counts:
    """Each row so many times, such that all of them can be added."""
    bound = float(np.abs(counts).max(initial=0)) * float(runs.sum())
    product: Counts = counts.astype(np.int64 if bound < _SAFE else object) * runs[:, None]
    return product

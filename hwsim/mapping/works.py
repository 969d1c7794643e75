"""What cuts do that has a price: work of their steps, exact however large, from the rows of steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.target import Target
from hwsim.schedule.counters import Work

Ints = NDArray[np.int64]
Counts = NDArray[Any]
"""Counts as 64-bit integers, or as Python's where these could overflow."""

OWN = Work.__slots__
FUSED = ("vector_lane_cycles", "scratchpad_read_bytes", "scratchpad_write_bytes")
"""The counters of an op's own work, and of that of its epilogue: the columns of works."""

_SAFE = 2.0**62


class StepWorks:
    """The work of steps of a program's ops on a target: what one step of each class of ops costs."""

    def __init__(self, classes: Sequence[OpRow], target: Target) -> None:
        rows = []
        for op_class in classes:
            if op_class.mode is None:
                rows.append((0, 0, 0, 0, 1))
                continue
            costs = target.array.step_costs(op_class.mode)
            unit = target.array.constraints(op_class.mode).unit.k
            rows.append((costs.tile_bits, costs.stream_bits, costs.drain_bits, int(costs.sums_outside), unit))
        self._exact = np.array(rows, object).reshape(-1, 5)
        self._near = self._exact.astype(np.float64)

    def of(self, steps: Ints, classes: Ints, *, runs: bool = True) -> Counts:
        """The work of each step, whose class is given, in all its runs or in one: [step, OWN and FUSED].

        Counts that a bound does not prove to fit 64 bits are Python's integers.
        """
        bound = _works(steps.astype(np.float64), self._near[classes], runs)
        fits = float(bound.max(initial=0)) * max(1, len(steps)) < _SAFE
        kind = np.int64 if fits and float(self._near.max(initial=0)) < _SAFE else object
        return _works(steps.astype(kind), self._exact[classes].astype(kind), runs)


def _works(steps: Counts, costs: Counts, runs: bool) -> Counts:
    """The same sums whatever the numbers are."""
    column = steps.T
    outer, inner, k = column[t.D_OUTER], column[t.D_INNER], column[t.D_K]
    tile_bits, stream_bits, drain_bits, sums_outside, unit_k = costs.T
    opens, closes = (_bit(column[c.FLAGS], bit) for bit in (c.OPENS, c.CLOSES))
    results, tiles = outer * inner, column[t.D_TILES]
    kept = sums_outside * results * ((k + unit_k - 1) // unit_k)
    works = np.stack(
        [
            results * k,
            tiles * (tile_bits + stream_bits * column[t.D_STREAM] + drain_bits * closes),
            kept + results * (closes - opens) * sums_outside,
            kept,
            column[t.D_LANES],
            column[t.D_ENTERING] + column[t.D_STORED] + column[t.D_READ],
            column[t.D_LOADED] + column[t.D_WRITTEN],
            column[t.D_LOADED],
            column[t.D_STORED],
            column[t.D_FUSED_LANES],
            column[t.D_FUSED_READ],
            column[t.D_FUSED_WRITTEN],
        ],
        axis=1,
    )
    return works * column[t.D_TIMES][:, None] if runs else works


def _bit(flags: Counts, bit: int) -> Counts:
    return flags // bit % 2


def own_work(counts: Sequence[int]) -> Work:
    """The work of an op itself."""
    return Work(**{name: int(count) for name, count in zip(OWN, counts, strict=False)})


def fused_work(counts: Sequence[int]) -> Work:
    """The work of its epilogue."""
    return Work(**{name: int(count) for name, count in zip(FUSED, counts[len(OWN) :], strict=True)})

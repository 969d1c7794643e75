"""What a case must give, from hwsim's definitions: cycles in closed form, values product by product."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsim.arrays.systolic.closed_form import gemm_cycles, interval
from hwsim.arrays.systolic.elements import Drain
from rtl.case import MODE, Case


@dataclass(frozen=True, slots=True)
class Expected:
    """The product and both cycle counts by definition."""

    out: npt.NDArray[np.int64]
    mac_cycles: int
    out_cycles: int


def expected(case: Case) -> Expected:
    mac, out = expected_cycles(case)
    return Expected(expected_values(case), mac, out)


def expected_cycles(case: Case) -> tuple[int, int]:
    """The cycles up to the last product and up to the last result."""
    array = case.array
    if not case.lengths:
        cycles = gemm_cycles(array, MODE, case.m, case.k, case.n)
        return cycles.mac, cycles.out
    # Tiles of different lengths: with separate drains a tile leaves its registers one row a cycle, and the next one
    # may not complete a sum before; otherwise only its own length counts.
    start = 0
    for length, following in zip(case.lengths, case.lengths[1:], strict=False):
        separate = case.drain is Drain.SEPARATE
        start += length + max(0, case.rows - following) if separate else interval(array, length)
    done = start + case.lengths[-1] + case.rows + case.cols - 2
    return done, done + case.rows


def expected_values(case: Case) -> npt.NDArray[np.int64]:
    """Every sum, added up as the definition says."""
    act, weight = case.operands()
    summation = case.array.summation(MODE)
    columns = list(zip(*weight, strict=True))
    return np.array(
        [
            [
                summation.total([a * w for a, w in zip(row[: _depth(case, i, j)], column, strict=False)])
                for j, column in enumerate(columns)
            ]
            for i, row in enumerate(act)
        ],
        dtype=np.int64,
    )


def _depth(case: Case, row: int, col: int) -> int:
    """How many products the sum at that place has."""
    if not case.lengths:
        return case.k
    tile = row // case.rows * -(-case.n // case.tile_across) + col // case.tile_across
    return min(case.k, case.lengths[tile] * case.packed_k)

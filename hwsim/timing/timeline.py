"""When the steps of a schedule run on the four units of a core, and what that amounts to for each op."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import SupportsInt

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.kernels.timeline import walk
from hwsim.quantities.caches import IdentityCache
from hwsim.schedule.counters import Stalls, Units
from hwsim.schedule.schedule import Schedule
from hwsim.timing.encode import EncodedSchedule, encode

_REASONS = {
    "load": c.FOR_LOAD,
    "array": c.FOR_ARRAY,
    "tensor": c.FOR_TENSOR,
    "overwrite": c.FOR_OVERWRITE,
    "slot": c.FOR_SLOT,
}


@dataclass(frozen=True, slots=True)
class OpTimes:
    """The times of one op, over all its runs."""

    cycles: int
    span: int
    busy: Units
    stalls: Stalls


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a run: of the whole, and, by row of `totals`, of each op."""

    ops: tuple[str, ...]
    totals: NDArray[np.int64]
    ends: tuple[int, ...]  # when each unit ended its last step
    cycles: int
    unrolled_iterations: int

    def of(self, op: str) -> OpTimes:
        """The times of one op."""
        row = self.totals[self.ops.index(op)]
        return _op_times(row)

    @property
    def of_all(self) -> OpTimes:
        """The times of all ops together."""
        return _op_times(self.totals.sum(axis=0))

    def by_op(self) -> dict[str, OpTimes]:
        """The times of all ops."""
        return {name: _op_times(row) for name, row in zip(self.ops, self.totals, strict=False)}


class Unsettled(Unsupported):
    """Units drift apart so slowly that the walk would take too long."""


def times(schedule: Schedule | EncodedSchedule, *, stop: bool = True, most: int | None = None) -> Times:
    """The times of all steps; without `stop` every iteration of every loop is walked, which gives the same.

    Unsettled, if after `most` iterations no period has been found.
    """
    encoded = schedule if isinstance(schedule, EncodedSchedule) else _CODES.of(schedule, make=lambda: encode(schedule))
    code, refs, touched, fixed, sizes, two_spaces = encoded.arrays
    if not stop or most is not None:
        fixed = fixed.copy()
        fixed[c.LONGEST] *= stop
        fixed[c.MOST] = fixed[c.MOST] if most is None else most
    totals, ends, now = walk(code, refs, touched, fixed, sizes, two_spaces)
    if now[c.UNROLLED] > fixed[c.MOST]:
        raise Unsettled(f"its units find no common period in {most:,} iterations of its loops; give them rounder rates")
    return Times(
        ops=encoded.ops,
        totals=totals,
        ends=tuple(int(end) for end in ends),
        cycles=int(now[c.FRONTIER]),
        unrolled_iterations=int(now[c.UNROLLED]),
    )


_CODES = IdentityCache[EncodedSchedule](most=32)


def _op_times(row: NDArray[np.int64]) -> OpTimes:
    values = row.tolist()
    stalls = {reason: _units(values[column : column + c.UNITS]) for reason, column in _REASONS.items()}
    return OpTimes(values[c.CYCLES], values[c.SPAN], _units(values[c.BUSY : c.BUSY + c.UNITS]), Stalls(**stalls))


def _units(values: Iterable[SupportsInt]) -> Units:
    load, array, vector, store = (int(value) for value in values)
    return Units(load=load, array=array, vector=vector, store=store)

"""When the steps of a schedule run on the four units of a core, and what that amounts to for each op."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.kernels.timeline import walk
from hwsim.quantities.caches import IdentityCache
from hwsim.schedule.counters import Stalls, Units
from hwsim.schedule.schedule import Schedule
from hwsim.schedule.unit_table import StallReason, Unit
from hwsim.timing.encode import EncodedSchedule, encode

_DRIVEN = tuple(Unit)[: c.UNITS]
"""The units that the kernel drives, as it numbers them; all others do nothing yet."""
_IDLE = (0,) * (len(Unit) - len(_DRIVEN))
_KNOWN = tuple(StallReason)[: c.REASONS]
_NO_EVENTS = np.zeros((0, c.EVENT_COLUMNS), np.int64)


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
    ends: tuple[int, ...]  # when each unit ended its last step, 0 if it had none
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
    return walked(encoded, stop=stop, most=most)


def walked(
    encoded: EncodedSchedule, *, stop: bool = True, most: int | None = None, events: NDArray[np.int64] = _NO_EVENTS
) -> Times:
    """The times of a schedule that is encoded; if `events` has rows, they become those of `timing/events.py`."""
    code, refs, touched, fixed, sizes, two_spaces = encoded.arrays
    if not stop or most is not None:
        fixed = fixed.copy()
        fixed[c.LONGEST] *= stop
        fixed[c.MOST] = fixed[c.MOST] if most is None else most
    totals, ends, now = walk(code, refs, touched, fixed, sizes, two_spaces, events)
    if now[c.UNROLLED] > fixed[c.MOST]:
        raise Unsettled(f"its units find no common period in {most:,} iterations of its loops; give them rounder rates")
    return Times(
        ops=encoded.ops,
        totals=totals,
        ends=(*ends.tolist(), *_IDLE),
        cycles=int(now[c.FRONTIER]),
        unrolled_iterations=int(now[c.UNROLLED]),
    )


_CODES = IdentityCache[EncodedSchedule](most=32)


def _op_times(row: NDArray[np.int64]) -> OpTimes:
    values = row.tolist()
    stalls = {reason.key: _units(values[c.STALLS + c.UNITS * reason :]) for reason in _KNOWN}
    return OpTimes(values[c.CYCLES], values[c.SPAN], _units(values[c.BUSY :]), Stalls(**stalls))


def _units(values: list[int]) -> Units:
    """The columns of one row that begin with these, one for each unit of the kernel."""
    return Units(**{unit.key: values[unit] for unit in _DRIVEN})

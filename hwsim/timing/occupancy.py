"""How busy units are over time: the cycles in which they work, in equal parts of a run."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import timeline_code as c
from hwsim.schedule.schedule import Schedule
from hwsim.schedule.unit_table import Unit
from hwsim.timing.events import unit_events
from hwsim.timing.timeline import encode, walked

Ints = NDArray[np.int64]

MOST = 4_000_000
"""The most pieces of work that are looked at, some 60 bytes each; of a longer run that many from its beginning."""


def edges_of(until: int, parts: int) -> Ints:
    """The cycles at which so many equal parts of a run begin and end, in whole cycles.

    >>> edges_of(10, 4).tolist()
    [0, 2, 5, 7, 10]
    """
    return np.array([part * until // parts for part in range(parts + 1)], np.int64)


def busy_between(starts: Ints, ends: Ints, edges: Ints) -> Ints:
    """The cycles from each edge to the next that pieces of work take, those of several at once added up.

    >>> busy_between(np.array([0, 3]), np.array([2, 9]), np.array([0, 5, 10])).tolist()
    [4, 4]
    """
    return np.diff(_passed(ends, edges) - _passed(starts, edges))


def _passed(times: Ints, edges: Ints) -> Ints:
    """The sum over all times of the time or the edge, whichever comes first."""
    ordered = np.sort(times)
    sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(ordered)))
    before = np.searchsorted(ordered, edges)
    found: Ints = sums[before] + edges * (len(ordered) - before)
    return found


def work_times(schedule: Schedule, cycles: int, *, most: int = MOST) -> tuple[Mapping[Unit, tuple[Ints, Ints]], int]:
    """When the pieces of work of each unit start and end, and up to which cycle all of them are there.

    That is all of the run's `cycles` where it has no more pieces than `most`; else each unit has its share of them.
    """
    counts = unit_events(schedule.body)
    whole = counts.total() <= most
    listed = {unit: counts[unit] if whole else max(1, counts[unit] * most // counts.total()) for unit in counts}
    units = sorted(unit for unit in listed if listed[unit])
    rows = np.zeros((sum(listed[unit] for unit in units) + 1, c.EVENT_COLUMNS), np.int64)
    rows[:, c.E_UNIT] = np.concatenate([*(np.full(listed[unit], int(unit)) for unit in units), [c.E_NONE]])
    if len(rows) > 1:
        walked(encode(schedule), stop=False, events=rows)
    found, until, begin = dict[Unit, tuple[Ints, Ints]](), cycles, 0
    for unit in units:
        mine = rows[begin : begin + listed[unit]]
        begin += listed[unit]
        found[unit] = mine[:, c.E_START], mine[:, c.E_END]
        if listed[unit] < counts[unit]:
            until = min(until, int(mine[-1, c.E_END]))
    return found, until

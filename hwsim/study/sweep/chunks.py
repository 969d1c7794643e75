"""The points of a sweep in chunks: those that share plans follow one another, and stay in one process."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from hwsim.inputs.sweeps import OpenedSweep
from hwsim.results.sweep_file import PRECISION
from hwsim.study.sweep.points import Place

LARGEST = 32
"""Points of a chunk, after which what they came to is kept."""

Numbered = tuple[int, Place]
"""A point and its number."""

_LIGHT = ("energy", "energy_override", "idle_power", "launch", "dispatch", "memory_voltage", "node", "power_gated")
_LIGHT_FIELDS = frozenset({"scratchpad.size", "scratchpad.buffers", "voltage"})


def touches_no_plan(path: str) -> bool:
    """Whether points that differ in this field share what is planned.

    >>> touches_no_plan("scratchpad.size"), touches_no_plan("dram.read")
    (True, False)
    """
    return path in _LIGHT_FIELDS or path.partition(".")[0] in _LIGHT


def chunks(sweep: OpenedSweep, points: Iterable[Numbered]) -> list[list[Numbered]]:
    """All points in chunks, those with equal workloads together."""
    own = [place for place, axis in enumerate(sweep.axes) if not all(map(touches_no_plan, axis.paths))]
    of_work = work_axes(sweep)

    def key(numbered: Numbered) -> tuple[object, ...]:
        _, place = numbered
        work = tuple(place.levels[axis] for axis in of_work)
        return place.pair, work, tuple(place.levels[axis] for axis in own)

    ordered = sorted(points, key=lambda numbered: (*key(numbered), numbered[0]))
    together = (list(same) for _, same in groupby(ordered, key=key))
    return [same[first : first + LARGEST] for same in together for first in range(0, len(same), LARGEST)]


def work_axes(sweep: OpenedSweep) -> list[int]:
    """The axes that are fields of workloads, or precisions, by their places."""
    return [place for place, axis in enumerate(sweep.axes) if _of_workload(sweep, axis.paths)]


def _of_workload(sweep: OpenedSweep, paths: Sequence[str]) -> bool:
    if PRECISION in paths:
        return True
    known = {path: field for pair in sweep.pairs for path, field in pair.fields.items()}
    return any(not known[path].of_chip for path in paths if path in known)

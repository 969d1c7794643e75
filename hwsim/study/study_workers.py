"""Points of a study's bands in several processes: each opens the study's file, and makes runs of its own."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

from hwsim.inputs.studies import open_study
from hwsim.quantities.plain_data import Progress
from hwsim.study.studies import Asked, StudiedRuns


def workers() -> int:
    """How many processes this machine has processors for."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def values(path: str, asked: Sequence[Asked], progress: Progress) -> list[tuple[float, ...]]:
    """What formulas come to, in the order in which they were asked for."""
    found = []
    with ProcessPoolExecutor(max_workers=min(workers(), len(asked)), mp_context=get_context("spawn")) as pool:
        for done, value in enumerate(pool.map(_values, [path] * len(asked), asked), 1):
            found.append(value)
            progress(done, len(asked))
    return found


def _values(path: str, asked: Asked) -> tuple[float, ...]:
    runs, (formulas, changes) = _runs(path), asked
    return tuple(runs.value(formula, changes) for formula in formulas)


@cache
def _runs(path: str) -> StudiedRuns:
    return StudiedRuns(open_study(path))

"""Bands of studies in several processes: each opens the study's file, and makes runs of its own."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import Self

from hwsim.inputs.studies import OpenedStudy, open_study
from hwsim.quantities.plain_data import Progress
from hwsim.study.studies import Asked, StudiedRuns, Waiting, band_groups


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Processes that work out bands while whoever asked does something else."""

    def __init__(self, processes: int) -> None:
        self._pool = ProcessPoolExecutor(max_workers=processes, mp_context=get_context("spawn"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def start(self, study: OpenedStudy) -> Waiting:
        """Begin with the bands of a study; what is returned waits for their values."""
        jobs = [self._pool.submit(_values, study.title, group) for group in band_groups(study.file)]

        def wait(progress: Progress) -> list[list[float]]:
            found = []
            for done, job in enumerate(jobs, 1):
                found.append(job.result())
                progress(done, len(jobs))
            return found

        return wait


def _values(path: str, group: Sequence[Asked]) -> list[float]:
    runs = _runs(path)
    return [runs.value(asked) for asked in group]


@cache
def _runs(path: str) -> StudiedRuns:
    return StudiedRuns(open_study(path))

"""Studies in several processes: points of bands, recognitions and what is left of each study, the longest ones first.

A part is handed out when a process has room for it, not before: those that wait are sorted anew when what they wait for
is done.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import field
from functools import cache
from math import prod
from multiprocessing import get_context
from typing import Any

from hwsim.dataclass import dataclass
from hwsim.inputs.studies import OpenedStudy, open_study
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.report.study_files import study_files
from hwsim.results.recognition import Recognitions
from hwsim.results.study_file import StudyFile, StudyRecognition
from hwsim.results.study_outcome import StudyOutcome
from hwsim.study.processors import processors
from hwsim.study.studies import Asked, PointValues, StudiedRuns, band_groups, studied

Made = tuple[StudyOutcome, dict[str, str]]
"""What a study found out, and its files by their paths in its folder."""

AHEAD = 1
"""Parts that wait for a process beyond those that are at work, so that none waits for one."""

COMPUTED = 10
"""How many times as long a run takes whose values are computed, about."""


@dataclass(slots=True)
class _Parts:
    """What is made of a study: points of its bands and recognitions, in any process, and then the rest."""

    study: OpenedStudy
    points: dict[tuple[Asked, ...], Sequence[float]] = field(default_factory=dict)
    heard: dict[str, Recognitions] = field(default_factory=dict)
    whole: Made | None = None

    @property
    def first(self) -> list["_Part"]:
        """The parts that wait for nothing; equal points are one, and the point without a change is of own runs."""
        file = self.study.file
        points = dict.fromkeys(group for group in band_groups(file) if any(asked.changes for asked in group))
        return [
            *(_Part(len(group) + _length(file), self, group) for group in points),
            *(_Part(_length_of(one) + _length(file), self, one.name) for one in file.recognitions),
            *([] if points or file.recognitions else [self.rest]),
        ]

    @property
    def rest(self) -> "_Part":
        """What is left, once all others are there."""
        return _Part(_length(self.study.file), self, None)

    def done(self, part: "_Part", found: Any, waiting: "Sequence[_Part]", running: "Sequence[_Part]") -> list["_Part"]:
        """A part is done; what need not wait any longer."""
        match part.of:
            case None:
                self.whole = found
                return []
            case str() as name:
                self.heard[name] = found
            case group:
                self.points[group] = found
        return [] if any(other.parts is self for other in (*waiting, *running)) else [self.rest]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A point, a recognition by its name, or the rest of a study; `length` is about how long it takes together with
    what waits for it, in runs."""

    length: int
    parts: _Parts
    of: tuple[Asked, ...] | str | None

    def begun(self, pool: ProcessPoolExecutor) -> "Future[Any]":
        """The part at work."""
        title = self.parts.study.title
        match self.of:
            case None:
                return pool.submit(_whole, title, self.parts.points, self.parts.heard)
            case str() as name:
                return pool.submit(_heard, title, name)
            case group:
                return pool.submit(_point, title, group)


def _length(file: StudyFile) -> int:
    """About how many runs are made of the rest of a study."""
    tried = sum(len(claim.closed_by) for claim in file.claims)
    return tried + sum(COMPUTED if run.values else 1 for _, run in file.runs if run.workload is not None)


def _length_of(one: StudyRecognition) -> int:
    """In how many variants a recognition hears."""
    levels = prod(max(1, len(axis.values)) for axis in one.axes)
    return len(one.precisions) * (1 + len(one.beside)) * levels * len(one.at) * len(one.compensation) * one.draws


def made(studies: Sequence[OpenedStudy], progress: Progress = no_progress) -> Iterator[Made]:
    """Each study, in the order in which they were asked for."""
    every = [_Parts(study) for study in studies]
    firsts = [parts.first for parts in every]
    waiting = [part for first in firsts for part in first]
    running: dict[Future[Any], _Part] = {}
    done, total = 0, len(waiting) + sum(first[0].of is not None for first in firsts)
    workers = processors()
    with ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool:
        try:
            while waiting or running:
                waiting.sort(key=lambda part: part.length)
                while waiting and len(running) < workers + AHEAD:
                    part = waiting.pop()
                    running[part.begun(pool)] = part
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    part = running.pop(future)
                    waiting += part.parts.done(part, future.result(), waiting, tuple(running.values()))
                    done += 1
                    progress(done, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for parts in every:
        assert parts.whole is not None
        yield parts.whole


def _whole(path: str, points: PointValues, heard: Mapping[str, Recognitions]) -> Made:
    found = studied(open_study(path), points=points, heard=heard)
    return found.outcome, study_files(found)


def _heard(path: str, name: str) -> Recognitions:
    return _runs(path).recognised(name)


def _point(path: str, group: Sequence[Asked]) -> list[float]:
    runs = _runs(path)
    values = [runs.value(asked) for asked in group]
    runs.forget_changed()
    return values


@cache
def _runs(path: str) -> StudiedRuns:
    return StudiedRuns(open_study(path))

"""Studies in several processes: the points of their bands first, which are most of the work, then each study whole."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

from hwsim.inputs.studies import OpenedStudy, open_study
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.report.study_files import study_files
from hwsim.results.recognition import Recognitions
from hwsim.results.study_outcome import StudyOutcome
from hwsim.study.processors import processors
from hwsim.study.studies import Asked, StudiedRuns, Values, band_groups, studied

Made = tuple[StudyOutcome, dict[str, str]]
"""What a study found out, and its files by their paths in its folder."""


def made(studies: Sequence[OpenedStudy], progress: Progress = no_progress) -> Iterator[Made]:
    """Each study, in the order in which they were asked for."""
    with ProcessPoolExecutor(max_workers=processors(), mp_context=get_context("spawn")) as pool:
        try:
            bands = [
                [pool.submit(_point, study.title, group) for group in band_groups(study.file)] for study in studies
            ]
            heard = [
                {one.name: pool.submit(_heard, study.title, one.name) for one in study.file.recognitions}
                for study in studies
            ]
            parts, done = sum(map(len, (*bands, *heard))) + len(studies), 0
            whole: dict[str, Future[Made]] = {}
            # Studies with bands have most runs: the rest of them comes before those without. Recognitions come last.
            order = sorted(zip(studies, bands, heard, strict=True), key=lambda each: (len(each[2]), -len(each[1])))
            for study, jobs, told in order:
                values, found = [], {}
                for job in jobs:
                    values.append(job.result())
                    done += 1
                    progress(done, parts)
                for name, hearing in told.items():
                    found[name] = hearing.result()
                    done += 1
                    progress(done, parts)
                whole[study.title] = pool.submit(_whole, study.title, values, found)
            for study in studies:
                yield whole[study.title].result()
                done += 1
                progress(done, parts)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _whole(path: str, bands: Values, heard: Mapping[str, Recognitions]) -> Made:
    found = studied(open_study(path), bands=bands, heard=heard)
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

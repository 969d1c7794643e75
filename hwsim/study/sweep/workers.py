"""Chunks of points in several processes, each of which has the sweep once and keeps what its points share."""

from collections.abc import Iterable, Iterator, Sequence

from hwsim.inputs.sweeps import OpenedSweep
from hwsim.study.sweep.chunks import Numbered
from hwsim.study.sweep.evaluate import Evaluator, Figures, Refused
from hwsim.study.worker_processes import by_workers

AHEAD = 3
"""Chunks that wait for each worker, so that none waits for a chunk."""

Found = list[tuple[int, Figures | Refused]]
"""What the points of a chunk came to, by number."""


def found_here(evaluator: Evaluator, chunk: Sequence[Numbered]) -> Found:
    """What the points of a chunk come to."""
    numbers, places = [number for number, _ in chunk], [place for _, place in chunk]
    return list(zip(numbers, evaluator.run(places), strict=True))


def found_by_workers(sweep: OpenedSweep, chunks: Iterable[Sequence[Numbered]], workers: int) -> Iterator[Found]:
    """What the points of each chunk come to, in the order in which chunks are done."""
    jobs = ((chunk,) for chunk in chunks)
    return by_workers("the sweep", jobs, _found, _begin, (sweep,), workers, AHEAD)


_HERE: list[Evaluator] = []
"""The one evaluator of a worker process."""


def _begin(sweep: OpenedSweep) -> None:
    _HERE[:] = [Evaluator(sweep)]


def _found(chunk: Sequence[Numbered]) -> Found:
    return found_here(_HERE[0], chunk)

"""Chunks of points in several processes, each of which has the sweep once and keeps what its points share."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from threading import Thread

from hwsim.errors import Unsupported
from hwsim.inputs.sweeps import OpenedSweep
from hwsim.study.sweep.chunks import Numbered
from hwsim.study.sweep.evaluate import Evaluator, Figures, Refused

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
    waiting = iter(chunks)
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (sweep,)) as pool:
        running: set[Future[Found]] = set()
        try:
            while True:
                while len(running) < AHEAD * workers and (chunk := next(waiting, None)) is not None:
                    running.add(pool.submit(_found, chunk))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for job in done:
                    yield job.result()
        except BrokenProcessPool as error:
            law = "a worker process was ended from outside, or by the system for want of memory"
            raise Unsupported(f"the sweep: {law}; what is done is kept, --resume goes on") from error
        finally:
            for job in running:
                job.cancel()


_HERE: list[Evaluator] = []
"""The one evaluator of a worker process."""


def _begin(sweep: OpenedSweep) -> None:
    _HERE[:] = [Evaluator(sweep)]
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """End with the process that asked for points: killed, it cannot say that it wants no more."""
    parent.join()
    os._exit(1)


def _found(chunk: Sequence[Numbered]) -> Found:
    return found_here(_HERE[0], chunk)

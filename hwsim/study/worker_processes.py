"""Jobs in several processes, each of which opens once what all jobs share, and ends with the process that asked."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, TypeVar

from hwsim.errors import Unsupported

T = TypeVar("T")


def by_workers(
    what: str,
    jobs: Iterable[tuple[Any, ...]],
    do: Callable[..., T],
    begin: Callable[..., None],
    shared: tuple[Any, ...],
    workers: int,
    ahead: int,
) -> Iterator[T]:
    """What `do` makes of the arguments of each job, in the order in which jobs are done; so many `ahead` wait for each
    worker, so that none waits for one. `begin` is called with what is `shared` in each process, before its first job.

    `what` names all of it for whoever hears that a worker was lost.
    """
    waiting = iter(jobs)
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (begin, shared)) as pool:
        running: set[Future[T]] = set()
        try:
            while True:
                while len(running) < ahead * workers and (job := next(waiting, None)) is not None:
                    running.add(pool.submit(do, *job))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        except BrokenProcessPool as error:
            law = "a worker process was ended from outside, or by the system for want of memory"
            raise Unsupported(f"{what}: {law}; what is done is kept, --resume goes on") from error
        finally:
            for one in running:
                one.cancel()


def _begin(begin: Callable[..., None], shared: tuple[Any, ...]) -> None:
    begin(*shared)
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """End with the process that asked: killed, it cannot say that it wants no more."""
    parent.join()
    os._exit(1)

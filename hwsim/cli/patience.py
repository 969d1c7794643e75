"""Runs a computation so that the user can watch it and interrupt it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, Timer
from typing import Generic, TypeVar

from hwsim.errors import printable
from hwsim.quantities.progress import Progress

T = TypeVar("T")

PATIENCE_SECONDS = 1.0
HEARING_SECONDS = 0.1


def with_progress(title: str, job: Callable[[Progress], T]) -> T:
    """The job's result. On a terminal a bar shows how far it is, if it takes longer than a second.

    The job has a thread of its own, because only the main thread hears Ctrl-C, and not while it is inside a kernel.
    """
    with _bar(title) as progress:
        worker = _Worker(job, progress)
        worker.start()
        while not worker.done.wait(HEARING_SECONDS):
            pass
    return worker.outcome()


class _Worker(Thread, Generic[T]):
    def __init__(self, job: Callable[[Progress], T], progress: Progress) -> None:
        super().__init__(daemon=True)
        self.job, self.progress, self.done = job, progress, Event()
        self.result: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result.append(self.job(self.progress))
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return self.result[0]


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress as Bar

    bar = Bar(console=Console(stderr=True), transient=True)
    task = bar.add_task(escape(printable(title)), total=None)
    timer = Timer(PATIENCE_SECONDS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()

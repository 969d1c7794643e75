"""A progress bar for whatever takes longer than a second, on a terminal only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from hwsim.core.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE_SECONDS = 1.0


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A function to call with what is done and what there is to do."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    state = {"done": 0, "total": 1}
    bars: list[Bar] = []

    def show() -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        bar = Bar(console=Console(stderr=True), transient=True)
        bar.add_task(title, total=state["total"], completed=state["done"])
        bar.start()
        bars.append(bar)

    def advance(done: int, total: int) -> None:
        state.update(done=done, total=total)
        for bar in bars:
            bar.update(bar.task_ids[0], completed=done, total=total)

    timer = Timer(PATIENCE_SECONDS, show)
    timer.daemon = True
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()
        for bar in bars:
            bar.stop()

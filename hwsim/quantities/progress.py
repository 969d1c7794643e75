"""How long computations say how far they are."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


def no_progress(done: int, total: int) -> None:
    """Nobody listens."""


def stage(progress: Progress, place: int, count: int) -> Progress:
    """The progress of one of several computations that follow each other, as progress of all of them."""
    return lambda done, total: progress(place * total + done, count * total)

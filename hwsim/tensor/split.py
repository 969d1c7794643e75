"""Work on several threads: kernels run without the interpreter's lock, so plain threads will do."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

_MOST_THREADS = 64


def pieces(size: int, count: int, grain: int = 1) -> list[tuple[int, int]]:
    """0..size in at most `count` pieces of nearly equal length, cut at multiples of the grain.

    >>> pieces(10, 3, grain=2)
    [(0, 4), (4, 8), (8, 10)]
    """
    grains = -(-size // grain)
    count = max(1, min(count, grains))
    cuts = [min(size, (grains * i + count - 1) // count * grain) for i in range(count + 1)]
    return list(pairwise(cuts))


def in_parallel(job: Callable[[int, int], int], parts: list[tuple[int, int]]) -> list[int]:
    """The job done for each part: the first one here, each other one on a thread of its own. Jobs must not wait for
    each other, nor share out work themselves."""
    futures = [_threads().submit(job, *part) for part in parts[1:]]
    try:
        return [job(*parts[0]), *(future.result() for future in futures)]
    finally:
        for future in futures:  # running jobs still use arrays that the caller may give back
            future.exception()


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that stay: to start one takes as long as a small product."""
    return ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="hwsim")


if hasattr(os, "register_at_fork"):  # a child process has none of its parent's threads
    os.register_at_fork(after_in_child=_threads.cache_clear)

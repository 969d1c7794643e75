"""Work on several threads: kernels run without the interpreter's lock, so plain threads will do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise


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
    """The job done for each part, each on a thread of its own."""
    if len(parts) == 1:
        return [job(*parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(lambda part: job(*part), parts))

"""Sobol's sequence: points that fill a cube evenly, however many of them are taken.

Direction numbers of Joe and Kuo (new-joe-kuo-6, "Constructing Sobol sequences with better two-dimensional projections",
SIAM J. Sci. Comput. 30 (2008) 2635-2654), the first 21 dimensions.
"""

import random
from collections.abc import Iterator

BITS = 30
_ROWS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (1, 0, (1,)),
    (2, 1, (1, 3)),
    (3, 1, (1, 3, 1)),
    (3, 2, (1, 1, 1)),
    (4, 1, (1, 1, 3, 3)),
    (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)),
    (5, 4, (1, 1, 5, 5, 5)),
    (5, 7, (1, 1, 7, 11, 19)),
    (5, 11, (1, 1, 5, 1, 1)),
    (5, 13, (1, 1, 1, 3, 11)),
    (5, 14, (1, 3, 5, 5, 31)),
    (6, 1, (1, 3, 3, 9, 7, 49)),
    (6, 13, (1, 1, 1, 15, 21, 21)),
    (6, 16, (1, 3, 1, 13, 27, 49)),
    (6, 19, (1, 1, 1, 15, 7, 5)),
    (6, 22, (1, 3, 1, 15, 13, 25)),
    (6, 25, (1, 1, 5, 5, 19, 61)),
    (7, 1, (1, 3, 7, 11, 23, 15, 103)),
    (7, 4, (1, 3, 7, 13, 13, 15, 69)),
)
"""For each dimension after the first: degree and coefficients of its polynomial, and its first numbers."""

MOST_DIMENSIONS = len(_ROWS) + 1


def sobol(dimensions: int, seed: int = 0) -> Iterator[tuple[float, ...]]:
    """The points of the sequence in so many dimensions, each from 0 to 1; with a seed other than 0 they are shifted,
    bit by bit, by numbers that it draws.

    >>> points = sobol(2)
    >>> [next(points) for _ in range(4)]
    [(0.0, 0.0), (0.5, 0.5), (0.75, 0.25), (0.25, 0.75)]
    """
    directions = [_directions(dimension) for dimension in range(dimensions)]
    drawn = random.Random(seed)
    state = [drawn.getrandbits(BITS) if seed else 0 for _ in directions]
    for number in range(1 << BITS):
        yield tuple(value / (1 << BITS) for value in state)
        lowest_zero = (~number & (number + 1)).bit_length() - 1
        if lowest_zero >= BITS:
            return
        state = [value ^ column[lowest_zero] for value, column in zip(state, directions, strict=True)]


def _directions(dimension: int) -> list[int]:
    """The direction numbers of one dimension, of full length."""
    if dimension == 0:
        return [1 << (BITS - place) for place in range(1, BITS + 1)]
    degree, coefficients, first = _ROWS[dimension - 1]
    numbers = list(first)
    while len(numbers) < BITS:
        before = numbers[-degree:]
        new = before[0] ^ (before[0] << degree)
        for place in range(1, degree):
            if coefficients >> (degree - 1 - place) & 1:
                new ^= before[degree - place] << place
        numbers.append(new)
    return [number << (BITS - 1 - place) for place, number in enumerate(numbers[:BITS])]

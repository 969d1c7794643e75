"""For which capacities of a scratchpad, and for how many slots, a program is planned.

Every power of two below a scratchpad's size is also below any larger one. So the plans for a scratchpad of such a size
are among those for each larger one, which is never slower for it.
"""

SLOTS = (1, 2, 3, 4, 6, 8, 12, 16)
MANY_OPS = 4096
"""With more ops than that, each counted as often as it changes its sizes, a program has fewer candidate capacities."""


def powers_below(size: int, every: int = 1) -> tuple[int, ...]:
    """The powers of two up to a scratchpad's size, or every so many of them, largest first.

    >>> powers_below(100)[:4], powers_below(100, every=2)
    ((64, 32, 16, 8), (64, 16, 4, 1))
    """
    top = size.bit_length() - 1
    return tuple(1 << power for power in range(top - top % every, -1, -every))


def candidate_capacities(size: int, every: int = 1) -> tuple[int, ...]:
    """The scratchpad's own size, and the powers of two below it, largest first."""
    return tuple(dict.fromkeys((size, *powers_below(size, every))))


def stride(ops: int) -> int:
    """How many powers of two lie between the capacities for a program of so many ops: a power of two itself, up to 8.

    >>> stride(4096), stride(4097), stride(20_000), stride(10**6)
    (1, 2, 8, 8)
    """
    return next((every for every in (1, 2, 4) if ops <= every * MANY_OPS), 8)


def slots(buffers: int) -> tuple[int, ...]:
    """As many slots as the chip has, and fewer, most first.

    >>> slots(5)
    (5, 4, 3, 2, 1)
    """
    return tuple(dict.fromkeys((buffers, *(number for number in reversed(SLOTS) if number <= buffers))))

"""For which sizes of a scratchpad, and for how many slots, a program is planned.

Every rung of the ladder below a scratchpad is also below any larger one. So the plans for a scratchpad of such a size
are among those for each larger one, which is never slower for it.
"""

SLOTS = (1, 2, 3, 4, 6, 8, 12, 16)


def rungs(size: int) -> tuple[int, ...]:
    """The sizes of the ladder up to a scratchpad's, largest first: powers of two.

    >>> rungs(100)[:4]
    (64, 32, 16, 8)
    """
    return tuple(1 << power for power in range(size.bit_length() - 1, -1, -1))


def sizes(size: int) -> tuple[int, ...]:
    """The scratchpad's own size, and the rungs below it, largest first."""
    return tuple(dict.fromkeys((size, *rungs(size))))


def slots(buffers: int) -> tuple[int, ...]:
    """As many slots as the chip has, and fewer, most first.

    >>> slots(5)
    (5, 4, 3, 2, 1)
    """
    return tuple(dict.fromkeys((buffers, *(number for number in reversed(SLOTS) if number <= buffers))))

"""One step of a knapsack: what a group adds to the best choices without it."""

from hwsim.kernels.jit import lean

COUNT_BITS = 9
"""Bits in which things are counted beside a value."""


@lean
def add_group(best, without, taken, sizes, values, shift, bits, equal, once):
    """Make best[r], the most value in r units of room, of `without`, that of the other groups.

    Of the group nothing is taken, or as much as has one of these sizes, at its value: the number of that size from 1
    on, the last one of equal choices, or 0, stands in so many bits of taken[r] from `shift` on. Other groups have the
    bits below; those above become 0. The first `equal` sizes and values are multiples of the first one; `once` is as
    long as `best`, for what comes between.
    """
    rooms, below, keep = best.shape[0], (1 << shift) - 1, ~(((1 << bits) - 1) << shift)
    if equal:
        add_multiples(best, without, taken, sizes[0], values[0], equal, shift, once)
    else:
        least = min(rooms, sizes[0]) if sizes.shape[0] else rooms
        for room in range(least):
            best[room] = without[room]
            taken[room] = taken[room] & below
    for length in range(equal, sizes.shape[0]):
        size, value, number = sizes[length], values[length], (length + 1) << shift
        if size < rooms:
            # Slices from 0 on: an index that might be negative keeps the loop from being vectorised.
            beside, alone, more, numbers = without[: rooms - size], without[size:], best[size:], taken[size:]
            if length == 0:
                # The first size makes the sums of all rooms that hold it, in one pass over memory.
                for room in range(more.shape[0]):
                    with_it = beside[room] + value
                    numbers[room] = (numbers[room] & below) | (number if with_it >= alone[room] else 0)
                    more[room] = max(alone[room], with_it)
            else:
                for room in range(more.shape[0]):
                    with_it = beside[room] + value
                    numbers[room] = (numbers[room] & keep) | number if with_it >= more[room] else numbers[room]
                    more[room] = max(more[room], with_it)


@lean
def add_multiples(best, without, taken, size, value, count, shift, once):
    """The same for up to `count` equal things, in as many passes as their number has bits.

    The first passes each take half of what is left, so that every number of things is the sum of some of them. Values
    carry the number of things in their last bits: of equal values the one with most things is the largest.
    """
    rooms, below, counted = best.shape[0], (1 << shift) - 1, (value << COUNT_BITS) + 1
    for room in range(rooms):
        once[room] = without[room] << COUNT_BITS
    given, made, left = once, best, count
    while left > 0:
        things = (left + 1) // 2
        gap, more = min(rooms, things * size), things * counted
        for room in range(gap):
            made[room] = given[room]
        beside, alone, summed = given[: rooms - gap], given[gap:], made[gap:]
        for room in range(summed.shape[0]):
            summed[room] = max(alone[room], beside[room] + more)
        given, made, left = made, given, left - things
    number = (1 << COUNT_BITS) - 1
    for room in range(rooms):
        taken[room] = (taken[room] & below) | ((given[room] & number) << shift)
        best[room] = given[room] >> COUNT_BITS

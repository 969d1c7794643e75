"""One step of a knapsack: what a group adds to the best choices without it."""

from hwsim.kernels.jit import lean


@lean
def add_group(best, without, taken, sizes, values, shift, bits):
    """Make best[r], the most value in r units of room, of `without`, that of the other groups.

    Of the group nothing is taken, or as much as has one of these sizes, at its value: the number of that size from 1
    on, the last one of equal choices, or 0, stands in so many bits of taken[r] from `shift` on. Other groups have the
    bits below; those above become 0.
    """
    rooms, below, keep = best.shape[0], (1 << shift) - 1, ~(((1 << bits) - 1) << shift)
    least = min(rooms, sizes[0]) if sizes.shape[0] else rooms
    for room in range(least):
        best[room] = without[room]
        taken[room] = taken[room] & below
    for length in range(sizes.shape[0]):
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

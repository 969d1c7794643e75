"""One step of a knapsack: what a group adds to the best choices without it."""

from hwsim.kernels.jit import lean


@lean
def add_group(best, without, taken, sizes, values):
    """Make best[r], the most value in r units of room, of `without`, that of the other groups.

    Of the group nothing is taken, or as much as has one of these sizes, at its value: taken[r] is the number of that
    size from 1 on, the last one of equal choices, or 0.
    """
    rooms = best.shape[0]
    for room in range(rooms):
        best[room] = without[room]
        taken[room] = 0
    for length in range(sizes.shape[0]):
        size, value = sizes[length], values[length]
        if size < rooms:
            # Slices from 0 on: an index that might be negative keeps the loop from being vectorised.
            beside, more, number = without[: rooms - size], best[size:], taken[size:]
            for room in range(more.shape[0]):
                with_it = beside[room] + value
                number[room] = length + 1 if with_it >= more[room] else number[room]
                more[room] = max(more[room], with_it)

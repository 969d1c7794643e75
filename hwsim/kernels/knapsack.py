"""One step of a knapsack: what a group adds to the best choices without it."""

from hwsim.kernels.jit import lean


@lean
def add_group(best, without, sizes, values):
    """Make best[r], the most value in r units of room, of `without`, that of the other groups.

    Of the group nothing is taken, or as much as has one of these sizes, at its value.
    """
    for room in range(best.shape[0]):
        best[room] = without[room]
    for length in range(sizes.shape[0]):
        size, value = sizes[length], values[length]
        for room in range(size, best.shape[0]):
            best[room] = max(best[room], without[room - size] + value)

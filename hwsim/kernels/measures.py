"""What bounds the sums of a matrix product before anything is multiplied."""

import numpy as np

from hwsim.kernels.jit import kernel


@kernel
def column_measures(matrix):
    """The largest magnitude of integers; of each column the sum of magnitudes, and that of squares of 16-bit ones."""
    k_size, n_size = matrix.shape
    measures = np.zeros((2, n_size), np.int64)
    squares = matrix.itemsize <= 2
    largest = np.int64(0)
    for k in range(k_size):
        for n in range(n_size):
            value = np.int64(matrix[k, n])
            magnitude = -value if value < 0 else value
            largest = max(largest, magnitude)
            measures[0, n] += magnitude
            if squares:
                measures[1, n] += value * value
    return largest, measures

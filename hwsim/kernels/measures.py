"""What bounds the sums of a matrix product before anything is multiplied."""

import numpy as np

from hwsim.kernels.jit import kernel


@kernel
def measure_columns(matrix, measures):
    """The largest magnitude of integers; into measures[2, n] each column's sum of magnitudes, and of squares.

    Squares are summed for integers of at most 16 bits.
    """
    squares = matrix.itemsize <= 2
    largest = np.int64(0)
    for k in range(matrix.shape[0]):
        row = matrix[k]
        for n in range(row.shape[0]):
            magnitude = abs(np.int64(row[n]))
            largest = max(largest, magnitude)
            measures[0, n] += magnitude
            if squares:
                measures[1, n] += magnitude * magnitude
    return largest

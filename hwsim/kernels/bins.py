"""How many values lie in each of equal bins."""

import numpy as np

from hwsim.kernels.jit import kernel


@kernel
def count_in_bins(values, factor, counts):
    """Adds values to counts[n]: bin i holds those with floor(value · factor) = i - n / 2; the last ones what is beyond.

    `factor` has double precision, and so has the product.
    """
    half, last = counts.size // 2, counts.size - 1
    for i in range(values.size):
        place = np.int64(np.floor(np.float64(values[i]) * factor)) + half
        counts[min(max(place, 0), last)] += 1

"""Sums to numbers of few bits by whole arithmetic, as integer-only hardware does it."""

import numpy as np

from hwsim.kernels.jit import kernel


@kernel
def multiply_fixed_point(sums, q31, shift, zero, low, high, out):
    """sums[m, n] · q31[n] · 2^(shift[n] - 31) + zero within low..high into out: two roundings, as in gemmlowp.

    The first, of the doubled high half of the product, takes ties toward +∞; the second, of the right shift, away from
    zero. A left shift comes first and wraps at 32 bits. Sums are int32 in any type.
    """
    for m in range(sums.shape[0]):
        for n in range(sums.shape[1]):
            left, right = max(shift[n], 0), max(-shift[n], 0)
            shifted = np.int64(sums[m, n]) << left
            shifted = ((shifted + 2**31) & 0xFFFFFFFF) - 2**31
            product = shifted * q31[n]
            if shifted == -(2**31) and q31[n] == -(2**31):
                scaled = np.int64(2**31 - 1)
            elif product >= 0:
                scaled = (product + 2**30) >> 31
            else:
                scaled = -((-(product + 1 - 2**30)) >> 31)  # toward zero
            half = np.int64(0) if right == 0 else np.int64(1) << (right - 1)
            whole = (scaled + half) >> right if scaled >= 0 else -((-scaled + half) >> right)
            out[m, n] = min(max(whole + zero, low), high)

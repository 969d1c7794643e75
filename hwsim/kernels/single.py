"""Products of a few rows in single precision, straight from a matrix as it lies in memory."""

from hwsim.kernels.jit import kernel

_BLOCK_FLOATS = 1 << 14
"""Sums that stay in the first-level cache."""


@kernel
def add_rows(act, weight, first, last, out):
    """out[m, first:last] = act[m, k] @ weight[k, first:last]: k ascending, each product and each addition rounded.

    Four rows of the matrix at a time, so that sums are read and written a quarter as often.
    """
    k_size = act.shape[1]
    whole = k_size - k_size % 4
    block = max(512, _BLOCK_FLOATS // act.shape[0])
    for start in range(first, last, block):
        end = min(start + block, last)
        out[:, start:end] = 0
        for k in range(0, whole, 4):
            a, b = weight[k, start:end], weight[k + 1, start:end]
            c, d = weight[k + 2, start:end], weight[k + 3, start:end]
            for m in range(act.shape[0]):
                total = out[m, start:end]
                w, x, y, z = act[m, k], act[m, k + 1], act[m, k + 2], act[m, k + 3]
                for n in range(a.size):
                    total[n] = total[n] + w * a[n] + x * b[n] + y * c[n] + z * d[n]
        for k in range(whole, k_size):
            row = weight[k, start:end]
            for m in range(act.shape[0]):
                total, factor = out[m, start:end], act[m, k]
                for n in range(row.size):
                    total[n] += factor * row[n]

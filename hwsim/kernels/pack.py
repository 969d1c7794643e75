"""Weights in panels of 64 or 16 columns, as tiles read them: what all columns need in one step lies side by side."""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.lanes import COLUMNS


@kernel
def pack_bytes(weight, panels, sums):
    """weight[k, n] as panels[p, k / 4, column], k to k + 3 from the low to the high byte, zero beyond the matrix.

    Bytes have no sign for this loop; sums[p, column] are those of the signed bytes of the columns. It takes whole rows,
    as they lie in memory.
    """
    k_size, n_size = weight.shape
    width = panels.shape[2]
    sums[:] = 0
    for step in range(panels.shape[1]):
        k = step * 4
        whole = n_size // width if k + 4 <= k_size else 0
        if whole > 0:
            a, b, c, d = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
            for p in range(whole):
                target, total, start = panels[p, step], sums[p], p * width
                for j in range(width):
                    low = np.uint32(a[start + j]) | (np.uint32(b[start + j]) << np.uint32(8))
                    high = np.uint32(c[start + j]) | (np.uint32(d[start + j]) << np.uint32(8))
                    target[j] = low | (high << np.uint32(16))
                    total[j] += np.int32(np.int8(a[start + j])) + np.int32(np.int8(b[start + j]))
                    total[j] += np.int32(np.int8(c[start + j])) + np.int32(np.int8(d[start + j]))
        for p in range(whole, panels.shape[0]):
            target, total, start = panels[p, step], sums[p], p * width
            target[:] = 0
            for i in range(min(4, k_size - k)):
                for j in range(min(width, n_size - start)):
                    value = weight[k + i, start + j]
                    target[j] |= np.uint32(value) << np.uint32(8 * i)
                    total[j] += np.int32(np.int8(value))


@kernel
def pack_pairs(weight, panels):
    """weight[k, n] as panels[p, k / 2, column], k and k + 1 in the low and high byte, zero beyond the matrix.

    Both are bytes without a sign; whole rows at a time, as they lie in memory, of two steps. The width is read from the
    panels: a loop of a length that the compiler knows it would write out byte by byte, half to a fourth as fast.
    """
    k_size, n_size = weight.shape
    width = panels.shape[2]
    whole = n_size // width
    twice = k_size // 4 * 2
    for step in range(0, twice, 2):
        k = step * 2
        a, b, c, d = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
        for p in range(whole):
            first, second, start = panels[p, step], panels[p, step + 1], p * width
            for j in range(width):
                first[j] = np.uint16(a[start + j]) | (np.uint16(b[start + j]) << np.uint16(8))
                second[j] = np.uint16(c[start + j]) | (np.uint16(d[start + j]) << np.uint16(8))
    for step in range(panels.shape[1]):
        k = step * 2
        for p in range(whole if step < twice else 0, panels.shape[0]):
            target, start = panels[p, step], p * width
            target[:] = 0
            for j in range(min(width, n_size - start)):
                target[j] = weight[k, start + j]
                if k + 1 < k_size:
                    target[j] |= np.uint16(weight[k + 1, start + j]) << np.uint16(8)


@kernel
def sum_groups(panels, steps, sums):
    """sums[p, g, column] of the weights of `steps` steps each, from panels of signed bytes, four for each column."""
    width = sums.shape[2]
    for p in range(panels.shape[0]):
        for g in range(sums.shape[1]):
            total = sums[p, g]
            total[:] = 0
            for step in range(g * steps, min(g * steps + steps, panels.shape[1])):
                source = panels[p, step]
                for j in range(width):
                    for i in range(4):
                        total[j] += np.int32(source[4 * j + i])


@kernel
def pack_steps(weight, panels):
    """weight[k, n] as panels[p, k, column], zero beyond the matrix."""
    k_size, n_size = weight.shape
    panels[:] = 0
    for p in range(panels.shape[0]):
        columns = min(COLUMNS, n_size - p * COLUMNS)
        for k in range(k_size):
            target, source = panels[p, k], weight[k, p * COLUMNS : p * COLUMNS + columns]
            for j in range(columns):
                target[j] = source[j]

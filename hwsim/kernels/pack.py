"""Weights in panels of 64 columns, as tiles read them: what all columns need in one step lies side by side."""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.tile import COLUMNS, PAIR_COLUMNS


@kernel
def pack_bytes(weight, panels, sums):
    """weight[k, n] as panels[p, k / 4, 4 · column + k % 4], zero beyond the matrix; sums[p, column] are its columns'.

    Four consecutive k lie side by side, as `vpdpbusd` takes them.
    """
    k_size, n_size = weight.shape
    sums[:] = 0
    for p in range(panels.shape[0]):
        columns, total = min(COLUMNS, n_size - p * COLUMNS), sums[p]
        for step in range(panels.shape[1]):
            target = panels[p, step]
            if columns == COLUMNS and step * 4 + 4 <= k_size:
                a, b = weight[step * 4, p * COLUMNS :], weight[step * 4 + 1, p * COLUMNS :]
                c, d = weight[step * 4 + 2, p * COLUMNS :], weight[step * 4 + 3, p * COLUMNS :]
                for j in range(COLUMNS):
                    target[4 * j] = a[j]
                    target[4 * j + 1] = b[j]
                    target[4 * j + 2] = c[j]
                    target[4 * j + 3] = d[j]
                    total[j] += np.int32(a[j]) + np.int32(b[j]) + np.int32(c[j]) + np.int32(d[j])
                continue
            target[:] = 0
            for k in range(step * 4, min(step * 4 + 4, k_size)):
                for j in range(columns):
                    value = weight[k, p * COLUMNS + j]
                    target[4 * j + k % 4] = value
                    total[j] += np.int32(value)


@kernel
def pack_pairs(weight, panels):
    """weight[k, n] as panels[p, k / 2, column], k and k + 1 in the low and high byte, zero beyond the matrix.

    Both are bytes without a sign; whole pairs of rows at a time, as they lie in memory.
    """
    k_size, n_size = weight.shape
    whole = n_size // PAIR_COLUMNS
    for step in range(panels.shape[1]):
        k = step * 2
        if k + 2 <= k_size:
            a, b = weight[k], weight[k + 1]
            for p in range(whole):
                target, start = panels[p, step], p * PAIR_COLUMNS
                for j in range(PAIR_COLUMNS):
                    target[j] = np.uint16(a[start + j]) | (np.uint16(b[start + j]) << np.uint16(8))
        for p in range(whole if k + 2 <= k_size else 0, panels.shape[0]):
            target, start = panels[p, step], p * PAIR_COLUMNS
            target[:] = 0
            for j in range(min(PAIR_COLUMNS, n_size - start)):
                target[j] = weight[k, start + j]
                if k + 1 < k_size:
                    target[j] |= np.uint16(weight[k + 1, start + j]) << np.uint16(8)


@kernel
def sum_groups(panels, steps, sums):
    """sums[p, g, column] of the weights of `steps` steps each, from panels of bytes."""
    for p in range(panels.shape[0]):
        for g in range(sums.shape[1]):
            total = sums[p, g]
            total[:] = 0
            for step in range(g * steps, min(g * steps + steps, panels.shape[1])):
                source = panels[p, step]
                for j in range(COLUMNS):
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

"""Weights in panels of 64 columns, as tiles read them: what all columns need in one step lies side by side."""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.tile import COLUMNS


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

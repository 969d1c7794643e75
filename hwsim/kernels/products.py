"""Matrix products on vector registers: operands repacked, tiles of 6 × 64 results.

Weights lie in panels of 64 columns, one step of all 64 side by side, so that a tile reads them from end to end.
"""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.tile import COLUMNS, KEEP, multiply_tile

ROWS = 6
"""Rows of a tile: 24 vectors of sums and 4 of weights fit the 32 registers."""


@kernel
def pack_bytes(weight, first, last, panels, sums):
    """weight[k, n] as panels[p, k / 4, 4 · column + k % 4], the panels first..last - 1; their column sums.

    Four consecutive k lie side by side, as `vpdpbusd` takes them; what is beyond the matrix is zero.
    """
    k_size, n_size = weight.shape
    for p in range(first, last):
        columns = min(COLUMNS, n_size - p * COLUMNS)
        total = sums[p]
        total[:] = 0
        for k4 in range(panels.shape[1]):
            target = panels[p, k4]
            if columns == COLUMNS and k4 * 4 + 4 <= k_size:
                a, b = weight[k4 * 4, p * COLUMNS :], weight[k4 * 4 + 1, p * COLUMNS :]
                c, d = weight[k4 * 4 + 2, p * COLUMNS :], weight[k4 * 4 + 3, p * COLUMNS :]
                for j in range(COLUMNS):
                    target[4 * j] = a[j]
                    target[4 * j + 1] = b[j]
                    target[4 * j + 2] = c[j]
                    target[4 * j + 3] = d[j]
                    total[j] += np.int32(a[j]) + np.int32(b[j]) + np.int32(c[j]) + np.int32(d[j])
                continue
            target[:] = 0
            for k in range(k4 * 4, min(k4 * 4 + 4, k_size)):
                for j in range(columns):
                    value = weight[k, p * COLUMNS + j]
                    target[4 * j + k % 4] = value
                    total[j] += np.int32(value)


@kernel
def multiply_bytes(act, panels, start, first, last, out):
    """act[m, k] @ weight[k, n] + start into out[m, n], the panels first..last - 1; int32, exact while it fits.

    `act`: unsigned bytes, k padded with anything to four times panels.shape[1], m with anything to a multiple of ROWS.
    """
    m_size, n_size = out.shape
    steps = panels.shape[1]
    stride = act.shape[1]
    block = np.empty((ROWS, COLUMNS), np.int32)
    for p in range(first, last):
        columns = min(COLUMNS, n_size - p * COLUMNS)
        weight_at = p * steps * COLUMNS * 4
        m = 0
        while m < m_size:
            # A tile of one row takes a fourth of the time of a full one.
            if m_size - m > 3:
                rows = min(ROWS, m_size - m)
                multiply_tile(
                    ROWS, KEEP, act, m * stride, stride, panels, weight_at, steps, 1, start, p * COLUMNS, block, 0, 0
                )
            else:
                rows = 1
                multiply_tile(
                    1, KEEP, act, m * stride, stride, panels, weight_at, steps, 1, start, p * COLUMNS, block, 0, 0
                )
            for r in range(rows):
                source, target = block[r], out[m + r, p * COLUMNS : p * COLUMNS + columns]
                for j in range(columns):
                    target[j] = source[j]
            m += rows

"""Functions of whole rows in double precision, rounded to single: layer norms, and softmaxes of few-bit integers.

Sums have numpy's order, so that all of it equals what numpy makes of the same rows: up to 128 entries in eight sums, of
every eighth entry each, and what is left over one by one; more of them in halves, cut at a multiple of eight.
"""

import numpy as np

from hwsim.kernels.jit import inlined, lean

LEAF = 128
"""Entries that are added in one go."""


@lean
def layer_norms(rows, leaves, gain, offset, epsilon, wide, sums, out):
    """(x - mean) / sqrt(variance + epsilon) · gain + offset of rows[m, n] into out[m, n].

    `leaves` is `order` of n; wide[n] and squares[n] in `wide[2, n]`, and `sums`, are room to work in.
    """
    n = rows.shape[1]
    for m in range(rows.shape[0]):
        for i in range(n):
            wide[0, i] = np.float64(rows[m, i])
        mean = _added(wide, 0, leaves, sums) / n
        for i in range(n):
            wide[0, i] -= mean
            wide[1, i] = wide[0, i] * wide[0, i]
        root = np.sqrt(_added(wide, 1, leaves, sums) / n + epsilon)
        for i in range(n):
            out[m, i] = np.float32(wide[0, i] / root * gain[i] + offset[i])


@lean
def softmaxes(rows, lowest, powers, leaves, wide, sums, out):
    """e^(x - top) over the sum of all of a row into out[m, n], of rows[m, n] of integers from `lowest` on.

    powers[top, x] are the powers of the numbers that the integers stand for.
    """
    for m in range(rows.shape[0]):
        top = rows[m, 0]
        for i in range(rows.shape[1]):
            top = max(top, rows[m, i])
        for i in range(rows.shape[1]):
            wide[0, i] = powers[top - lowest, rows[m, i] - lowest]
        total = _added(wide, 0, leaves, sums)
        for i in range(rows.shape[1]):
            out[m, i] = np.float32(wide[0, i] / total)


@inlined
def _added(wide, row, leaves, sums):
    """The sum of a row: its leaves [first, entries, additions], where as many pairs of sums are added after a leaf."""
    held = 0
    for leaf in range(leaves.shape[0]):
        first, entries = leaves[leaf, 0], leaves[leaf, 1]
        eights = entries - entries % 8
        total = -0.0
        if eights:
            a, b, c, d = wide[row, first], wide[row, first + 1], wide[row, first + 2], wide[row, first + 3]
            e, f, g, h = wide[row, first + 4], wide[row, first + 5], wide[row, first + 6], wide[row, first + 7]
            for i in range(first + 8, first + eights, 8):
                a, b, c, d = a + wide[row, i], b + wide[row, i + 1], c + wide[row, i + 2], d + wide[row, i + 3]
                e, f, g, h = e + wide[row, i + 4], f + wide[row, i + 5], g + wide[row, i + 6], h + wide[row, i + 7]
            total = ((a + b) + (c + d)) + ((e + f) + (g + h))
        for i in range(first + eights, first + entries):
            total += wide[row, i]
        sums[held] = total
        held += 1
        for _ in range(leaves[leaf, 2]):
            held -= 1
            sums[held - 1] += sums[held]
    return sums[0]

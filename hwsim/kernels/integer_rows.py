"""Functions of whole rows in integers: layer norms up to their requantisation, and shares of a softmax."""

import numpy as np

from hwsim.kernels.jit import inlined, lean

_ROOT_BITS = 62
_LOW16, _HIGH16 = -(1 << 15), (1 << 15) - 1
_LOW32, _HIGH32 = -(1 << 31), (1 << 31) - 1


@lean
def normalise(rows, added, gain, out):
    """Normalised rows[m, n], with ten bits behind the point and within 16 bits, times gain[n], within 32 bits.

    `added` is what the variance of a row, times n², is raised by. With S = Σx and Q = Σx², n·x - S is n times the
    distance from the mean, and n·Q - S² is n² times the variance. Their quotient is rounded once, halves up; the root
    is rounded down from 31 bits.
    """
    n = rows.shape[1]
    for m in range(rows.shape[0]):
        row, result = rows[m], out[m]
        total, squares = np.int64(0), np.int64(0)
        for i in range(n):
            x = np.int64(row[i])
            total += x
            squares += x * x
        spread = n * squares - total * total + added
        doublings = (_ROOT_BITS - _bit_length(spread)) // 2
        root = _whole_root(spread << (2 * doublings))
        for i in range(n):
            scaled = (n * np.int64(row[i]) - total) << (doublings + 10)
            units = min(max((2 * scaled + root) // (2 * root), _LOW16), _HIGH16)
            result[i] = np.int32(min(max(units * gain[i], _LOW32), _HIGH32))


@lean
def shares(rows, powers, zero, out):
    """Each power over the sum of those of its row, in 15 bits behind the point, halves up.

    The power of x is powers[x - top + zero], of a difference beyond 16 bits that of the lowest.
    """
    for m in range(rows.shape[0]):
        row, result = rows[m], out[m]
        top = row[0]
        for i in range(row.size):
            top = max(top, row[i])
        total = np.int64(0)
        for i in range(row.size):
            power = np.int64(powers[max(row[i] - top, _LOW16) + zero])
            result[i] = power
            total += power
        for i in range(row.size):
            result[i] = ((np.int64(result[i]) << 16) + total) // (2 * total)


@inlined
def _bit_length(value):
    bits = np.int64(0)
    while value > 0:
        value >>= 1
        bits += 1
    return bits


@inlined
def _whole_root(value):
    """The largest integer whose square is not larger; for values below 2^62."""
    root = np.int64(np.sqrt(np.float64(value)))
    if root * root > value:
        root -= 1
    if (root + 1) * (root + 1) <= value:
        root += 1
    return root

"""A loop of small matrix products and chains, all of its iterations in one call.

What the ops read and write lies in one arena of int32, each view given by where it starts, how far it moves each
iteration, and the distance between its rows.
"""

import numpy as np

from hwsim.kernels.chain import run_steps
from hwsim.kernels.jit import kernel
from hwsim.kernels.rescale import clamped, rescaled

PRODUCT, LOAD, STEPS, STORE = range(4)
FIELDS = 18
"""PRODUCT: rows, k, n; start, move and row distance of act, of out and of acc (start -1: not kept); places of the
weights, and of offsets, multipliers and shifts; zero, lowest and highest result; the counter of clipped results.
LOAD, STORE: rows, columns, start, move, row distance, local, zero. STEPS: first and last step, elements."""

_HIGH, _LOW = (1 << 31) - 1, -(1 << 31)


@kernel
def run_recurrence(first, last, ops, arena, weights, columns, steps, tables, values, narrow, counts, clipped):
    """Run all ops in order in each of the iterations from `first` to `last` - 1.

    `weights` (int8) holds matrices [n, k]; columns[3, …] (int64) offsets, multipliers and shifts of their results;
    `values` the locals of chains, `narrow` room for one activation row; `counts` and `clipped` clipped results.
    """
    for iteration in range(first, last):
        for o in range(ops.shape[0]):
            op = ops[o]
            if op[0] == PRODUCT:
                _product(op, iteration, arena, weights, columns, narrow, counts)
            elif op[0] == STEPS:
                run_steps(steps[op[1] : op[2]], tables, values, 0, op[3], clipped[op[1] : op[2]])
            else:
                rows, cols, start, distance = op[1], op[2], op[3] + op[4] * iteration, op[5]
                local, zero = values[op[6]], op[7]
                for r in range(rows):
                    outside, inside = arena[start + r * distance :], local[r * cols :]
                    if op[0] == LOAD:
                        for c in range(cols):
                            inside[c] = outside[c] - zero
                    else:
                        for c in range(cols):
                            outside[c] = inside[c] + zero


@kernel
def _product(op, iteration, arena, weights, columns, narrow, counts):
    rows, k, n = op[1], op[2], op[3]
    act, out, acc = op[4] + op[5] * iteration, op[7] + op[8] * iteration, op[10] + op[11] * iteration
    matrix = weights[op[12] : op[12] + n * k]
    place, zero, low, high = op[13], op[14], op[15], op[16]
    for r in range(rows):
        for i in range(k):
            narrow[i] = arena[act + r * op[6] + i]
        clipped = 0
        for j in range(n):
            total = _dot(narrow, matrix[j * k : (j + 1) * k])
            if op[10] >= 0:
                arena[acc + r * n + j] = total
            whole = clamped(np.int64(total) + columns[0, place + j], _LOW, _HIGH)
            wanted = rescaled(whole, columns[1, place + j], columns[2, place + j]) + zero
            kept = clamped(wanted, low, high)
            clipped += kept != wanted
            arena[out + r * op[9] + j] = kept
        counts[op[17]] += clipped


@kernel
def _dot(a, b):
    total = np.int32(0)
    for i in range(b.size):
        total += np.int32(a[i]) * np.int32(b[i])
    return total

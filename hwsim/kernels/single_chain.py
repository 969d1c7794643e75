"""A chain of functions in single precision, block by block of its elements: it reads, computes and writes."""

import math

import numpy as np

from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.sigmoids import sigmoid

ADD, SUB, MUL, DIV, SIGMOID, ERF, INTEGERS, SINGLES, ROW, NUMBER, ROUNDED, KEPT = range(12)
STEP_FIELDS = 4
"""Of a step: what it does, and three places. Functions: locals a, b and the result. INTEGERS, SINGLES, ROW and NUMBER
read: the row of `integers`, `singles` or `rows`, nothing, the local. ROUNDED and KEPT write: the local, nothing, and
the row of `whole` or `kept`."""

BLOCK = 1024
"""Elements of a block: some locals of as many fit the first-level cache."""


@lean
def run_singles(steps, numbers, doubt, integers, singles, rows, spans, values, whole, kept, unsure):
    """All steps on all elements; how many results are in doubt, and `unsure` says for each element whether it has one.

    `numbers[step]` are scale, zero, lowest and highest integer of what reads or writes integers, or the number itself
    of NUMBER. Rows of `integers`, `singles`, `whole` and `kept` have an entry for each element; those of `rows` begin
    where `spans` says, and repeat after as many entries. In doubt are sigmoids that numbers `doubt` lower and higher
    would round otherwise, and integers of what is no number.
    """
    elements = max(max(integers.shape[1], singles.shape[1]), max(whole.shape[1], kept.shape[1]))
    doubtful = np.int64(0)
    for start in range(0, elements, BLOCK):
        end = min(start + BLOCK, elements)
        unsure[start:end] = False
        for s in range(steps.shape[0]):
            code, a, b, to = steps[s, 0], steps[s, 1], steps[s, 2], steps[s, 3]
            if code < INTEGERS:
                x, y, out = values[a, : end - start], values[b, : end - start], values[to]
                doubtful += _function(code, x, y, out, doubt, unsure[start:end])
            elif code == INTEGERS:
                _read_integers(integers[a, start:end], numbers[s], values[to])
            elif code == SINGLES:
                _copy(singles[a, start:end], values[to])
            elif code == ROW:
                _repeat(rows[spans[a, 0] : spans[a, 0] + spans[a, 1]], start, values[to, : end - start])
            elif code == NUMBER:
                _fill(numbers[s, 0], values[to, : end - start])
            elif code == ROUNDED:
                doubtful += _round(values[a, : end - start], numbers[s], whole[to, start:end], unsure[start:end])
            else:
                _copy(values[a, : end - start], kept[to, start:end])
    return doubtful


@inlined
def _function(code, a, b, out, doubt, unsure):
    """One function; how many results are in doubt."""
    doubtful = np.int64(0)
    if code == ADD:
        for i in range(a.size):
            out[i] = a[i] + b[i]
    elif code == SUB:
        for i in range(a.size):
            out[i] = a[i] - b[i]
    elif code == MUL:
        for i in range(a.size):
            out[i] = a[i] * b[i]
    elif code == DIV:
        for i in range(a.size):
            out[i] = a[i] / b[i]
    elif code == SIGMOID:
        for i in range(a.size):
            result = sigmoid(np.float64(a[i]))
            low = np.float32(result - doubt)
            out[i] = low
            unsure[i] |= low != np.float32(result + doubt)
            doubtful += unsure[i]
    else:
        for i in range(a.size):
            out[i] = np.float32(math.erf(np.float64(a[i])))
    return doubtful


@inlined
def _read_integers(integers, number, out):
    scale, zero = number[0], number[1]
    for i in range(integers.size):
        out[i] = (np.float32(integers[i]) - zero) * scale


@inlined
def _copy(source, out):
    for i in range(source.size):
        out[i] = source[i]


@inlined
def _fill(number, out):
    for i in range(out.size):
        out[i] = number


@inlined
def _repeat(row, start, out):
    """The entries from `start` on of a row that repeats."""
    at, done = start % row.size, np.int64(0)
    while done < out.size:
        count = min(row.size - at, out.size - done)
        _copy(row[at : at + count], out[done:])
        done, at = done + count, np.int64(0)


@inlined
def _round(values, number, out, unsure):
    """The nearest integers; how many of the values are no number."""
    scale, zero = number[0], number[1]
    low, high = number[2] - zero, number[3] - zero
    strange = np.int64(0)
    for i in range(values.size):
        nearest = np.rint(values[i] / scale)
        strange += values[i] != values[i]
        out[i] = np.int32(min(max(nearest, low), high) + zero)
    if strange:
        for i in range(values.size):
            unsure[i] |= values[i] != values[i]
    return strange

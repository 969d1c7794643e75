"""Sums of currents in a crossbar, in one order, and their conversion to codes.

A sum is of float64: products are rounded, then added row by row, so that no blocking, batch or number of threads
changes a bit of it.
"""

import numpy as np

from hwsim.kernels.jit import inlined, lean

_ROWS = 8  # of x at a time, so that a row of g is read once for all of them

HALF_EVEN, HALF_AWAY, TOWARD_ZERO, FLOOR = 0, 1, 2, 3


@lean
def add_sums(x, g, out):
    """out[m, n] += x[m, k] @ g[k, n], k ascending."""
    for first in range(0, x.shape[0], _ROWS):
        last = min(first + _ROWS, x.shape[0])
        for k in range(g.shape[0]):
            for m in range(first, last):
                value = x[m, k]
                for n in range(g.shape[1]):
                    out[m, n] += value * g[k, n]


@inlined
def code_of(place, middle, rule):
    """The code of a place among codes from 0 on; two of the rules look from the middle."""
    if rule == HALF_EVEN:
        return np.rint(place)
    if rule == FLOOR:
        return np.floor(place)
    if rule == TOWARD_ZERO:
        return np.floor(place) if place >= middle else np.ceil(place)
    return np.floor(place + 0.5) if place >= middle else np.ceil(place - 0.5)


@lean
def convert(y, low, high, steps, rule, codes, clipped):
    """y[m, n] within low[n]..high[n] becomes one of `steps` + 1 codes, and is replaced by what the code stands for;
    clipped[m] counts what was outside."""
    middle = 0.5 * steps
    for m in range(y.shape[0]):
        outside = 0
        for n in range(y.shape[1]):
            value = y[m, n]
            outside += (value < low[n]) | (value > high[n])
            per_step = steps / (high[n] - low[n])
            code = code_of((min(max(value, low[n]), high[n]) - low[n]) * per_step, middle, rule)
            codes[m, n] = np.int32(code)
            y[m, n] = code / per_step + low[n]
        clipped[m] += outside


@lean
def convert_by_chance(y, low, high, steps, chance, codes, clipped):
    """As `convert`, up where chance[m, n] is below the part of a step that is left over."""
    for m in range(y.shape[0]):
        outside = 0
        for n in range(y.shape[1]):
            value = y[m, n]
            outside += (value < low[n]) | (value > high[n])
            per_step = steps / (high[n] - low[n])
            place = (min(max(value, low[n]), high[n]) - low[n]) * per_step
            code = np.floor(place)
            code += 1.0 if chance[m, n] < place - code else 0.0
            codes[m, n] = np.int32(code)
            y[m, n] = code / per_step + low[n]
        clipped[m] += outside


@lean
def convert_by_steps(y, low, high, gain, offset, thresholds, codes, clipped):
    """As `convert`, where the code is how many of the ascending thresholds[n, :] are passed, in steps from `low`, after
    a gain and an offset in steps."""
    steps = thresholds.shape[1]
    for m in range(y.shape[0]):
        outside = 0
        for n in range(y.shape[1]):
            value = y[m, n]
            outside += (value < low[n]) | (value > high[n])
            per_step = steps / (high[n] - low[n])
            place = (value - low[n]) * per_step
            place = (place - 0.5 * steps) * gain[n] + 0.5 * steps + offset[n]
            first, last = 0, steps
            while first < last:
                half = (first + last) // 2
                if thresholds[n, half] < place:
                    first = half + 1
                else:
                    last = half
            codes[m, n] = first
            y[m, n] = first / per_step + low[n]
        clipped[m] += outside


@lean
def add_digits(digits, weight, out):
    """out[m, n] = sum over d of weight[d] * digits[m, d n' + n], exact products of whole numbers put together."""
    count = weight.shape[0]
    width = digits.shape[1] // count
    for m in range(out.shape[0]):
        for n in range(out.shape[1]):
            total = 0.0
            for d in range(count):
                total += weight[d] * digits[m, d * width + n]
            out[m, n] = total


@lean
def add_deviates(y, variance, deviates):
    """y[m, n] += the root of variance[m, n] times deviates[m, n]."""
    for m in range(y.shape[0]):
        for n in range(y.shape[1]):
            y[m, n] += np.sqrt(variance[m, n]) * deviates[m, n]


@lean
def convert_near(y, radius, deviates, variance, share, x, g, square, divisor, low, high, steps, codes, clipped):
    """As `convert` to the nearest even code, of sums y[m, n] that are known to within radius[m], plus deviates[m, n]
    times the root of variance[m, n] where `square` has a size; that root is known to within `share` of itself.

    Where the nearest code could be another within that radius, the sum is added anew in its order.
    """
    noisy = square.shape[0] > 0
    for m in range(y.shape[0]):
        outside = 0
        for n in range(y.shape[1]):
            value = y[m, n]
            near = radius[m]
            if noisy:
                spread = np.sqrt(max(variance[m, n], 0.0)) * deviates[m, n]
                value += spread
                near += abs(spread) * share
            value /= divisor
            near /= divisor
            per_step = steps / (high[n] - low[n])
            place = (min(max(value, low[n]), high[n]) - low[n]) * per_step
            code = np.rint(place)
            at_edge = (abs(value - low[n]) <= near) | (abs(value - high[n]) <= near)
            if (abs(abs(place - code) - 0.5) <= near * per_step + 1e-9) | at_edge:
                value = 0.0
                for k in range(g.shape[0]):
                    value += x[m, k] * g[k, n]
                if noisy:
                    exact = 0.0
                    for k in range(g.shape[0]):
                        exact += (x[m, k] * x[m, k]) * square[k, n]
                    value += np.sqrt(exact) * deviates[m, n]
                value /= divisor
                place = (min(max(value, low[n]), high[n]) - low[n]) * per_step
                code = np.rint(place)
            outside += (value < low[n]) | (value > high[n])
            codes[m, n] = np.int32(code)
            y[m, n] = code / per_step + low[n]
        clipped[m] += outside

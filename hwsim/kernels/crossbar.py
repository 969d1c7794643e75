"""Sums of currents in a crossbar, in one order, and their conversion to codes.

A sum is of float64: products are rounded, then added row by row, so that no blocking, batch or number of threads
changes a bit of it.
"""

import numpy as np

from hwsim.kernels.jit import inlined, lean

_ROWS = 8  # of x at a time, so that a row of g is read once for all of them

_NEAREST = 6755399441055744.0  # 1.5 · 2^52: added and taken away again it rounds to the nearest even whole number

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
        return (place + _NEAREST) - _NEAREST
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
def add_deviates(y, variance, deviates):
    """y[m, n] += the root of variance[m, n] times deviates[m, n]."""
    for m in range(y.shape[0]):
        for n in range(y.shape[1]):
            y[m, n] += np.sqrt(variance[m, n]) * deviates[m, n]


@lean
def whole_steps(x, scale, full, signed, steps, small, magnitudes):
    """x[m, k] times scale[m] in whole steps, of which `full` are full scale: as floats and, where they fit, as bytes,
    with the sum of their magnitudes."""
    fits = full <= (127.0 if signed else 255.0)
    for m in range(x.shape[0]):
        share, total = scale[m], 0
        if signed:
            for k in range(x.shape[1]):
                steps[m, k] = ((min(max(x[m, k] * share, -1.0), 1.0) + 1.0) * full + _NEAREST) - _NEAREST - full
        else:
            for k in range(x.shape[1]):
                steps[m, k] = (min(max(x[m, k] * share, 0.0), 1.0) * full + _NEAREST) - _NEAREST
        for k in range(x.shape[1]):
            whole = np.int32(steps[m, k])
            small[m, k] = whole if fits else 0
            total += abs(whole)
        magnitudes[m] = total


@inlined
def sum_anew(x, turned, square, deviates, m, n):
    """The sum of one output in its order, with its noise; turned[n, k] and square[n, k] lie column by column."""
    value = 0.0
    for k in range(turned.shape[1]):
        value += x[m, k] * turned[n, k]
    if square.shape[0] > 0:
        variance = 0.0
        for k in range(turned.shape[1]):
            variance += (x[m, k] * x[m, k]) * square[n, k]
        value += np.sqrt(variance) * deviates[m, n]
    return value


@lean
def convert_near(
    digits,
    worth,
    radius,
    deviates,
    variance,
    share,
    x,
    turned,
    square,
    divisor,
    low,
    high,
    per_step,
    steps,
    room,
    codes,
    y,
    clipped,
):
    """As `convert` to the nearest even code, of sums that are known to within radius[m].

    The sum of output n is that of worth[d] * digits[m, d n' + n], plus deviates[m, n] times the root of variance[m, n]
    where `square` has a size; that root is known to within `share` of itself. Where the code could be another within
    that radius, the sum is added anew in its order. per_step[n] is steps / (high[n] - low[n]); room[2, n] is scratch.
    """
    count, width, noisy = worth.shape[0], y.shape[1], square.shape[0] > 0
    inverse = 1.0 / divisor
    for m in range(y.shape[0]):
        if count == 3:
            for n in range(width):
                room[0, n] = (
                    worth[0] * digits[m, n] + worth[1] * digits[m, width + n] + worth[2] * digits[m, 2 * width + n]
                )
        else:
            for n in range(width):
                room[0, n] = worth[0] * digits[m, n]
        for n in range(width):
            room[1, n] = radius[m]
        if noisy:
            for n in range(width):
                spread = np.sqrt(max(variance[m, n], 0.0)) * deviates[m, n]
                room[0, n] += spread
                room[1, n] += abs(spread) * share
        outside, open_ = 0, np.inf
        for n in range(width):
            place = (room[0, n] * inverse - low[n]) * per_step[n]
            code = (min(max(place, 0.0), steps) + _NEAREST) - _NEAREST
            outside += (place < 0.0) | (place > steps)
            codes[m, n] = np.int32(code)
            y[m, n] = code / per_step[n] + low[n]
            # How far the place is from where a code or the range ends, less what is not known.
            left = min(0.5 - abs(min(max(place, 0.0), steps) - code), min(abs(place), abs(steps - place)))
            left -= (room[1, n] * inverse + 2e-15 * max(abs(low[n]), abs(high[n]))) * per_step[n]
            room[1, n] = left
            room[0, n] = place
            open_ = min(open_, left)
        if open_ <= 1e-9:
            for n in range(width):
                if room[1, n] <= 1e-9:
                    outside -= (room[0, n] < 0.0) | (room[0, n] > steps)
                    value = sum_anew(x, turned, square, deviates, m, n) / divisor
                    outside += (value < low[n]) | (value > high[n])
                    code = ((min(max(value, low[n]), high[n]) - low[n]) * per_step[n] + _NEAREST) - _NEAREST
                    codes[m, n] = np.int32(code)
                    y[m, n] = code / per_step[n] + low[n]
        clipped[m] += outside

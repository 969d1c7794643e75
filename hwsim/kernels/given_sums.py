"""Sums of integers whose scales a file decides: what they stand for, as the nearest integers of another scale; and the
sums of a depthwise convolution."""

import numpy as np

from hwsim.kernels.jit import lean


@lean
def to_integers(sums, factors, bias, scale, zero, low, high, out):
    """sums[b, m, n] · factors[b, n] + bias[n], over the scale, as integers low..high around zero into out[b, m, n].

    The product is one of double precision, rounded to single; what follows is single precision, halves to even.
    """
    lowest, highest = low - zero, high - zero
    for b in range(sums.shape[0]):
        for m in range(sums.shape[1]):
            row, factor, whole = sums[b, m], factors[b], out[b, m]
            for n in range(row.size):
                real = np.float32(row[n] * factor[n]) + bias[n]
                whole[n] = np.int32(min(max(np.rint(real / scale), lowest), highest)) + zero


@lean
def depthwise(act, starts, steps, weight, zero, out):
    """Σ (act[starts[p] + steps[e] + c] - zero) · weight[e, c] over entries e into out[p, c]; every sum fits 32 bits."""
    for p in range(out.shape[0]):
        total = out[p]
        for c in range(total.size):
            total[c] = 0
        for e in range(weight.shape[0]):
            first, factors = starts[p] + steps[e], weight[e]
            covered = act[first : first + total.size]
            for c in range(total.size):
                total[c] += (covered[c] - zero) * factors[c]

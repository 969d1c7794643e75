"""Sums of integers whose scales a file decides: what they stand for, as the nearest integers of another scale; and the
sums of a depthwise convolution."""

import numpy as np

from hwsim.kernels.jit import lean


@lean
def to_integers(sums, factors, bias, scale, zero, low, high, out):
    """sums[b, m, n] · factors[b, n] + bias[n], over the scale, as integers low..high around zero into out[b, m, n].

    The product is one of double precision, rounded to single; what follows is single precision, halves to even.
    """
    for b in range(sums.shape[0]):
        for m in range(sums.shape[1]):
            for n in range(sums.shape[2]):
                real = np.float32(sums[b, m, n] * factors[b, n]) + bias[n]
                whole = np.rint(real / scale) + zero
                out[b, m, n] = np.int32(min(max(whole, low), high))


@lean
def depthwise(act, starts, steps, weight, zero, out):
    """Σ (act[starts[p] + steps[e] + c] - zero) · weight[e, c] over entries e into out[p, c]; every sum fits 32 bits."""
    for p in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[p, c] = 0
        for e in range(weight.shape[0]):
            first = starts[p] + steps[e]
            for c in range(out.shape[1]):
                out[p, c] += (act[first + c] - zero) * weight[e, c]

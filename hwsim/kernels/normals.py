"""Random numbers that are a function of where they are drawn: Philox4x32-10 and normal deviates from it.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A counter of four words of 32 bits and a key of
two give four words; two words give two normal deviates, by Box and Muller's transform in polynomials of basic
operations alone, so that every machine and the oracle have the same bits. Largest deviate: 6.8.
"""

import math

import numpy as np

from hwsim.kernels.jit import inlined, lean

_MULTIPLY_0, _MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_WORD, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_LN_2 = 0.6931471805599453
_TURN = 6.283185307179586


@inlined
def philox(c0, c1, c2, c3, k0, k1):
    """Four words in uint64 for a counter and a key in uint64."""
    for _ in range(10):
        a, b = _MULTIPLY_0 * c0, _MULTIPLY_1 * c2
        c0, c1, c2, c3 = (b >> _HALF) ^ c1 ^ k0, b & _WORD, (a >> _HALF) ^ c3 ^ k1, a & _WORD
        k0, k1 = (k0 + _WEYL_0) & _WORD, (k1 + _WEYL_1) & _WORD
    return c0, c1, c2, c3


@inlined
def normal_pair(a, b):
    """Two normal deviates from two words: sqrt(-2 ln u) times cosine and sine of a part of a turn."""
    u = (np.float64(np.int64(a)) + 0.5) * 2.0**-32
    bits = np.float64(u).view(np.int64)
    mantissa = np.int64((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000).view(np.float64)
    high = mantissa > 1.4142135623730951
    mantissa = mantissa * 0.5 if high else mantissa
    exponent = np.float64((bits >> 52) - 1023) + (1.0 if high else 0.0)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    p = 1 / 13
    p = p * z + 1 / 11
    p = p * z + 1 / 9
    p = p * z + 1 / 7
    p = p * z + 1 / 5
    p = p * z + 1 / 3
    p = p * z + 1.0
    radius = math.sqrt(-2.0 * (exponent * _LN_2 + 2.0 * s * p))
    turn = np.float64(np.int64(b)) * 2.0**-32
    quarter = np.floor(4.0 * turn + 0.5)
    f = (turn - 0.25 * quarter) * _TURN
    y = f * f
    sine = -1 / 39916800
    sine = sine * y + 1 / 362880
    sine = sine * y - 1 / 5040
    sine = sine * y + 1 / 120
    sine = sine * y - 1 / 6
    sine = f * (sine * y + 1.0)
    cosine = 1 / 479001600
    cosine = cosine * y - 1 / 3628800
    cosine = cosine * y + 1 / 40320
    cosine = cosine * y - 1 / 720
    cosine = cosine * y + 1 / 24
    cosine = cosine * y - 0.5
    cosine = cosine * y + 1.0
    odd = (quarter == 1.0) | (quarter == 3.0)
    x, y = (sine if odd else cosine), (cosine if odd else sine)
    x = -x if (quarter == 1.0) | (quarter == 2.0) else x
    y = -y if (quarter == 2.0) | (quarter == 3.0) else y
    return radius * x, radius * y


@lean
def draw_normals(first0, step0, first1, step1, c2, c3, k0, k1, out):
    """out[i, 4Q]: line i has the counters (first0 + i step0) Q + q, first1 + i step1, c2, c3; entry lane Q + q is the
    deviate `lane` of counter q."""
    quarter = out.shape[1] // 4
    for i in range(out.shape[0]):
        base, c1 = (first0 + i * step0) * quarter, np.uint64(first1 + i * step1)
        for q in range(quarter):
            a, b, c, d = philox(np.uint64(base + q), c1, np.uint64(c2), np.uint64(c3), np.uint64(k0), np.uint64(k1))
            x, y = normal_pair(a, b)
            z, w = normal_pair(c, d)
            out[i, q] = x
            out[i, quarter + q] = y
            out[i, 2 * quarter + q] = z
            out[i, 3 * quarter + q] = w


@lean
def draw_uniforms(first1, c2, c3, k0, k1, out):
    """out[i, 4Q]: numbers from 0 to 1, 1 left out, with counters q, first1 + i, c2, c3 as above."""
    quarter = out.shape[1] // 4
    for i in range(out.shape[0]):
        for q in range(quarter):
            a, b, c, d = philox(
                np.uint64(q), np.uint64(first1 + i), np.uint64(c2), np.uint64(c3), np.uint64(k0), np.uint64(k1)
            )
            out[i, q] = np.float64(np.int64(a)) * 2.0**-32
            out[i, quarter + q] = np.float64(np.int64(b)) * 2.0**-32
            out[i, 2 * quarter + q] = np.float64(np.int64(c)) * 2.0**-32
            out[i, 3 * quarter + q] = np.float64(np.int64(d)) * 2.0**-32


@lean
def add_noisy_sums(x, g, spread, clip, mvm, c2, c3, k0, k1, factor, deviates, out):
    """out[m, n] += factor * sum over k of x[m, k] * (g[k, n] + spread[k, n] * deviate), one deviate a cell and m.

    Where `clip` no conductance is below 0. Row k of MVM `mvm` + m draws as line k of `draw_normals` with that c1;
    `deviates[4Q]` is room for a line of it.
    """
    n, quarter = g.shape[1], deviates.shape[0] // 4
    for m in range(x.shape[0]):
        c1 = np.uint64(mvm + m)
        for k in range(g.shape[0]):
            value = factor * x[m, k]
            if value == 0.0:
                continue
            base = k * quarter
            for q in range(quarter):
                a, b, c, d = philox(np.uint64(base + q), c1, np.uint64(c2), np.uint64(c3), np.uint64(k0), np.uint64(k1))
                s, t = normal_pair(a, b)
                u, v = normal_pair(c, d)
                deviates[q] = s
                deviates[quarter + q] = t
                deviates[2 * quarter + q] = u
                deviates[3 * quarter + q] = v
            if clip:
                for j in range(n):
                    out[m, j] += value * max(g[k, j] + spread[k, j] * deviates[j], 0.0)
            else:
                for j in range(n):
                    out[m, j] += value * (g[k, j] + spread[k, j] * deviates[j])

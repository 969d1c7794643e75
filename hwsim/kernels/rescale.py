"""Integer rescaling as fixed-point hardware does it: a doubling high multiply, then a rounding shift."""

from hwsim.kernels.jit import kernel

_HIGH, _LOW = (1 << 31) - 1, -(1 << 31)


@kernel
def clamped(value, low, high):
    """The value, or the end of the range beyond which it lies."""
    return low if value < low else min(value, high)


@kernel
def rescaled(value, multiplier, shift):
    """value · multiplier · 2^(shift - 31) in two roundings; value and multiplier have 32 bits, the multiplier no sign.

    The product is halved 31 times with ties toward plus infinity, then shifted right with ties away from zero. A shift
    to the left comes first and saturates.
    """
    left = max(0, shift)
    right = -shift if shift < 0 else 0
    wide = clamped(value << left, _LOW, _HIGH)
    high = (wide * multiplier + (1 << 30)) >> 31
    half = (1 << right) >> 1
    # Ties away from zero: below zero the nudge is one less.
    return (high + half - (1 if high < 0 and half > 0 else 0)) >> right


@kernel
def requantise_rows(acc, offsets, multipliers, shifts, target, out):
    """out[m, n] = acc[m, n] + offsets[n], rescaled, plus zero, clipped; how many results were clipped.

    `target` is [zero, lowest, highest]; all arrays are of int64 but acc and out, which are of int32.
    """
    zero, low, high = target[0], target[1], target[2]
    clipped = 0
    for m in range(acc.shape[0]):
        for n in range(acc.shape[1]):
            total = clamped(acc[m, n] + offsets[n], _LOW, _HIGH)
            wanted = rescaled(total, multipliers[n], shifts[n]) + zero
            kept = clamped(wanted, low, high)
            clipped += kept != wanted
            out[m, n] = kept
    return clipped

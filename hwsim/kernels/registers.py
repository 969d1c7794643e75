"""What happens to a sum on its way into a register; shared by the kernels that add.

Sums are kept in arrays of the narrowest type that can hold them, because the narrower the type, the more elements are
updated at once. numba widens every integer operation, so `settle` narrows its result again; whoever chooses the type
of the array sees to it that the exact sum fits.
"""

import numpy as np
from numba import types
from numba.extending import overload

from hwsim.kernels.jit import kernel


def settle(total, low, high, wrap):
    """An integer sum brought into low..high by saturation or wrapping, in the type of the limits.

    A float passes: it was rounded when it was added.
    """
    if isinstance(total, (float, np.floating)):
        return total
    narrow = type(low)(total)
    return ((narrow - low) & (high - low)) + low if wrap else min(max(narrow, low), high)


@overload(settle, inline="always")
def _settle_compiled(total, low, high, wrap):
    if isinstance(total, types.Float):
        return lambda total, low, high, wrap: total
    kind = np.int32 if low.bitwidth == 32 else np.int64

    def integer(total, low, high, wrap):
        narrow = kind(total)
        if wrap:
            return kind(((narrow - low) & (high - low)) + low)
        return kind(min(max(narrow, low), high))

    return integer


@kernel
def clamps(exact, settled, wrap):
    """Whether a saturating register clamped that sum; a NaN differs from itself, and is no saturation."""
    return not wrap and settled != exact and exact == exact


@kernel
def settle_all(sums, low, high, wrap):
    """Sums brought into their registers; how many a saturating register clamped."""
    clamped = np.int64(0)
    for x in range(sums.shape[0]):
        total = sums[x]
        settled = settle(total, low, high, wrap)
        clamped += settled != total and not wrap
        sums[x] = settled
    return clamped


# Loops that start at zero over views that start where they should: with an offset in the index, the compiler must
# allow for negative ones, and no longer works on many elements at once.


@kernel
def shift_into(now, before):
    """What stood before in one place stands now in another."""
    for x in range(now.shape[0]):
        now[x] = before[x]


@kernel
def add_products(sums, a, w):
    """One product more for each sum."""
    for x in range(sums.shape[0]):
        sums[x] += a[x] * w[x]

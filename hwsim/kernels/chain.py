"""A chain of functions of a vector unit, element by element over its local values."""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.rescale import clamped, rescaled

ADD, SUB, MAX, EQUAL, MUL, TABLE, CONVERT, MIN = range(8)
STEP_FIELDS = 12
"""Of a step: function, locals a, b and result, multiplier and shift of a, of b and of the result, lowest and highest
result. TABLE has the number of its table in the place of the multiplier of a, and what it adds to a to get an index in
that of its shift."""

_BLOCK = 2048


@kernel
def run_chain(steps, tables, values, first, last, clipped):
    """Apply the steps to the elements first..last of values[local, element], all of int32.

    `clipped` counts, per step, the results that were.
    """
    for start in range(first, last, _BLOCK):
        run_steps(steps, tables, values, start, min(start + _BLOCK, last), clipped)


@kernel
def run_steps(steps, tables, values, start, end, clipped):
    """Apply the steps to one block of elements."""
    for s in range(steps.shape[0]):
        code = steps[s, 0]
        a, b, out = values[steps[s, 1], start:end], values[steps[s, 2], start:end], values[steps[s, 3], start:end]
        ma, sa, mb, sb, mr, sr = steps[s, 4], steps[s, 5], steps[s, 6], steps[s, 7], steps[s, 8], steps[s, 9]
        low, high = steps[s, 10], steps[s, 11]
        count = 0
        if code == TABLE:
            for i in range(a.size):
                out[i] = tables[ma, a[i] + sa]
        elif code == MUL:
            for i in range(a.size):
                wanted = rescaled(np.int64(a[i]) * np.int64(b[i]), mr, sr)
                kept = clamped(wanted, low, high)
                count += kept != wanted
                out[i] = kept
        elif code == CONVERT:
            for i in range(a.size):
                wanted = rescaled(np.int64(a[i]), ma, sa)
                kept = clamped(wanted, low, high)
                count += kept != wanted
                out[i] = kept
        elif code == EQUAL:
            for i in range(a.size):
                out[i] = rescaled(np.int64(a[i]), ma, sa) == rescaled(np.int64(b[i]), mb, sb)
        else:
            sign = -1 if code == SUB else 1
            for i in range(a.size):
                first, second = rescaled(np.int64(a[i]), ma, sa), rescaled(np.int64(b[i]), mb, sb)
                if code == MAX:
                    wanted = max(first, second)
                elif code == MIN:
                    wanted = min(first, second)
                else:
                    wanted = first + sign * second
                kept = clamped(wanted, low, high)
                count += kept != wanted
                out[i] = kept
        clipped[s] += count

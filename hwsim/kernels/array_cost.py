"""What the steps of matrix products cost on an array, from the coefficients of its kind (`hardware/array.py`)."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import ceil_div


@inlined
def interval(stream, op):
    """Cycles from the start of a tile that meets such a stream to the earliest start of the next one."""
    return max(op[t.PACE] * stream + op[t.FIXED], op[t.LEAST])


@inlined
def tail(stream, op):
    """Cycles from the earliest start of a next tile until the results of this one are complete."""
    return op[t.PACE] * stream + op[t.DRAINED] - interval(stream, op)


@inlined
def stream_of(outer, k, op):
    """The steps of the stream that the tiles of a block meet."""
    return ceil_div(k, op[t.STREAM_K]) if op[t.STAYS] else outer


@inlined
def tiles_of(outer, inner, k, op):
    """The array tiles of a block: of results, if these stay in the array, else of the stationary operand."""
    deep = ceil_div(outer, op[t.UNIT_OUTER]) if op[t.STAYS] else ceil_div(k, op[t.UNIT_K])
    return ceil_div(inner, op[t.UNIT_INNER]) * deep


@inlined
def tiles_in_turn(outer, inner, k, op):
    """Of the array tiles of a block those that one array does, one after another: the arrays of a core share its tiles
    across."""
    deep = ceil_div(outer, op[t.UNIT_OUTER]) if op[t.STAYS] else ceil_div(k, op[t.UNIT_K])
    return ceil_div(ceil_div(inner, op[t.UNIT_INNER]), op[t.ARRAYS]) * deep


@inlined
def takes(how, outer, inner, op):
    """How often the array takes an operand of a block out of the scratchpad."""
    if how == t.ACROSS:
        return ceil_div(inner, op[t.UNIT_INNER])
    return ceil_div(outer, op[t.UNIT_OUTER]) if how == t.DEEP else np.int64(how)


@lean
def busy_cycles(outer, whole_outer, whole_inner, op):
    """How long the array takes at least for a whole product in blocks of so much of the outer dimension."""
    tiles = tiles_in_turn(whole_outer, whole_inner, op[t.K], op)
    if op[t.STAYS]:
        return tiles * interval(stream_of(whole_outer, op[t.K], op), op)
    blocks = ceil_div(whole_outer, outer)
    last = whole_outer - (blocks - 1) * outer
    return tiles * ((blocks - 1) * interval(outer, op) + interval(last, op))

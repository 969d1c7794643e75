"""Dimensions of an op in pieces: blocks, and where marks lie between them."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import ceil_div


@lean
def pieces_of(whole, block, marks, pieces):
    """A dimension in pieces: the first, those between, and the last, which may be smaller; how many rows that takes.

    A piece with a mark inside stands alone.
    """
    number = ceil_div(whole, block)
    count = _piece(pieces, 0, min(whole, block), 1, True, number == 1, 0)
    begin = np.int64(1)
    while begin < number - 1:
        end = number - 1
        for mark in marks:
            for bound in (mark // block, ceil_div(mark, block)):
                if begin < bound < end:
                    end = bound
        count = _piece(pieces, count, block, end - begin, False, False, begin * block)
        begin = end
    if number > 1:
        start = (number - 1) * block
        count = _piece(pieces, count, whole - start, 1, False, True, start)
    return count


@inlined
def _piece(pieces, place, size, times, first, last, start):
    row = pieces[place]
    row[t.P_SIZE], row[t.P_TIMES], row[t.P_FIRST], row[t.P_LAST] = size, times, first, last
    row[t.P_START], row[t.P_RESIDENT] = start, 0
    return place + 1


@lean
def k_pieces(k, op, pieces):
    """K in pieces, the resident rows first; K is never out of order."""
    whole, resident = op[t.K], op[t.RESIDENT_K]
    if resident in (0, whole):
        count = pieces_of(whole, k, op[:0], pieces)
        for place in range(count):
            pieces[place, t.P_RESIDENT] = resident == whole
        return count
    count = pieces_of(resident, k, op[:0], pieces)
    for place in range(count):
        pieces[place, t.P_RESIDENT], pieces[place, t.P_LAST] = 1, 0
    others = pieces_of(whole - resident, k, op[:0], pieces[count:])
    for place in range(count, count + others):
        pieces[place, t.P_FIRST] = 0
    return count + others

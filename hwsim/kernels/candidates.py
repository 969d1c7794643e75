"""The candidate blocks of a matrix product, with bounds of their cycles and the bytes that they hold."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels.blocks import (
    ONE_TILE,
    OUTER_WHOLE,
    SQUARE,
    add_block,
    bit_length,
    block_of,
    largest_block,
    least_cycles,
    loaded_bytes,
    whole_inner,
    whole_outer,
)
from hwsim.kernels.every_block import add_every_block, most_of_small
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.oblong import MOST_PARTS, OBLONG, add_oblong
from hwsim.kernels.tiling_bytes import all_slots_bytes, held_bytes

OF_A_BUDGET = 3 + OBLONG
"""Candidates for one budget at most: three that are square but for whole sides, and those of any shape."""


@lean
def most_candidates(op):
    """The rows that listing a product's candidates takes at most, whatever is kept of its tensors: what is kept is not
    held. Behind them come the rows that blocks of any shape are chosen from."""
    whole = held_bytes(whole_outer(op), whole_inner(op), op[t.K], op) * op[t.SLOTS]
    return most_of_small(op) + OF_A_BUDGET * (bit_length(whole) + 1) + 1 + MOST_PARTS


@lean
def candidates(op, blocks):
    """Every block of a small product; blocks for budgets of all powers of two; and how many there are.

    For each budget: square ones, ones with K or `outer` whole, and of all others that cut `outer` into equal parts and
    have the largest `inner` that fits, in both orders of the loops, those that seem fastest, also narrower, that load
    least, and that load least of about as fast ones; these also with a single slot for the operand that stays while the
    other one passes by. They stand by rising bounds on their cycles, of equal bounds those for larger budgets first.
    `blocks` has rows for `most_candidates`.
    """
    slots, count = op[t.SLOTS], 0
    if most_of_small(op):
        count = add_every_block(op, blocks)
    outer, inner, k = block_of(np.int64(1), ONE_TILE, op)
    low = held_bytes(outer, inner, k, op) * slots
    high = held_bytes(whole_outer(op), whole_inner(op), op[t.K], op) * slots
    power, least = bit_length(max(low, high - 1)), bit_length(low)
    while power >= least:
        room = (np.int64(1) << power) // slots
        for growth in range(SQUARE, OUTER_WHOLE + 1):
            sides = largest_block(room, growth, op)
            if sides[0]:
                count = add_block(sides[0], sides[1], sides[2], np.int64(0), np.int64(0), 1, op, blocks, count)
        count = add_oblong(np.int64(1) << power, op, blocks, count)
        power -= 1
    count = add_block(outer, inner, k, np.int64(0), np.int64(0), 1, op, blocks, count)
    for place in range(count):
        row = blocks[place]
        loaded = loaded_bytes(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], row[t.B_SWAPPED], op)
        row[t.B_BOUND] = least_cycles(row[t.B_OUTER], row[t.B_INNER], loaded, op)
        row[t.B_HELD] = all_slots_bytes(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], row[t.B_SINGLE], op)
    _sort(blocks, count)
    return count


@inlined
def _sort(blocks, count):
    """Insertion sort by bound: there are some tens, rarely some hundreds, and equal ones keep their order."""
    for first in range(1, count):
        place = first
        while place > 0 and blocks[place - 1, t.B_BOUND] > blocks[place, t.B_BOUND]:
            for column in range(t.BLOCK):
                kept = blocks[place, column]
                blocks[place, column] = blocks[place - 1, column]
                blocks[place - 1, column] = kept
            place -= 1

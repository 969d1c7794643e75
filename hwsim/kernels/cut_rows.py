"""Cuts as rows: the steps of all blocks of an op, with loops around equal neighbours, ready for the timeline."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.blocks import whole_inner, whole_outer
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.pieces import k_pieces, pieces_of
from hwsim.kernels.product_steps import clear, product_step, set_reuse
from hwsim.kernels.row_steps import row_step

# A loop that was closed last among its siblings: its first row, how many rows its body has, how often it runs.
L_AT, L_ROWS, L_TIMES, LOOP = 0, 1, 2, 3
OUTERS, INNERS, KS, BATCHES = 0, 1, 2, 3


@lean
def _same(code, first, other, rows):
    """Whether some rows equal others, except for how often they come in a run."""
    for place in range(rows):
        for column in range(code.shape[1]):
            if column != t.D_TIMES and code[first + place, column] != code[other + place, column]:
                return False
    return True


@inlined
def _wrap(code, first, rows, times):
    """Put a loop around some rows; where it ends."""
    place = first + rows - 1
    while place >= first:
        for column in range(code.shape[1]):
            code[place + 1, column] = code[place, column]
        place -= 1
    clear(code[first])
    code[first, c.KIND], code[first, c.TIMES] = c.BEGIN, times
    clear(code[first + rows + 1])
    code[first + rows + 1, c.KIND] = c.END
    return first + rows + 2


@lean
def close(code, first, end, times, loop):
    """Let the rows from `first` to `end` run so many times, joined with an equal loop before them; where they end.

    `loop` is the loop that was closed last among their siblings.
    """
    rows = end - first
    inside = loop[L_AT] + (loop[L_TIMES] > 1)
    if loop[L_TIMES] > 0 and rows == loop[L_ROWS] and _same(code, inside, first, rows):
        for place in range(rows):
            code[inside + place, t.D_TIMES] += code[first + place, t.D_TIMES]
        after = first
        if loop[L_TIMES] == 1:
            after = _wrap(code, loop[L_AT], rows, np.int64(1))
        loop[L_TIMES] += times
        code[loop[L_AT], c.TIMES] = loop[L_TIMES]
        return after
    loop[L_AT], loop[L_ROWS], loop[L_TIMES] = first, rows, times
    return _wrap(code, first, rows, times) if times > 1 else end


@lean
def _product(code, at, block, following, times, op, pieces, loops):
    """One product of the batch, which runs so many times; where its rows end."""
    m_inner, swapped = op[t.N_OUTER], block[t.B_SWAPPED]
    marks = op[op[t.MARKS_AT] : op[t.MARKS_AT] + op[t.MARKS]]
    n_marks = op[t.N_REST : t.N_REST + 1]  # a mark at 0 changes nothing
    outers = pieces_of(whole_outer(op), block[t.B_OUTER], n_marks if m_inner else marks, pieces[OUTERS])
    inners = pieces_of(whole_inner(op), block[t.B_INNER], marks if m_inner else n_marks, pieces[INNERS])
    ks = k_pieces(block[t.B_K], op, pieces[KS])
    slows, fasts = (inners, outers) if swapped else (outers, inners)
    reuse = loops[4]
    loops[OUTERS, L_TIMES] = 0
    for slow_place in range(slows):
        slow, slow_at = pieces[INNERS if swapped else OUTERS, slow_place], at
        loops[INNERS, L_TIMES] = 0
        for fast_place in range(fasts):
            fast, fast_at = pieces[OUTERS if swapped else INNERS, fast_place], at
            outer, inner = (fast, slow) if swapped else (slow, fast)
            loops[KS, L_TIMES] = 0
            for k_place in range(ks):
                k = pieces[KS, k_place]
                set_reuse(reuse, slow, fast, k, m_inner != swapped, op)
                last = slow[t.P_LAST] and fast[t.P_LAST] and k[t.P_LAST]
                rows, columns = (inner, outer) if m_inner else (outer, inner)
                product_step(code[at], outer, inner, k, rows, columns, reuse, last, following, op)
                code[at, t.D_TIMES] = times * slow[t.P_TIMES] * fast[t.P_TIMES] * k[t.P_TIMES]
                at = close(code, at, at + 1, k[t.P_TIMES], loops[KS])
            at = close(code, fast_at, at, fast[t.P_TIMES], loops[INNERS])
        at = close(code, slow_at, at, slow[t.P_TIMES], loops[OUTERS])
    return at


@lean
def product_rows(code, block, op, pieces, loops):
    """The rows of one run of a matrix product, K innermost; how many.

    `pieces` has room for the pieces of three dimensions, `loops` for a loop a dimension, one of the batch, and reuse.
    """
    clear(code[0])
    code[0, c.KIND], code[0, c.SINGLE] = c.OP_BEGIN, block[t.B_SINGLE]
    batch, following, end = op[t.BATCH], op[t.FOLLOWING], 1
    loops[BATCHES, L_TIMES] = 0
    if batch > 1 and following >= 0:
        # Each product of the batch but the last is followed by an equal one.
        end = _product(code, 1, block, op[t.LEAD], batch - 1, op, pieces, loops)
        end = close(code, 1, end, batch - 1, loops[BATCHES])
        batch = np.int64(1)
    first = end
    end = _product(code, first, block, following, batch, op, pieces, loops)
    return _end_op(code, close(code, first, end, batch, loops[BATCHES]))


@inlined
def _end_op(code, end):
    clear(code[end])
    code[end, c.KIND] = c.OP_END
    return end + 1


@lean
def row_work_rows(code, rows, op, pieces, loops):
    """The rows of one run of an op of the vector unit in blocks of so many rows; how many."""
    clear(code[0])
    code[0, c.KIND] = c.OP_BEGIN
    count, at = pieces_of(op[t.ROWS], rows, op[op[t.MARKS_AT] : op[t.MARKS_AT] + op[t.MARKS]], pieces[0]), 1
    loops[0, L_TIMES] = 0
    for place in range(count):
        piece = pieces[0, place]
        row_step(code[at], piece[t.P_SIZE], piece[t.P_START], op)
        code[at, t.D_TIMES] = piece[t.P_TIMES]
        at = close(code, at, at + 1, piece[t.P_TIMES], loops[0])
    return _end_op(code, at)

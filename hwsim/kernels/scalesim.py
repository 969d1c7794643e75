"""SCALE-Sim's buffers, word by word: how many reads of DRAM the demands of an array make, in the array's order.

A buffer holds up to `capacity` words. A word that it lacks is one read; as soon as it is full it is emptied whole. An
operand's word is at `lane + step`: `lanes` are where the rows of the array start, `steps` how far each of its cycles is
along, both with the row and column of the input in which they lie, so that what lies outside of it is not read.
"""

import numpy as np

from hwsim.kernels.jit import kernel

# Rows of `lanes` and `steps`.
ADDRESS, ROW, COLUMN = 0, 1, 2

_LAST_EPOCH = 255


@kernel
def streamed_reads(lanes, steps, height, width, rows, words, capacity, passes):
    """Reads of an operand that streams through `rows` rows, each one cycle behind the one above, `passes` times.

    `lanes[3, L]`, `steps[3, S]`; addresses are below `words`. All passes make the same demands, so what happens in one
    depends only on where in the pass before the buffer was emptied last: a place met before is the end of a period.
    """
    seen = np.zeros(words, np.uint8)
    state = np.zeros(3, np.int64)  # words held, epoch, place in this pass at which the buffer was emptied last
    state[1] = 1
    emptied = np.zeros(passes, np.int64)
    reads = np.zeros(passes, np.int64)
    total = np.int64(0)
    for p in range(passes):
        state[2] = -1
        reads[p] = _one_pass(lanes, steps, height, width, rows, capacity, seen, state)
        total += reads[p]
        if state[2] < 0:
            return total  # all that a pass asks for is in the buffer
        emptied[p] = state[2]
        for earlier in range(p - 1, -1, -1):
            if emptied[earlier] == emptied[p]:
                period = p - earlier
                periods, rest = divmod(passes - 1 - p, period)
                total += periods * reads[earlier + 1 : p + 1].sum()
                return total + reads[earlier + 1 : earlier + 1 + rest].sum()
    return total


@kernel
def _one_pass(lanes, steps, height, width, rows, capacity, seen, state):
    reads = np.int64(0)
    place = np.int64(0)
    stream = steps.shape[1]
    for first in range(0, lanes.shape[1], rows):
        used = min(rows, lanes.shape[1] - first)
        for line in range(stream + used - 1):
            for i in range(max(0, line - stream + 1), min(used, line + 1)):
                lane, t = first + i, line - i
                if lanes[ROW, lane] + steps[ROW, t] < height and lanes[COLUMN, lane] + steps[COLUMN, t] < width:
                    reads += _ask(lanes[ADDRESS, lane] + steps[ADDRESS, t], place, capacity, seen, state)
                place += 1
    return reads


@kernel
def stationary_reads(lanes, steps, height, width, rows, cols, words, capacity):
    """Reads of an operand that stays in an array of rows × cols, whose lowest row is loaded first.

    `lanes` go along the rows of the array, `steps` along its columns.
    """
    seen = np.zeros(words, np.uint8)
    state = np.zeros(3, np.int64)
    state[1] = 1
    reads = np.int64(0)
    for left in range(0, steps.shape[1], cols):
        for top in range(0, lanes.shape[1], rows):
            for lane in range(min(top + rows, lanes.shape[1]) - 1, top - 1, -1):
                for t in range(left, min(left + cols, steps.shape[1])):
                    if lanes[ROW, lane] + steps[ROW, t] < height and lanes[COLUMN, lane] + steps[COLUMN, t] < width:
                        reads += _ask(lanes[ADDRESS, lane] + steps[ADDRESS, t], 0, capacity, seen, state)
    return reads


@kernel
def _ask(address, place, capacity, seen, state):
    """1 if the word has to be read, else 0. `seen` holds the epoch, since the last emptying, in which it was read."""
    if seen[address] == state[1]:
        return 0
    seen[address] = state[1]
    state[0] += 1
    if state[0] == capacity:
        state[0] = 0
        state[2] = place
        state[1] += 1
        if state[1] > _LAST_EPOCH:
            seen[:] = 0
            state[1] = 1
    return 1


@kernel
def block_reads(size, blocks, last, repeats, capacity):
    """Reads of `blocks` blocks of that many words, the last one of another size, each asked for `repeats` times.

    No word is in two blocks, and a block's words come in the same order each time, so the order does not matter. A
    block that the buffer cannot hold is never there when it is asked for again. A smaller one stays once it is in;
    before that, the buffer is emptied at most once, and the words before that place are read twice.
    """
    reads, held = np.int64(0), np.int64(0)
    for block in range(blocks):
        words = last if block == blocks - 1 else size
        if words >= capacity:
            reads += words * repeats
            held = (held + words * repeats) % capacity
        elif held + words < capacity:
            reads += words
            held += words
        elif repeats == 1:
            reads += words
            held += words - capacity
        else:
            reads += words + capacity - held
            held = words
    return reads


@kernel
def summed_shares(row_folds, col_folds, rows, last_rows, cols, last_cols, weight, whole):
    """Σ over folds of rows · columns · weight ÷ whole, each quotient rounded, added in the order of the folds."""
    total = 0.0
    for c in range(col_folds):
        used_cols = last_cols if c == col_folds - 1 else cols
        for r in range(row_folds):
            used_rows = last_rows if r == row_folds - 1 else rows
            total += (used_rows * used_cols * weight) / whole
    return total

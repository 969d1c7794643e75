"""Every register of a bit-serial array at every clock edge.

An element has L lanes. Of each lane it holds a word of the parallel operand and a bit of the serial one, or a bit of
each (`acts`, `weights`); activations come from the left, weights from above. In each cycle gates and a tree make the
sum of all lanes; it goes onto `inner` (the bits of the activations for one bit of the weights, where both are serial),
onto `dot` (a step), and at the end of a step onto `sums`, which settle. The highest bit comes first, so that what is
held is doubled before it is added to; that of the highest bit is subtracted. Flags travel with the activations.
Complete sums move down through `leaving`.
"""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.registers import clamps, settle

# What travels with the activations: a step passes, begins, ends; it is the first or last of its tile; the bits of the
# activations begin or end for one bit of the weights (of the only serial operand: each bit does both); the highest bit
# of the weights, or of the only serial operand, is here.
PASSES, BEGINS, ENDS, FIRST, LAST, BITS_BEGIN, BITS_END, HIGHEST = 1, 2, 4, 8, 16, 32, 64, 128

# Which operand is serial.
WEIGHTS, ACTIVATIONS, BOTH = 0, 1, 2

# Columns of `tiles`, one row a tile, in the order in which the array works.
ROW_START, COLUMN_START = 0, 1


@kernel
def run_bit_serial(act, weight, tiles, shape, options, limits, out):
    """act[m, k] @ weight[k, n] into `out`, all of 64-bit integers; returns the counts `mac` and `out`, how many
    additions were clamped, and the bits that registers took over.

    `shape`: rows, cols, lanes, bits of the serial operand, and widths: of a parallel word, of `inner`, of `dot`, of a
    sum. `options`: which operand is serial, whether sums wrap. `limits`: lowest and highest sum.
    """
    rows, cols, lanes, width = shape[0], shape[1], shape[2], shape[3]
    parallel_bits, inner_bits, dot_bits, sum_bits = shape[4], shape[5], shape[6], shape[7]
    serial, wraps = options[0], options[1] != 0
    pace = width * width if serial == BOTH else width
    stream = -(-act.shape[1] // lanes)
    interval = max(pace * stream, rows)  # the drain registers of a column are free after `rows` cycles

    acts, weights = np.zeros((rows, cols, lanes), np.int64), np.zeros((rows, cols, lanes), np.int64)
    flags = np.zeros((rows, cols), np.int64)
    inner, dot = np.zeros((rows, cols), np.int64), np.zeros((rows, cols), np.int64)
    sums, leaving = np.zeros((rows, cols), np.int64), np.zeros((rows, cols), np.int64)
    gone, leaving_tile = np.zeros(cols, np.int64), np.zeros(cols, np.int64)
    mac_count, out_count, clamped, bits = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    t = 0
    while leaving_tile[cols - 1] < tiles.shape[0]:
        for c in range(cols):
            if gone[c] > 0:
                m, n = tiles[leaving_tile[c], ROW_START] + rows - gone[c], tiles[leaving_tile[c], COLUMN_START] + c
                if m < out.shape[0] and n < out.shape[1]:
                    out[m, n] = leaving[rows - 1, c]
                out_count = t + 1
                leaving_tile[c] += gone[c] == rows
                for r in range(rows - 1, gone[c] - 1, -1):
                    leaving[r, c] = leaving[r - 1, c]
                    bits += sum_bits

        for r in range(rows - 1, -1, -1):
            for c in range(cols - 1, -1, -1):
                now = flags[r, c - 1] if c > 0 else _flags(t - r, interval, width, pace, stream, serial, tiles.shape[0])
                flags[r, c] = now
                if now & PASSES == 0:
                    continue
                if serial != WEIGHTS or now & BEGINS:
                    bits += lanes * (parallel_bits if serial == WEIGHTS else 1)
                    if c > 0:
                        acts[r, c] = acts[r, c - 1]
                if serial == WEIGHTS or (now & BEGINS if serial == ACTIVATIONS else now & BITS_BEGIN):
                    bits += lanes * (parallel_bits if serial == ACTIVATIONS else 1)
                    if r > 0:
                        weights[r, c] = weights[r - 1, c]
        for r in range(rows):
            if flags[r, 0] & PASSES:
                bits += _enter_act(act, acts[r, 0], t - r, r, interval, width, pace, serial, tiles)
        for c in range(cols):
            if flags[0, c] & PASSES:
                bits += _enter_weight(weight, weights[0, c], t - c, c, interval, width, pace, serial, tiles)

        for r in range(rows):
            for c in range(cols):
                now = flags[r, c]
                if now & PASSES == 0:
                    continue
                mac_count = t + 1
                total = np.int64(0)
                for lane in range(lanes):
                    total += acts[r, c, lane] * weights[r, c, lane]  # a gate for each bit: one of the factors is a bit
                if serial == BOTH:
                    total = _onto(inner[r, c], total, now & BITS_BEGIN != 0)
                    if now & BITS_END == 0:
                        inner[r, c] = total
                        bits += inner_bits
                        continue
                total = _onto(dot[r, c], total, now & HIGHEST != 0)
                if now & ENDS == 0:
                    dot[r, c] = total
                    bits += dot_bits
                    continue
                exact = (np.int64(0) if now & FIRST else sums[r, c]) + total
                sums[r, c] = settle(exact, limits[0], limits[1], wraps)
                clamped += clamps(exact, sums[r, c], wraps)
                bits += sum_bits
                if now & LAST:
                    leaving[r, c] = sums[r, c]
                    bits += sum_bits
        for c in range(cols):
            now = flags[rows - 1, c]
            if now & LAST and now & ENDS:
                gone[c] = 1
            elif gone[c] > 0:
                gone[c] = (gone[c] + 1) % (rows + 1)
        t += 1
    return mac_count, out_count, clamped, bits


@kernel
def _onto(held, total, highest):
    """A sum doubled, and what the next bit brings; the highest bit of two's complement counts negative, and begins."""
    return -total if highest else 2 * held + total


@kernel
def _flags(since, interval, width, pace, stream, serial, tiles):
    """What enters a row that many cycles after its first activation was presented."""
    if since < 0 or since >= tiles * interval or since % interval >= pace * stream:
        return np.int64(0)
    step, slot = since % interval // pace, since % interval % pace
    group = width if serial == BOTH else 1
    found = PASSES + FIRST * (step == 0) + LAST * (step == stream - 1)
    found += BEGINS * (slot == 0) + ENDS * (slot == pace - 1)
    return found + BITS_BEGIN * (slot % group == 0) + BITS_END * (slot % group == group - 1) + HIGHEST * (slot < group)


@kernel
def _enter_act(act, entering, since, row, interval, width, pace, serial, tiles):
    """Row `row` gets its activations, or a bit of them; the bits that the register at the edge takes over."""
    tile, step, slot = since // interval, since % interval // pace, since % interval % pace
    m, lanes = tiles[tile, ROW_START] + row, entering.shape[0]
    for lane in range(lanes):
        k = step * lanes + lane
        word = act[m, k] if m < act.shape[0] and k < act.shape[1] else np.int64(0)
        entering[lane] = word if serial == WEIGHTS else word >> (width - 1 - slot % width) & 1
    return lanes * width if slot == 0 and serial != WEIGHTS else 0


@kernel
def _enter_weight(weight, entering, since, column, interval, width, pace, serial, tiles):
    """Column `column` gets its weights, or a bit of them; the bits that the register at the edge takes over."""
    tile, step, slot = since // interval, since % interval // pace, since % interval % pace
    n, lanes = tiles[tile, COLUMN_START] + column, entering.shape[0]
    place = slot // width if serial == BOTH else slot
    for lane in range(lanes):
        k = step * lanes + lane
        word = weight[k, n] if n < weight.shape[1] and k < weight.shape[0] else np.int64(0)
        entering[lane] = word if serial == ACTIVATIONS else word >> (width - 1 - place) & 1
    return lanes * width if slot == 0 and serial != ACTIVATIONS else 0

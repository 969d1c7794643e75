"""Every register of a temporal array at every clock edge.

A column's adder counts up multiples of its weight; `multiples[r, c]` is the one that row r sees, in registers of its
own (pipelined) or in the one at the top of the column (broadcast), `tags[r, c]` what else of the weight belongs to it.
A spike, `spikes[r, c]`, moves one column to the right in each cycle; where it stands, the element takes the multiple
over (`chosen`, with its tag in `chosen_tags`). Flags travel with the spikes: they say that a window passes, that it
begins, and that the one before is over, so that the row's adder takes what was chosen. `words` holds the activation of
a row, `before` that of the window before. A complete sum goes to `leaving`; a token that walks down sends a row out in
each cycle.
"""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.registers import clamps, settle

# What travels with the spikes: a window passes, begins here, and the one before is over, the first or last of its tile.
PASSES, BEGINS, OVER, FIRST, LAST = 1, 2, 4, 8, 16

# Columns of `tiles`, one row a tile, in the order in which the array works.
ROW_START, COLUMN_START = 0, 1


@kernel
def run_temporal(slots, units, magnitudes, weight_units, tiles, shape, options, limits, out):
    """act[m, k] @ weight[k, n] into `out`; returns the counts `mac` and `out`, how many additions were clamped, the
    bits that registers took over, the bits of additions of multiples, and the most additions of one row in one cycle.

    An activation is a cycle of the window (`slots`, -1: none) and a unit, a weight a magnitude and a unit: the product
    is (first + slot) · magnitude · unit · unit, or unit · unit where that is not finite. `shape`: rows, cols, cycles of
    a window, `first`, bits of a word, of a multiple, of a tag, of a sum. `options`: whether rows have registers of
    their own for multiples, whether sums wrap. `limits`: lowest and highest sum, in the type of the sums.
    """
    rows, cols, window, first = shape[0], shape[1], shape[2], shape[3]
    word_bits, multiple_bits, tag_bits, sum_bits = shape[4], shape[5], shape[6], shape[7]
    lag = options[0]
    windows = slots.shape[1] * window
    interval = windows if lag else max(windows, cols + rows - 1)

    multiples, tags = np.zeros((rows, cols), np.int64), np.zeros((rows, cols), weight_units.dtype)
    step = np.zeros(cols, np.int64)
    spikes, flags = np.zeros((rows, cols), np.bool_), np.zeros((rows, cols), np.uint8)
    chosen, chosen_tags = np.zeros((rows, cols), np.int64), np.zeros((rows, cols), weight_units.dtype)
    word_slots, words, before = np.zeros(rows, np.int64), np.zeros(rows, units.dtype), np.zeros(rows, units.dtype)
    sums, leaving = np.zeros((rows, cols), out.dtype), np.zeros((rows, cols), out.dtype)
    tokens, left = np.zeros(rows, np.bool_), np.zeros(rows, np.int64)
    mac_count, out_count = np.int64(0), np.int64(0)
    clamped, bits, adder_bits, most = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    t = 0
    while left[rows - 1] < tiles.shape[0]:
        for r in range(rows):
            if tokens[r]:
                _send(leaving[r], tiles[left[r], ROW_START] + r, tiles[left[r], COLUMN_START], out)
                left[r] += 1
                out_count = t + 1
        for r in range(rows - 1, 0, -1):
            tokens[r] = tokens[r - 1]
        tokens[0] = False

        for r in range(rows):
            for c in range(cols - 1, 0, -1):
                spikes[r, c], flags[r, c] = spikes[r, c - 1], flags[r, c - 1]
            flags[r, 0] = _flags(t - lag * r, interval, window, windows, tiles.shape[0])
            if flags[r, 0] & OVER:
                before[r] = words[r]
                bits += word_bits
            if flags[r, 0] & BEGINS:
                tile, k = (t - lag * r) // interval, (t - lag * r) % interval // window
                m = tiles[tile, ROW_START] + r
                inside = m < slots.shape[0]
                word_slots[r] = slots[m, k] if inside else -1
                words[r] = units[m, k] if inside else units[0, 0] * 0
                bits += word_bits
            spikes[r, 0] = flags[r, 0] & PASSES != 0 and word_slots[r] == (t - lag * r) % interval % window

        if lag:
            for r in range(rows - 1, 0, -1):
                for c in range(cols):
                    multiples[r, c] = multiples[r - 1, c]
                    bits += multiple_bits if flags[r, c] & PASSES else 0
                    if flags[r, c] & BEGINS:
                        tags[r, c] = tags[r - 1, c]
                        bits += tag_bits
        for c in range(cols):
            if flags[0, c] & BEGINS:
                tile, k = (t - c) // interval, (t - c) % interval // window
                n = tiles[tile, COLUMN_START] + c
                inside = n < magnitudes.shape[1]
                step[c] = magnitudes[k, n] if inside else 0
                tags[0, c] = weight_units[k, n] if inside else weight_units[0, 0] * 0
                multiples[0, c] = first * step[c]
                bits += word_bits + multiple_bits
            elif flags[0, c] & PASSES:
                multiples[0, c] += step[c]
                bits += multiple_bits
                adder_bits += multiple_bits

        for r in range(rows):
            added = np.int64(0)
            for c in range(cols):
                if flags[r, c] & OVER:
                    added += 1
                    clamped += _add(r, c, chosen, chosen_tags, before, flags[r, c], options, limits, sums)
                    bits += sum_bits
                    mac_count = t + 1
                    if flags[r, c] & LAST:
                        leaving[r, c] = sums[r, c]
                        bits += sum_bits
            most = max(most, added)
        if flags[0, cols - 1] & LAST:
            tokens[0] = True

        for r in range(rows):
            source = r if lag else 0
            for c in range(cols):
                if flags[r, c] & PASSES:
                    bits += 1
                if flags[r, c] & BEGINS:
                    chosen[r, c], chosen_tags[r, c] = 0, tags[source, c]
                    bits += multiple_bits + tag_bits
                if spikes[r, c]:
                    chosen[r, c] = multiples[source, c]
        t += 1
    return mac_count, out_count, clamped, bits, adder_bits, most


@kernel
def _flags(since, interval, window, windows, tiles):
    """What enters a row that many cycles after its first activation was presented."""
    found = 0
    if 0 <= since < tiles * interval and since % interval < windows:
        found |= PASSES
        if since % interval % window == 0:
            found |= BEGINS
    ago = since - window
    if 0 <= ago < tiles * interval and ago % interval < windows and ago % interval % window == 0:
        found |= OVER
        found |= FIRST if ago % interval == 0 else 0
        found |= LAST if ago % interval == windows - window else 0
    return found


@kernel
def _add(r, c, chosen, chosen_tags, before, flags, options, limits, sums):
    """The product that an element subscribed to onto its sum; whether that was clamped."""
    sign = before[r] * chosen_tags[r, c]
    product = chosen[r, c] * sign if sign - sign == 0 else sign  # infinities and NaN say so themselves
    kept = sums.dtype.type(0) if flags & FIRST else sums[r, c]  # not a product with 0, which of an infinity is NaN
    exact = kept + sums.dtype.type(product)
    sums[r, c] = settle(exact, limits[0], limits[1], options[1] != 0)
    return clamps(exact, sums[r, c], options[1] != 0)


@kernel
def _send(leaving, m, column, out):
    """The results of a row leave."""
    for c in range(leaving.shape[0]):
        if m < out.shape[0] and column + c < out.shape[1]:
            out[m, column + c] = leaving[c]

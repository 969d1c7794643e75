"""Every register of a weight-stationary array at every clock edge.

`columns` = cols · qn result columns lie side by side, qn to a processing element. All registers of a kind lie in one
flat array, row after row, so that a clock edge is a few long loops: `a[i · elements + r · columns + j]` is the i-th
packed activation that row r and column j see in this cycle, `w` its weight, `shadow` its second weight register, `p`
the partial sum that it made in the cycle before, with a row of zeros above. A cycle is: sums of the bottom row enter
the buffers; activations move one element to the right; every element multiplies and adds; weights shift one down.
"""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.registers import add_products, clamps, settle, settle_all, shift_into

# What travels with an activation.
VALID, FIRST = 1, 2

# Columns of `tiles`, one row a tile, in the order in which the array works: start and size of the streamed chunk, first
# column and first k of the stationary block.
CHUNK_START, CHUNK, COLUMN_START, K_START = 0, 1, 2, 3


@kernel
def run_stationary(act, weight, tiles, shape, options, limits, out, buffer):
    """act[m, k] @ weight[k, n] into `out`; returns the counts `mac` and `out`, and how many additions were clamped.

    `shape`: rows, cols, pk, qn. `options`: shadow, wavefront, wrap, wrap of the outer register, K tiles a chunk (0: no
    outer register), whether a sum can leave a register at all. `limits`: lowest and highest sum of the inner register,
    then of the outer one, in the type of the sums. `buffer[m, columns]` holds the sums of the columns under the array.
    """
    rows, cols, pk, qn = shape[0], shape[1], shape[2], shape[3]
    shadowed, wavefront, wrap, settles = options[0], options[1], options[2] != 0, options[5]
    low, high = limits[0], limits[1]
    columns = cols * qn
    elements = rows * columns
    count = tiles.shape[0]
    k_size = weight.shape[0]

    a, a_before = np.zeros(pk * elements, act.dtype), np.zeros(pk * elements, act.dtype)
    p, p_before = np.zeros(columns + elements, out.dtype), np.zeros(columns + elements, out.dtype)
    flags, flags_before = np.zeros(elements, np.uint8), np.zeros(elements, np.uint8)
    w = np.zeros(pk * elements, act.dtype)
    shadow = np.zeros(pk * elements, act.dtype)

    starts = _tile_starts(tiles, rows, cols, shadowed, wavefront)
    row_tile = np.zeros(rows, np.int64)  # the tile that enters each row
    column_tile = np.zeros(cols, np.int64)  # the tile whose sums leave each column
    column_row = np.zeros(cols, np.int64)
    swaps_end = np.int64(-1)  # the last cycle in which a swap is under way
    loading = 0  # the oldest tile whose weights still move
    mac_count = np.int64(0)
    out_count = np.int64(0)
    clamped = np.int64(0)

    t = 0
    while column_tile[cols - 1] < count:
        found, more = _collect(flags, p, column_tile, column_row, tiles, k_size, shape, options, limits, buffer, out)
        clamped += more
        if found:
            out_count = t + 1

        a, a_before = a_before, a
        p, p_before = p_before, p
        flags, flags_before = flags_before, flags
        shift_into(a[qn:], a_before)
        shift_into(flags[qn:], flags_before)
        for r in range(rows):
            entering = 0
            m = np.int64(0)
            tile = row_tile[r]
            if tile < count and t >= starts[tile] + rows + r:  # row r gets its activations r cycles late
                m = t - starts[tile] - rows - r
                entering = VALID
                if m == 0:
                    entering = VALID | FIRST
                    swaps_end = t + cols - 1
                if m == tiles[tile, CHUNK] - 1:
                    row_tile[r] += 1
            for q in range(qn):
                flags[r * columns + q] = entering
            for i in range(pk):
                value = np.int64(0) * act[0, 0]
                if entering:
                    k = tiles[tile, K_START] + r * pk + i
                    if k < k_size:
                        value = act[tiles[tile, CHUNK_START] + m, k]
                for q in range(qn):
                    a[i * elements + r * columns + q] = value

        if shadowed and t <= swaps_end:
            # The swap travels with the first activation of a tile, which already meets the new weights.
            for i in range(pk):
                _swap(flags, shadow[i * elements :], w[i * elements :])
        sums = p[columns:]
        for x in range(elements):
            sums[x] = p_before[x] + a[x] * w[x]
        for i in range(1, pk):
            add_products(sums, a[i * elements :], w[i * elements :])
        if settles:
            clamped += settle_all(sums, low, high, wrap)
        if flags[elements - 1] & VALID:
            mac_count = t + 1

        # Weights shift one element down, from the oldest tile under way to the newest.
        while loading < count and t >= starts[loading] + rows + (cols - 1 if wavefront else 0):
            loading += 1
        tile = loading
        while tile < count and starts[tile] <= t:
            _shift_weights(shadow if shadowed else w, weight, tile, tiles, t - starts[tile], shape, wavefront)
            tile += 1
        t += 1
    return mac_count, out_count, clamped


@kernel
def _swap(flags, shadow, w):
    for x in range(flags.shape[0]):
        w[x] = shadow[x] if flags[x] & FIRST else w[x]


@kernel
def _tile_starts(tiles, rows, cols, shadowed, wavefront):
    """The cycle in which the first weight of each tile is presented: as soon as no register is still needed."""
    starts = np.zeros(tiles.shape[0], np.int64)
    for tile in range(1, tiles.shape[0]):
        before, stream = starts[tile - 1], tiles[tile - 1, CHUNK]
        first_activation = before + rows
        if shadowed:
            # The stream has no gaps; the load port is free after `rows` cycles; without a wavefront the shadow
            # registers are free once the last element has taken its weight over.
            earliest = before + max(stream, rows)
            if not wavefront:
                earliest = max(earliest, first_activation + (rows - 1) + (cols - 1))
        elif wavefront:
            # The new weight of element (0, 0) is captured at the end of the cycle in which its last activation enters.
            earliest = first_activation + stream - 1
        else:
            # After the last product of the last element.
            earliest = first_activation + stream - 1 + (rows - 1) + (cols - 1) + 1
        starts[tile] = earliest
    return starts


@kernel
def _collect(flags, p, column_tile, column_row, tiles, k_size, shape, options, limits, buffer, out):
    """The sums that leave at the bottom enter the buffers, complete ones the result: whether any, how many clamped."""
    rows, cols, pk, qn, chunk_tiles = shape[0], shape[1], shape[2], shape[3], options[4]
    bottom, sums = flags[(rows - 1) * cols * qn :], p[rows * cols * qn :]
    found, clamped = False, np.int64(0)
    for c in range(cols):
        if bottom[c * qn] & VALID == 0:
            continue
        found = True
        tile, m = column_tile[c], column_row[c]
        k_start, row = tiles[tile, K_START], tiles[tile, CHUNK_START] + m
        k_index = k_start // (rows * pk)
        last_k = k_start + rows * pk >= k_size
        in_chunk = k_index % chunk_tiles if chunk_tiles > 0 else k_index
        for j in range(c * qn, c * qn + qn):
            n = tiles[tile, COLUMN_START] + j
            if n >= out.shape[1]:
                break
            total = sums[j]
            if in_chunk > 0:
                exact = buffer[m, j] + total
                total = settle(exact, limits[0], limits[1], options[2] != 0)
                clamped += clamps(exact, total, options[2] != 0)
            buffer[m, j] = total
            if chunk_tiles > 0 and (last_k or in_chunk == chunk_tiles - 1):
                if k_index >= chunk_tiles:
                    total = out[row, n] + total
                out[row, n] = settle(total, limits[2], limits[3], options[3] != 0)
                clamped += clamps(total, out[row, n], options[3] != 0)
            elif last_k:
                out[row, n] = total
        column_row[c] += 1
        if column_row[c] == tiles[tile, CHUNK]:
            column_row[c] = 0
            column_tile[c] += 1
    return found, clamped


@kernel
def _shift_weights(target, weight, tile, tiles, since, shape, wavefront):
    """One cycle of loading, `since` cycles after the tile's first weight was presented; the bottom row comes first."""
    rows, cols, pk, qn = shape[0], shape[1], shape[2], shape[3]
    columns = cols * qn
    k_size, n_size = weight.shape
    for i in range(pk):
        for r in range(rows - 1, -1, -1):
            # With a wavefront, row r of column c captures from cycle c + r to c + rows - 1.
            first = max(0, since - rows + 1) if wavefront else 0
            end = min(cols, since - r + 1) if wavefront else cols
            row = (i * rows + r) * columns
            if r > 0:
                shift_into(target[row + first * qn : row + end * qn], target[row - columns + first * qn :])
                continue
            for c in range(first, end):
                k = tiles[tile, K_START] + (rows - 1 - (since - c if wavefront else since)) * pk + i
                for j in range(c * qn, c * qn + qn):
                    n = tiles[tile, COLUMN_START] + j
                    inside = k < k_size and n < n_size
                    target[row + j] = weight[k, n] if inside else target[row + j] * 0

"""Every register of an output-stationary array at every clock edge.

`columns` = cols · qn result columns lie side by side, qn to a processing element. All registers of a kind lie in one
flat array, row after row, so that a clock edge is a few long loops: `a[i · elements + r · columns + j]` and `b` are the
i-th packed activation and weight that row r and column j see in this cycle, `sums` the accumulator, `outer` the outer
register, `leaving` the drain register. A cycle is: results leave at the bottom; activations move one element to the
right and weights one down; every element takes the result from above if its column drains, multiplies and adds.
"""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.registers import add_products, clamps, settle, settle_all, shift_into

# What travels with an activation: first or last of a tile, or of a chunk of it.
VALID, LAST, CHUNK_FIRST, CHUNK_LAST, FIRST_CHUNK = 1, 2, 4, 8, 16

# Drains, as arrays.systolic.elements orders them.
SERIAL, SHARED, SEPARATE = 0, 1, 2

# Columns of `tiles`, one row a tile, in the order in which the array works.
ROW_START, COLUMN_START = 0, 1


@kernel
def run_outputs(act, weight, tiles, shape, options, limits, out):
    """act[m, k] @ weight[k, n] into `out`; returns the counts `mac` and `out`, and how many additions were clamped.

    `shape`: rows, cols, pk, qn. `options`: drain, wrap, wrap of the outer register, cycles of K a chunk (0: no outer
    register), whether a sum can leave a register at all. `limits`: lowest and highest sum of the inner register, then
    of the outer one, in the type of the sums.
    """
    rows, cols, pk, qn = shape[0], shape[1], shape[2], shape[3]
    drain, chunk = options[0], options[3]
    columns = cols * qn
    elements = rows * columns
    stream = -(-act.shape[1] // pk)
    interval = _interval(rows, cols, stream, drain)

    a, a_before = np.zeros(pk * elements, act.dtype), np.zeros(pk * elements, act.dtype)
    b, b_before = np.zeros(pk * elements, act.dtype), np.zeros(pk * elements, act.dtype)
    flags, flags_before = np.zeros(elements, np.uint8), np.zeros(elements, np.uint8)
    sums = np.zeros(elements, out.dtype)
    outer = np.zeros(elements, out.dtype)
    leaving = np.zeros(elements, out.dtype)
    result = outer if chunk > 0 else sums
    moving = leaving if drain == SEPARATE else result
    bottom = flags[elements - columns :]
    gone = np.zeros(columns, np.int64)  # results of the column that have left, this one counted; 0: none is leaving

    leaving_tile = np.zeros(cols, np.int64)
    mac_count = np.int64(0)
    out_count = np.int64(0)
    clamped = np.int64(0)
    t = 0
    while leaving_tile[cols - 1] < tiles.shape[0]:
        draining = _deliver(gone, moving, leaving_tile, tiles, shape, out)
        if draining:
            out_count = t + 1

        a, a_before = a_before, a
        b, b_before = b_before, b
        flags, flags_before = flags_before, flags
        shift_into(a[qn:], a_before)
        shift_into(flags[qn:], flags_before)
        for i in range(pk):
            shift_into(b[i * elements + columns : (i + 1) * elements], b_before[i * elements :])
        _enter_rows(t, interval, stream, chunk, act, tiles, shape, a, flags)
        _enter_columns(t, interval, stream, weight, tiles, shape, b)

        if draining:
            for r in range(rows - 1, 0, -1):
                _drain_row(r, gone, moving[r * columns : (r + 1) * columns], moving[(r - 1) * columns :])
        clamped += _multiply_and_add(pk, options, limits, a, b, flags, sums, outer)
        if drain == SEPARATE:
            for x in range(elements):
                leaving[x] = result[x] if flags[x] & LAST else leaving[x]
        if flags[elements - 1] & VALID:
            mac_count = t + 1
        bottom = flags[elements - columns :]
        for j in range(columns):
            if bottom[j] & LAST:
                gone[j] = 1
            elif gone[j] > 0:
                gone[j] = (gone[j] + 1) % (rows + 1)
        t += 1
    return mac_count, out_count, clamped


@kernel
def _interval(rows, cols, stream, drain):
    """From the start of a tile to that of the next: as soon as no register is still needed."""
    last_product = stream - 1 + (rows - 1) + (cols - 1)
    if drain == SERIAL:
        return last_product + rows + 1  # after the last result has left
    if drain == SHARED:
        return stream - 1 + (rows - 1) + 1  # element (0, 0) adds while its old result moves down
    return max(stream, rows)  # the stream has no gaps; the drain registers of a column are free after `rows` cycles


@kernel
def _deliver(gone, moving, leaving_tile, tiles, shape, out):
    """The results that stand at the bottom edge leave; whether there were any."""
    rows, cols, qn = shape[0], shape[1], shape[3]
    standing = moving[(rows - 1) * cols * qn :]
    found = False
    for c in range(cols):
        if gone[c * qn] == 0:
            continue
        found = True
        tile = leaving_tile[c]
        m = tiles[tile, ROW_START] + rows - gone[c * qn]
        for j in range(c * qn, c * qn + qn):
            n = tiles[tile, COLUMN_START] + j
            if m < out.shape[0] and n < out.shape[1]:
                out[m, n] = standing[j]
        if gone[c * qn] == rows:
            leaving_tile[c] += 1
    return found


@kernel
def _enter_rows(t, interval, stream, chunk, act, tiles, shape, a, flags):
    """Row r gets its activations r cycles late."""
    rows, cols, pk, qn = shape[0], shape[1], shape[2], shape[3]
    columns = cols * qn
    for r in range(rows):
        tile, k = (t - r) // interval, (t - r) % interval
        present = 0 <= tile < tiles.shape[0] and k < stream
        entering = _flags(k, stream, chunk) if present else 0
        for q in range(qn):
            flags[r * columns + q] = entering
        for i in range(pk):
            value = act[0, 0] * 0
            if present:
                m = tiles[tile, ROW_START] + r
                if m < act.shape[0] and k * pk + i < act.shape[1]:
                    value = act[m, k * pk + i]
            for q in range(qn):
                a[(i * rows + r) * columns + q] = value


@kernel
def _enter_columns(t, interval, stream, weight, tiles, shape, b):
    """Column c gets its weights c cycles late."""
    rows, cols, pk, qn = shape[0], shape[1], shape[2], shape[3]
    for c in range(cols):
        tile, k = (t - c) // interval, (t - c) % interval
        present = 0 <= tile < tiles.shape[0] and k < stream
        for i in range(pk):
            for j in range(c * qn, c * qn + qn):
                value = weight[0, 0] * 0
                if present:
                    n = tiles[tile, COLUMN_START] + j
                    if n < weight.shape[1] and k * pk + i < weight.shape[0]:
                        value = weight[k * pk + i, n]
                b[i * rows * cols * qn + j] = value


@kernel
def _flags(k, stream, chunk):
    """What an element must know of the k-th products of a tile."""
    last = k == stream - 1
    chunk_first = k == 0 or (chunk > 0 and k % chunk == 0)
    chunk_last = last or (chunk > 0 and k % chunk == chunk - 1)
    found = VALID + LAST * last + CHUNK_FIRST * chunk_first + CHUNK_LAST * chunk_last
    return found + FIRST_CHUNK * (chunk == 0 or k < chunk)


@kernel
def _drain_row(r, gone, moving, above):
    """A row takes the results from above until the topmost has passed it."""
    for j in range(gone.shape[0]):
        moving[j] = above[j] if 0 < gone[j] <= r else moving[j]


@kernel
def _multiply_and_add(pk, options, limits, a, b, flags, sums, outer):
    """The packed products onto the accumulators, complete chunks onto the outer registers; how many were clamped."""
    wrap, outer_wrap, chunk, settles = options[1] != 0, options[2] != 0, options[3], options[4]
    low, high, outer_low, outer_high = limits[0], limits[1], limits[2], limits[3]
    elements = sums.shape[0]
    zero = sums.dtype.type(0)  # not a product with 0, which of an infinity is NaN, and of a negative sum -0.0
    for x in range(elements):
        sums[x] = zero if flags[x] & CHUNK_FIRST else sums[x]
    for i in range(pk):
        # Where nothing is valid both operands are zero, and a result that waits or passes stays what it is.
        add_products(sums, a[i * elements : (i + 1) * elements], b[i * elements :])
    clamped = np.int64(0)
    if settles:
        clamped += settle_all(sums, low, high, wrap)
    if chunk > 0:
        for x in range(elements):
            before = zero if flags[x] & FIRST_CHUNK else outer[x]
            exact = before + sums[x]
            total = settle(exact, outer_low, outer_high, outer_wrap)
            complete = flags[x] & CHUNK_LAST != 0
            clamped += complete and clamps(exact, total, outer_wrap)
            outer[x] = total if complete else outer[x]
    return clamped

"""Matrix products tile by tile on vector registers, the additions in the order of an array where that matters."""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.registers import settle
from hwsim.kernels.tile import KEEP, SETTLE, TIGHT, multiply_tile

ROWS = 6
"""Rows of a tile: 24 vectors of sums and 4 of weights fit 32 registers, 12 and 2 fit 16."""

FEW = 4
"""Rows of the last tile, if no more are left."""

# Places in `order`: what a sum does after each group of steps, steps of a group, groups until the running sum goes to
# the buffer, tiles until the buffer goes to the outer register (0: there is none), whether that one wraps, columns of a
# panel.
RULE, GROUP, TILE, CHUNK, OUTER_WRAPS, WIDTH = 0, 1, 2, 3, 4, 5


@kernel
def multiply(act, panels, extra, order, limits, first, last, out):
    """act[m, k] @ weight[k, n] into out[m, n], the panels first..last - 1; how many additions were clamped.

    `act`: padded with zeros to a multiple of ROWS rows, and to the steps of the panels. `extra`: as `multiply_tile`
    has it, in the type of the sums in a tile, for each panel (KEEP) or for each group of each panel. `limits`: lowest
    and highest sum of the register, then of the outer one, in the type in which buffers are kept.
    """
    m_size, n_size = out.shape
    group, tile_groups, chunk_tiles, width = order[GROUP], order[TILE], order[CHUNK], order[WIDTH]
    groups = panels.shape[1] // group
    tiles = -(-groups // tile_groups)
    block = np.empty((ROWS, width), extra.dtype)
    buffer = np.empty((ROWS, width), limits.dtype)
    outer = np.empty((ROWS, width), limits.dtype)
    clamped = np.int64(0)
    for p in range(first, last):
        columns = min(width, n_size - p * width)
        m = 0
        while m < m_size:
            left = m_size - m
            whole = ROWS
            if order[RULE] == KEEP and left <= FEW:
                # A tile of one row takes a fourth of the time of a full one; only sums that do not settle have it.
                whole = FEW if left > 2 else 1
            rows = min(whole, left)
            # Straight into the result, if all of the tile lies inside it.
            if tiles == 1 and chunk_tiles == 0 and columns == width and rows == whole:
                clamped += _tile(act, panels, extra, order, limits, p, m, 0, groups, whole, out, m, p * width)
                m += rows
                continue
            for tile in range(tiles):
                start = tile * tile_groups
                end = min(start + tile_groups, groups)
                clamped += _tile(act, panels, extra, order, limits, p, m, start, end, whole, block, 0, 0)
                if tiles == 1 and chunk_tiles == 0:
                    break
                begins = tile == 0 if chunk_tiles == 0 else tile % chunk_tiles == 0
                clamped += _add(buffer, block, begins, limits[0], limits[1], False, rows)
                if chunk_tiles > 0 and (tile == tiles - 1 or (tile + 1) % chunk_tiles == 0):
                    begins = tile < chunk_tiles
                    clamped += _add(outer, buffer, begins, limits[2], limits[3], order[OUTER_WRAPS] != 0, rows)
            if chunk_tiles > 0:
                _deliver(outer, rows, columns, out, m, p * width)
            elif tiles > 1:
                _deliver(buffer, rows, columns, out, m, p * width)
            else:
                _deliver(block, rows, columns, out, m, p * width)
            m += rows
    return clamped


@kernel
def _tile(act, panels, extra, order, limits, p, m, start, end, rows, out, row, column):
    """The groups start..end - 1 of the results from row m on, of panel p, by the version of the tile that fits."""
    rule, group, low, high = order[RULE], order[GROUP], np.int64(limits[0]), np.int64(limits[1])
    width = order[WIDTH]
    weight_bytes = panels.shape[2] * panels.itemsize  # of one step
    stride = act.shape[1] * act.itemsize
    here = m * stride + start * group * (panels.shape[2] // width) * act.itemsize
    there = (p * panels.shape[1] + start * group) * weight_bytes
    first = (p if rule == KEEP else p * (panels.shape[1] // group) + start) * width * extra.itemsize
    onto_stride = out.shape[1] * out.itemsize
    onto = row * onto_stride + column * out.itemsize
    groups = end - start
    if rule == KEEP:
        steps = groups * group
        if rows == 1:
            return multiply_tile(
                1, KEEP, act, here, stride, panels, there, steps, 1, extra, first, low, high, out, onto, onto_stride
            )
        if rows == FEW:
            return multiply_tile(
                FEW, KEEP, act, here, stride, panels, there, steps, 1, extra, first, low, high, out, onto, onto_stride
            )
        return multiply_tile(
            ROWS, KEEP, act, here, stride, panels, there, steps, 1, extra, first, low, high, out, onto, onto_stride
        )
    if rule == TIGHT:
        return multiply_tile(
            ROWS, TIGHT, act, here, stride, panels, there, groups, 1, extra, first, low, high, out, onto, onto_stride
        )
    return multiply_tile(
        ROWS, SETTLE, act, here, stride, panels, there, groups, group, extra, first, low, high, out, onto, onto_stride
    )


@kernel
def _add(register, block, begins, low, high, wraps, rows):
    """Sums onto those in a register, which may begin anew; how many were clamped."""
    clamped = np.int64(0)
    for r in range(rows):
        now, more = register[r], block[r]
        for j in range(now.shape[0]):
            total = more[j] if begins else now[j] + more[j]
            now[j] = settle(total, low, high, wraps)
            clamped += not wraps and now[j] != total
    return clamped


@kernel
def _deliver(source, rows, columns, out, m, n):
    """The results inside the matrix, from row m and column n on."""
    for r in range(rows):
        now, sums = out[m + r, n : n + columns], source[r]
        for j in range(columns):
            now[j] = sums[j]

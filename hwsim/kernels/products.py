"""Matrix products tile by tile on vector registers, the additions in the order of an array where that matters."""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.registers import settle
from hwsim.kernels.tile import COLUMNS, KEEP, SETTLE, TIGHT, multiply_tile

ROWS = 6
"""Rows of a tile: 24 vectors of sums and 4 of weights fit the 32 registers."""

# Places in `order`: what a sum does after each group of steps, steps of a group, groups until the running sum goes to
# the buffer, tiles until the buffer goes to the outer register (0: there is none), whether that one wraps.
RULE, GROUP, TILE, CHUNK, OUTER_WRAPS = 0, 1, 2, 3, 4


@kernel
def multiply(act, panels, extra, order, limits, first, last, sums, out):
    """act[m, k] @ weight[k, n] into out[m, n], the panels first..last - 1; how many additions were clamped.

    `act`: padded with zeros to a multiple of ROWS rows, and to the steps of the panels. `extra`: as `multiply_tile`
    has it, for each panel (KEEP) or for each group of each panel. `limits`: lowest and highest sum of the register,
    then of the outer one, in the type in which buffers are kept. `sums[0]` has the type of the sums in a tile.
    """
    m_size, n_size = out.shape
    group, tile_groups, chunk_tiles = order[GROUP], order[TILE], order[CHUNK]
    groups = panels.shape[1] // group
    tiles = -(-groups // tile_groups)
    weight_bytes = panels.shape[2] * panels.itemsize  # of one step
    act_bytes = weight_bytes // COLUMNS
    act_stride = act.shape[1] * act.itemsize
    block = np.empty((ROWS, COLUMNS), sums.dtype)
    buffer = np.empty((ROWS, COLUMNS), limits.dtype)
    outer = np.empty((ROWS, COLUMNS), limits.dtype)
    clamped = np.int64(0)
    for p in range(first, last):
        columns = min(COLUMNS, n_size - p * COLUMNS)
        m = 0
        while m < m_size:
            # A tile of one row takes a fourth of the time of a full one.
            rows = 1 if order[RULE] == KEEP and m_size - m < 4 else min(ROWS, m_size - m)
            for tile in range(tiles):
                start = tile * tile_groups
                extra_at = (p if order[RULE] == KEEP else p * groups + start) * COLUMNS
                clamped += _tile(
                    act,
                    m * act_stride + start * group * act_bytes,
                    act_stride,
                    panels,
                    (p * panels.shape[1] + start * group) * weight_bytes,
                    min(tile_groups, groups - start),
                    extra,
                    extra_at,
                    order,
                    limits,
                    rows,
                    block,
                )
                if tiles == 1 and chunk_tiles == 0:
                    break
                begins = tile == 0 if chunk_tiles == 0 else tile % chunk_tiles == 0
                clamped += _add(buffer, block, begins, limits[0], limits[1], False, rows)
                if chunk_tiles > 0 and (tile == tiles - 1 or (tile + 1) % chunk_tiles == 0):
                    begins = tile < chunk_tiles
                    clamped += _add(outer, buffer, begins, limits[2], limits[3], order[OUTER_WRAPS] != 0, rows)
            if chunk_tiles > 0:
                _deliver(outer, rows, columns, out, m, p * COLUMNS)
            elif tiles > 1:
                _deliver(buffer, rows, columns, out, m, p * COLUMNS)
            else:
                _deliver(block, rows, columns, out, m, p * COLUMNS)
            m += rows
    return clamped


@kernel
def _tile(act, act_at, act_stride, panels, weight_at, groups, extra, extra_at, order, limits, rows, block):
    """The version of the tile that is asked for."""
    rule, group, low, high = order[RULE], order[GROUP], np.int64(limits[0]), np.int64(limits[1])
    if rule == KEEP:
        steps = groups * group
        if rows == 1:
            return multiply_tile(
                1, KEEP, act, act_at, act_stride, panels, weight_at, steps, 1, extra, extra_at, low, high, block
            )
        return multiply_tile(
            ROWS, KEEP, act, act_at, act_stride, panels, weight_at, steps, 1, extra, extra_at, low, high, block
        )
    if rule == TIGHT:
        return multiply_tile(
            ROWS, TIGHT, act, act_at, act_stride, panels, weight_at, groups, 1, extra, extra_at, low, high, block
        )
    return multiply_tile(
        ROWS, SETTLE, act, act_at, act_stride, panels, weight_at, groups, group, extra, extra_at, low, high, block
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

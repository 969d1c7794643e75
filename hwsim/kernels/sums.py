"""Matrix products addition by addition, for all types and widths: plain loops that also run uncompiled."""

import numpy as np

from hwsim.kernels.jit import kernel
from hwsim.kernels.registers import settle

# Places in `order`: products of a group, groups until the running sum goes to the buffer, tiles until the buffer goes
# to the outer register (0: there is none), whether that one wraps.
GROUP, TILE, CHUNK, OUTER_WRAPS = 0, 1, 2, 3


@kernel
def sum_in_order(act, weight, order, limits, first, last, out):
    """act[m, k] @ weight[k, n] into out, the rows first..last - 1; how many additions were clamped.

    `limits`: lowest and highest sum of the register, then of the outer one, in the type in which all is added; exact
    sums must fit it. Floating-point sums are rounded at each addition.
    """
    k_size, n_size = weight.shape
    group, tile_groups, chunk_tiles = order[GROUP], order[TILE], order[CHUNK]
    groups = -(-k_size // group)
    running = np.zeros(n_size, limits.dtype)
    buffer = np.zeros(n_size, limits.dtype)
    outer = np.zeros(n_size, limits.dtype)
    clamped = np.int64(0)
    for m in range(first, last):
        running[:], buffer[:], outer[:] = 0, 0, 0
        tiles = 0
        for g in range(groups):
            for k in range(g * group, min(g * group + group, k_size)):
                a, weights = act[m, k], weight[k]
                for n in range(n_size):
                    running[n] += a * weights[n]
            clamped += _settle_all(running, limits[0], limits[1], False)
            if g < groups - 1 and (g + 1) % tile_groups != 0:
                continue
            tiles += 1
            for n in range(n_size):
                buffer[n] += running[n]
                running[n] = 0
            clamped += _settle_all(buffer, limits[0], limits[1], False)
            if chunk_tiles > 0 and (g == groups - 1 or tiles % chunk_tiles == 0):
                for n in range(n_size):
                    outer[n] += buffer[n]
                    buffer[n] = 0
                clamped += _settle_all(outer, limits[2], limits[3], order[OUTER_WRAPS] != 0)
        result = outer if chunk_tiles > 0 else buffer
        for n in range(n_size):
            out[m, n] = result[n]
    return clamped


@kernel
def _settle_all(sums, low, high, wraps):
    """Brings sums into their register; how many a saturating one clamped."""
    clamped = np.int64(0)
    for n in range(sums.shape[0]):
        total = sums[n]
        sums[n] = settle(total, low, high, wraps)
        clamped += not wraps and sums[n] != total
    return clamped

"""How the cells of a tile stand for a matrix, and what its readings say of the result."""

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import Mapping, OffsetGain, OffsetRemoval, Sides, Stored, Subtract
from hwsim.tensor.formats import Array


@dataclass(frozen=True, slots=True)
class Read:
    """Currents of some arrays of cells, each times a factor, that are converted as one; the result takes the reading
    times `coefficient`."""

    arrays: tuple[tuple[int, float], ...]
    coefficient: float
    slice: int


@dataclass(frozen=True, slots=True)
class Layout:
    """result = gain · (Σ coefficient · reading - middle · Σ inputs), with a column of middles first if `column`."""

    reads: tuple[Read, ...]
    gain: float
    middle: float
    column: bool
    signs: int


def layout_of(tile: AnalogTile, limit: float) -> Layout:
    """The layout of weights up to `limit`; arrays are numbered by slice, then cell, then sign."""
    weights, device = tile.weights, tile.device
    span = 1.0 - device.g_min
    shares = [one / sum(weights.significance) for one in weights.significance]
    signs = 2 if weights.mapping is Mapping.DIFFERENTIAL else 1
    reads = []
    for place in range(weights.slices):
        arrays = [(place * len(shares) + cell, share) for cell, share in enumerate(shares)]
        coefficient = 1.0
        if weights.bits is not None:
            coefficient = 2.0 ** (place * weights.digit_bits) * (2**weights.digit_bits - 1) / span
        if signs == 1:
            reads.append(Read(tuple(arrays), coefficient, place))
            continue
        plus = tuple((2 * array, share) for array, share in arrays)
        minus = tuple((2 * array + 1, share) for array, share in arrays)
        if weights.subtract is Subtract.ANALOG:
            both = plus + tuple((array, -share) for array, share in minus)
            reads.append(Read(both, coefficient, place))
        else:
            reads += [Read(plus, coefficient, place), Read(minus, -coefficient, place)]
    if weights.bits is not None:
        middle = 0.0
        if signs == 1:
            middle = 2.0 ** (weights.bits - 1) + device.g_min * sum(read.coefficient for read in reads)
        return Layout(tuple(reads), limit / (2 ** (weights.bits - 1) - 1), middle, False, signs)
    if signs == 2:
        return Layout(tuple(reads), limit / span, 0.0, False, signs)
    lowest, width = _offset_range(tile)
    gain = 2 * limit / (width if weights.offset_gain is OffsetGain.CORRECTED else span)
    column = weights.offset_removal is OffsetRemoval.COLUMN
    return Layout(tuple(reads), gain, 0.0 if column else lowest + 0.5 * width, column, signs)


def _offset_range(tile: AnalogTile) -> tuple[float, float]:
    """The lowest conductance of the offset mapping and the width of its range; with levels, one of them the middle."""
    span, levels = 1.0 - tile.device.g_min, tile.device.levels
    if levels is None:
        return tile.device.g_min, span
    width = span * (levels - 2) / (levels - 1)
    return 1.0 - width, width


def targets(tile: AnalogTile, weight: Array, limit: float) -> list[Array]:
    """The conductances, relative to Gmax, that a part weight[k, n] is to be programmed as."""
    mapping, cells = tile.weights, len(tile.weights.significance)
    weight = np.clip(weight, -limit, limit)
    if mapping.bits is not None:
        pairs = _digits(tile, weight, limit)
    elif mapping.mapping is Mapping.OFFSET:
        pairs = [[_offset(tile, weight, limit)]]
    else:
        pairs = [_pair(tile, weight / limit)]
    return [_on_levels(tile, array) for slice_arrays in pairs for _ in range(cells) for array in slice_arrays]


def _pair(tile: AnalogTile, relative: Array) -> list[Array]:
    low, levels = tile.device.g_min, tile.device.levels
    span = 1.0 - low
    if tile.weights.sides is Sides.TWO:
        plus, minus = low + span * (1 + relative) / 2, low + span * (1 - relative) / 2
    else:
        least = 0.0 if levels is None else 0.5 / levels
        plus = np.where(relative >= least, low + span * relative, low)
        minus = np.where(relative < -least, low - span * relative, low)
    return [_stored(tile, plus), _stored(tile, minus)]


def _offset(tile: AnalogTile, weight: Array, limit: float) -> Array:
    relative = weight / (2 * limit)
    if tile.weights.offset_removal is OffsetRemoval.COLUMN:
        relative = np.insert(relative, 0, 0, axis=1)
    lowest, width = _offset_range(tile)
    return _stored(tile, width * (relative + 0.5) + lowest)


def _digits(tile: AnalogTile, weight: Array, limit: float) -> list[list[Array]]:
    mapping, low = tile.weights, tile.device.g_min
    span, bits, each = 1.0 - low, mapping.bits, mapping.digit_bits
    assert bits is not None
    differential = mapping.mapping is Mapping.DIFFERENTIAL
    # In this order of operations, so that ties fall as CrossSim's do.
    whole = weight / (2 * limit) * 2**bits * ((2 ** (bits - 1) - 1) / 2 ** (bits - 1))
    whole = np.rint(whole if differential else whole + 2 ** (bits - 1))
    rest, arrays = np.abs(whole), []
    for place in range(mapping.slices):
        digit = rest % 2**each if place < mapping.slices - 1 else rest
        rest = (rest - digit) / 2**each
        share = digit / (2**each - 1)
        if differential:
            signs = [low + share * (whole >= 0) * span, low + share * (whole < 0) * span]
        else:
            signs = [low + share * span]
        arrays.append([_stored(tile, sign) for sign in signs])
    return arrays


def _stored(tile: AnalogTile, array: Array) -> Array:
    return array.astype(np.float32 if tile.weights.stored is Stored.FLOAT32 else np.float64)


def _on_levels(tile: AnalogTile, array: Array) -> Array:
    """On the levels that a cell has, worked out in the array's own format."""
    levels, low = tile.device.levels, tile.device.g_min
    if levels is None:
        return array
    per_level = (levels - 1) / (1 - low)
    array = array.copy()
    array -= low
    array *= per_level
    array = np.rint(array)
    array /= per_level
    array += low
    return array

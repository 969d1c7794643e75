"""The range of currents that a converter tells apart."""

import math
from itertools import pairwise

import numpy as np

from hwsim.errors import InvalidValue
from hwsim.hardware.analog.conversion import Adc, Axis, Range
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import Mapping, Subtract
from hwsim.tensor.formats import Array


def limits_of(tile: AnalogTile, adc: Adc, rows: int, place: int) -> tuple[float, float]:
    """The lowest and the highest current of a reading of slice `place` on so many rows; not of calibrated ranges."""
    weights, inputs = tile.weights, tile.input
    differential = weights.mapping is Mapping.DIFFERENTIAL
    if adc.range is Range.LIMITS:
        return adc.limits[place if len(adc.limits) > 1 else 0]
    if weights.bits is None:
        negative = inputs.signed or (differential and weights.subtract is Subtract.ANALOG)
        return (-float(rows) if negative else 0.0), float(rows)
    if differential and adc.range is Range.MAX:
        return -float(rows), float(rows)
    assert inputs.bits is not None
    # CrossSim's ranges, whose codes stand for multiples of a cell's smallest current: of full scale, the largest
    # magnitude of an input is one step less than a power of two.
    magnitudes = 2.0**inputs.magnitude_bits
    step = magnitudes / (magnitudes - 1) / (2**weights.digit_bits - 1)
    if adc.range is Range.GRANULAR:
        most = step * (2 ** (adc.bits - 1) - 1)
        return (-most, most) if differential or inputs.signed else (0.0, step * (2**adc.bits - 1))
    most = 2.0 ** round(math.log2(rows)) * step * 2**weights.digit_bits
    if inputs.signed:
        most *= (2**adc.bits - 2) / 2**adc.bits
        return -most, most
    return 0.0, most * (2**adc.bits - 1) / 2**adc.bits


def checked_ranges(ranges: object, adc: Adc | None, shape: tuple[int, int, int, int]) -> Array | None:
    """Calibrated ranges [tile, pass, slice, column, 2] as an array, each of the first axes 1 long or as long as in
    `shape`; None where the tile needs none."""
    if adc is None or adc.range is not Range.CALIBRATED:
        if ranges is not None:
            raise InvalidValue("ranges", "an array", "are for a tile whose adc.range is calibrated")
        return None
    if ranges is None:
        raise InvalidValue("ranges", None, "must be given where adc.range is calibrated; hwsim.calibrate measures them")
    array = np.asarray(ranges, float)
    fits = array.ndim == 5 and array.shape[4] == 2
    if not fits or any(have not in (1, most) for have, most in zip(array.shape, shape, strict=False)):
        law = f"must have the shape {(*shape, 2)}, of which all but the last may be 1"
        raise InvalidValue("ranges.shape", array.shape, law)
    if not np.isfinite(array).all() or not (array[..., 0] < array[..., 1]).all():
        raise InvalidValue("ranges", "an array", "must hold finite pairs, each a lower and a higher number")
    return array


def columns_of(ranges: Array, tile: int, pass_: int, place: int, cols: slice) -> tuple[Array, Array]:
    """Calibrated lowest and highest currents of the columns of a reading."""
    t, p, s, n, _ = ranges.shape
    pairs = ranges[tile if t > 1 else 0, pass_ if p > 1 else 0, place if s > 1 else 0]
    chosen = pairs[cols] if n > 1 else np.broadcast_to(pairs, (cols.stop - cols.start, 2))
    return np.ascontiguousarray(chosen[:, 0]), np.ascontiguousarray(chosen[:, 1])


Readings = list[tuple[int, int, int, slice, Array]]
"""Of each reading its tile, pass, slice, columns and currents[m, n]."""


def ranges_from(readings: Readings, adc: Adc, shape: tuple[int, int, int, int]) -> Array:
    """Ranges that hold the adc's quantile of the magnitudes of all readings that share one."""
    own = [axis in adc.per for axis in (Axis.TILE, Axis.PASS, Axis.SLICE)]
    columns = shape[3] if Axis.COLUMN in adc.per else 1
    sizes = [size if mine else 1 for size, mine in zip(shape, own, strict=False)]
    ranges = np.zeros((*sizes, columns, 2))
    groups: dict[tuple[int, ...], list[tuple[slice, Array]]] = {}
    for *place, cols, currents in readings:
        key = tuple(index if mine else 0 for index, mine in zip(place, own, strict=True))
        groups.setdefault(key, []).append((cols, currents))
    for key, members in groups.items():
        if columns == 1:
            values = np.concatenate([currents.ravel() for _, currents in members])
            ranges[key] = _ranges(values[:, None], adc.quantile)
            continue
        for first, stop in pairwise(sorted({bound for cols, _ in members for bound in (cols.start, cols.stop)})):
            held = [currents[:, first - cols.start : stop - cols.start] for cols, currents in members
                    if cols.start <= first and stop <= cols.stop]  # fmt: skip
            if held:
                ranges[key][first:stop] = _ranges(np.concatenate(held), adc.quantile)
    empty = ranges[..., 0] >= ranges[..., 1]  # a column that another tile has
    ranges[empty] = (-1.0, 1.0)
    return ranges


def _ranges(values: Array, quantile: float) -> Array:
    """Of each column of values[m, n] the range [n, 2] that holds that share of its magnitudes."""
    most = np.quantile(np.abs(values), quantile, axis=0)
    most[most == 0] = 1.0
    return np.stack([np.where(values.min(axis=0) < 0, -most, 0.0), most], axis=1)

"""Vectors times a matrix on analog tiles."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from typing import Self

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.conversion import Accumulate, Range
from hwsim.tensor.analog.converter import Converter
from hwsim.tensor.analog.draws import key_of
from hwsim.tensor.analog.inputs import Driven, drive, passes
from hwsim.tensor.analog.programmed import Part, Programmed, checked_numbers
from hwsim.tensor.analog.ranges import Readings, checked_ranges, columns_of, limits_of, ranges_from
from hwsim.tensor.analog.reading import Reader, Reading
from hwsim.tensor.analog.room import Room
from hwsim.tensor.formats import Array

_BLOCK = 256  # vectors at a time, so that memory does not depend on how many there are
_RETRY = 64  # passes of a repeated vector are numbered from here on: noise is drawn anew


@dataclass(frozen=True, slots=True, eq=False)
class AnalogProduct:
    """`out[m, n]`, and the codes [m, column] of each conversion: tile by tile, pass by pass, reading by reading.

    `clipped[m]` counts currents outside the converter's range, `retries[m]` how often a vector was computed again.
    """

    out: Array
    adc_codes: tuple[Array, ...]
    clipped: Array
    retries: Array


def multiply(
    matrix: Programmed,
    x: object,
    *,
    seed: int = 0,
    first: int = 0,
    ranges: object = None,
    threads: int = 1,
    noise_per_cell: bool = False,
) -> AnalogProduct:
    """x[m, k] times the matrix. Vector i is MVM number first + i: what is drawn for it depends on that number, on the
    seed and on where it is drawn, not on the vectors around it."""
    vectors = _checked(matrix, x)
    if isinstance(first, bool) or not isinstance(first, int) or not 0 <= first <= 2**32 - len(vectors):
        raise InvalidValue("first", first, f"must be a whole number from 0 to 2^32 - {len(vectors)}")
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 1024:
        raise InvalidValue("threads", threads, "must be a whole number from 1 to 1024")
    return Multiplier.of(matrix, seed=seed, ranges=ranges, noise_per_cell=noise_per_cell)(vectors, first, threads)


def calibrate(matrix: Programmed, x: object, *, seed: int = 0) -> Array:
    """Ranges [tile, pass, slice, column, 2] for the tile's converter, from sample vectors x[m, k]."""
    adc = matrix.tile.adc
    if adc is None or adc.range is not Range.CALIBRATED:
        raise InvalidValue("adc.range", None if adc is None else adc.range.value, "must be calibrated")
    vectors = _checked(matrix, x)
    readings: Readings = []
    job = Multiplier(matrix, seed, None, False, readings)
    for start, stop in _blocks(matrix, 0, len(vectors)):
        job.block(vectors[start:stop], start)
    return ranges_from(readings, adc, _range_shape(matrix))


def _checked(matrix: Programmed, x: object) -> Array:
    vectors = checked_numbers("input", x)
    if vectors.shape[1] != matrix.shape[0]:
        law = f"must have as many columns as weight has rows, {matrix.shape[0]}"
        raise InvalidValue("input.shape", vectors.shape, law)
    return vectors


def _range_shape(matrix: Programmed) -> tuple[int, int, int, int]:
    inputs = matrix.tile.input
    converted = inputs.passes if inputs.accumulate is Accumulate.DIGITAL else 1
    return len(matrix.parts), converted, matrix.tile.weights.slices, matrix.shape[1]


def _window(matrix: Programmed) -> int:
    model = matrix.tile.device.strays
    return 2**62 if model is None or model.flicker is None else model.window


def _blocks(matrix: Programmed, first: int, count: int) -> Iterator[tuple[int, int]]:
    """Runs of MVM numbers that lie in one window."""
    window, start, end = _window(matrix), first, first + count
    while start < end:
        stop = min(end, start + _BLOCK, (start // window + 1) * window)
        yield start, stop
        start = stop


def _joined(made: list[AnalogProduct]) -> AnalogProduct:
    codes = tuple(np.concatenate(each) for each in zip(*(one.adc_codes for one in made), strict=True))
    out, clipped, retries = (
        np.concatenate([getattr(one, name) for one in made]) for name in ("out", "clipped", "retries")
    )
    return AnalogProduct(out, codes, clipped, retries)


@dataclass(frozen=True, slots=True, eq=False)
class Multiplier:
    """Multiplies vectors by one matrix, again and again: what stays the same is worked out once."""

    matrix: Programmed
    seed: int
    ranges: Array | None
    per_cell: bool = False
    readings: Readings | None = None
    converter: Converter | None = None
    room: Room = field(default_factory=Room)
    limits: dict[tuple[int, int, int], tuple[Array, Array]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        matrix: Programmed,
        *,
        seed: int,
        ranges: object = None,
        noise_per_cell: bool = False,
        room: Room | None = None,
    ) -> Self:
        """One with a seed and ranges that are checked; in the room of many, or in its matrix's own."""
        key_of(seed)
        adc = matrix.tile.adc
        checked = checked_ranges(ranges, adc, _range_shape(matrix))
        converter = None if adc is None else Converter(adc, matrix.seed)
        return cls(matrix, seed, checked, noise_per_cell, converter=converter, room=room or matrix.room)

    def __call__(self, x: Array, first: int, threads: int = 1) -> AnalogProduct:
        """Finite float64 vectors x[m, k] times the matrix, MVMs first, first + 1, …"""
        matrix = self.matrix
        blocks = list(_blocks(matrix, first, len(x)))
        todo = [(x[start - first : stop - first], start) for start, stop in blocks]
        if threads == 1 or len(todo) == 1:
            made = [self.block(*one) for one in todo]
        else:
            for part in matrix.parts:
                matrix.cells(part, blocks[0][0] // _window(matrix))
            with ThreadPoolExecutor(threads) as pool:
                made = list(pool.map(lambda one: self.block(*one), todo))
        return made[0] if len(made) == 1 else _joined(made)

    def block(self, x: Array, first: int) -> AnalogProduct:
        """The product of some vectors; those that left a range again with half the input, as long as that may help."""
        made = self._once(x, first, 0)
        retries = np.zeros(len(x), np.int64)
        for halvings in range(1, self.matrix.tile.input.retries + 1):
            again = made.clipped > 0
            if not again.any():
                break
            anew = self._once(x, first, halvings)
            retries += again
            made = AnalogProduct(
                np.where(again[:, None], anew.out, made.out),
                tuple(np.where(again[:, None], b, a) for a, b in zip(made.adc_codes, anew.adc_codes, strict=True)),
                np.where(again, anew.clipped, made.clipped),
                retries,
            )
        return AnalogProduct(made.out, made.adc_codes, made.clipped, retries)

    def _once(self, x: Array, first: int, halvings: int) -> AnalogProduct:
        matrix = self.matrix
        driven = drive(matrix.tile.input, x, self.room, halvings)
        clipped = np.zeros(len(x), np.int64)
        codes: list[Array] = []
        if len(matrix.parts) == 1:
            out = self._part(matrix.parts[0], driven, first, halvings, codes, clipped)
        else:
            out = np.zeros((len(x), matrix.shape[1]))
            for part in matrix.parts:
                out[:, part.cols] += self._part(part, driven.on(part.rows), first, halvings, codes, clipped)
        out *= (matrix.layout.gain / driven.scale)[:, None]
        if matrix.correction is not None:
            out *= matrix.correction
        return AnalogProduct(out, tuple(codes), clipped, np.zeros(len(x), np.int64))

    def _part(self, part: Part, driven: Driven, first: int, halvings: int, codes: list[Array], clipped: Array) -> Array:
        """What one tile adds to the result, but for a gain."""
        matrix, layout, tile = self.matrix, self.matrix.layout, self.matrix.tile
        converter = self.converter
        reader = Reader(
            tile, matrix.cells(part, first // _window(matrix)), part.number, self.seed, self.per_cell, self.room
        )
        digital = tile.input.accumulate is Accumulate.DIGITAL
        sums: list[Array | None] = [None] * len(layout.reads)
        for number, one in enumerate(passes(tile.input, driven)):
            for place, read in enumerate(layout.reads):
                reading = Reading(read, place, one, number + _RETRY * halvings, first)
                limits = None
                if converter is not None and digital:
                    limits = self._kept_limits(part, number, read.slice)
                y, made = reader.read(reading, converter, limits, clipped)
                if made is not None:
                    codes.append(made)
                if self.readings is not None and digital:
                    self._note(part, number, read.slice, y)
                y = y * one.coefficient if one.coefficient != 1 else y
                before = sums[place]
                sums[place] = y if before is None else before + y
        total: Array | None = None
        for place, read in enumerate(layout.reads):
            added = sums[place]
            assert added is not None
            y = added
            if not digital and self.readings is not None:
                self._note(part, 0, read.slice, y)
            if not digital and converter is not None:
                low, high = self._kept_limits(part, 0, read.slice)
                made = converter.convert(
                    y, low, high, clipped, tile=part.number, read=place, pass_=_RETRY * halvings, first=first
                )
                codes.append(made)
            y = y * read.coefficient if read.coefficient != 1 else y
            total = y if total is None else total + y
        assert total is not None
        if layout.middle:
            total -= layout.middle * driven.totals()[:, None]
        return total[:, 1:] - total[:, :1] if layout.column else total

    def _kept_limits(self, part: Part, pass_: int, place: int) -> tuple[Array, Array]:
        key = part.place, pass_, place
        if key not in self.limits:
            self.limits[key] = self._limits(part, pass_, place)
        return self.limits[key]

    def _limits(self, part: Part, pass_: int, place: int) -> tuple[Array, Array]:
        adc, column = self.matrix.tile.adc, self.matrix.layout.column
        assert adc is not None
        if self.ranges is not None:
            low, high = columns_of(self.ranges, part.place, pass_, place, part.cols)
            if column:
                low, high = np.insert(low, 0, low.min()), np.insert(high, 0, high.max())
            return low, high
        pair = limits_of(self.matrix.tile, adc, part.rows.stop - part.rows.start, place)
        width = part.cols.stop - part.cols.start + column
        return np.full(width, float(pair[0])), np.full(width, float(pair[1]))

    def _note(self, part: Part, pass_: int, place: int, y: Array) -> None:
        assert self.readings is not None
        currents = y[:, 1:] if self.matrix.layout.column else y
        self.readings.append((part.place, pass_, place, part.cols, currents.copy()))

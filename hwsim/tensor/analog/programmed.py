"""A matrix on tiles: what their cells were meant to hold, what they hold, and what it makes of the results."""

from dataclasses import dataclass, field, replace

import numpy as np

from hwsim.errors import InvalidValue
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import OffsetRemoval
from hwsim.quantities.precision import Precision
from hwsim.tensor.analog.devices import drifted, exponents, in_window, programmed, white_spread
from hwsim.tensor.analog.draws import key_of
from hwsim.tensor.analog.layout import Layout, Read, layout_of, parts, targets
from hwsim.tensor.formats import Array
from hwsim.tensor.weights import Weights

_DIGITS = np.array([65536.0, 256.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """Currents as whole multiples of `step`, in one or three signed bytes, right to within `error` each."""

    weights: Weights
    worth: Array
    error: float
    largest: float

    @classmethod
    def of(cls, g: Array) -> "Digits":
        largest = float(np.abs(g).max()) or 1.0
        one = np.rint(g / largest * 127)
        error = float(np.abs(one * (largest / 127) - g).max())
        if error < 1e-14 * largest:
            return cls(Weights.of(one.astype(np.int8), Precision.INT8), np.array([largest / 127]), error, largest)
        step = largest / float(127 * _DIGITS.sum())
        whole = np.rint(g / step).astype(np.int64)
        low = (whole + 128) % 256 - 128
        rest = (whole - low) // 256
        middle = (rest + 128) % 256 - 128
        digits = np.concatenate([(rest - middle) // 256, middle, low], axis=1).astype(np.int8)
        error = float(np.abs(whole * step - g).max())
        return cls(Weights.of(digits, Precision.INT8), _DIGITS * step, error, largest)


@dataclass(slots=True, eq=False)
class Cells:
    """The arrays of one tile during a window of reads, and what readings of them need."""

    arrays: list[Array]
    spreads: list[Array | None]
    kept: dict[tuple[str, int], object] = field(default_factory=dict)

    def currents(self, read: Read, place: int) -> Array:
        """What the cells of a reading add up to, per full-scale input."""
        return self._keep("currents", place, lambda: self._combined(read))

    def variance(self, read: Read, place: int) -> Array | None:
        """The variance of that by white noise."""
        if self.spreads[0] is None:
            return None
        return self._keep("variance", place, lambda: self._squares(read))

    def digits(self, read: Read, place: int) -> Digits:
        return self._keep("digits", place, lambda: Digits.of(self.currents(read, place)))

    def _keep(self, what, place, make):  # type: ignore[no-untyped-def]
        if (what, place) not in self.kept:
            self.kept[what, place] = make()
        return self.kept[what, place]

    def _combined(self, read: Read) -> Array:
        (first, share), *rest = read.arrays
        total = self.arrays[first] if share == 1 else self.arrays[first] * share
        for array, factor in rest:
            total = total + self.arrays[array] * np.asarray(factor, total.dtype)
        return np.ascontiguousarray(total, np.float64)

    def _squares(self, read: Read) -> Array:
        total = np.zeros(self.arrays[0].shape)
        for array, factor in read.arrays:
            spread = self.spreads[array]
            assert spread is not None
            total += factor * factor * (spread * spread)
        return total


@dataclass(slots=True, eq=False)
class Part:
    """One tile: the rows and columns of the matrix that it holds, and its arrays of cells."""

    number: int
    rows: slice
    cols: slice
    target: list[Array]
    held: list[Array]
    now: list[Array]
    windows: dict[int, Cells] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Programmed:
    """A matrix [k, n] of weights up to `limit` on tiles; `correction` is multiplied to the columns of a result."""

    tile: AnalogTile
    shape: tuple[int, int]
    limit: float
    layout: Layout
    parts: tuple[Part, ...]
    seed: int
    seconds: float = 0.0
    correction: Array | None = None

    def cells(self, part: Part, window: int) -> Cells:
        """The cells of a part during a window."""
        model = self.tile.device.strays
        if model is None or model.flicker is None:
            window = 0
        if window not in part.windows:
            now = [
                in_window(model, held, drift, self.seconds, self.seed, part.number, array, window)
                for array, (held, drift) in enumerate(zip(part.held, part.now, strict=True))
            ]
            part.windows.clear()  # one at a time: a window may be a single MVM
            part.windows[window] = Cells(now, [white_spread(model, array) for array in now])
        return part.windows[window]


def program(tile: AnalogTile, weight: object, *, seed: int = 0) -> Programmed:
    """Put weight[k, n] on as many tiles as it takes."""
    matrix = checked_numbers("weight", weight)
    key_of(seed)
    limit = float(np.abs(matrix).max()) if tile.weights.limit is None else tile.weights.limit
    limit = limit or 1.0
    layout, (rows, cols) = layout_of(tile, limit), parts(tile, *matrix.shape)
    made = []
    for across, held_cols in enumerate(cols):
        for down, held_rows in enumerate(rows):
            number = across * len(rows) + down
            wanted = targets(tile, matrix[held_rows, held_cols], limit)
            held = [
                programmed(tile.device.strays, target, seed, number, array) for array, target in enumerate(wanted)
            ]
            made.append(Part(number, held_rows, held_cols, wanted, held, held))
    return Programmed(tile, matrix.shape, limit, layout, tuple(made), seed)  # type: ignore[arg-type]


def after(matrix: Programmed, seconds: float, *, compensation: str = "none") -> Programmed:
    """The matrix so many seconds after its cells were first read, every cell drifted by an exponent of its own.

    `compensation` multiplies results by what reading one-hot vectors gives now and gave at first, in sums of
    magnitudes: `global` for all of the matrix, `column` for each column.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= 1e12:
        raise InvalidValue("seconds", seconds, "must be a number of seconds from 0 to 1e12")
    if compensation not in ("none", "global", "column"):
        raise InvalidValue("compensation", compensation, "must be none, global or column")
    model, moved = matrix.tile.device.strays, []
    for part in matrix.parts:
        now = []
        for array, (target, held) in enumerate(zip(part.target, part.held, strict=True)):
            exponent = None if model is None else exponents(model, target, matrix.seed, part.number, array)
            now.append(drifted(model, held, exponent, float(seconds)))
        moved.append(Part(part.number, part.rows, part.cols, part.target, part.held, now))
    late = replace(matrix, parts=tuple(moved), seconds=float(seconds), correction=None)
    return late if compensation == "none" else replace(late, correction=_correction(late, compensation))


def _correction(matrix: Programmed, compensation: str) -> Array:
    """What it takes to bring the magnitudes of columns back."""
    sums = np.zeros((2, matrix.shape[1]))
    for part in matrix.parts:
        for when, arrays in enumerate((part.held, part.now)):
            sums[when, part.cols] += np.abs(_weights_of(matrix, arrays)).sum(axis=0)
    first, now = sums if compensation == "column" else sums.sum(axis=1, keepdims=True)
    return np.asarray(np.where(now > 0, first / np.where(now > 0, now, 1.0), 1.0))


def _weights_of(matrix: Programmed, arrays: list[Array]) -> Array:
    """The weights that arrays of cells stand for, but for a gain that all share."""
    cells, layout = Cells(arrays, [None] * len(arrays)), matrix.layout
    total: Array = np.zeros(()) - layout.middle
    for place, read in enumerate(layout.reads):
        total = total + read.coefficient * cells.currents(read, place)
    return total[:, 1:] - total[:, :1] if layout.column else total


def transposed(matrix: Programmed) -> Programmed:
    """The same cells driven from their columns and read at their rows: the product with the transposed matrix."""
    if matrix.tile.weights.offset_removal is OffsetRemoval.COLUMN:
        raise InvalidValue("weights.offset_removal", "column", "is read with columns; its rows have no middle")
    if matrix.correction is not None:
        raise InvalidValue("compensation", "a correction", "belongs to columns; transpose before compensating")
    tile, wires = matrix.tile, matrix.tile.wires
    if wires is not None and wires.kind == "circuit":
        wires = replace(
            wires, row=wires.col, col=wires.row, row_terminal=wires.col_terminal, col_terminal=wires.row_terminal
        )
    turned = [
        Part(
            part.number,
            part.cols,
            part.rows,
            *([np.ascontiguousarray(array.T) for array in arrays] for arrays in (part.target, part.held, part.now)),
        )
        for part in matrix.parts
    ]
    tile = replace(tile, rows=tile.cols, cols=tile.rows, wires=wires)
    return replace(matrix, tile=tile, shape=matrix.shape[::-1], parts=tuple(turned))


def checked_numbers(name: str, values: object) -> Array:
    """A matrix of finite numbers as float64, row by row in memory."""
    matrix = np.asarray(values)
    if matrix.ndim != 2:
        raise InvalidValue(f"{name}.shape", matrix.shape, "must be two numbers: a matrix")
    if matrix.size == 0:
        raise InvalidValue(f"{name}.shape", matrix.shape, "must have at least one row and one column")
    if matrix.dtype.kind not in "iuf":
        raise InvalidValue(f"{name}.dtype", str(matrix.dtype), "must be a type of numbers")
    made = np.ascontiguousarray(matrix, np.float64)
    finite = np.isfinite(made)
    if not finite.all():
        row, column = (int(i) for i in np.unravel_index(int((~finite).argmax()), made.shape))
        raise InvalidValue(f"{name}[{row}, {column}]", made[row, column].item(), "must be a finite number")
    return made

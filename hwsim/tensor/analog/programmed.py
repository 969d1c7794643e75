"""A matrix on tiles: what their cells were meant to hold, what they hold, and what it makes of the results."""

from dataclasses import field, replace

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import Beyond, OffsetRemoval
from hwsim.hardware.analog.work import parts
from hwsim.kernels.crossbar import add_sums
from hwsim.tensor.analog.cells import Cells
from hwsim.tensor.analog.devices import drifted, exponents, in_window, programmed, white_spread
from hwsim.tensor.analog.draws import key_of
from hwsim.tensor.analog.layout import Layout, layout_of, targets
from hwsim.tensor.analog.room import Room
from hwsim.tensor.formats import Array

COMPENSATIONS = ("none", "global", "column")
"""What may bring back what drift took."""


@dataclass(slots=True, eq=False)
class Part:
    """One tile: its place in the matrix and its number, from which its draws are made, the rows and columns of the
    matrix that it holds, and its arrays of cells."""

    place: int
    number: int
    rows: slice
    cols: slice
    target: list[Array]
    held: list[Array]
    now: list[Array]
    windows: dict[int, Cells] = field(default_factory=dict)
    row_sums: Array | None = None
    """Conductances of the cells of each row as they are now, once somebody has asked for them."""


@dataclass(frozen=True, slots=True, eq=False)
class Programmed:
    """A matrix [k, n] of weights up to `limit` on tiles, of a chip if they have one; `correction` is multiplied to the
    columns of a result."""

    tile: AnalogTile
    shape: tuple[int, int]
    limit: float
    layout: Layout
    parts: tuple[Part, ...]
    seed: int
    seconds: float = 0.0
    correction: Array | None = None
    room: Room = field(default_factory=Room)
    """Of the products that are made with it, one after another."""
    chip: AnalogChip | None = None

    def cells(self, part: Part, window: int) -> Cells:
        """The cells of a part during a window."""
        model = self.tile.device.strays
        if model is None or model.flicker is None:
            window = 0
        cells = part.windows.get(window)
        if cells is None:
            now = [
                in_window(model, held, drift, self.seconds, self.seed, part.number, array, window)
                for array, (held, drift) in enumerate(zip(part.held, part.now, strict=True))
            ]
            part.windows.clear()  # one at a time: a window may be a single MVM
            cells = part.windows[window] = Cells(now, [white_spread(model, array) for array in now])
        return cells


def program(tile: AnalogTile, weight: object, *, seed: int = 0, number: int = 0) -> Programmed:
    """Put weight[k, n] on as many tiles as it takes, of which the first has this number."""
    matrix = checked_numbers("weight", weight)
    key_of(seed)
    limit = float(np.abs(matrix).max()) if tile.weights.limit is None else tile.weights.limit
    limit = limit or 1.0
    _check_limit(tile, matrix, limit)
    layout, (rows, cols) = layout_of(tile, limit), parts(tile, *matrix.shape)
    made = []
    for across, held_cols in enumerate(cols):
        for down, held_rows in enumerate(rows):
            place = across * len(rows) + down
            own = number + place
            wanted = targets(tile, matrix[held_rows, held_cols], limit)
            held = [programmed(tile.device.strays, target, seed, own, array) for array, target in enumerate(wanted)]
            made.append(Part(place, own, held_rows, held_cols, wanted, held, held))
    return Programmed(tile, matrix.shape, limit, layout, tuple(made), seed)


def _check_limit(tile: AnalogTile, matrix: Array, limit: float) -> None:
    """Refuse weights that no cell can hold, unless the tile says that they are clipped."""
    if tile.weights.beyond is Beyond.REFUSE and float(np.abs(matrix).max()) > limit:
        row, column = (int(i) for i in np.unravel_index(int(np.abs(matrix).argmax()), matrix.shape))
        law = (
            f"must be at most {limit:g} in magnitude, the tile's weights.limit; raise or leave out the limit, or set "
            "weights.beyond: clip"
        )
        raise InvalidValue(f"weight[{row}, {column}]", matrix[row, column].item(), law)


def after(matrix: Programmed, seconds: float, *, compensation: str = "none") -> Programmed:
    """The matrix so many seconds after its cells were first read, every cell drifted by an exponent of its own.

    `compensation` multiplies results by what reading one-hot vectors gives now and gave at first, in sums of
    magnitudes: `global` for all of the matrix, `column` for each column.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= 1e12:
        raise InvalidValue("seconds", seconds, "must be a number of seconds from 0 to 1e12")
    if compensation not in COMPENSATIONS:
        raise InvalidValue("compensation", compensation, "must be none, global or column")
    model, moved = matrix.tile.device.strays, []
    for part in matrix.parts:
        now = []
        for array, (target, held) in enumerate(zip(part.target, part.held, strict=True)):
            exponent = None if model is None else exponents(model, target, matrix.seed, part.number, array)
            now.append(drifted(model, held, exponent, float(seconds)))
        moved.append(Part(part.place, part.number, part.rows, part.cols, part.target, part.held, now))
    late = replace(matrix, parts=tuple(moved), seconds=float(seconds), correction=None)
    return replace(late, correction=correction_of(late, compensation))


def correction_of(matrix: Programmed, compensation: str) -> Array | None:
    """What brings the magnitudes of all columns, or of each, back to where they were at first; None for `none`."""
    if compensation == "none":
        return None
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


def row_sums(part: Part) -> Array:
    """The conductances of all cells of each row [1, row], relative to Gmax, added array by array; kept for later."""
    if part.row_sums is None:
        total = np.zeros((len(part.now[0]), 1))
        for array in part.now:
            add_sums(np.ascontiguousarray(array, np.float64), np.ones((array.shape[1], 1)), total)
        part.row_sums = np.ascontiguousarray(total.T)
    return part.row_sums


def settled(matrix: Programmed) -> Programmed:
    """The same matrix, of which only what readings of its first window need is kept, where that is all they need."""
    model, wires = matrix.tile.device.strays, matrix.tile.wires
    if wires is not None or (
        model is not None and (model.clip or (model.flicker is not None and model.window < 2**31))
    ):
        return matrix
    kept = []
    for part in matrix.parts:
        cells = matrix.cells(part, 0).combined(matrix.layout.reads)
        sums = None if matrix.tile.phases is None else row_sums(part)
        kept.append(Part(part.place, part.number, part.rows, part.cols, [], [], [], {0: cells}, sums))
    return replace(matrix, parts=tuple(kept))


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
    turned = tuple(
        Part(part.place, part.number, part.cols, part.rows, _turned(part.target), _turned(part.held), _turned(part.now))
        for part in matrix.parts
    )
    tile = replace(tile, rows=tile.cols, cols=tile.rows, wires=wires)
    return replace(matrix, tile=tile, shape=matrix.shape[::-1], parts=turned)


def _turned(arrays: list[Array]) -> list[Array]:
    return [np.ascontiguousarray(array.T) for array in arrays]


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

"""Where the weights of a program stand on analog tiles, and which ops stay digital."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Whole
from hwsim.schedule.counters import Count

_Size = Annotated[int, Whole(low=1)]
_Place = Annotated[int, Whole()]


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePart(Noun):
    """A block of a matrix on a tile of a chip: its first row and column in the matrix, how many there are, and the
    first column that it takes of the tile. Its rows stand on the tile's first ones."""

    chip: _Place
    tile: _Place
    copy: _Place = 0
    matrix: _Place = 0
    row: _Place
    rows: _Size
    col: _Place
    cols: _Size
    at: _Place = 0

    @property
    def spot(self) -> tuple[int, int]:
        """The tile, and the chip on which it is."""
        return self.chip, self.tile


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedMatrix(Noun):
    """Weights that take one vector at a time: a matrix [k, n] of a tensor, or all `matrices` of a convolution's groups.

    `batch` says which matrix of the tensor it is. `copies` sets of tiles take vectors in turn. Of matrices that share
    tiles only one takes a vector at a time: they have one `unit`.
    """

    tensor: Name
    ops: tuple[Name, ...]
    batch: _Place = 0
    matrices: _Size = 1
    k: _Size
    n: _Size
    row_parts: _Size
    col_parts: _Size
    copies: _Size = 1
    dense: bool = False
    unit: _Place
    parts: tuple[TilePart, ...]

    def check(self) -> None:
        stands = sum(part.rows * part.cols for part in self.parts)
        if stands != self.weights * self.copies:
            raise InvalidValue(f"{self.tensor}.parts", stands, f"must hold {self.copies} × {self.weights} weights")

    @property
    def weights(self) -> int:
        """Weights of one copy."""
        return self.matrices * self.k * self.n

    @property
    def chips(self) -> tuple[int, ...]:
        """The chips on which it stands, those with most parts first."""
        counted = Counter(part.chip for part in self.parts)
        return tuple(sorted(counted, key=lambda chip: (-counted[chip], chip)))

    @property
    def spots(self) -> frozenset[tuple[int, int]]:
        """Its tiles, each with its chip."""
        return frozenset(part.spot for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalOp(Noun):
    """An op with products that no tile makes, and why."""

    op: Name
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement(Noun):
    """All matrices on tiles, and all products that the vector unit makes.

    `programmed_cells` are all cells that are programmed, once, before anything runs. No tile holds a column twice.
    """

    matrices: tuple[PlacedMatrix, ...]
    digital: tuple[DigitalOp, ...]
    rows: _Size
    cols: _Size
    dense_cols: _Size
    tiles: _Size
    chips: _Size
    programmed_cells: Count

    def check(self) -> None:
        taken: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for matrix in self.matrices:
            cols = self.dense_cols if matrix.dense else self.cols
            for part in matrix.parts:
                if part.chip >= self.chips or part.tile >= self.tiles:
                    raise InvalidValue(f"{matrix.tensor}.parts", part.spot, "is no tile of these chips")
                if part.rows > self.rows or part.at + part.cols > cols:
                    raise InvalidValue(f"{matrix.tensor}.parts", (part.rows, part.at + part.cols), "leaves its tile")
                taken.setdefault(part.spot, []).append((part.at, part.at + part.cols))
        for spot, spans in taken.items():
            end = 0
            for first, last in sorted(spans):
                if first < end:
                    raise InvalidValue("matrices", spot, "is a tile of which a column is taken twice")
                end = last

    @property
    def tiles_used(self) -> tuple[int, ...]:
        """Tiles with weights on them, of each chip."""
        spots = {spot for matrix in self.matrices for spot in matrix.spots}
        counted = Counter(chip for chip, _ in spots)
        return tuple(counted[chip] for chip in range(self.chips))

    @property
    def units(self) -> int:
        """Groups of tiles that take a vector on their own."""
        return 1 + max((matrix.unit for matrix in self.matrices), default=-1)

    def utilisation(self, matrix: PlacedMatrix) -> float:
        """Weights over the room for weights on the tiles of a matrix, which others may share."""
        cols = self.dense_cols if matrix.dense else self.cols
        return matrix.weights * matrix.copies / (len(matrix.spots) * self.rows * cols)

    def of_op(self, op: str) -> Iterator[PlacedMatrix]:
        """The matrices of an op, in the order of its batch."""
        return (matrix for matrix in self.matrices if op in matrix.ops)

"""The accelerator whose weights stand on analog tiles: its tiles, its links, and the digital side between them."""

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.chip import Machine
from hwsim.quantities.fields import HERTZ, Attojoules, Picoseconds
from hwsim.quantities.noun import Name, Noun, Number, Table, Whole
from hwsim.quantities.offered import as_html

_COPIES = Whole(low=1, high=4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Noun):
    """The way of a vector from one unit to another: how long it takes on one chip and to another chip, and what a byte
    between chips costs. Vectors on their way do not wait for each other."""

    within: Picoseconds = 0
    between: Picoseconds = 0
    between_energy: Attojoules | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical(Noun):
    """What the energy of the cells is worked out with where no values are computed: the mean magnitude of inputs over
    their full scale, and the mean conductance of the cells of a weight over Gmax."""

    input: Annotated[float, Number(low=0, high=1)]
    conductance: Annotated[float, Number(low=0, high=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalogChip(Machine):
    """Chips of analog tiles, each with a digital side of its own: a vector unit and a scratchpad.

    Weights are programmed once and stay. Ops whose names match a pattern in `dense` put each digit on one cell (or
    pair) instead of on all in `weights.significance`, so that a tile has as many times the columns; those in `copies`
    stand on so many sets of tiles, which take vectors in turn. What no tile can do, and what a pattern in `digital`
    names, the vector unit does.
    """

    array: AnalogTile
    tiles: Annotated[int, Whole(low=1, high=2**20)]
    chips: Annotated[int, Whole(low=1, high=1024)] = 1
    link: Link = Link()
    typical: Typical
    dense: tuple[Name, ...] = ()
    copies: Annotated[tuple[tuple[Name, Annotated[int, _COPIES]], ...], Table()] = ()
    digital: tuple[Name, ...] = ()

    def check(self) -> None:
        Machine.check(self)
        if self.array.phases is None:
            raise InvalidValue("array.phases", None, "must be given: a chip runs on the clock")
        if self.scratchpad.bank_width is not None:
            law = "is for arrays that load their operands; leave it out"
            raise InvalidValue("scratchpad.bank_width", self.scratchpad.bank_width, law)
        if self.dense and len(self.array.weights.significance) == 1:
            raise InvalidValue(
                "dense", ", ".join(self.dense), "needs several cells a digit, in array.weights.significance"
            )
        for pattern, count in self.copies:
            problem = _COPIES.broken_by(count)
            if problem is not None:
                raise InvalidValue(f"copies.{pattern}", count, problem)

    def tile_of(self, *, dense: bool) -> AnalogTile:
        """The tile as its matrices see it: a dense one has each digit on one cell, and as many times the columns, which
        share the same converters."""
        tile = self.array
        if not dense:
            return tile
        more = len(tile.weights.significance)
        adc = None if tile.adc is None else replace(tile.adc, shared_by=tile.adc.shared_by * more)
        return replace(tile, weights=replace(tile.weights, significance=(1.0,)), cols=tile.cols * more, adc=adc)

    def is_dense(self, op: str) -> bool:
        """Whether an op of that name stands on one cell a digit, where others have several."""
        return any(fnmatchcase(op, pattern) for pattern in self.dense)

    def is_digital(self, op: str) -> bool:
        """Whether the file keeps an op of that name on the vector unit."""
        return any(fnmatchcase(op, pattern) for pattern in self.digital)

    def copies_of(self, op: str) -> int:
        """Sets of tiles of an op of that name: as many as the largest count of a pattern that matches says."""
        return max((count for pattern, count in self.copies if fnmatchcase(op, pattern)), default=1)

    def __repr__(self) -> str:
        tiles = f"{self.chips} × {self.tiles} tiles" if self.chips > 1 else f"{self.tiles} tiles"
        return f"<AnalogChip {self.name}: {tiles} of {self.array.rows}×{self.array.cols}, {HERTZ.written(self.clock)}>"

    def _repr_html_(self) -> str:
        return as_html(self)

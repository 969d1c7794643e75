"""Products of a whole network on analog tiles: weights are programmed once, vectors are counted from call to call.

An integer stands on a row, and in a cell, in units of what its format holds; the digital side multiplies what the
converters say by that and rounds it to whole sums of products.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from fractions import Fraction

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.analog.conversion import InputConversion, Range, Scaling
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.quantities.precision import Precision
from hwsim.tensor.analog.currents import cell_energy
from hwsim.tensor.analog.product import Multiplier, calibrate
from hwsim.tensor.analog.programmed import Programmed, after, correction_of, program, settled
from hwsim.tensor.analog.room import Room
from hwsim.tensor.backend import ExactProducts
from hwsim.tensor.formats import Array, extreme
from hwsim.tensor.gemm import Sums
from hwsim.tensor.single import Floats
from hwsim.tensor.weights import Weights

_INT32 = 2**31 - 1

SAMPLES = 256
"""Vectors of each op by which ranges are calibrated: its first ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an op stands: its matrices one after another, each on so many tiles, all of that `copies` times; `number` is
    that of the first tile."""

    tile: AnalogTile
    number: int
    matrices: int
    copies: int
    tiles_of_matrix: int

    @property
    def tiles(self) -> int:
        return self.matrices * self.copies * self.tiles_of_matrix

    def first(self, place: int, copy: int) -> int:
        """The number of the first tile of a copy of one matrix."""
        return self.number + (copy * self.matrices + place) * self.tiles_of_matrix


Place = tuple[str, int, int]
"""An op, which of its matrices, and which copy of that."""

Samples = Mapping[tuple[str, int], Sequence[Array]]
"""Vectors of each matrix of each op."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledProducts:
    """Exact products that keep the first vectors of ops that stand on tiles, to calibrate converters with."""

    standings: Mapping[str, Standing]
    threads: int = 1
    samples: dict[tuple[str, int], list[Array]] = field(default_factory=dict)
    known: "_Matrices" = field(default_factory=lambda: _Matrices())

    @property
    def wanted(self) -> bool:
        """Whether any converter is to be calibrated."""
        return any(_calibrated(standing.tile) for standing in self.standings.values())

    @property
    def accumulators(self) -> str:
        return "exact"

    def product(self, op: str, act: Array, precision: Precision, weights: Weights) -> Sums:
        standing = self.standings.get(op)
        if standing is not None and _calibrated(standing.tile):
            kept = self.samples.setdefault((op, self.known.place(op, weights, standing.matrices)), [])
            missing = SAMPLES - sum(map(len, kept))
            if missing > 0:
                kept.append(act[:missing].copy())
        return self.exact(act, precision, weights)

    def together(self, op: str, act: Array, weight: Array) -> Array | None:
        """One by one: each product is asked for by itself."""
        return None

    def exact(self, act: Array, precision: Precision, weights: Weights) -> Sums:
        return ExactProducts(self.threads).exact(act, precision, weights)

    def holds(self, op: str, precision: Precision, weights: Weights) -> bool:
        """Not of ops whose vectors are wanted: their loops are to ask for each product."""
        return op not in self.standings and ExactProducts().holds(op, precision, weights)

    def single(self, act: Array, weights: Sequence[Weights], *, often: bool = False) -> Floats:
        return ExactProducts(self.threads).single(act, weights, often=often)


@dataclass(slots=True, eq=False)
class Tiles:
    """All matrices of a network on tiles, so many seconds after they were programmed; each is programmed when it is
    first needed.

    Ranges are measured right after programming, and stay.
    """

    standings: Mapping[str, Standing]
    seed: int
    samples: Samples
    seconds: float = 0.0
    compensations: tuple[str, ...] = ("none",)
    ranges: dict[Place, Array] = field(default_factory=dict)
    kept: dict[Place, tuple[Programmed, dict[str, Array | None]]] = field(default_factory=dict)

    def later(self, seconds: float) -> "Tiles":
        """The same tiles at another time; the memory of these is not shared."""
        return Tiles(self.standings, self.seed, self.samples, seconds, self.compensations, self.ranges)

    def matrix(self, place: Place, precision: Precision, weights: Weights, compensation: str) -> Programmed:
        """A copy of a matrix of an op, whose activations have that format."""
        if place not in self.kept:
            self.kept[place] = self._made(place, precision, weights)
        matrix, corrections = self.kept[place]
        return replace(matrix, correction=corrections[compensation])

    def _made(self, place: Place, precision: Precision, weights: Weights) -> tuple[Programmed, dict[str, Array | None]]:
        op, number, copy = place
        standing = self.standings[op]
        tile = _with_limit(standing.tile, weights)
        fresh = program(tile, weights.values, seed=self.seed, number=standing.first(number, copy))
        if _calibrated(tile) and place not in self.ranges:
            if (op, number) not in self.samples:
                raise Unsupported(
                    f"{op}: did not run on the samples by which ranges are calibrated; give a longer input"
                )
            samples = np.concatenate(self.samples[op, number]) * unit_of(tile.input, precision)
            self.ranges[place] = calibrate(fresh, samples, seed=self.seed)
        late = after(fresh, self.seconds)
        corrections = {kind: correction_of(late, kind) for kind in self.compensations}
        return settled(late), corrections


@dataclass(slots=True, eq=False)
class TileProducts:
    """What the tiles of a chip give for the products that stand on them; all others are exact.

    The vectors of each matrix are numbered from `first` on, one after another. What cells take is not measured where
    `cells` is not asked for.
    """

    name: str
    tiles: Tiles
    compensation: str = "none"
    threads: int = 1
    known: "_Matrices" = field(default_factory=lambda: _Matrices())
    running: dict[tuple[str, int], "_Running"] = field(default_factory=dict)
    room: Room = field(default_factory=Room)
    first: int = 0
    cells: bool = True

    def begin(self, first: int) -> None:
        """The vectors that come next are numbered from there: what is drawn for them depends on nothing before."""
        self.first = first
        for running in self.running.values():
            running.next = first

    @property
    def accumulators(self) -> str:
        return f"analog tiles of {self.name}"

    def product(self, op: str, act: Array, precision: Precision, weights: Weights) -> Sums:
        standing = self.tiles.standings.get(op)
        if standing is None:
            return self.exact(act, precision, weights)
        place = op, self.known.place(op, weights, standing.matrices)
        running = self.running.get(place)
        if running is None:
            running = self.running[place] = self._begun(standing, *place, precision, weights)
        return running(act, self.threads)

    def together(self, op: str, act: Array, weight: Array) -> Array | None:
        """One by one: each product is asked for by itself."""
        return None

    def exact(self, act: Array, precision: Precision, weights: Weights) -> Sums:
        return ExactProducts(self.threads).exact(act, precision, weights)

    def holds(self, op: str, precision: Precision, weights: Weights) -> bool:
        return op not in self.tiles.standings and ExactProducts().holds(op, precision, weights)

    def single(self, act: Array, weights: Sequence[Weights], *, often: bool = False) -> Floats:
        return ExactProducts(self.threads).single(act, weights, often=often)

    def cells_per_vector(self) -> dict[str, Fraction]:
        """What the cells of each op took for a vector, on average over all vectors so far, in attojoules: of tiles that
        say how long their rows are driven."""
        totals: dict[str, list[int]] = {}
        for (op, _), running in self.running.items():
            if running.measures and running.vectors:
                total = totals.setdefault(op, [0, 0])
                total[0] += running.cells_aj
                total[1] += running.vectors
        return {op: Fraction(energy, vectors) for op, (energy, vectors) in totals.items()}

    def _begun(self, standing: Standing, op: str, number: int, precision: Precision, weights: Weights) -> "_Running":
        tiles, copies = self.tiles, []
        for copy in range(standing.copies):
            matrix = tiles.matrix((op, number, copy), precision, weights, self.compensation)
            ranges = tiles.ranges.get((op, number, copy))
            copies.append(Multiplier.of(matrix, seed=tiles.seed, ranges=ranges, room=self.room))
        floating = precision.floating or weights.precision.floating
        narrow = weights.k <= _INT32 // (extreme(precision) * extreme(weights.precision)) if not floating else True
        measures = self.cells and standing.tile.phases is not None
        return _Running(tuple(copies), unit_of(standing.tile.input, precision), floating, narrow, measures, self.first)


@dataclass(slots=True, eq=False)
class _Running:
    """The copies of one matrix, which take vectors in turn, the number of the next one, and how many there were;
    whether what cells take is measured."""

    copies: tuple[Multiplier, ...]
    unit: float
    floating: bool
    narrow: bool
    measures: bool
    next: int = 0
    vectors: int = 0
    cells_aj: int = 0

    def __call__(self, act: Array, threads: int) -> Sums:
        x = np.multiply(act, self.unit, dtype=np.float64)
        out, clipped = self._sums(x, threads)
        self.vectors += len(x)
        self.next += len(x)
        if self.floating:
            return Sums(np.asarray(out, np.float32), clipped)
        sums = np.rint(out if self.unit == 1.0 else out / self.unit)
        if self.narrow:
            return Sums(np.clip(sums, -_INT32, _INT32).astype(np.int32), clipped)
        return Sums(sums.astype(np.int64), clipped)

    def _sums(self, x: Array, threads: int) -> tuple[Array, int]:
        count, first = len(self.copies), self.next
        if count == 1:
            made = self.copies[0](x, first, threads)
            self._measure(self.copies[0], x, made.retries)
            return made.out, int(made.clipped.sum())
        out, clipped = np.empty((len(x), self.copies[0].matrix.shape[1])), 0
        for copy, multiply in enumerate(self.copies):
            start = (copy - first) % count
            if start < len(x):
                mine = np.ascontiguousarray(x[start::count])
                made = multiply(mine, (first + start) // count, threads)
                self._measure(multiply, mine, made.retries)
                out[start::count] = made.out
                clipped += int(made.clipped.sum())
        return out, clipped

    def _measure(self, copy: Multiplier, x: Array, retries: Array) -> None:
        if self.measures:
            self.cells_aj += int(np.rint(cell_energy(copy.matrix, x, retries)).sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Matrices:
    """The matrices of each op in the order in which they were first met."""

    met: dict[str, list[Weights]] = field(default_factory=dict)

    def place(self, op: str, weights: Weights, count: int) -> int:
        met = self.met.setdefault(op, [])
        for place, other in enumerate(met):
            if other is weights:
                return place
        if len(met) == count:
            raise Unsupported(f"{op}: multiplies by other weights than before; only weights that stay stand on tiles")
        met.append(weights)
        return len(met) - 1


def unit_of(conversion: InputConversion, precision: Precision) -> float:
    """What a number of a format is multiplied by to be an input of a tile.

    Integers are whole steps of the input if it has as many, and the largest stands for full scale, or nearly so. An
    input of which the largest number of each vector is full scale takes numbers as they are.
    """
    full = conversion.range[1]
    if precision.floating or conversion.scaling is Scaling.LARGEST:
        return 1.0
    if conversion.bits is None:
        return full / precision.highest
    steps = 2**conversion.magnitude_bits - 1
    whole = steps // precision.highest
    return full * whole / steps if whole else full / precision.highest


def _with_limit(tile: AnalogTile, weights: Weights) -> AnalogTile:
    """The tile for integers of that format: `limit` counts in units of the largest, and digits hold whole numbers."""
    mapping, precision = tile.weights, weights.precision
    if precision.floating or (mapping.limit is None and mapping.bits is None):
        return tile
    if mapping.limit is not None:
        return replace(tile, weights=replace(mapping, limit=mapping.limit * precision.highest))
    assert mapping.bits is not None
    most, steps = max(precision.highest, weights.measures.largest), 2 ** (mapping.bits - 1) - 1
    return replace(tile, weights=replace(mapping, limit=steps / (steps // most) if steps >= most else float(most)))


def _calibrated(tile: AnalogTile) -> bool:
    return tile.adc is not None and tile.adc.range is Range.CALIBRATED

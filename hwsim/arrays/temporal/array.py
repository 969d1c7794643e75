"""The multiplier-free temporal array as one of the kinds of arrays: its file, its peak, its prices and its silicon.

One adder a column counts up the multiples of a weight, t · w in cycle t of a window. Every row that holds an activation
subscribes to one of them: its spike passes the columns in the cycle in which its own product stands there. So products
are selected, not made, and each row adds what it selected, a column in a cycle.
"""

from fractions import Fraction
from typing import Annotated, Literal

from hwsim.arrays.temporal import closed_form
from hwsim.arrays.temporal.elements import Products
from hwsim.arrays.temporal.formats import LONGEST_WINDOW, TemporalFormat, temporal_format
from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.array import (
    LONG_STREAM,
    ArrayArea,
    ComputeArray,
    Feed,
    FullTile,
    GemmCycles,
    StepCosts,
    Takes,
    TileShape,
    TilingConstraints,
)
from hwsim.hardware.array_parts import PartAreas, PartPrices
from hwsim.hardware.prices import UnitPrice
from hwsim.hardware.summation import Register, Summation
from hwsim.quantities.noun import Whole
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalArray(ComputeArray):
    """R rows of activations × C columns of weights; `docs/model.md` says what they do in each cycle."""

    kind: Literal["temporal"] = "temporal"
    rows: Annotated[int, Whole(low=1, high=65_536)]
    cols: Annotated[int, Whole(low=1, high=LONGEST_WINDOW)]
    formats: tuple[Precision, ...]
    products: Products = Products.PIPELINED
    accumulator: Register = Register()

    def check(self) -> None:
        if not self.formats:
            raise InvalidValue("formats", [], "must name at least one format")
        if len(set(self.formats)) < len(self.formats):
            raise InvalidValue("formats", [mode.value for mode in self.formats], "must name each format once")
        for mode in self.formats:
            found = temporal_format(mode)
            if found is None:
                law = "must be a signed integer of at most 8 bits, or fp8: int2, int3, int4, int8, fp8_e4m3, fp8_e5m2"
                raise InvalidValue("formats", mode.value, law)
            if self.cols > found.window:
                law = (
                    f"must be at most the {found.window} cycles of a window of {mode.value}: a row adds one column a "
                    "cycle; give fewer columns, or leave the format out"
                )
                raise InvalidValue("cols", self.cols, law)

    def window(self, mode: Precision) -> int:
        """Cycles in which all multiples of a weight pass."""
        return self.coded(mode).window

    def coded(self, mode: Precision) -> TemporalFormat:
        """How the numbers of a mode are coded in time."""
        found = temporal_format(mode)
        if found is None or mode not in self.formats:
            raise KeyError(mode)
        return found

    def sum_bits(self, mode: Precision) -> int:
        """The width of a sum."""
        return 32 if mode.floating else self.accumulator.bits

    @property
    def described(self) -> tuple[str, ...]:
        return f"{self.rows} × {self.cols}", "temporal"

    @property
    def modes(self) -> tuple[Precision, ...]:
        return tuple(sorted(self.formats, key=lambda mode: mode.value))

    def macs_per_cycle(self, mode: Precision) -> Fraction:
        """Each row adds one product for each column in a window.

        >>> TemporalArray(rows=256, cols=8, formats=(Precision.INT4,)).macs_per_cycle(Precision.INT4)
        Fraction(256, 1)
        """
        return Fraction(self.rows * self.cols, self.window(mode))

    def summation(self, mode: Precision) -> Summation:
        """One product after the other; those of floats are added in fp32, each addition rounded."""
        return Summation() if mode.floating else Summation(register=self.accumulator)

    def constraints(self, mode: Precision) -> TilingConstraints:
        """A tile is a result for each row and column."""
        return TilingConstraints(unit=TileShape(self.rows, self.cols, 1), outputs_stay=True)

    def step_costs(self, mode: Precision) -> StepCosts:
        least = closed_form.shortest_interval(self)
        return StepCosts(
            pace=self.window(mode),
            least=least,
            drained=closed_form.drained(self),
            hazard=least or None,
            acts=Takes.ACROSS,
            weights=Takes.DEEP,
            stream_bits=closed_form.window_register_bits(self, mode),
            drain_bits=closed_form.drain_register_bits(self, mode),
            stream_adder_bits=closed_form.window_adder_bits(self, mode),
        )

    def alone(self, mode: Precision, whole: TileShape, batch: int, outer: int) -> int:
        return closed_form.alone(self, mode, whole, batch)

    def gemm_cycles(self, mode: Precision, m: int, k: int, n: int) -> GemmCycles:
        return closed_form.gemm_cycles(self, mode, m, k, n)

    def lead(self, mode: Precision, k: int) -> int:
        """The windows of a tile, after which the first result takes the place of one that may not have left."""
        return k * self.window(mode)

    def feed(self, mode: Precision, act_bits: int, weight_bits: int) -> Feed:
        """New words once a window, one for each row and each column."""
        words = self.rows * act_bits + self.cols * weight_bits
        return Feed(Fraction(words, 8 * self.window(mode)), Fraction(1))

    def full_tile(self, mode: Precision) -> FullTile:
        stream = LONG_STREAM
        work = Work(
            macs=self.rows * self.cols * stream,
            array_register_bits=closed_form.tile_register_bits(self, mode, stream),
            array_shared_adder_bits=stream * closed_form.window_adder_bits(self, mode),
        )
        entering_bits = stream * (self.rows + self.cols) * mode.bits
        return FullTile(closed_form.interval(self, mode, stream), -(-entering_bits // 8), work)

    def mac_price(self, prices: PartPrices, mode: Precision, *, gated: bool = False) -> UnitPrice:
        """Selecting a product and adding it; the adders of multiples are shared, and counted apart. Without a spike, a
        factor being zero, no gate switches."""
        coded = self.coded(mode)
        selected = 2 * (coded.product_bits + coded.tag_bits) + 1
        compared = Fraction(2 * coded.magnitude_bits * coded.window, self.cols)
        return prices.additions(
            f"temporal {mode.value}" + ", a factor 0" * gated,
            coded.exponent_adder_bits if mode.floating else self.sum_bits(mode),
            gates=Fraction(0) if gated else selected + compared,
            floating=int(mode.floating),
        )

    def partial_sum_price(self, prices: PartPrices, mode: Precision) -> UnitPrice:
        """Sums never leave before they are complete."""
        return prices.partial_sum(mode, self.sum_bits(mode), None)

    def area(self, areas: PartAreas) -> ArrayArea:
        array = self.cols * _column_area(self, areas) + self.rows * _row_area(self, areas)
        return ArrayArea(array=array + self.rows * self.cols * _element_area(self, areas), accumulators=Fraction(0))


def _column_area(array: TemporalArray, areas: PartAreas) -> Fraction:
    """What counts up multiples, and the registers in which they and the weight's sign go down."""
    coded = [array.coded(mode) for mode in array.modes]
    product, tag = max(one.product_bits for one in coded), max(one.tag_bits for one in coded)
    copies = array.rows if array.products is Products.PIPELINED else 1
    word = max(mode.bits for mode in array.modes)
    return areas.adder(product) + areas.registers(word + copies * product + (copies - 1) * tag)


def _row_area(array: TemporalArray, areas: PartAreas) -> Fraction:
    """Two words of activations, the converter, and one adder a kind."""
    coded = [array.coded(mode) for mode in array.modes]
    word, magnitude = max(mode.bits for mode in array.modes), max(one.magnitude_bits for one in coded)
    adder = areas.adder(array.accumulator.bits) if any(not mode.floating for mode in array.modes) else Fraction(0)
    if any(mode.floating for mode in array.modes):
        adder += areas.floating_adder() + areas.adder(max(one.exponent_adder_bits for one in coded))
    return areas.registers(2 * word) + areas.gates(2 * magnitude + 1) + adder


def _element_area(array: TemporalArray, areas: PartAreas) -> Fraction:
    """A spike, a subscribed product, a sum and one that leaves; gates that select."""
    coded = [array.coded(mode) for mode in array.modes]
    product = max(one.product_bits for one in coded) + max(one.tag_bits for one in coded)
    sums = max(array.sum_bits(mode) for mode in array.modes)
    return areas.registers(1 + product + 2 * sums) + areas.gates(2 * product)

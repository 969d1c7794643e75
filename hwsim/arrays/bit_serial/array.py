"""The bit-serial array as one of the kinds of arrays: its file, its peak, its prices and its silicon.

Elements have no multipliers: a bit of one operand, or one of each, passes AND gates in each cycle, a tree of adders
sums the lanes, and a sum is doubled and added to, the highest bit first. So products take as many cycles as there are
bits.
"""

from fractions import Fraction
from typing import Annotated, Literal

from hwsim.arrays.bit_serial import closed_form
from hwsim.arrays.bit_serial.elements import Serial
from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, Unsupported
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

Side = Annotated[int, Whole(low=1, high=65_536)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BitSerialArray(ComputeArray):
    """R × C elements of so many lanes; `docs/model.md` says what they do in each cycle."""

    kind: Literal["bit_serial"] = "bit_serial"
    rows: Side
    cols: Side
    lanes: Annotated[int, Whole(low=1, high=256)] = 1
    serial: Serial = Serial.WEIGHTS
    formats: tuple[Precision, ...]
    parallel: Precision | None = None
    accumulator: Register = Register()

    def check(self) -> None:
        if not self.formats:
            raise InvalidValue("formats", [], "must name at least one format")
        if len(set(self.formats)) < len(self.formats):
            raise InvalidValue("formats", [mode.value for mode in self.formats], "must name each format once")
        for mode in self.formats:
            _must_be_two_complement("formats", mode)
        if (self.parallel is None) != (self.serial is Serial.BOTH):
            given = None if self.parallel is None else self.parallel.value
            law = "must be left out where both operands are serial"
            raise InvalidValue(
                "parallel", given, law if self.parallel else "must be given: the format of the other operand"
            )
        if self.parallel is not None:
            _must_be_two_complement("parallel", self.parallel)

    @property
    def described(self) -> tuple[str, ...]:
        serial = "all bits serial" if self.serial is Serial.BOTH else f"{self.serial.value} bit by bit"
        return f"{self.rows} × {self.cols}", f"{self.lanes} lanes", serial

    @property
    def modes(self) -> tuple[Precision, ...]:
        return tuple(sorted(self.formats, key=lambda mode: mode.value))

    def pace(self, mode: Precision) -> int:
        """Cycles of a step, in which each element makes a product on each lane.

        >>> BitSerialArray(rows=4, cols=4, formats=(Precision.INT4,), parallel=Precision.INT8).pace(Precision.INT4)
        4
        """
        return mode.bits**2 if self.serial is Serial.BOTH else mode.bits

    def parallel_bits(self) -> int:
        """The width of what an element takes whole in each cycle: a bit, if both operands are serial."""
        return 1 if self.parallel is None else self.parallel.bits

    def macs_per_cycle(self, mode: Precision) -> Fraction:
        """Peak products per cycle of the whole array."""
        return Fraction(self.rows * self.cols * self.lanes, self.pace(mode))

    def summation(self, mode: Precision) -> Summation:
        """The products of all lanes are added exactly, then to the sum."""
        return Summation(packed=self.lanes, register=self.accumulator)

    def mode(self, act: Precision, weight: Precision) -> Precision | None:
        """The mode with fewest bits of the serial operand; the other one is in the parallel format or narrower.

        >>> array = BitSerialArray(rows=4, cols=4, formats=(Precision.INT4, Precision.INT8), parallel=Precision.INT8)
        >>> array.mode(act=Precision.INT8, weight=Precision.INT4)
        <Precision.INT4: 'int4'>
        """
        other = self.parallel
        if other is None:  # not super(): a dataclass with slots is made anew
            return ComputeArray.mode(self, act, weight)
        for one, two in ((act, weight), (act.centred, weight.centred)):
            serial, whole = (two, one) if self.serial is Serial.WEIGHTS else (one, two)
            able = [mode for mode in self.modes if mode.takes(serial) and other.takes(whole)]
            if able:
                break
        return min(able, key=lambda mode: mode.bits, default=None)

    def refusal(self, act: Precision, weight: Precision) -> Unsupported:
        if self.parallel is None:
            return ComputeArray.refusal(self, act, weight)
        modes = ", ".join(mode.value for mode in self.modes)
        other = "activations" if self.serial is Serial.WEIGHTS else "weights"
        return Unsupported(
            f"the array multiplies no {act.value} by {weight.value}; it does {self.serial.value} in {modes}, "
            f"{other} in {self.parallel.value}"
        )

    def constraints(self, mode: Precision) -> TilingConstraints:
        return TilingConstraints(unit=TileShape(self.rows, self.cols, self.lanes), outputs_stay=True)

    def step_costs(self, mode: Precision) -> StepCosts:
        return StepCosts(
            stream_k=self.lanes,
            pace=self.pace(mode),
            least=self.rows,
            drained=closed_form.drained(self),
            hazard=self.rows,
            acts=Takes.ACROSS,
            weights=Takes.DEEP,
            stream_bits=closed_form.step_register_bits(self, mode),
            drain_bits=closed_form.drain_register_bits(self),
        )

    def alone(self, mode: Precision, whole: TileShape, batch: int, outer: int) -> int:
        return closed_form.alone(self, mode, whole, batch)

    def gemm_cycles(self, mode: Precision, m: int, k: int, n: int) -> GemmCycles:
        return closed_form.gemm_cycles(self, mode, m, k, n)

    def lead(self, mode: Precision, k: int) -> int:
        """The steps of a tile, at whose end the sums are ready to drain."""
        return self.pace(mode) * -(-k // self.lanes)

    def feed(self, mode: Precision, act_bits: int, weight_bits: int) -> Feed:
        """New words once a step, those of all lanes for each row and each column."""
        words = self.lanes * (self.rows * act_bits + self.cols * weight_bits)
        return Feed(Fraction(words, 8 * self.pace(mode)), Fraction(1))

    def full_tile(self, mode: Precision) -> FullTile:
        stream, lanes = LONG_STREAM, self.lanes
        bits = closed_form.tile_register_bits(self, mode, stream)
        work = Work(macs=self.rows * self.cols * lanes * stream, array_register_bits=bits)
        entering_bits = stream * lanes * (self.rows * mode.bits + self.cols * mode.bits)
        return FullTile(closed_form.interval(self, mode, stream), -(-entering_bits // 8), work)

    def mac_price(self, prices: PartPrices, mode: Precision, *, gated: bool = False) -> UnitPrice:
        """A lane's share of what an element does in a step. With a factor that is zero no AND gate switches."""
        added = closed_form.step_adder_bits(self, mode) + self.accumulator.bits
        return prices.additions(
            f"bit-serial {mode.value}" + ", a factor 0" * gated,
            Fraction(added, self.lanes),
            gates=Fraction(0) if gated else Fraction(self.pace(mode) * self.parallel_bits()),
        )

    def partial_sum_price(self, prices: PartPrices, mode: Precision) -> UnitPrice:
        """Sums never leave before they are complete."""
        return prices.partial_sum(mode, self.accumulator.bits, None)

    def area(self, areas: PartAreas) -> ArrayArea:
        elements = self.rows * self.cols * _element_area(self, areas)
        widest = max(mode.bits for mode in self.modes)
        sides = {Serial.WEIGHTS: self.cols, Serial.ACTIVATIONS: self.rows, Serial.BOTH: self.rows + self.cols}
        edges = areas.registers(sides[self.serial] * self.lanes * widest)
        return ArrayArea(array=elements + edges, accumulators=Fraction(0))


def _element_area(array: BitSerialArray, areas: PartAreas) -> Fraction:
    """Gates, adders and registers of one element, as wide as its widest mode needs them."""
    adders = max(closed_form.adder_widths(array, mode) for mode in array.modes)
    registers = max(closed_form.element_register_bits(array, mode) for mode in array.modes)
    gates = array.lanes * array.parallel_bits()
    return areas.gates(gates) + areas.adder(sum(adders) + array.accumulator.bits) + areas.registers(registers)


def _must_be_two_complement(field: str, mode: Precision) -> None:
    if mode.floating or not mode.signed or mode.bits > 16:
        raise InvalidValue(
            field, mode.value, "must be a signed integer of at most 16 bits: int2, int3, int4, int8, int16"
        )

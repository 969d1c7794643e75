"""The systolic array as one of the kinds of arrays: its file, its cycles, its peak, its prices and its silicon."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Literal

from hwsim.arrays.systolic import closed_form
from hwsim.arrays.systolic.closed_form import interval, sums_kept, tile_register_bits
from hwsim.arrays.systolic.elements import ArraySide, Dataflow, Drain, MacsPerCycle, PackedMacs, WeightLoad
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
    TileShape,
    TilingConstraints,
)
from hwsim.hardware.array_parts import PartAreas, PartPrices
from hwsim.hardware.prices import UnitPrice
from hwsim.hardware.summation import Accumulator, Accumulators, Summation
from hwsim.quantities.noun import Table, Whole, sorted_pairs
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class SystolicArray(ComputeArray):
    """R × C processing elements; `docs/model.md` says what they do in each cycle."""

    kind: Literal["systolic"] = "systolic"
    rows: ArraySide
    cols: ArraySide
    dataflow: Dataflow = Dataflow.WS
    weight_load: WeightLoad = WeightLoad.WAVEFRONT
    shadow_weights: bool = True
    drain: Drain = Drain.SEPARATE
    m_chunk: Annotated[int, Whole(low=1)] | None = None
    macs_per_pe: Annotated[tuple[tuple[Precision, Annotated[int, MacsPerCycle] | PackedMacs], ...], Table()]
    accumulator: Accumulator | Accumulators = Accumulator()

    def check(self) -> None:
        if not self.macs_per_pe:
            raise InvalidValue("macs_per_pe", {}, "must name at least one precision")
        for mode, macs in self.macs_per_pe:
            problem = MacsPerCycle.broken_by(macs) if isinstance(macs, int) else None
            if problem is not None:
                raise InvalidValue(f"macs_per_pe.{mode.value}", macs, problem)
            # A chunk ends where the array hands over a sum: after a tile of K (ws, is), or a cycle's products (os).
            chunk = None if mode.floating else self.accumulator_of(mode).chunk
            unit = self.packed(mode).k * (1 if self.dataflow is Dataflow.OS else self.rows)
            if chunk is not None and chunk % unit:
                law = f"must be a multiple of {unit} products, those of one tile in {mode.value}"
                raise InvalidValue("accumulator.chunk", chunk, law)

    def accumulator_of(self, mode: Precision) -> Accumulator:
        """The accumulator of a mode; the default one, if the file names none for the mode."""
        if isinstance(self.accumulator, Accumulator):
            return self.accumulator
        return dict(self.accumulator).get(mode, Accumulator())

    def running_bits(self, mode: Precision) -> int:
        """The width of the sums that processing elements pass on."""
        return 32 if mode.floating else self.accumulator_of(mode).bits

    def result_bits(self, mode: Precision) -> int:
        """The width of the sums that stand under the array."""
        return 32 if mode.floating else self.accumulator_of(mode).result.bits

    def packed(self, mode: Precision) -> PackedMacs:
        """What one processing element does per cycle in that mode."""
        for listed, macs in self.macs_per_pe:
            if listed is mode:
                return macs if isinstance(macs, PackedMacs) else PackedMacs(k=macs)
        raise KeyError(mode)

    @property
    def described(self) -> tuple[str, ...]:
        return f"{self.rows} × {self.cols}", self.dataflow.value

    @property
    def modes(self) -> tuple[Precision, ...]:
        return tuple(mode for mode, _ in self.macs_per_pe)

    def macs_per_cycle(self, mode: Precision) -> int:
        """Peak products per cycle of the whole array.

        >>> SystolicArray(rows=64, cols=64, macs_per_pe=((Precision.INT4, 8),)).macs_per_cycle(Precision.INT4)
        32768
        """
        packed = self.packed(mode)
        return self.rows * self.cols * packed.k * packed.n

    def summation(self, mode: Precision) -> Summation:
        """Floating-point products are added in fp32, each addition rounded, in the same order; widths mean nothing
        there."""
        accumulator, packed = self.accumulator_of(mode), self.packed(mode)
        tile = None if self.dataflow is Dataflow.OS else self.rows * packed.k
        if mode.floating:
            return Summation(packed=packed.k, tile=tile)
        return Summation(
            packed=packed.k,
            tile=tile,
            register=accumulator.register,
            chunk=accumulator.chunk,
            outer=accumulator.outer,
        )

    def constraints(self, mode: Precision) -> TilingConstraints:
        return _limits(self, mode)

    def step_costs(self, mode: Precision) -> StepCosts:
        return closed_form.step_costs(self, mode)

    def alone(self, mode: Precision, whole: TileShape, batch: int, outer: int) -> int:
        return closed_form.alone(self, mode, whole, batch, outer)

    def gemm_cycles(self, mode: Precision, m: int, k: int, n: int) -> GemmCycles:
        return closed_form.gemm_cycles(self, mode, m, k, n)

    def lead(self, mode: Precision, k: int) -> int:
        """The stream of a tile, at whose end the sums are ready to drain."""
        return -(-k // self.packed(mode).k)

    def feed(self, mode: Precision, act_bits: int, weight_bits: int) -> Feed:
        return feed(self, mode, act_bits, weight_bits)

    def full_tile(self, mode: Precision) -> FullTile:
        return full_tile(self, mode)

    def mac_price(self, prices: PartPrices, mode: Precision, *, gated: bool = False) -> UnitPrice:
        return prices.mac(mode, self.packed(mode).k, self.result_bits(mode), gated=gated)

    def partial_sum_price(self, prices: PartPrices, mode: Precision) -> UnitPrice:
        """A memory under each column; without a stated number of entries sums are in the scratchpad."""
        return prices.partial_sum(mode, self.result_bits(mode), self.accumulator_of(mode).entries)

    def area(self, areas: PartAreas) -> ArrayArea:
        return array_area(self, areas)

    def at_pace_of(self, mode: Precision, others: Sequence[Precision]) -> "SystolicArray":
        """Chunks of the accumulators grow with the products of a cycle, so that they cost no time."""
        packed = self.packed(mode)
        macs = {other: packed if other in others else self.packed(other) for other in self.modes}

        def grown(accumulator: Accumulator) -> Accumulator:
            chunk = accumulator.chunk
            return accumulator if chunk is None else replace(accumulator, chunk=chunk * packed.k)

        accumulators = self.accumulator
        grown_accumulators = (
            grown(accumulators)
            if isinstance(accumulators, Accumulator)
            else tuple((other, grown(each)) for other, each in accumulators)
        )
        return replace(self, macs_per_pe=sorted_pairs(macs), accumulator=grown_accumulators)


@lru_cache(maxsize=256)
def _limits(array: SystolicArray, mode: Precision) -> TilingConstraints:
    """`outer` is what streams (M on WS, N on IS), on OS the rows; `inner` lies along the columns."""
    packed = array.packed(mode)
    inner = array.cols * packed.n
    stays = array.dataflow is Dataflow.OS
    return TilingConstraints(
        unit=TileShape(array.rows, inner, packed.k) if stays else TileShape(1, inner, array.rows * packed.k),
        stream=array.m_chunk,
        entries=array.accumulator_of(mode).entries,
        outputs_stay=stays,
        n_is_outer=array.dataflow is Dataflow.IS,
    )


def array_area(array: SystolicArray, areas: PartAreas) -> ArrayArea:
    """The area of all elements, and of a memory for the sums of each column."""
    return ArrayArea(
        array=array.rows * array.cols * _element_area(array, areas),
        accumulators=areas.memory(array.cols * _column_bits(array)),
    )


def element_register_bits(array: SystolicArray, mode: Precision) -> int:
    """The registers of one processing element in one mode."""
    packed, sum_bits = array.packed(mode), array.running_bits(mode)
    word, sums = packed.k * mode.bits, packed.n * sum_bits
    if array.dataflow is Dataflow.OS:
        drain = sums if array.drain is Drain.SEPARATE else 0
        return word + packed.n * word + sums + drain
    return word + sums + packed.n * word * (2 if array.shadow_weights else 1)


def _element_area(array: SystolicArray, areas: PartAreas) -> Fraction:
    """Integer modes share the multipliers and adders of the largest one; each floating-point mode has its own."""
    modes = array.modes
    integer = max((_integer_area(array, areas, mode) for mode in modes if not mode.floating), default=Fraction(0))
    floating = sum((_floating_area(array, areas, mode) for mode in modes if mode.floating), Fraction(0))
    return integer + floating + areas.registers(max(element_register_bits(array, mode) for mode in modes))


def _integer_area(array: SystolicArray, areas: PartAreas, mode: Precision) -> Fraction:
    packed = array.packed(mode)
    tree = (packed.k - 1) * (2 * mode.bits + (packed.k - 1).bit_length())
    return packed.n * (packed.k * areas.multiplier(mode) + areas.adder(tree + array.running_bits(mode)))


def _floating_area(array: SystolicArray, areas: PartAreas, mode: Precision) -> Fraction:
    packed = array.packed(mode)
    return packed.n * packed.k * (areas.multiplier(mode) + areas.floating_adder())


def _column_bits(array: SystolicArray) -> int:
    """The largest memory that a column needs for its sums in any mode; 0, if no accumulator states its entries."""
    if array.dataflow is Dataflow.OS:
        return 0
    return max(
        array.packed(mode).n * (array.accumulator_of(mode).entries or 0) * array.result_bits(mode)
        for mode in array.modes
    )


def feed(array: SystolicArray, mode: Precision, act_bits: int, weight_bits: int) -> Feed:
    """What enters a full array in each cycle, without waiting; stationary operands cost nothing on an endless stream,
    but each chunk loads them anew."""
    stream = array.m_chunk if array.dataflow is not Dataflow.OS else None
    loading = Fraction(1) if stream is None else Fraction(interval(array, stream), stream)
    return Feed(_bytes_per_cycle(array, mode, act_bits, weight_bits), loading)


def _bytes_per_cycle(array: SystolicArray, mode: Precision, act_bits: int, weight_bits: int) -> Fraction:
    packed = array.packed(mode)
    across = array.cols * packed.n
    match array.dataflow:
        case Dataflow.WS:
            streamed, stationary = act_bits, weight_bits
        case Dataflow.IS:
            streamed, stationary = weight_bits, act_bits
        case Dataflow.OS:
            return Fraction(packed.k * (array.rows * act_bits + across * weight_bits), 8)
    entering = Fraction(array.rows * packed.k * streamed, 8)
    if array.m_chunk is not None:  # stationary operands are loaded anew for each chunk
        entering += Fraction(array.rows * packed.k * across * stationary, 8 * array.m_chunk)
    return entering


def full_tile(array: SystolicArray, mode: Precision) -> FullTile:
    """One full tile: every processing element makes all its products in every cycle, sums go to the accumulators. The
    tile takes as long as its interval; its stream is as long as chunks and accumulators allow."""
    packed = array.packed(mode)
    k, across = packed.k, array.cols * packed.n
    if array.dataflow is Dataflow.OS:
        stream, kept = LONG_STREAM, 0
        entering_bits = stream * k * (array.rows + across) * mode.bits
    else:
        stream = min(array.m_chunk or LONG_STREAM, array.accumulator_of(mode).entries or LONG_STREAM)
        entering_bits = array.rows * k * (stream + across) * mode.bits
        kept = sums_kept(array, mode, stream * across, array.rows * k)
    work = Work(
        macs=array.macs_per_cycle(mode) * stream,
        array_register_bits=tile_register_bits(array, mode, stream),
        accumulator_reads=kept,
        accumulator_writes=kept,
    )
    return FullTile(cycles=interval(array, stream), operand_bytes=-(-entering_bits // 8), work=work)

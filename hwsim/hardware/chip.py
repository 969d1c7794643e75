"""The accelerator: its clock, array, vector unit, memories and price table, as its YAML file says."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, Literal

from hwsim.errors import InvalidValue
from hwsim.hardware.dram import DramType
from hwsim.hardware.prices import Constants, PriceTable
from hwsim.hardware.summation import Accumulator, Accumulators, Summation
from hwsim.ir.functions import Function
from hwsim.quantities.noun import Name, Noun, Remark, Table, Whole
from hwsim.quantities.offered import Offer, as_html, ask
from hwsim.quantities.precision import Precision
from hwsim.quantities.sources import Sources, check_sources
from hwsim.quantities.units import (
    BYTES,
    BYTES_PER_SECOND,
    HERTZ,
    Bytes,
    BytesPerCycle,
    BytesPerSecond,
    Hertz,
    Nanometres,
    Picoseconds,
    Volts,
    Watts,
)

ArraySide = Annotated[int, Whole(low=1, high=65_536)]


class Dataflow(Enum):
    """What stays in the processing elements."""

    WS = "ws"  # weights; rows along K, columns along N
    IS = "is"  # activations: weight stationary with the operands exchanged
    OS = "os"  # results; rows along M, columns along N


class WeightLoad(Enum):
    """How stationary operands enter a WS or IS array."""

    BROADCAST = "broadcast"  # all rows and columns shift at once
    WAVEFRONT = "wavefront"  # column c starts c cycles later


class Drain(Enum):
    """How results leave an OS array."""

    SERIAL = "serial"  # after the last product, nothing else meanwhile
    SHARED = "shared"  # the accumulator doubles as the drain register
    SEPARATE = "separate"  # drain registers of their own


_PER_CYCLE = Whole(low=1, high=256)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedMacs(Noun):
    """Products of one processing element per cycle: k consecutive along K, for n neighbouring columns."""

    k: Annotated[int, _PER_CYCLE] = 1
    n: Annotated[int, _PER_CYCLE] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SystolicArray(Noun):
    """R × C processing elements; `docs/model.md` says what they do in each cycle."""

    kind: Literal["systolic"] = "systolic"
    rows: ArraySide
    cols: ArraySide
    dataflow: Dataflow = Dataflow.WS
    weight_load: WeightLoad = WeightLoad.WAVEFRONT
    shadow_weights: bool = True
    drain: Drain = Drain.SEPARATE
    m_chunk: Annotated[int, Whole(low=1)] | None = None
    macs_per_pe: Annotated[tuple[tuple[Precision, Annotated[int, _PER_CYCLE] | PackedMacs], ...], Table()]
    accumulator: Accumulator | Accumulators = Accumulator()

    def check(self) -> None:
        if not self.macs_per_pe:
            raise InvalidValue("macs_per_pe", {}, "must name at least one precision")
        for mode, macs in self.macs_per_pe:
            problem = _PER_CYCLE.broken_by(macs) if isinstance(macs, int) else None
            if problem is not None:
                raise InvalidValue(f"macs_per_pe.{mode.value}", macs, problem)
            # A chunk ends where the array hands over a sum: after a tile of K (ws, is), or a cycle's products (os).
            chunk = None if mode.floating else self.accumulator_of(mode).chunk
            unit = self.packed(mode).k * (1 if self.dataflow is Dataflow.OS else self.rows)
            if chunk is not None and chunk % unit:
                law = f"must be a multiple of {unit} products, those of one tile in {mode.value}"
                raise InvalidValue("accumulator.chunk", chunk, law)

    def accumulator_of(self, mode: Precision) -> Accumulator:
        """The accumulator that a mode uses; one that the file does not name is the default one."""
        if isinstance(self.accumulator, Accumulator):
            return self.accumulator
        return dict(self.accumulator).get(mode, Accumulator())

    def summation(self, mode: Precision) -> Summation:
        """In which order and with which widths the products of one result are added.

        Floating-point products are added in fp32, each addition rounded, in the same order; widths mean nothing there.
        """
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

    def packed(self, mode: Precision) -> PackedMacs:
        """What one processing element does per cycle in that mode."""
        for known, macs in self.macs_per_pe:
            if known is mode:
                return macs if isinstance(macs, PackedMacs) else PackedMacs(k=macs)
        raise KeyError(mode)

    def macs_per_cycle(self, mode: Precision) -> int:
        """Peak products per cycle of the whole array.

        >>> SystolicArray(rows=64, cols=64, macs_per_pe=((Precision.INT4, 8),)).macs_per_cycle(Precision.INT4)
        32768
        """
        packed = self.packed(mode)
        return self.rows * self.cols * packed.k * packed.n

    def mode(self, act: Precision, weight: Precision) -> Precision | None:
        """The fastest mode that takes operands of both formats; None if there is none."""
        able = [mode for mode, _ in self.macs_per_pe if mode.takes(act) and mode.takes(weight)]
        return max(able, key=lambda mode: (self.macs_per_cycle(mode), -mode.bits), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorUnit(Noun):
    """Lanes that apply one function to one element each, in the stated number of cycles."""

    lanes: Annotated[int, Whole(low=1, high=2**20)]
    cycles: Annotated[tuple[tuple[Function, Annotated[int, Whole(low=1, high=10_000)]], ...], Table()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratchpad(Noun):
    """On-chip memory; `buffers` is how many steps' operands and results it holds at once."""

    size: Bytes
    banks: Annotated[int, Whole(low=1, high=65_536)] = 1
    read: BytesPerCycle
    write: BytesPerCycle
    buffers: Annotated[int, Whole(low=1, high=16)] = 2

    def check(self) -> None:
        if self.size % self.banks:
            raise InvalidValue("banks", self.banks, f"must divide the size of {self.size} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dram(Noun):
    """Off-chip memory behind a read and a write port, or one that both share."""

    type: DramType = DramType.LPDDR4
    read: BytesPerSecond
    write: BytesPerSecond
    latency: Picoseconds = 0
    shared_port: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint(Noun):
    """A clock with the supply that it needs; memories have one of their own if `memory_voltage` says so."""

    clock: Hertz
    voltage: Volts
    memory_voltage: Volts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip(Noun):
    """An accelerator. `energy` names a price table, whose entries `energy_override` replaces; `node` and voltages are
    that table's unless they stand here; `sources` says of fields where their values come from."""

    name: Name
    clock: Hertz
    cores: Annotated[int, Whole(low=1, high=65_536)] = 1
    array: SystolicArray
    vector: VectorUnit
    scratchpad: Scratchpad
    dram: Dram
    energy: Name | PriceTable
    energy_override: Constants | None = None
    node: Nanometres | None = None
    voltage: Volts | None = None
    memory_voltage: Volts | None = None
    operating_points: Annotated[tuple[tuple[Name, OperatingPoint], ...], Table()] = ()
    idle_power: Watts = Fraction(0)
    about: Remark | None = None
    sources: Sources = ()

    def check(self) -> None:
        check_sources(self, self.sources)

    def with_(self, **values: Any) -> "Chip":
        """The chip with other values by dotted path, written as in a file, all at once.

        `chip.with_(**{"array.rows": 32, "dram.read": "128 GB/s"})`; what is wrong is told as of a file.
        """
        chip: Chip = ask(Offer.CHANGED, self, values)
        return chip

    def __repr__(self) -> str:
        array = f"{self.array.rows} × {self.array.cols} {self.array.dataflow.value}"
        dram = f"{self.dram.type.value} {BYTES_PER_SECOND.written(self.dram.read)}"
        memory = f"{BYTES.written(self.scratchpad.size)}, {dram}"
        return f"<Chip {self.name}: {array}, {HERTZ.written(self.clock)}, {memory}>"

    def _repr_html_(self) -> str:
        return as_html(self)

    @property
    def dram_read_bytes_per_cycle(self) -> Fraction:
        return Fraction(self.dram.read, self.clock)

    @property
    def dram_write_bytes_per_cycle(self) -> Fraction:
        return Fraction(self.dram.write, self.clock)

    @property
    def dram_latency_cycles(self) -> int:
        """The latency in whole cycles, rounded up."""
        return -(-self.dram.latency * self.clock // 10**12)

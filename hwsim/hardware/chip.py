"""The accelerator: its clock, array, vector unit, memories and price table, as its YAML file says."""

from dataclasses import replace
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, Self

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName, Unsupported
from hwsim.hardware.array import AnyArray, Rate
from hwsim.hardware.dram import DramDevice
from hwsim.hardware.prices import Constants, DramType, PriceTable
from hwsim.ir.ops import Function
from hwsim.quantities.fields import (
    BYTES,
    BYTES_PER_SECOND,
    HERTZ,
    Bytes,
    BytesPerCycle,
    BytesPerSecond,
    Hertz,
    Length,
    Nanometres,
    Picoseconds,
    Volts,
    Watts,
)
from hwsim.quantities.noun import Name, Noun, Remark, Table, UnlessDefault, Whole
from hwsim.quantities.offered import Offer, as_html, ask
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import Precision

_CYCLES, _PRODUCTS = Whole(low=1, high=10_000), Whole(low=1, high=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorUnit(Noun):
    """Lanes that apply one function to one element each, in the stated number of cycles.

    With `macs_per_lane` a lane also adds so many products of one result in a cycle, in formats of integers; a vector
    unit of which that is not said multiplies no matrices.
    """

    lanes: Annotated[int, Whole(low=1, high=2**20)]
    cycles: Annotated[tuple[tuple[Function, Annotated[int, _CYCLES]], ...], Table()]
    macs_per_lane: Annotated[tuple[tuple[Precision, Annotated[int, _PRODUCTS]], ...], Table()] = ()

    def check(self) -> None:
        for field, law, entries in (
            ("cycles", _CYCLES, self.cycles),
            ("macs_per_lane", _PRODUCTS, self.macs_per_lane),
        ):
            for key, value in entries:
                problem = law.broken_by(value)
                if problem is not None:
                    raise InvalidValue(f"{field}.{key.value}", value, problem)
        for mode, products in self.macs_per_lane:
            if mode.floating:
                problem = (
                    "adds floats, whose sums depend on their order, which is the array's; give formats of integers"
                )
                raise InvalidValue(f"macs_per_lane.{mode.value}", products, problem)

    def products_a_cycle(self, act: Precision, weight: Precision) -> int | None:
        """The most products of operands of these formats that a lane adds in a cycle; None if it adds none."""
        return max((most for mode, most in self.macs_per_lane if mode.takes(act) and mode.takes(weight)), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratchpad(Noun):
    """On-chip memory; `buffers` is how many steps' operands and results it holds at once. Array, vector unit and stores
    read at full rate each, unless they have one `shared_port`. With a `bank_width` each bank serves one word of so many
    bytes a cycle, and words that the array asks for wait for each other on the same bank."""

    size: Bytes
    banks: Annotated[int, Whole(low=1, high=65_536)] = 1
    read: BytesPerCycle
    write: BytesPerCycle
    buffers: Annotated[int, Whole(low=1, high=16)] = 2
    shared_port: bool = False
    bank_width: Annotated[Bytes | None, UnlessDefault()] = None

    def check(self) -> None:
        if self.size % self.banks:
            raise InvalidValue("banks", self.banks, f"must divide the size of {self.size} bytes")
        width = self.bank_width
        if width is None:
            return
        if width < 1 or self.read % width:
            raise InvalidValue("bank_width", width, f"must divide the read port of {self.read} bytes a cycle")
        if self.banks * width < self.read:
            law = f"of {self.banks} banks give {self.banks * width} bytes a cycle, the read port takes {self.read}"
            raise InvalidValue("bank_width", width, f"{law}; give wider words, or more banks")
        if self.size // self.banks % width:
            law = f"must divide the {self.size // self.banks} bytes of a bank"
            raise InvalidValue("bank_width", width, law)


class WeightLayout(Enum):
    """How the weights that the array multiplies lie in the DRAM."""

    COMPACT = "compact"  # without gaps
    TILES = "tiles"  # tile of the array by tile, each padded to a whole one


@dataclass(frozen=True, slots=True, kw_only=True)
class Dram(Noun):
    """Off-chip memory behind a read and a write port, or one that both share. As weights lie there they are loaded,
    lie in the scratchpad, and enter the array.

    Its times are those of the two bandwidths and the latency. `device`, of which there are `channels`, says what memory
    gives them: `hwsim check` holds the bandwidths against its peak, and its banks can be replayed (`timing/banks.py`).
    """

    type: DramType = DramType.LPDDR4
    device: Name | DramDevice | None = None
    channels: Annotated[int, Whole(low=1, high=256)] = 1
    read: BytesPerSecond
    write: BytesPerSecond
    latency: Picoseconds = 0
    shared_port: bool = False
    weight_layout: WeightLayout = WeightLayout.COMPACT

    def check(self) -> None:
        if self.device is None and self.channels != 1:
            raise InvalidValue("channels", self.channels, "are those of a device; name that too")
        if isinstance(self.device, DramDevice) and self.device.type is not self.type:
            law = f"is {self.device.type.value}, where the type is {self.type.value}; give both the same"
            raise InvalidValue("device", self.device.name, law)

    @property
    def needed(self) -> int:
        """Bytes per second that the ports can ask of the memory: of separate ports both together."""
        return max(self.read, self.write) if self.shared_port else self.read + self.write


@dataclass(frozen=True, slots=True, kw_only=True)
class Interconnect(Noun):
    """What joins the cores: bytes that pass it in a cycle of the chip, each once for all cores that take it, and how
    much later they are there. Its wires are as long as the side of a square with the area of all cores, unless `length`
    says otherwise."""

    rate: BytesPerCycle
    latency: Picoseconds = 0
    length: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint(Noun):
    """A clock with the supply that it needs; memories have one of their own if `memory_voltage` says so."""

    clock: Hertz
    voltage: Volts
    memory_voltage: Volts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine(Noun):
    """What every accelerator has, whatever multiplies its matrices. `energy` names a price table, whose entries
    `energy_override` replaces; `node` and voltages are that table's unless they stand here; a `power_gated` one leaks
    nothing while it waits for audio; `sources` says of fields where their values come from."""

    name: Name
    clock: Hertz
    vector: VectorUnit
    scratchpad: Scratchpad
    dram: Dram
    energy: Name | PriceTable
    energy_override: Constants | None = None
    node: Nanometres | None = None
    voltage: Volts | None = None
    memory_voltage: Volts | None = None
    idle_power: Watts = Fraction(0)
    power_gated: bool = False
    about: Remark | None = None
    sources: Sources = ()

    def check(self) -> None:
        check_sources(self, self.sources)

    def starting(self, runs: int) -> Fraction:
        """Seconds in which a program with so many runs of ops is started."""
        return Fraction(0)

    def latency(self, cycles: int, host: Fraction, runs: int = 0) -> Fraction:
        """Seconds of a run: its cycles, the share of the host, and what it takes to start it and its runs of ops."""
        return Fraction(cycles, self.clock) + host + self.starting(runs)

    def with_(self, **values: Any) -> Self:
        """The chip with other values by dotted path, written as in a file, all at once.

        `chip.with_(**{"array.rows": 32, "dram.read": "128 GB/s"})`; what is wrong is reported as for a file.
        """
        machine: Self = ask(Offer.CHANGED, self, values)
        return machine

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip(Machine):
    """A machine whose matrices are multiplied by an array that loads them.

    Array, vector unit and scratchpad are those of a core, which may have several `arrays`: they share its scratchpad
    and its vector unit, and the columns of each block. Several `cores` work in lockstep, and share the DRAM's ports
    and the `interconnect`. To start a program takes `launch`, to start each run of an op `dispatch`, both beside the
    cycles of the chip.
    """

    cores: Annotated[int, Whole(low=1, high=1024)] = 1
    interconnect: Annotated[Interconnect | None, UnlessDefault()] = None
    array: AnyArray
    arrays: Annotated[int, Whole(low=1, high=64), UnlessDefault()] = 1
    launch: Annotated[Picoseconds, UnlessDefault()] = 0
    dispatch: Annotated[Picoseconds, UnlessDefault()] = 0
    operating_points: Annotated[tuple[tuple[Name, OperatingPoint], ...], Table()] = ()

    def check(self) -> None:
        # Said by name, because a dataclass with slots is made anew and `super()` would look for the first one.
        Machine.check(self)
        if self.cores > 1 and self.interconnect is None:
            law = "must be joined; give an interconnect with its rate, such as interconnect: {rate: 64 B/cycle}"
            raise InvalidValue("cores", self.cores, law)

    def macs_per_cycle(self, mode: Precision) -> Rate:
        """Peak products per cycle of all arrays."""
        return self.cores * self.arrays * self.array.macs_per_cycle(mode)

    def starting(self, runs: int) -> Fraction:
        """Seconds in which a program with so many runs of ops is started, and each of them."""
        return Fraction(self.launch + self.dispatch * runs, 10**12)

    @property
    def exchange_latency_cycles(self) -> int:
        """The latency of the interconnect in whole cycles, rounded up."""
        latency = 0 if self.interconnect is None else self.interconnect.latency
        return -(-latency * self.clock // 10**12)

    def __repr__(self) -> str:
        dram = f"{self.dram.type.value} {BYTES_PER_SECOND.written(self.dram.read)}"
        memory = f"{BYTES.written(self.scratchpad.size)}, {dram}"
        return f"<Chip {self.name}: {' '.join(self.array.described)}, {HERTZ.written(self.clock)}, {memory}>"

    def _repr_html_(self) -> str:
        return as_html(self)


def at_point(chip: Chip, name: str | None) -> Chip:
    """The chip at one of its named operating points; as it is, if none is asked for."""
    if name is None:
        return chip
    points = dict(chip.operating_points)
    if not points:
        raise Unsupported(f"{chip.name}: has no operating points, so none is called {name!r}")
    if name not in points:
        raise UnknownName("operating point", name, tuple(points))
    point = points[name]
    return replace(chip, clock=point.clock, voltage=point.voltage, memory_voltage=point.memory_voltage)

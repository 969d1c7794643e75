"""The target of a mapping: the units and memories of a chip on which it depends, and how long steps take there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.array import ComputeArray, TileShape
from hwsim.hardware.chip import Chip, Scratchpad, VectorUnit, WeightLayout
from hwsim.ir.op_table import MatrixSize
from hwsim.ir.ops import Function
from hwsim.mapping.operands import Operands
from hwsim.quantities.precision import Precision
from hwsim.schedule.schedule import Ports


class UnsupportedOp(Unsupported):
    """An op that a chip cannot run, and why."""

    def __init__(self, op: str, why: str) -> None:
        self.op, self.why = op, why
        super().__init__(f"{op}: {why}")

    def again(self) -> "UnsupportedOp":
        """The same error for somebody who keeps it, or raises it once more: without the frames in which this one was
        raised, which would keep all plans that they know."""
        return UnsupportedOp(self.op, self.why)


@contextmanager
def naming(op: str) -> Iterator[None]:
    """Errors raised inside name the op, including errors of counts that are too large."""
    try:
        yield
    except UnsupportedOp:
        raise
    except (Unsupported, InvalidValue) as error:
        raise UnsupportedOp(op, str(error)) from error


@dataclass(frozen=True, slots=True)
class Banks:
    """The banks of a scratchpad: how many, the bytes of a word, of which each serves one a cycle, and the words that
    the read port takes in a cycle at most."""

    count: int
    width: int
    port: int

    @classmethod
    def of(cls, scratchpad: Scratchpad) -> "Banks | None":
        """None, if banks are not told apart."""
        width = scratchpad.bank_width
        return None if width is None else cls(scratchpad.banks, width, scratchpad.read // width)

    @property
    def port_bytes(self) -> int:
        """Bytes that the read port passes in a cycle, if no bank is in the way."""
        return self.port * self.width


@dataclass(frozen=True)
class Target:
    """The units of one core, and what transfers need to know of its memories. Chips whose scratchpads differ in size
    alone, or which are used with as many slots, have equal targets."""

    array: ComputeArray
    vector: VectorUnit
    read_port: int
    """Bytes that the scratchpad gives in a cycle."""
    write_port: int
    ports: Ports
    free_conversion: bool = False
    """Whether weights come to the format of the activations by themselves, to ask what conversion costs."""
    tiled_weights: bool = False
    """Whether weights lie in whole tiles of the array."""
    arrays: int = 1
    """How many arrays a core has."""
    banks: Banks | None = None
    """The banks of the scratchpad, if they are told apart."""

    @property
    def slots(self) -> int:
        return self.ports.slots

    def with_slots(self, slots: int) -> "Target":
        """The same units and memories with another number of slots."""
        return replace(self, ports=replace(self.ports, slots=slots, store_delay=slots))

    @cached_property
    def vector_cycles(self) -> Mapping[Function, int]:
        return dict(self.vector.cycles)


def mode_of(operands: Operands, target: Target) -> Precision:
    """The mode of the array that takes the operands."""
    mode = target.array.mode(operands.act, operands.act if operands.dequantized else operands.weight)
    if mode is None:
        raise target.array.refusal(operands.act, operands.weight)
    return mode


def array_alone(mode: Precision, size: MatrixSize, target: Target, outer: int | None = None) -> int:
    """Cycles of a batch of matrix products on the arrays of a core, memory never in the way, in blocks of so much of
    the outer dimension, or of all of it.

    The arrays share the tiles across, so they take as long as the one with most of them.
    """
    limits = target.array.constraints(mode)
    whole, unit = limits.extent(size.m, size.k, size.n), limits.unit.inner
    across = -(-whole.inner // unit)
    share = -(-across // target.arrays) * unit
    of_one = TileShape(outer=whole.outer, inner=min(whole.inner, share), k=whole.k)
    return target.array.alone(mode, of_one, size.batch, whole.outer if outer is None else outer)


def target_of(chip: Chip, slots: int | None = None, free_conversion: bool = False) -> Target:
    """The target of a chip, with as many slots as it has, or fewer."""
    slots = slots or chip.scratchpad.buffers
    ports = Ports(
        dram_read=chip.dram_read_bytes_per_cycle,
        dram_write=chip.dram_write_bytes_per_cycle,
        scratchpad_read=Fraction(chip.scratchpad.read),
        scratchpad_write=Fraction(chip.scratchpad.write),
        latency=chip.dram_latency_cycles,
        slots=slots,
        shared=chip.dram.shared_port,
        store_delay=slots,
        scratchpad_shared=chip.scratchpad.shared_port,
        cores=chip.cores,
        exchange=None if chip.interconnect is None else Fraction(chip.interconnect.rate),
        exchange_latency=chip.exchange_latency_cycles,
    )
    tiled = chip.dram.weight_layout is WeightLayout.TILES
    memory = chip.scratchpad.read, chip.scratchpad.write
    banks = Banks.of(chip.scratchpad)
    return Target(chip.array, chip.vector, *memory, ports, free_conversion, tiled, chip.arrays, banks)

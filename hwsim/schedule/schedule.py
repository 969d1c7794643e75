"""What each unit of the chip does, in order: a loop tree of ops as steps, and which tensors live where.

A loop of the program whose iterations have equal steps is one segment; one whose sizes grow is several. Tensors are
either kept (written into a space of the scratchpad, read from there) or lie in DRAM (stored, and loaded again).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import Enum
from fractions import Fraction
from math import prod
from typing import Annotated, Union

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Remark, Text, Whole
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work
from hwsim.schedule.steps import (
    Count,
    Cycles,
    Portion,
    Ring,
    Step,
    StepTree,
    fused_work_of,
    portions_of,
    unrolled,
    work_of,
)
from hwsim.schedule.unit_table import Unit

Spot = Annotated[str, Text(longest=120)]
"""A name in memory: of a tensor, of a resident prefix, or of an op's columns or parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Noun):
    """The largest part of a matrix product that one step works on."""

    m: Annotated[int, Whole(low=1)]
    k: Annotated[int, Whole(low=1)]
    n: Annotated[int, Whole(low=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Noun):
    """A tensor that an op writes: the whole, so that the old content is gone, or a part."""

    tensor: Spot
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Noun):
    """A tensor in DRAM that an op's loads of a ring read; the loads wait until all of the tensor was stored."""

    ring: Ring
    tensor: Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class OpSchedule(Noun):
    """The steps of one run of an op, and the tensors that they wait for.

    `macs` are the products that one run asks for. `array_reads` and `vector_reads` are tensors in the scratchpad that
    these units read; `kept` tensors are written there, `stored` tensors to DRAM. `overwrites` are dead tensors whose
    space the kept tensors take. `fused` names the epilogue; the tensors that the epilogue reads and writes stand here
    as well. `operands` are the tensors that the portions of the op's transfers number. An operand in a `single` ring
    takes all slots of it at once, so that it needs room only once: nothing is loaded beside it.
    """

    name: Name
    kind: Name
    macs: Count = 0
    mode: Precision | None = None
    block: Block | None = None
    array_reads: tuple[Spot, ...] = ()
    vector_reads: tuple[Spot, ...] = ()
    loaded: tuple[Loaded, ...] = ()
    kept: tuple[Written, ...] = ()
    stored: tuple[Written, ...] = ()
    overwrites: tuple[Spot, ...] = ()
    operands: tuple[Spot, ...] = ()
    single: tuple[Ring, ...] = ()
    fused: tuple[Name, Name] | None = None
    """Name and kind of the epilogue."""
    steps: tuple[StepTree, ...]

    def work(self) -> Work:
        """All that one run does for the op itself."""
        return work_of(self.steps)

    def fused_work(self) -> Work:
        """All that one run does for the epilogue."""
        return fused_work_of(self.steps)

    def named(self, portions: tuple[Portion, ...]) -> tuple[tuple[Spot, int], ...]:
        """What a transfer of the op moves: tensors and their bytes."""
        return tuple((self.operands[operand], size) for operand, size in portions)

    def unrolled(self) -> Iterator[Step]:
        """The steps of one run, one by one."""
        return unrolled(self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preload(Noun):
    """A slotless load of a tensor that stays in the scratchpad during the loop (or program) that follows.

    The load is counted with the op that first reads the tensor. `overwrites` are dead tensors whose space it takes.
    Where several cores take different parts, `of_core` is what one core takes at most, and `written` what all of them
    write into their scratchpads.
    """

    op: Name
    kind: Name
    tensor: Spot
    bytes: Count
    of_core: Count | None = None
    written: Count | None = None
    overwrites: tuple[Spot, ...] = ()

    def work(self) -> Work:
        written = self.bytes if self.written is None else self.written
        return Work(dram_read_bytes=self.bytes, scratchpad_write_bytes=written)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSegment(Noun):
    """Iterations of a loop that are all alike."""

    loop: Name
    times: Annotated[int, Whole(low=1, high=2**40)]
    body: tuple["ScheduleNode", ...]


ScheduleNode = Union[LoopSegment, OpSchedule, Preload]


class Residency(Enum):
    """Where a tensor is while the program runs."""

    RESIDENT = "resident"  # loaded once before the loop in which it is read
    PARTLY = "partly"  # the first of its rows are resident, or kept, the others streamed, or spilled
    STREAMED = "streamed"  # loaded whenever it is read
    KEPT = "kept"  # made, and read, in the scratchpad
    SPILLED = "spilled"  # stored to DRAM, and loaded whenever it is read
    FUSED = "fused"  # never outside the tile in which it was made


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement(Noun):
    """Where one tensor is, how many bytes it takes of the scratchpad (all its spaces), and why it is there.

    With two spaces, the tensor's old and new content alternate between them.
    """

    tensor: Name
    place: Residency
    bytes: Count
    kept_bytes: Count = 0
    spaces: Annotated[int, Whole(low=1, high=2)] = 1
    why: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports(Noun):
    """What transfers need to know of the chip: bytes per cycle (None: any number at once), latency, slots of a ring.

    A load passes the DRAM's read port and the scratchpad's write port, a store the other two. If the DRAM has one
    `shared` port, a store goes directly before the loads of the step `store_delay` steps later, or directly before the
    first load that reads the stored tensor.

    If all readers of the scratchpad share its read port (`scratchpad_shared`), a step asks for it when its first unit
    starts, and takes it behind the steps before, for as long as all that it reads needs: first what the first unit
    reads, before which that unit does not end.

    Several `cores` work in lockstep. A transfer passes the DRAM's port with the bytes of all of them, and each one's
    scratchpad with its own. Results for other cores pass the interconnect, `exchange` bytes a cycle, and are there
    `exchange_latency` cycles later.
    """

    dram_read: Fraction | None
    dram_write: Fraction | None
    scratchpad_read: Fraction | None
    scratchpad_write: Fraction | None
    latency: Cycles
    slots: Annotated[int, Whole(low=1, high=64)]
    shared: bool = False
    store_delay: Annotated[int, Whole(low=1, high=64)] = 1
    scratchpad_shared: bool = False
    cores: Annotated[int, Whole(low=1, high=1024)] = 1
    exchange: Fraction | None = None
    exchange_latency: Cycles = 0

    def check(self) -> None:
        for name in ("dram_read", "dram_write", "scratchpad_read", "scratchpad_write", "exchange"):
            rate = getattr(self, name)
            if rate is not None and rate <= 0:
                raise InvalidValue(name, rate, "must be positive")
        if self.shared and self.store_delay > self.slots:
            raise InvalidValue("store_delay", self.store_delay, f"must be at most the {self.slots} slots of a ring")

    def load_port_bound(self, size: int, of_core: int | None = None) -> bool:
        """Whether the scratchpad's port, not the DRAM's, sets the length of such a load."""
        return port_cycles(_own(size, of_core), self.scratchpad_write) > port_cycles(size, self.dram_read)

    def store_port_bound(self, size: int, of_core: int | None = None) -> bool:
        """Whether the scratchpad's port, not the DRAM's, sets the length of such a store."""
        return port_cycles(_own(size, of_core), self.scratchpad_read) > port_cycles(size, self.dram_write)

    def pass_cycles(self, size: int) -> int:
        """How long that many bytes keep the scratchpad's read port, if all readers share it."""
        return port_cycles(size, self.scratchpad_read) if self.scratchpad_shared else 0

    def lost_cycles(self, size: int, conflicts: int) -> int:
        """How much longer than alone that many bytes keep the scratchpad's read port with those lost to conflicts."""
        return port_cycles(size + conflicts, self.scratchpad_read) - port_cycles(size, self.scratchpad_read)

    def load_cycles(self, size: int, of_core: int | None = None) -> int:
        """How long a load of that many bytes keeps the load unit; `of_core` says how many one core takes, if not all.

        >>> rates = {"dram_read": Fraction(8), "scratchpad_write": Fraction(4)}
        >>> ports = Ports(dram_write=None, scratchpad_read=None, latency=0, slots=1, **rates)
        >>> ports.load_cycles(64), ports.load_cycles(64, 16)
        (16, 8)
        """
        return max(port_cycles(size, self.dram_read), port_cycles(_own(size, of_core), self.scratchpad_write))

    def least_load_cycles(self, size: int) -> int:
        """How long loads of that many bytes keep the load unit at least, to whichever cores they go."""
        return self.load_cycles(size, size // self.cores)

    def store_cycles(self, size: int, of_core: int | None = None) -> int:
        """How long a store of that many bytes keeps the store unit."""
        return max(port_cycles(size, self.dram_write), port_cycles(_own(size, of_core), self.scratchpad_read))

    def exchange_cycles(self, size: int) -> int:
        """How long that many bytes keep the interconnect."""
        return port_cycles(size, self.exchange)


def _own(size: int, of_core: int | None) -> int:
    return size if of_core is None else of_core


def port_cycles(size: int, rate: Fraction | None) -> int:
    """Cycles in which a port passes that many bytes; an infinite rate takes none.

    >>> port_cycles(100, Fraction(64)), port_cycles(100, None)
    (2, 0)
    """
    return 0 if rate is None else -(-size * rate.denominator // rate.numerator)


@dataclass(frozen=True, slots=True)
class PlacedSchedule:
    """An op's schedule or a preload, with how often the loop segments around run it."""

    node: OpSchedule | Preload
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Noun):
    """A program on one chip: its ops in order as steps, and where each tensor lives."""

    ports: Ports
    body: tuple[ScheduleNode, ...]
    placements: tuple[Placement, ...] = ()

    @property
    def two_spaces(self) -> frozenset[str]:
        """The tensors with two spaces, written alternately."""
        return frozenset(placement.tensor for placement in self.placements if placement.spaces == 2)

    def placed(self) -> Iterator[PlacedSchedule]:
        """All op schedules and preloads in order; an op comes once for each of its sizes."""
        return _placed(self.body, ())

    def bytes_moved(self) -> Mapping[Unit, Counter[Spot]]:
        """The bytes of each tensor that the run loads, and stores, as far as its steps tell the tensors apart."""
        moved = {Unit.LOAD: Counter[Spot](), Unit.STORE: Counter[Spot]()}
        for placed in self.placed():
            node = placed.node
            if isinstance(node, Preload):
                moved[Unit.LOAD][node.tensor] += node.bytes * placed.times
                continue
            for unit, portions in zip(moved, portions_of(node.steps), strict=True):
                for operand, size in portions.items():
                    moved[unit][node.operands[operand]] += size * placed.times
        return moved

    @property
    def ops(self) -> tuple[OpSchedule, ...]:
        """The op schedules in order."""
        return tuple(placed.node for placed in self.placed() if isinstance(placed.node, OpSchedule))


def _placed(body: tuple[ScheduleNode, ...], times: tuple[int, ...]) -> Iterator[PlacedSchedule]:
    for node in body:
        if isinstance(node, LoopSegment):
            yield from _placed(node.body, (*times, node.times))
        else:
            yield PlacedSchedule(node, prod(times))

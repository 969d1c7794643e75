"""What each unit of the chip does, in order, in bytes and cycles.

An op's schedule is a small tree of steps. A step is a block of array tiles, or a block of rows for the vector unit,
together with the transfers that it needs; blocks of equal shape are written once, with how often they repeat.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Annotated, Union

from hwsim.core.counters import Work
from hwsim.core.noun import Name, Noun, Whole
from hwsim.core.precision import Precision
from hwsim.errors import InvalidValue

Cycles = Annotated[int, Whole(low=0, high=2**62)]
Count = Annotated[int, Whole(low=0, high=2**62)]


class Unit(IntEnum):
    """A unit of a core; each works in order, one step at a time."""

    LOAD = 0  # DRAM → scratchpad
    ARRAY = 1
    VECTOR = 2
    STORE = 3  # scratchpad → DRAM


class Ring(IntEnum):
    """Operand slots, taken and released in turn."""

    WEIGHTS = 0
    ACTIVATIONS = 1
    VECTOR_OPERANDS = 2


class Phase(Enum):
    """Where a step stands in the making of its result tile."""

    WHOLE = "whole"  # takes the result slot, and completes the tile
    FIRST = "first"
    MIDDLE = "middle"
    LAST = "last"

    @property
    def opens(self) -> bool:
        return self in (Phase.WHOLE, Phase.FIRST)

    @property
    def closes(self) -> bool:
        return self in (Phase.WHOLE, Phase.LAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Noun):
    """All bytes of one ring that a step brings; they take one slot."""

    ring: Ring
    bytes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayWork(Noun):
    """How long a step keeps the array, and how much later its results are complete."""

    cycles: Cycles
    tail: Cycles = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Noun):
    """Loads, then the array, then the vector unit, then the store; each part may be absent.

    `releases` names the rings whose slot no later step reads, so that the end of this one frees it.
    """

    loads: tuple[Load, ...] = ()
    array: ArrayWork | None = None
    phase: Phase = Phase.WHOLE
    vector_cycles: Cycles | None = None
    store_bytes: Count | None = None
    releases: tuple[Ring, ...] = ()
    work: Work

    def check(self) -> None:
        rings = [load.ring for load in self.loads]
        if sorted(set(rings)) != rings:
            raise InvalidValue("loads", rings, "one load a ring, in the order of the rings")
        if self.array is None and self.vector_cycles is None:
            raise InvalidValue("step", self.loads, "must use the array or the vector unit")
        if self.array is None and self.phase is not Phase.WHOLE:
            raise InvalidValue("phase", self.phase.value, "a step of the vector unit alone is whole")
        for ring in (*rings, *self.releases):
            reader = self.vector_cycles if ring is Ring.VECTOR_OPERANDS else self.array
            if reader is None:
                raise InvalidValue("ring", ring.name, "has no reader in this step")
        if not self.phase.closes and (self.vector_cycles is not None or self.store_bytes is not None):
            raise InvalidValue("phase", self.phase.value, "only a completed tile is worked on and stored")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Noun):
    """A sequence of steps, `times` times."""

    times: Annotated[int, Whole(low=1, high=2**40)]
    body: tuple["StepTree", ...]


StepTree = Union[Step, Repeat]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Noun):
    """The largest piece of a Gemm that one step works on."""

    m: Annotated[int, Whole(low=1)]
    k: Annotated[int, Whole(low=1)]
    n: Annotated[int, Whole(low=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpSchedule(Noun):
    """The steps of one run of an op, and how often the loops around it run it.

    `macs` are the products that one run asks for. Of an op on the array also: its mode, and the block into which the op
    was cut.
    """

    name: Name
    kind: Name
    times: Annotated[int, Whole(low=1, high=2**60)]
    macs: Count = 0
    steps: tuple[StepTree, ...]
    mode: Precision | None = None
    block: Block | None = None

    def work(self) -> Work:
        """All that one run does."""
        return _work(self.steps)

    def unrolled(self) -> Iterator[Step]:
        """The steps of one run, one by one."""
        return _unrolled(self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports(Noun):
    """What transfers need to know of the chip: bytes per cycle (None: any number at once), latency, slots of a ring.

    A load passes the DRAM's read port and the scratchpad's write port, a store the other two.
    """

    dram_read: Fraction | None
    dram_write: Fraction | None
    scratchpad_read: Fraction | None
    scratchpad_write: Fraction | None
    latency: Cycles
    slots: Annotated[int, Whole(low=1, high=64)]

    def check(self) -> None:
        for name in ("dram_read", "dram_write", "scratchpad_read", "scratchpad_write"):
            rate = getattr(self, name)
            if rate is not None and rate <= 0:
                raise InvalidValue(name, rate, "must be positive")

    def load_cycles(self, size: int) -> int:
        """How long a load of that many bytes keeps the load unit."""
        return max(port_cycles(size, self.dram_read), port_cycles(size, self.scratchpad_write))

    def store_cycles(self, size: int) -> int:
        """How long a store of that many bytes keeps the store unit."""
        return max(port_cycles(size, self.dram_write), port_cycles(size, self.scratchpad_read))


def port_cycles(size: int, rate: Fraction | None) -> int:
    """Cycles in which a port passes that many bytes; an infinite rate takes none.

    >>> port_cycles(100, Fraction(64)), port_cycles(100, None)
    (2, 0)
    """
    return 0 if rate is None else -(-size * rate.denominator // rate.numerator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Noun):
    """The ops of a program in order, each as steps on the units of one chip."""

    ports: Ports
    ops: tuple[OpSchedule, ...]


def repeated(steps: Iterable[StepTree]) -> tuple[StepTree, ...]:
    """The same sequence with equal neighbours written once.

    >>> step = Step(vector_cycles=1, work=Work())
    >>> [node.times for node in repeated([step, Repeat(times=3, body=(step,)), step])]
    [5]
    """
    counted: list[tuple[int, tuple[StepTree, ...]]] = []
    for node in steps:
        times, body = (node.times, node.body) if isinstance(node, Repeat) else (1, (node,))
        if counted and counted[-1][1] == body:
            counted[-1] = (counted[-1][0] + times, body)
        else:
            counted.append((times, body))
    return tuple(
        body[0] if times == 1 and len(body) == 1 else Repeat(times=times, body=body) for times, body in counted
    )


def _work(steps: tuple[StepTree, ...]) -> Work:
    total = Work()
    for node in steps:
        total += _work(node.body) * node.times if isinstance(node, Repeat) else node.work
    return total


def _unrolled(steps: tuple[StepTree, ...]) -> Iterator[Step]:
    for node in steps:
        if isinstance(node, Repeat):
            for _ in range(node.times):
                yield from _unrolled(node.body)
        else:
            yield node

"""The steps of one op, in order, with the bytes and cycles of each unit of a core.

A step is a block of array tiles, or a block of rows for the vector unit, together with the transfers that it needs;
steps of equal shape that follow each other are written once, with how often they repeat.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum, IntEnum
from typing import Annotated, NamedTuple, Union

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun, Whole
from hwsim.schedule.counters import Work

Cycles = Annotated[int, Whole(low=0, high=2**62)]
Count = Annotated[int, Whole(low=0, high=2**62)]


class Ring(IntEnum):
    """Operand slots, taken and released in turn."""

    WEIGHTS = 0
    ACTIVATIONS = 1
    VECTOR_OPERANDS = 2


class Phase(Enum):
    """The place of a step among the steps that make its result tile."""

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


class Portion(NamedTuple):
    """What a transfer moves of one tensor: the tensor's place among the operands of the op's schedule, and the bytes.

    Places, not names: equal ops of a program share their steps, although their tensors differ.
    """

    operand: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Noun):
    """All bytes that a step loads into one slot of a ring. `portions`, if given, say of which tensors the bytes are.
    `of_core` is what one of several cores takes of them at most; without it, a core takes all.

    >>> Load(ring=Ring.WEIGHTS, bytes=5, portions=(Portion(0, 3),))
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: portions = 3: must add up to the 5 bytes
    """

    ring: Ring
    bytes: Count
    portions: tuple[Portion, ...] = ()
    of_core: Count | None = None

    def check(self) -> None:
        if self.of_core is not None and self.of_core > self.bytes:
            raise InvalidValue("of_core", self.of_core, f"must be among the {self.bytes} bytes of all cores")
        if self.portions:
            _check_portions(self.portions, self.bytes)

    @classmethod
    def of(cls, ring: Ring, portions: tuple[Portion, ...]) -> "Load":
        """The load of these portions."""
        return cls(ring=ring, bytes=sum([size for _, size in portions]), portions=portions)


def _check_portions(portions: tuple[Portion, ...], size: int) -> None:
    """Refuse portions that do not add up to the bytes of their transfer."""
    told = sum([portion for _, portion in portions])
    if told != size:
        raise InvalidValue("portions", told, f"must add up to the {size} bytes")


def _check_hidden(hidden_cycles: int, cycles: int) -> None:
    """Refuse work whose shorter half, the unit's or the port's, takes longer than the whole."""
    if hidden_cycles > cycles:
        raise InvalidValue("hidden_cycles", hidden_cycles, f"must be at most the {cycles} cycles")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayWork(Noun):
    """How long a step keeps the array, and how much later its results are complete.

    The array or the scratchpad's port sets the `cycles`: the port if `port_bound`. The other takes `hidden_cycles`.
    While words of what enters wait for each other on the same bank, the port could pass `conflict_bytes`.
    """

    cycles: Cycles
    tail: Cycles = 0
    port_bound: bool = False
    hidden_cycles: Cycles = 0
    conflict_bytes: Count = 0

    def check(self) -> None:
        _check_hidden(self.hidden_cycles, self.cycles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused(Noun):
    """The vector unit's work on a tile for the epilogue, right after its work on the tile for the product."""

    cycles: Cycles
    work: Work
    port_bound: bool = False
    hidden_cycles: Cycles = 0

    def check(self) -> None:
        _check_hidden(self.hidden_cycles, self.cycles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Noun):
    """Loads, then the array, then the vector unit, then the exchange between cores, then the store; each part may be
    absent.

    `releases` names the rings whose slot no later step reads, so that the end of this step frees it. `store_portions`,
    if given, say of which tensors the stored bytes are. `first_read_bytes` is what the first unit, array or vector
    unit, takes out of the scratchpad.

    Of several cores, `work` is what all of them do and the bytes of transfers are those of all; `stored_by_core` and
    `read_by_core` are what the core with most to do stores, and takes out of its scratchpad. `exchange_bytes` leave
    their cores for the others.
    """

    loads: tuple[Load, ...] = ()
    array: ArrayWork | None = None
    phase: Phase = Phase.WHOLE
    vector_cycles: Cycles | None = None
    vector_port_bound: bool = False
    vector_hidden_cycles: Cycles = 0
    fused: Fused | None = None
    store_bytes: Count | None = None
    store_portions: tuple[Portion, ...] = ()
    stored_by_core: Count | None = None
    exchange_bytes: Count | None = None
    releases: tuple[Ring, ...] = ()
    first_read_bytes: Count = 0
    read_by_core: Count | None = None
    work: Work

    @property
    def read_bytes(self) -> int:
        """What all units of a core take out of its scratchpad."""
        if self.read_by_core is not None:
            return self.read_by_core
        return self.work.scratchpad_read_bytes + (0 if self.fused is None else self.fused.work.scratchpad_read_bytes)

    @property
    def conflict_bytes(self) -> int:
        """What the read port could pass while words of what the array reads wait for each other."""
        return 0 if self.array is None else self.array.conflict_bytes

    @property
    def port_bound(self) -> bool:
        """Whether a port of the scratchpad sets the length of the first unit's work."""
        return self.vector_port_bound if self.array is None else self.array.port_bound

    def check(self) -> None:
        if self.first_read_bytes > self.read_bytes:
            raise InvalidValue("first_read_bytes", self.first_read_bytes, f"must be among all {self.read_bytes} bytes")
        if self.store_portions:
            _check_portions(self.store_portions, self.store_bytes or 0)
        rings = [load.ring for load in self.loads]
        if sorted(set(rings)) != rings:
            raise InvalidValue("loads", rings, "one load a ring, in the order of the rings")
        if self.array is None and self.vector_cycles is None:
            raise InvalidValue("step", self.loads, "must use the array or the vector unit")
        if self.array is None and self.phase is not Phase.WHOLE:
            raise InvalidValue("phase", self.phase.value, "a step of the vector unit alone is whole")
        if self.fused is not None and (self.array is None or self.vector_cycles is None):
            raise InvalidValue("fused", self.fused, "follows the vector unit's work on a tile of the array")
        for ring in (*rings, *self.releases):
            reader = self.vector_cycles if ring is Ring.VECTOR_OPERANDS else self.array
            if reader is None:
                raise InvalidValue("ring", ring.name, "has no reader in this step")
        leaves = self.store_bytes is not None or self.exchange_bytes is not None
        if not self.phase.closes and (self.vector_cycles is not None or leaves):
            raise InvalidValue("phase", self.phase.value, "only a completed tile is worked on and stored")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Noun):
    """A sequence of steps, `times` times."""

    times: Annotated[int, Whole(low=1, high=2**40)]
    body: tuple["StepTree", ...]


StepTree = Union[Step, Repeat]


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


def unrolled(steps: Iterable[StepTree]) -> Iterator[Step]:
    """The steps, one by one."""
    for node in steps:
        if isinstance(node, Repeat):
            for _ in range(node.times):
                yield from unrolled(node.body)
        else:
            yield node


def work_of(steps: Iterable[StepTree]) -> Work:
    """All that steps do for their own op."""
    total = Work()
    for node in steps:
        total += work_of(node.body) * node.times if isinstance(node, Repeat) else node.work
    return total


def fused_work_of(steps: Iterable[StepTree]) -> Work:
    """All that steps do for the epilogue on their tiles."""
    total = Work()
    for node in steps:
        if isinstance(node, Repeat):
            total += fused_work_of(node.body) * node.times
        elif node.fused is not None:
            total += node.fused.work
    return total


def portions_of(steps: Iterable[StepTree]) -> tuple[Counter[int], Counter[int]]:
    """The bytes that steps load and store, by operand."""
    loaded, stored = Counter[int](), Counter[int]()
    for node in steps:
        if isinstance(node, Repeat):
            for total, each in zip((loaded, stored), portions_of(node.body), strict=True):
                for operand, size in each.items():
                    total[operand] += size * node.times
            continue
        for load in node.loads:
            for operand, size in load.portions:
                loaded[operand] += size
        for operand, size in node.store_portions:
            stored[operand] += size
    return loaded, stored

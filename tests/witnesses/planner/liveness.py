"""Uses and live ranges of tensors, and the allocator that gives buffers addresses for them.

The elements along a tensor's last axis are a row.

Buffers are placed in order of importance. Each takes the lowest address at which it meets no buffer whose live range
overlaps its own, and leaves room for the operand and result slots of the ops that run meanwhile.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Op
from hwsim.ir.program import Loop, Node, Placed, Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View

ALL = 1 << 62
"""The rows of a tensor that is kept as a whole, however many it has."""

ResidentRows = Mapping[str, int]
"""Of each tensor, by name, how many of its first rows are kept. Tensors not listed have no resident rows."""


def prefix_name(tensor: str, rows: int) -> str:
    """The name of a resident prefix: the first rows of a tensor, where only they are kept.

    >>> prefix_name("encoder.0.out", 12)
    'encoder.0.out[:12]'
    """
    return f"{tensor}[:{rows}]"


def spots(kept: ResidentRows, tensors: Iterable[str]) -> list[str]:
    """The tensors and resident prefixes that lie in the scratchpad, by the names that schedules have for them.

    >>> spots({"a": ALL, "b": 3}, "abc")
    ['a', 'b[:3]']
    """
    resident = []
    for name in tensors:
        rows = kept.get(name, 0)
        if rows:
            resident.append(name if rows >= ALL else prefix_name(name, rows))
    return resident


@dataclass(frozen=True, slots=True)
class Span:
    """Ops of the program from one place in its order to another, both included."""

    first: int
    last: int

    def meets(self, other: "Span") -> bool:
        return self.first <= other.last and other.first <= self.last

    def joined(self, other: "Span") -> "Span":
        return Span(min(self.first, other.first), max(self.last, other.last))


@dataclass(frozen=True, slots=True)
class Use:
    """One view of a tensor by one op."""

    place: int
    op: Op
    loops: tuple[Loop, ...]
    view: View
    writes: bool
    may_not_run: bool
    """Whether the op does not run in some iterations of the loops around."""

    @property
    def whole(self) -> bool:
        """Whether the view is all of the tensor."""
        return self.view.whole


@dataclass(slots=True)
class TensorUses:
    """All uses of one tensor."""

    tensor: Tensor
    uses: list[Use] = field(default_factory=list)

    @property
    def reads(self) -> list[Use]:
        return [use for use in self.uses if not use.writes]

    @property
    def writes(self) -> list[Use]:
        return [use for use in self.uses if use.writes]

    @property
    def common_loops(self) -> tuple[Loop, ...]:
        """The loops around all uses."""
        common = self.uses[0].loops
        for use in self.uses[1:]:
            common = _shared(common, use.loops)
        return common

    @property
    def carried(self) -> bool:
        """Whether an iteration of some loop reads content, or a rest of it, that an earlier iteration wrote."""
        if self.tensor.role is not Role.STATE:
            return False
        return any(
            (read.place <= write.place or not write.whole or write.may_not_run) and _shared(read.loops, write.loops)
            for read in self.reads
            for write in self.writes
        )

    @property
    def spaces(self) -> int:
        """Two, written alternately, if new content is made while the old content is still read; else one."""
        written = {use.place for use in self.writes}
        if any(use.place in written for use in self.reads):
            return 2
        return 2 if self.carried and all(use.whole for use in self.writes) else 1


def _shared(loops: tuple[Loop, ...], others: tuple[Loop, ...]) -> tuple[Loop, ...]:
    """The outer loops that two places have in common."""
    length = 0
    while length < min(len(loops), len(others)) and loops[length] is others[length]:
        length += 1
    return loops[:length]


class ProgramUses:
    """The uses of all tensors of a program, by name, and where its loops and ops stand in its order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.placed: tuple[Placed, ...] = tuple(program.placed())
        self.tensors: dict[str, TensorUses] = {}
        self.place_of: dict[str, int] = {}
        for place, placed in enumerate(self.placed):
            self.place_of[placed.op.name] = place
            rules, may_not_run = op_spec(placed.op), any(share.least == 0 for share in placed.shares)
            for writes, views in ((False, rules.reads(placed.op)), (True, rules.writes(placed.op))):
                for view in dict.fromkeys(views):
                    uses = self.tensors.setdefault(view.tensor, TensorUses(program.tensor(view.tensor)))
                    uses.uses.append(Use(place, placed.op, placed.loops, view, writes, may_not_run))
        self.loop_spans: dict[str, Span] = dict(_loop_spans(program.body, 0)[0])
        self._lives: dict[str, Span] = {}

    def live_range(self, name: str) -> Span:
        """From where to where a tensor's content is needed: all of a loop that uses it and goes on."""
        if name not in self._lives:
            self._lives[name] = self._live_range(self.tensors[name])
        return self._lives[name]

    def _live_range(self, uses: TensorUses) -> Span:
        common = uses.common_loops
        if common and uses.carried:
            return self.loop_spans[common[0].name]
        spans = [self._child_span(use, len(common)) for use in uses.uses]
        live_range = spans[0]
        for span in spans[1:]:
            live_range = live_range.joined(span)
        return live_range

    def _child_span(self, use: Use, depth: int) -> Span:
        """The place of the op, or of the loop around it that lies directly inside the common loops."""
        return self.loop_spans[use.loops[depth].name] if len(use.loops) > depth else Span(use.place, use.place)


def _loop_spans(nodes: tuple[Node, ...], place: int) -> tuple[list[tuple[str, Span]], int]:
    spans: list[tuple[str, Span]] = []
    for node in nodes:
        if isinstance(node, Loop):
            inner, end = _loop_spans(node.body, place)
            spans += [(node.name, Span(place, end - 1)), *inner]
            place = end
        else:
            place += 1
    return spans, place


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes in the scratchpad: their name, the ops during which they are there, the outermost loop around the ops."""

    name: str
    bytes: int
    live_range: Span
    loop: str | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """A buffer and the address at which it lies."""

    buffer: Buffer
    address: int
    end: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", self.address + self.buffer.bytes)


class ScratchpadAllocator:
    """The scratchpad under construction. `working[p]` are the bytes of the slots of the op in place p."""

    def __init__(self, size: int, working: Sequence[int]) -> None:
        self.size = size
        self.working = list(working)
        self.allocations: list[Allocation] = []
        self._present: list[Allocation] = []  # allocations that a later buffer can still meet, by address

    def place(self, buffer: Buffer) -> Allocation | None:
        """The buffer's allocation, or None if there is no room for it."""
        fitting = (start for start, end in self._gaps(buffer.live_range) if end - start >= buffer.bytes)
        address = next(fitting, None)
        if address is None:
            return None
        allocation = Allocation(buffer, address)
        self.allocations.append(allocation)
        insort(self._present, allocation, key=lambda allocation: allocation.address)
        return allocation

    def gap(self, live_range: Span) -> int:
        """The most consecutive bytes that are free during all of the live range."""
        return max((max(0, end - start) for start, end in self._gaps(live_range)), default=0)

    def _gaps(self, live_range: Span) -> Iterator[tuple[int, int]]:
        """The address ranges that are free during all of the live range, beside the slots, in order."""
        address, room = 0, self.size - max(self.working[live_range.first : live_range.last + 1])
        first, last = live_range.first, live_range.last
        for allocation in self._present:
            there = allocation.buffer.live_range
            if there.last < first or last < there.first:
                continue
            if allocation.address > address:
                yield address, min(allocation.address, room)
            address = max(address, allocation.end)
        if room > address:
            yield address, room

    def retire_before(self, place: int) -> None:
        """Forget the allocations that end before that place, because no later buffer is live before it."""
        self._present = [allocation for allocation in self._present if allocation.buffer.live_range.last >= place]

    def high_water(self) -> tuple[int, ...]:
        """For each place the highest byte in use, plus one."""
        high_water = [0] * len(self.working)
        # The highest allocation first: the first to reach a place is its high water, and the place is skipped later.
        open_from = list(range(len(high_water) + 1))
        for allocation in sorted(self.allocations, key=lambda allocation: -allocation.end):
            place = _root(open_from, allocation.buffer.live_range.first)
            while place <= allocation.buffer.live_range.last:
                high_water[place] = allocation.end
                open_from[place] = place + 1
                place = _root(open_from, place)
        return tuple(high_water)

    def overwrites(self) -> dict[str, tuple[str, ...]]:
        """Which dead buffers each buffer overwrites: the last ones that lay on its bytes before it.

        In a loop the first buffer of an iteration overwrites the last buffer of the iteration before.
        """
        owners = _Owners()
        in_order = sorted(
            self.allocations, key=lambda allocation: (allocation.buffer.live_range.first, allocation.address)
        )
        rounds: list[Allocation] = []
        looped: set[str] = set()
        for allocation in in_order:
            loop = allocation.buffer.loop
            if loop is None:
                rounds.append(allocation)
            elif loop not in looped:
                looped.add(loop)
                rounds += 2 * [other for other in in_order if other.buffer.loop == loop]
        for allocation in rounds:
            owners.take(allocation)
        return {name: tuple(before) for name, before in owners.before.items()}


def _root(links: list[int], place: int) -> int:
    """The end of a chain of links; each link on the way is shortened past the next one."""
    while links[place] != place:
        links[place] = links[links[place]]
        place = links[place]
    return place


class _Owners:
    """The last allocation on each byte: parts without overlaps, by address."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, int, Allocation]] = []
        self.before: dict[str, dict[str, None]] = {}

    def take(self, allocation: Allocation) -> None:
        before = self.before.setdefault(allocation.buffer.name, {})
        low = bisect_right(self.parts, allocation.address, key=lambda part: part[1])
        high = bisect_left(self.parts, allocation.end, lo=low, key=lambda part: part[0])
        kept: list[tuple[int, int, Allocation]] = [(allocation.address, allocation.end, allocation)]
        for start, end, owner in self.parts[low:high]:
            if owner is not allocation and not owner.buffer.live_range.meets(allocation.buffer.live_range):
                before[owner.buffer.name] = None
            if start < allocation.address:
                kept.insert(0, (start, allocation.address, owner))
            if allocation.end < end:
                kept.append((allocation.end, end, owner))
        self.parts[low:high] = kept

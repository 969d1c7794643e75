"""The allocator that gives buffers addresses for their live ranges.

Buffers are placed in order of importance. Each takes the lowest address at which it meets no buffer whose live range
overlaps its own, and leaves room for the operand and result slots of the ops that run meanwhile.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hwsim.mapping.liveness import ALL, ResidentRows, Span, prefix_name


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

"""Places in the scratchpad: who lies where, for how long, and whose space is handed on to whom.

Items come in order of importance; each takes the lowest address at which it meets nobody who is there at the same time,
and leaves room for the operand and result slots of the ops that run meanwhile.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hwsim.mapping.uses import Span


@dataclass(frozen=True, slots=True)
class Tenant:
    """Something in the scratchpad: its bytes, the ops during which it is there, and the outermost loop around these."""

    name: str
    bytes: int
    life: Span
    loop: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A tenant and the address at which it lies."""

    tenant: Tenant
    address: int
    end: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", self.address + self.tenant.bytes)


class Floor:
    """The scratchpad under construction. `working[p]` are the bytes of the slots of the op in place p."""

    def __init__(self, size: int, working: Sequence[int]) -> None:
        self.size = size
        self.working = list(working)
        self.leases: list[Lease] = []
        self._present: list[Lease] = []  # those that can still meet a newcomer, by address

    def place(self, tenant: Tenant) -> Lease | None:
        """The tenant's lease, or None if there is no room for it."""
        fitting = (start for start, end in self._gaps(tenant.life) if end - start >= tenant.bytes)
        address = next(fitting, None)
        if address is None:
            return None
        lease = Lease(tenant, address)
        self.leases.append(lease)
        insort(self._present, lease, key=lambda lease: lease.address)
        return lease

    def gap(self, life: Span) -> int:
        """The most bytes in one piece that are free all that time."""
        return max((max(0, end - start) for start, end in self._gaps(life)), default=0)

    def _gaps(self, life: Span) -> Iterator[tuple[int, int]]:
        """What is free all that time, from the lowest address on, beside the slots."""
        address, room = 0, self.size - max(self.working[life.first : life.last + 1])
        first, last = life.first, life.last
        for lease in self._present:
            there = lease.tenant.life
            if there.last < first or last < there.first:
                continue
            if lease.address > address:
                yield address, min(lease.address, room)
            address = max(address, lease.end)
        if room > address:
            yield address, room

    def forget_before(self, place: int) -> None:
        """No newcomer will be there before that place: whoever is gone by then need not be looked at any more."""
        self._present = [lease for lease in self._present if lease.tenant.life.last >= place]

    def tops(self) -> tuple[int, ...]:
        """For each place the highest byte in use, plus one."""
        tops = [0] * len(self.working)
        # The highest lease first: the first one to reach a place says its top, and places that have one are skipped.
        open_from = list(range(len(tops) + 1))
        for lease in sorted(self.leases, key=lambda lease: -lease.end):
            place = _root(open_from, lease.tenant.life.first)
            while place <= lease.tenant.life.last:
                tops[place] = lease.end
                open_from[place] = place + 1
                place = _root(open_from, place)
        return tuple(tops)

    def handovers(self) -> dict[str, tuple[str, ...]]:
        """Whose bytes each tenant takes over: of everyone who lay there before it, the last one.

        In a loop the first tenant of an iteration takes over from the last one of the iteration before.
        """
        owners = _Owners()
        in_order = sorted(self.leases, key=lambda lease: (lease.tenant.life.first, lease.address))
        rounds: list[Lease] = []
        looped: set[str] = set()
        for lease in in_order:
            loop = lease.tenant.loop
            if loop is None:
                rounds.append(lease)
            elif loop not in looped:
                looped.add(loop)
                rounds += 2 * [other for other in in_order if other.tenant.loop == loop]
        for lease in rounds:
            owners.take(lease)
        return {name: tuple(before) for name, before in owners.before.items()}


def _root(links: list[int], place: int) -> int:
    """Where a chain of links ends; what lies on the way is linked past the next one."""
    while links[place] != place:
        links[place] = links[links[place]]
        place = links[place]
    return place


class _Owners:
    """Who was the last to lie on which bytes: parts without overlaps, by address."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, int, Lease]] = []
        self.before: dict[str, dict[str, None]] = {}

    def take(self, lease: Lease) -> None:
        before = self.before.setdefault(lease.tenant.name, {})
        low = bisect_right(self.parts, lease.address, key=lambda part: part[1])
        high = bisect_left(self.parts, lease.end, lo=low, key=lambda part: part[0])
        kept: list[tuple[int, int, Lease]] = [(lease.address, lease.end, lease)]
        for start, end, owner in self.parts[low:high]:
            if owner is not lease and not owner.tenant.life.meets(lease.tenant.life):
                before[owner.tenant.name] = None
            if start < lease.address:
                kept.insert(0, (start, lease.address, owner))
            if lease.end < end:
                kept.append((lease.end, end, owner))
        self.parts[low:high] = kept

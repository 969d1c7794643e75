"""Places in the scratchpad: who lies where, for how long, and whose space is handed on to whom.

Items come in order of importance; each takes the lowest address at which it meets nobody who is there at the same time,
and leaves room for the operand and result slots of the ops that run meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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

    @property
    def end(self) -> int:
        return self.address + self.tenant.bytes

    def touches(self, other: "Lease") -> bool:
        """Whether the two lie on common bytes, at whatever time."""
        return self.address < other.end and other.address < self.end


class Floor:
    """The scratchpad under construction. `working[p]` are the bytes of the slots of the op in place p."""

    def __init__(self, size: int, working: Sequence[int]) -> None:
        self.size = size
        self.working = list(working)
        self.leases: list[Lease] = []

    def place(self, tenant: Tenant) -> Lease | None:
        """The tenant's lease, or None if there is no room for it."""
        room = self.size - max(self.working[tenant.life.first : tenant.life.last + 1])
        neighbours = sorted(
            (lease for lease in self.leases if lease.tenant.life.meets(tenant.life)), key=lambda lease: lease.address
        )
        address = 0
        for lease in neighbours:
            if lease.address - address >= tenant.bytes:
                break
            address = max(address, lease.end)
        if address + tenant.bytes > room:
            return None
        lease = Lease(tenant, address)
        self.leases.append(lease)
        return lease

    def top(self, place: int) -> int:
        """The highest byte in use, plus one, during the op in that place."""
        here = Span(place, place)
        return max((lease.end for lease in self.leases if lease.tenant.life.meets(here)), default=0)

    def overwritten_by(self, lease: Lease) -> tuple[str, ...]:
        """The tenants whose bytes a lease takes over: those gone before it, and in a common loop also those after it."""
        names = []
        for other in self.leases:
            if other is lease or not lease.touches(other) or other.tenant.life.meets(lease.tenant.life):
                continue
            together = lease.tenant.loop is not None and lease.tenant.loop == other.tenant.loop
            if other.tenant.life.last < lease.tenant.life.first or together:
                names.append(other.tenant.name)
        return tuple(dict.fromkeys(names))

"""What is resident, what is kept, how much room each op has for its slots: one way to run a program.

Residents and states come first, chosen for the DRAM traffic that they avoid beside the largest working set of their
loop; then activations in program order, each of which is kept if it fits for as long as it is needed.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from hwsim.core.ops import Conv, Gemm, Op
from hwsim.core.schedule import Place, Placement
from hwsim.core.tensor import Role
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.matrix import naive_bytes
from hwsim.mapping.network import Network, columns_of, items_of, parameters_of, pieces_of
from hwsim.mapping.pieces import VectorPiece
from hwsim.mapping.refusal import UnsupportedOp, naming
from hwsim.mapping.residency import Item, choose
from hwsim.mapping.spaces import Floor, Lease, Tenant
from hwsim.mapping.target import Target
from hwsim.mapping.uses import Span
from hwsim.mapping.vector import naive_row_bytes


@dataclass(frozen=True, slots=True)
class Resident:
    """What stays in the scratchpad during a loop, by the name of its tensor: how many of its rows of tiles."""

    name: str
    op: str
    loop: str
    rows: int
    bytes: int
    lease: Lease


@dataclass(frozen=True, eq=False)
class Plan:
    """Decisions. `room[p]` is what the op in place p may use for its slots."""

    network: Network
    target: Target
    size: int
    residents: dict[str, Resident]
    kept: dict[str, Lease]
    floor: Floor
    room: tuple[int, ...]
    naive: bool
    items: tuple[Item, ...] = ()

    @cached_property
    def handovers(self) -> dict[str, tuple[str, ...]]:
        """Whose bytes each tenant of the scratchpad takes over."""
        return self.floor.handovers()


def naive_plan(network: Network, target: Target, size: int) -> Plan:
    """Nothing stays in the scratchpad, and every op is cut into the largest square blocks that fit."""
    count = len(network.uses.placed)
    floor = Floor(size, [0] * count)
    return Plan(network, target, size, {}, {}, floor, (size,) * count, naive=True)


def plan(network: Network, target: Target, size: int, share: int, residency: "Plan | None" = None) -> Plan:
    """The decisions for a scratchpad of that size, where a working set may take one part in `share`.

    `residency` is another plan whose choice of tensors is taken over, as far as they fit.
    """
    working = _working_sets(network, target, size, share)
    items = items_of(network, target)
    floor = Floor(size, working)
    capacity = {loop: size - max(working[span.first : span.last + 1]) for loop, span in network.uses.loop_spans.items()}
    residents: dict[str, Resident] = {}
    kept: dict[str, Lease] = {}
    before = residency
    choice = choose(items, capacity) if before is None else tuple(_as_before(item, before) for item in items)
    for name, loop, rows, size_ in _grouped(items, choice):
        _settle(network, floor, residents, kept, name, loop, rows, size_)
    for tenant in _activations(network):
        floor.forget_before(tenant.life.first)
        if residency is not None and tenant.name not in residency.kept:
            continue
        lease = floor.place(tenant)
        if lease is not None:
            kept[tenant.name] = lease
    room = tuple(size - top for top in floor.tops())
    return Plan(network, target, size, residents, kept, floor, room, naive=False, items=items)


def _as_before(item: Item, before: Plan) -> str | None:
    if item.name in before.kept:
        return item.loops[0]
    resident = before.residents.get(item.name)
    return resident.loop if resident is not None and item.row < resident.rows else None


def _settle(
    network: Network,
    floor: Floor,
    residents: dict[str, Resident],
    kept: dict[str, Lease],
    name: str,
    loop: str,
    rows: int,
    size: int,
) -> None:
    uses = network.uses.tensors.get(name)
    if uses is not None and uses.tensor.role is Role.STATE:
        lease = floor.place(_tenant(network, name, size))
        if lease is not None:
            kept[name] = lease
        return
    op = name.rsplit(".", 1)[0] if uses is None else uses.uses[0].op.name
    outer = network.loops_of(op)[0].name
    lease = floor.place(Tenant(name, size, network.uses.loop_spans[loop], outer))
    if lease is not None:
        residents[name] = Resident(name, op, loop, rows, size, lease)


def _grouped(items: tuple[Item, ...], choice: tuple[str | None, ...]) -> list[tuple[str, str, int, int]]:
    """Of each tensor the first rows that were chosen: its name, the loop, how many rows, their bytes."""
    grouped: dict[tuple[str, str], tuple[int, int]] = {}
    for item, loop in zip(items, choice, strict=True):
        if loop is None:
            continue
        rows, size = grouped.get((item.name, loop), (0, 0))
        if item.row == rows:
            grouped[item.name, loop] = rows + 1, size + item.bytes
    return [(name, loop, rows, size) for (name, loop), (rows, size) in grouped.items()]


@lru_cache(maxsize=8)
def _activations(network: Network) -> tuple[Tenant, ...]:
    """The tensors that ops make for each other, in the order in which they are made."""
    made = [
        (network.uses.life(name).first, name)
        for name, uses in network.uses.tensors.items()
        if uses.tensor.role is Role.ACTIVATION and name not in network.fused_away
    ]
    uses = network.uses.tensors
    return tuple(_tenant(network, name, uses[name].tensor.packed_bytes * uses[name].spaces) for _, name in sorted(made))


def _tenant(network: Network, name: str, size: int) -> Tenant:
    common = network.uses.tensors[name].common_loops
    return Tenant(name, size, network.uses.life(name), common[0].name if common else None)


def _working_sets(network: Network, target: Target, size: int, share: int) -> list[int]:
    """Bytes of all slots of the naive cut of the op in each place, nothing kept; a follower has those of its leader."""
    working = [0] * len(network.uses.placed)
    for name, sized in network.largest.items():
        with naming(name):
            held = _held(sized, network, target, size // share)
        if held > size:
            what = "one tile of the array" if sized.on_array else "one row"
            raise UnsupportedOp(
                name,
                f"{what} takes {held} bytes with {target.slots} buffer{'s' * (target.slots > 1)}, "
                f"there are {size} of the scratchpad to plan with; give a larger one",
            )
        working[network.uses.place_of[name]] = held
        if sized.follower is not None:
            working[network.uses.place_of[sized.follower.op.name]] = held
    return working


def _held(sized: SizedOp, network: Network, target: Target, limit: int) -> int:
    piece = pieces_of(network, target).of(sized)
    if isinstance(piece, VectorPiece):
        return naive_row_bytes(piece.rows(frozenset()), limit)
    return naive_bytes(piece.tiling(frozenset()), limit)


def placements(plan: Plan) -> tuple[Placement, ...]:
    """Where each tensor of the program is, and why."""
    return tuple(_placement(name, plan) for name in sorted(plan.network.uses.tensors))


def two_spaces(plan: Plan) -> tuple[Placement, ...]:
    """Of these only the tensors with two spaces: all that times depend on."""
    return tuple(_placement(name, plan) for name in plan.network.two_spaces)


def _placement(name: str, plan: Plan) -> Placement:
    uses = plan.network.uses.tensors[name]
    tensor, size = uses.tensor, uses.tensor.packed_bytes
    if name in plan.network.fused_away:
        return Placement(tensor=name, place=Place.FUSED, bytes=size, why="read only on the tiles that make it")
    if name in plan.kept:
        spaces = uses.spaces
        why = "fits beside the working sets while it is needed" + (", in two spaces" if spaces == 2 else "")
        return Placement(tensor=name, place=Place.KEPT, bytes=size, kept_bytes=size * spaces, spaces=spaces, why=why)
    if not tensor.role.given:
        why = (
            "the workload wants it outside" if tensor.role is Role.OUTPUT else _no_room(name, size * uses.spaces, plan)
        )
        return Placement(tensor=name, place=Place.SPILLED, bytes=size, spaces=uses.spaces, why=why)
    resident = plan.residents.get(name)
    if resident is None:
        together = _resident_with_others(name, plan)
        if together is not None:
            return Placement(tensor=name, place=Place.RESIDENT, bytes=size, kept_bytes=size, why=together)
        return Placement(tensor=name, place=Place.STREAMED, bytes=size, why=_why_streamed(name, plan))
    whole = resident.bytes >= size
    why = f"loaded once before {resident.loop}" + ("" if whole else f"; {resident.bytes} bytes fit")
    place = Place.RESIDENT if whole else Place.PARTLY
    return Placement(tensor=name, place=place, bytes=size, kept_bytes=resident.bytes, why=why)


def _no_room(name: str, size: int, plan: Plan) -> str:
    life: Span = plan.network.uses.life(name)
    most = max(plan.floor.working[life.first : life.last + 1])
    return f"{size} bytes do not fit beside residents, kept tensors and a working set of {most} bytes"


def _resident_with_others(name: str, plan: Plan) -> str | None:
    """Why a tensor stays that is resident as one of the parameters of each op that reads it; None if it is not."""
    uses = plan.network.uses.tensors[name]
    if not uses.tensor.role.parameter or any(_weight_of(use.op) == name for use in uses.uses):
        return None
    found = []
    for use in uses.uses:
        names = columns_of(use.op.name), parameters_of(use.op.name)
        found.append(next((plan.residents[one].loop for one in names if one in plan.residents), None))
    return None if None in found else f"loaded once before {', '.join(dict.fromkeys(map(str, found)))}"


def _weight_of(op: Op) -> str | None:
    return op.weight.tensor if isinstance(op, (Gemm, Conv)) else None


def _why_streamed(name: str, plan: Plan) -> str:
    if any(item.name == name for item in plan.items):
        return "no room beside residents that save more traffic"
    return "nothing stays in this plan" if plan.naive else "comes from outside with every read"

"""What is resident, what is kept, how much room each op has for its slots: one way to run a program.

Residents and states come first, chosen for the DRAM traffic that they avoid beside the largest working set of their
loop; then activations in program order, each of which is kept if it fits for as long as it is needed, or as many of
its first rows as do.
"""

from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from hwsim.core.tensor import Role
from hwsim.mapping.divisible import divisible
from hwsim.mapping.kept import ALL, KeptRows, head_of
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.matrix import naive_bytes
from hwsim.mapping.network import Network, items_of, pieces_of
from hwsim.mapping.pieces import VectorPiece
from hwsim.mapping.refusal import UnsupportedOp, naming
from hwsim.mapping.residency import Choice, Chosen, Item, choose
from hwsim.mapping.spaces import Floor, Lease, Tenant
from hwsim.mapping.target import Target
from hwsim.mapping.vector import naive_row_bytes

_ENDLESS = 2**62
HEAD_UNITS = 8
"""A head is so many parts of its tensor at most: with few different heads equal layers are cut alike, and only once."""


@dataclass(frozen=True, slots=True)
class Resident:
    """What stays in the scratchpad during a loop, by the name of its tensor: how many of its rows of tiles."""

    name: str
    op: str
    loop: str
    rows: int
    bytes: int
    lease: Lease


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a tensor, where only they are kept: how many of how many, and where."""

    rows: int
    all_rows: int
    lease: Lease


@dataclass(frozen=True, eq=False)
class Plan:
    """Decisions. `room[p]` is what the op in place p may use for its slots."""

    network: Network
    target: Target
    size: int
    residents: dict[str, Resident]
    kept: dict[str, Lease]
    heads: dict[str, Head]
    floor: Floor
    room: tuple[int, ...]
    naive: bool
    frugal: bool = False
    """Whether ops are cut for least traffic with the DRAM, not for least time."""
    latency: int = 0
    """With which DRAM in mind ops are cut, in cycles."""
    share: int = 1
    """A working set may take one part in so many of the scratchpad."""
    items: tuple[Item, ...] = ()
    rounded: int = 0
    """To how many bytes sizes were rounded up when residents were chosen; 0 if they were not."""

    @cached_property
    def kept_rows(self) -> KeptRows:
        """How much of each tensor is kept."""
        return dict.fromkeys(self.kept, ALL) | {name: head.rows for name, head in self.heads.items()}

    @cached_property
    def handovers(self) -> dict[str, tuple[str, ...]]:
        """Whose bytes each tenant of the scratchpad takes over."""
        return self.floor.handovers()


def naive_plan(network: Network, target: Target, size: int) -> Plan:
    """Nothing stays in the scratchpad, and every op is cut into the largest square blocks that fit."""
    count = len(network.uses.placed)
    floor = Floor(size, [0] * count)
    return Plan(network, target, size, {}, {}, {}, floor, (size,) * count, naive=True)


def plan(
    network: Network,
    target: Target,
    size: int,
    *,
    share: int,
    divide: bool,
    frugal: bool = False,
    latency: int = 0,
    residency: "Plan | None" = None,
) -> Plan:
    """The decisions for a scratchpad of that size, where a working set may take one part in `share`.

    With `divide` tensors that do not fit are kept in part; if the plan is `frugal`, ops are cut for least traffic, else
    for least time with a DRAM of that `latency`.
    `residency` is another plan whose choice of tensors is taken over, as far as they fit.
    """
    floor, items = Floor(size, _working_sets(network, target, size, share)), items_of(network, target)
    residents: dict[str, Resident] = {}
    kept: dict[str, Lease] = {}
    if residency is None:
        choice, rounded = _chosen(network, target, size, share)
    else:
        choice, rounded = tuple(_as_before(item, residency) for item in items), 0
    for name, loop, rows, size_ in _grouped(items, choice):
        _settle(network, floor, residents, kept, name, loop, rows, size_)
    heads: dict[str, Head] = {}
    for tenant in _activations(network):
        floor.forget_before(tenant.life.first)
        wanted = ALL if residency is None else residency.kept_rows.get(tenant.name, 0)
        lease = floor.place(tenant) if wanted == ALL else None
        if lease is not None:
            kept[tenant.name] = lease
        elif wanted and divide:
            head = _head(tenant, floor, divisible(network).get(tenant.name, 0), wanted, network.uses.tensors)
            if head is not None:
                heads[tenant.name] = head
    room = tuple(size - top for top in floor.tops())
    return Plan(
        network, target, size, residents, kept, heads, floor, room,
        naive=False, frugal=frugal, latency=latency, share=share, items=items, rounded=rounded,
    )  # fmt: skip


def _head(tenant: Tenant, floor: Floor, all_rows: int, wanted: int, known: Container[str]) -> Head | None:
    """As many of a tensor's first rows as fit, and as are wanted; none, if another tensor has the name of the head."""
    if not all_rows:
        return None
    row_bytes = tenant.bytes // all_rows
    unit = -(-all_rows // HEAD_UNITS)
    rows = min(wanted, all_rows - 1, floor.gap(tenant.life) // row_bytes) // unit * unit
    if not rows or head_of(tenant.name, rows) in known:
        return None
    lease = floor.place(replace(tenant, name=head_of(tenant.name, rows), bytes=rows * row_bytes))
    assert lease is not None  # it is no larger than the gap
    return Head(rows, all_rows, lease)


def residents_that_save_most(network: Network, target: Target, size: int, share: int) -> Choice:
    """What saves most traffic beside the largest working set of each loop."""
    return _chosen(network, target, size, share).choice


@lru_cache(maxsize=256)
def _chosen(network: Network, target: Target, size: int, share: int) -> Chosen:
    return choose(items_of(network, target), _capacity(network, target, size, share))


def _capacity(network: Network, target: Target, size: int, share: int) -> dict[str, int]:
    """The room of each loop beside its largest working set."""
    working = _working_sets(network, target, size, share)
    return {loop: size - max(working[span.first : span.last + 1]) for loop, span in network.uses.loop_spans.items()}


def _as_before(item: Item, before: Plan) -> str | None:
    if item.name in before.kept:
        return item.loops[0]
    resident = before.residents.get(item.name)
    return resident.loop if resident is not None and item.row + item.rows <= resident.rows else None


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
            grouped[item.name, loop] = rows + item.rows, size + item.bytes
    return [(name, loop, rows, size) for (name, loop), (rows, size) in grouped.items()]


@lru_cache(maxsize=8)
def _activations(network: Network) -> tuple[Tenant, ...]:
    """The tensors that ops make for each other, in the order in which they are made."""
    made = [
        (network.life(name).first, name)
        for name, uses in network.uses.tensors.items()
        if uses.tensor.role is Role.ACTIVATION and name not in network.fused_away
    ]
    uses = network.uses.tensors
    return tuple(_tenant(network, name, uses[name].tensor.packed_bytes * uses[name].spaces) for _, name in sorted(made))


def _tenant(network: Network, name: str, size: int) -> Tenant:
    common = network.uses.tensors[name].common_loops
    return Tenant(name, size, network.life(name), common[0].name if common else None)


@lru_cache(maxsize=64)
def enough(network: Network, target: Target, share: int) -> int:
    """A size of the scratchpad beyond which plans stay the same: each op is whole in its slots, and these take one part
    in `share`, beside all that could ever stay."""
    whole = 0
    for name, sized in network.largest.items():
        with naming(name):
            whole = max(whole, _held(sized, network, target, _ENDLESS))
    stays = sum(item.bytes for item in items_of(network, target)) + sum(one.bytes for one in _activations(network))
    return share * whole + stays


@lru_cache(maxsize=256)
def _working_sets(network: Network, target: Target, size: int, share: int) -> tuple[int, ...]:
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
    return tuple(working)


def _held(sized: SizedOp, network: Network, target: Target, limit: int) -> int:
    piece = pieces_of(network, target).of(sized)
    if isinstance(piece, VectorPiece):
        return naive_row_bytes(piece.rows({}), limit)
    return naive_bytes(piece.tiling({}), limit)

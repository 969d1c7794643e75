"""A plan of a program: what is resident, what is kept, how much room each op has for its slots.

Residents and states come first, chosen for the DRAM traffic that they avoid beside the largest working set of their
loop. Then come activations in program order: each is kept if it fits for all of its live range, or else as many of its
first rows as fit.
"""

from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from hwsim.ir.tensor import Role
from hwsim.mapping.activations import row_partitionable
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.liveness import ALL, ResidentRows, prefix_name
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.plan import Strategy
from hwsim.mapping.target import UnsupportedOp, naming
from witnesses.planner.analysed_program import items_of, mappers_of
from witnesses.planner.liveness import Allocation, Buffer, ScratchpadAllocator
from witnesses.planner.op_mappers import VectorMapper, naive_bytes
from witnesses.planner.residency import Chosen, Item, choose
from witnesses.planner.target import Target
from witnesses.planner.vector import naive_row_bytes

_partitionable = lru_cache(maxsize=8)(row_partitionable)

_ENDLESS = 2**62
PREFIX_UNITS = 8
"""A resident prefix is a whole number of such parts of its tensor: with few lengths, equal layers share their cuts."""


@dataclass(frozen=True, slots=True)
class Resident:
    """Parameters that stay in the scratchpad during a loop: the first rows of tiles of a tensor."""

    name: str
    op: str
    loop: str
    rows: int
    bytes: int
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class ResidentPrefix:
    """The first rows of a tensor, where only they are kept: how many of all rows, and their allocation."""

    rows: int
    all_rows: int
    allocation: Allocation


@dataclass(frozen=True, eq=False)
class Plan:
    """The decisions for one scratchpad size and a strategy for each op. `room[p]` are the bytes for slots of the op in
    place p."""

    analysed: AnalysedProgram
    target: Target
    size: int
    residents: dict[str, Resident]
    kept: dict[str, Allocation]
    prefixes: dict[str, ResidentPrefix]
    allocator: ScratchpadAllocator
    room: tuple[int, ...]
    naive: bool
    strategies: tuple[Strategy, ...] = ()
    """By which strategy the op in each place is planned; the naive plan has none."""
    items: tuple[Item, ...] = ()
    rounded: int = 0
    """The unit in bytes to which sizes were rounded up for the choice of residents; 0 for exact sizes."""

    def strategy(self, place: int) -> Strategy:
        """How the op in a place is planned; in a naive plan for a DRAM without latency."""
        return Strategy(1, latency=0) if self.naive else self.strategies[place]

    @cached_property
    def resident_rows(self) -> ResidentRows:
        """How many of each tensor's first rows are kept."""
        return dict.fromkeys(self.kept, ALL) | {name: prefix.rows for name, prefix in self.prefixes.items()}

    @cached_property
    def overwrites(self) -> dict[str, tuple[str, ...]]:
        """Which dead buffers each buffer of the scratchpad overwrites."""
        return self.allocator.overwrites()


def naive_plan(analysed: AnalysedProgram, target: Target, size: int) -> Plan:
    """The plan in which nothing stays in the scratchpad and every op has the largest square blocks that fit."""
    count = len(analysed.uses.placed)
    allocator = ScratchpadAllocator(size, [0] * count)
    return Plan(analysed, target, size, {}, {}, {}, allocator, (size,) * count, naive=True)


def plan(
    analysed: AnalysedProgram,
    target: Target,
    size: int,
    strategies: tuple[Strategy, ...],
    *,
    residency: Plan | None = None,
) -> Plan:
    """The plan for a scratchpad of that size, by a strategy for each place of an op.

    A working set may take one part in `working_set_divisor` of the scratchpad. With `partial_residency` of any op
    tensors that do not fit are kept in part. `residency` is another plan, whose choice of tensors is taken over as far
    as they fit.
    """
    divisors = tuple(strategy.working_set_divisor for strategy in strategies)
    partial_residency = any(strategy.partial_residency for strategy in strategies)
    allocator = ScratchpadAllocator(size, _working_sets_by_place(analysed, target, size, divisors))
    items = items_of(analysed, target)
    residents: dict[str, Resident] = {}
    kept: dict[str, Allocation] = {}
    if residency is None:
        choice, rounded = residents_that_save_most(analysed, target, size, divisors)
    else:
        choice, rounded = tuple(_as_before(item, residency) for item in items), 0
    for name, loop, rows, size_ in _grouped(items, choice):
        _settle(analysed, allocator, residents, kept, name, loop, rows, size_)
    prefixes: dict[str, ResidentPrefix] = {}
    for buffer in _activations(analysed):
        allocator.retire_before(buffer.live_range.first)
        row_limit = ALL if residency is None else residency.resident_rows.get(buffer.name, 0)
        allocation = allocator.place(buffer) if row_limit == ALL else None
        if allocation is not None:
            kept[buffer.name] = allocation
        elif row_limit and partial_residency:
            prefix = _resident_prefix(
                buffer, allocator, _partitionable(analysed).get(buffer.name, 0), row_limit, analysed.uses.tensors
            )
            if prefix is not None:
                prefixes[buffer.name] = prefix
    room = tuple(size - top for top in allocator.high_water())
    return Plan(
        analysed, target, size, residents, kept, prefixes, allocator, room,
        naive=False, strategies=strategies, items=items, rounded=rounded,
    )  # fmt: skip


def _resident_prefix(
    buffer: Buffer, allocator: ScratchpadAllocator, all_rows: int, row_limit: int, names: Container[str]
) -> ResidentPrefix | None:
    """As many of a tensor's first rows as fit within `row_limit`; None if no row fits, or if the prefix's name is in
    `names`, those of the program's tensors."""
    if not all_rows:
        return None
    row_bytes = buffer.bytes // all_rows
    unit = -(-all_rows // PREFIX_UNITS)
    rows = min(row_limit, all_rows - 1, allocator.gap(buffer.live_range) // row_bytes) // unit * unit
    if not rows or prefix_name(buffer.name, rows) in names:
        return None
    allocation = allocator.place(replace(buffer, name=prefix_name(buffer.name, rows), bytes=rows * row_bytes))
    assert allocation is not None  # the prefix is no larger than the gap
    return ResidentPrefix(rows, all_rows, allocation)


@lru_cache(maxsize=256)
def residents_that_save_most(analysed: AnalysedProgram, target: Target, size: int, divisors: tuple[int, ...]) -> Chosen:
    """The choice of residents that saves most traffic beside the largest working set of each loop."""
    return choose(items_of(analysed, target), _capacity(analysed, target, size, divisors))


def _capacity(analysed: AnalysedProgram, target: Target, size: int, divisors: tuple[int, ...]) -> dict[str, int]:
    """The room of each loop beside its largest working set."""
    working = _working_sets_by_place(analysed, target, size, divisors)
    return {loop: size - max(working[span.first : span.last + 1]) for loop, span in analysed.uses.loop_spans.items()}


def _as_before(item: Item, before: Plan) -> str | None:
    if item.name in before.kept:
        return item.loops[0]
    resident = before.residents.get(item.name)
    return resident.loop if resident is not None and item.row + item.rows <= resident.rows else None


def _settle(
    analysed: AnalysedProgram,
    allocator: ScratchpadAllocator,
    residents: dict[str, Resident],
    kept: dict[str, Allocation],
    name: str,
    loop: str,
    rows: int,
    size: int,
) -> None:
    uses = analysed.uses.tensors.get(name)
    if uses is not None and uses.tensor.role is Role.STATE:
        allocation = allocator.place(_buffer(analysed, name, size))
        if allocation is not None:
            kept[name] = allocation
        return
    op = name.rsplit(".", 1)[0] if uses is None else uses.uses[0].op.name
    outer = analysed.loops_of(op)[0].name
    allocation = allocator.place(Buffer(name, size, analysed.uses.loop_spans[loop], outer))
    if allocation is not None:
        residents[name] = Resident(name, op, loop, rows, size, allocation)


def _grouped(items: tuple[Item, ...], choice: tuple[str | None, ...]) -> list[tuple[str, str, int, int]]:
    """The first rows of each tensor that were chosen: its name, the loop, how many rows, their bytes."""
    grouped: dict[tuple[str, str], tuple[int, int]] = {}
    for item, loop in zip(items, choice, strict=True):
        if loop is None:
            continue
        rows, size = grouped.get((item.name, loop), (0, 0))
        if item.row == rows:
            grouped[item.name, loop] = rows + item.rows, size + item.bytes
    return [(name, loop, rows, size) for (name, loop), (rows, size) in grouped.items()]


@lru_cache(maxsize=8)
def _activations(analysed: AnalysedProgram) -> tuple[Buffer, ...]:
    """Buffers of the tensors that ops write for each other, in the order in which they are written."""
    activations = [
        (analysed.live_range(name).first, name)
        for name, uses in analysed.uses.tensors.items()
        if uses.tensor.role is Role.ACTIVATION and name not in analysed.elided
    ]
    uses = analysed.uses.tensors
    return tuple(
        _buffer(analysed, name, uses[name].tensor.packed_bytes * uses[name].spaces) for _, name in sorted(activations)
    )


def _buffer(analysed: AnalysedProgram, name: str, size: int) -> Buffer:
    common = analysed.uses.tensors[name].common_loops
    return Buffer(name, size, analysed.live_range(name), common[0].name if common else None)


@lru_cache(maxsize=64)
def sufficient_capacity(analysed: AnalysedProgram, target: Target, working_set_divisor: int) -> int:
    """A size of the scratchpad beyond which plans stay the same: the slots of each op hold it whole in one part in
    `working_set_divisor`, and everything that could ever stay fits beside them."""
    whole = 0
    for name, sized in analysed.largest.items():
        with naming(name):
            whole = max(whole, _held(sized, analysed, target, _ENDLESS))
    items = sum(item.bytes for item in items_of(analysed, target))
    activations = sum(buffer.bytes for buffer in _activations(analysed))
    return working_set_divisor * whole + items + activations


@lru_cache(maxsize=256)
def _working_sets(analysed: AnalysedProgram, target: Target, size: int, working_set_divisor: int) -> tuple[int, ...]:
    """Bytes of all slots of the naive cut of the op in each place, nothing kept; epilogues count as their producers."""
    working = [0] * len(analysed.uses.placed)
    for name, sized in analysed.largest.items():
        with naming(name):
            held = _held(sized, analysed, target, size // working_set_divisor)
        if held > size:
            what = "one tile of the array" if sized.on_array else "one row"
            raise UnsupportedOp(
                name,
                f"{what} takes {held} bytes with {target.slots} buffer{'s' * (target.slots > 1)}, "
                f"there are {size} of the scratchpad to plan with; give a larger one",
            )
        working[analysed.uses.place_of[name]] = held
        if sized.epilogue is not None:
            working[analysed.uses.place_of[sized.epilogue.op.name]] = held
    return tuple(working)


def _working_sets_by_place(
    analysed: AnalysedProgram, target: Target, size: int, divisors: tuple[int, ...]
) -> tuple[int, ...]:
    """The working set of the op in each place, within one part in its own divisor."""
    sets = {divisor: _working_sets(analysed, target, size, divisor) for divisor in divisors}
    return tuple(sets[divisor][place] for place, divisor in enumerate(divisors))


def _held(sized: SizedOp, analysed: AnalysedProgram, target: Target, limit: int) -> int:
    mapper = mappers_of(analysed, target).of(sized)
    if isinstance(mapper, VectorMapper):
        return naive_row_bytes(mapper.rows({}), limit)
    return naive_bytes(mapper.tiling({}), limit)

"""From one precision to another in a fixed chain of real runs, each of which changes one thing more.

Every run has the schedule that the mapper takes for the objective. Until residency is decided anew, the tensors that
stay in the scratchpad are those of the first run. A change that leads to something that no chip could run is made
together with the next one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from hwsim.engine.accounting import counters_of
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Tensor
from hwsim.mapping.assemble import Aim
from hwsim.mapping.plan import Plan
from hwsim.mapping.schedule import planned
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff, price
from hwsim.quantities.plain_data import Objective, Progress, no_progress, stage
from hwsim.quantities.precision import Precision
from hwsim.results.waterfall import Change, Cost, WaterfallStep
from hwsim.schedule.counters import RunCounters
from hwsim.study.efficiency import aim_of

CHAIN = tuple(Change)
OTHER_ORDER = (
    Change.MAC_PRICE,
    Change.VECTOR,
    Change.PRODUCTS,
    Change.RESIDENCY,
    Change.WEIGHTS,
    Change.ACTIVATIONS,
)
"""The reverse, but for the bits: no array multiplies integer activations by floating-point weights."""


def waterfall(
    chip: Chip,
    table: PriceTable,
    first: Program,
    last: Program,
    order: Sequence[Change] = CHAIN,
    progress: Progress = no_progress,
    *,
    objective: Objective = Objective.LATENCY,
) -> tuple[WaterfallStep, ...]:
    """The steps from the first program to the last one, which is the same network in other formats."""
    assert sorted(order, key=CHAIN.index) == list(CHAIN)
    between = _Between.of(chip, table, aim_of(objective, chip, table), first, last)
    steps: list[WaterfallStep] = []
    before, done = between.cost(frozenset()), frozenset[Change]()
    pending: tuple[Change, ...] = ()
    for place, change in enumerate(order):
        pending, done = (*pending, change), done | {change}
        try:
            after = between.cost(done, stage(progress, place, len(order)))
        except (Unsupported, InvalidValue):
            if done == set(CHAIN):
                raise
            continue
        steps.append(WaterfallStep.between(pending, before, after))
        before, pending = after, ()
    return tuple(steps)


@dataclass(frozen=True)
class _Between:
    """All runs between the first program and the last one, by what has been changed."""

    chip: Chip
    table: PriceTable
    aim: Aim
    first: "_Run"
    last: "_Run"
    found: dict[frozenset[Change], Cost] = field(default_factory=dict)

    @classmethod
    def of(cls, chip: Chip, table: PriceTable, aim: Aim, first: Program, last: Program) -> "_Between":
        return cls(chip, table, aim, _Run.of(first, chip, aim), _Run.of(last, chip, aim))

    def cost(self, changed: frozenset[Change], progress: Progress = no_progress) -> Cost:
        """What a run costs in which these things are as in the last one, and all others as in the first one."""
        modes = (self.last if Change.MAC_PRICE in changed else self.first).modes
        changed -= {Change.MAC_PRICE}
        program, chip = self.program(changed), self.on(changed)
        if (program, chip) == (self.first.program, self.chip):
            counters = self.first.counters
        elif changed == set(CHAIN) - {Change.MAC_PRICE}:
            counters = self.last.counters
        else:
            # What the network does not convert whose vector work this is, comes about by itself.
            worked = self.last.program if Change.VECTOR in changed else self.first.program
            converts = _converts(program) and not _converts(worked)
            kept = None if Change.RESIDENCY in changed else self.first.plan
            found = planned(program, chip, aim=self.aim, residency=kept, free_conversion=converts, progress=progress)
            counters = counters_of(found.schedule)
        return Cost(counters.total.cycles, self.energy(counters, modes))

    def energy(self, counters: RunCounters, modes: dict[str, Precision]) -> int:
        """The energy of a run at the prices of the real chip, its products as in these modes."""
        spent = price(counters.ops, self.chip, self.table).components
        tariff = Tariff.of(PriceBook(self.chip, self.table))
        products = 0
        for op in counters.ops:
            if op.mode is not None:
                products += op.work.macs * tariff.mac(modes.get(op.name, op.mode)).attojoules
        return spent.total - spent.mac + products

    def program(self, changed: frozenset[Change]) -> Program:
        """The network with the ops of one program, and tensors in the formats of either."""
        first, last = self.first.program, self.last.program
        ops, other = (last, first) if Change.VECTOR in changed else (first, last)
        copied = _copied(ops)
        tensors = []
        for tensor in ops.tensors:
            change = Change.WEIGHTS if tensor.role.parameter and tensor.name not in copied else Change.ACTIVATIONS
            source = last if change in changed else first
            tensors.append(tensor if source is ops else _in_format_of(tensor, ops, other))
        return ops if list(ops.tensors) == tensors else replace(ops, tensors=tuple(tensors))

    def on(self, changed: frozenset[Change]) -> Chip:
        """The chip, whose modes make as many products as the first program's mode, or the last one's."""
        first, last = self.first.main_mode, self.last.main_mode
        if first is None or last is None or (Change.ACTIVATIONS in changed) == (Change.PRODUCTS in changed):
            return self.chip
        array = self.chip.array
        if Change.PRODUCTS in changed:
            return replace(self.chip, array=array.at_pace_of(last, [first]))
        return replace(self.chip, array=array.at_pace_of(first, array.modes))


@dataclass(frozen=True)
class _Run:
    """A program with its own plan."""

    program: Program
    plan: Plan
    counters: RunCounters

    @classmethod
    def of(cls, program: Program, chip: Chip, aim: Aim) -> "_Run":
        found = planned(program, chip, aim=aim)
        return cls(program, found.plan, counters_of(found.schedule))

    @property
    def modes(self) -> dict[str, Precision]:
        """The mode of each op that the array does."""
        return {op.name: op.mode for op in self.counters.ops if op.mode is not None}

    @property
    def main_mode(self) -> Precision | None:
        """The mode in which most products are made."""
        products: Counter[Precision] = Counter()
        for op in self.counters.ops:
            if op.mode is not None:
                products[op.mode] += op.work.macs
        return max(products, key=lambda mode: products[mode], default=None)


def _copied(program: Program) -> set[str]:
    """Tensors whose elements go as they are into others, as a table's rows do, so that both have one format."""
    return {view.tensor for placed in program.placed() for view in op_spec(placed.op).copies(placed.op)}


def _in_format_of(tensor: Tensor, ops: Program, other: Program) -> Tensor:
    """The tensor in the format that it has in another program.

    One that is not there takes that of what the same op writes beside it, and stays as it is if there is none.
    """
    known = {one.name: one for one in other.tensors}
    like = known.get(tensor.name)
    if like is None:
        beside = _written_beside(tensor.name, ops)
        like = next((known[name] for name in beside if name in known), tensor)
    return replace(tensor, precision=like.precision, scaling=like.scaling)


def _written_beside(name: str, program: Program) -> Iterable[str]:
    for placed in program.placed():
        written = [view.tensor for view in op_spec(placed.op).writes(placed.op)]
        if name in written:
            return [one for one in written if one != name]
    return []


def _converts(program: Program) -> bool:
    """Whether the vector unit brings weights to the format of activations."""
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            act, weight = (program.tensor(view.tensor).precision for view in (placed.op.act, placed.op.weight))
            if act.floating and not weight.floating:
                return True
    return False

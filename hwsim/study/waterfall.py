"""The waterfall from one precision to another: a fixed chain of real runs, each of which changes one thing more.

Every run has the schedule that the mapper takes for the objective. Until residency is decided anew, the tensors of the
first run stay in the scratchpad. A change that leads to a program that the chip cannot run is made together with the
next change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Tensor
from hwsim.mapping.choice import Aim
from hwsim.mapping.planner import Planner
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.quantities.plain_data import Objective, Progress, no_progress, stage
from hwsim.quantities.precision import Precision
from hwsim.results.waterfall import Change, Cost, WaterfallStep
from hwsim.study.efficiency import aim_of
from hwsim.study.priced_run import PricedRun, priced_run

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
    """The steps from the first program to the last, which is the same network in other formats."""
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
class _Run:
    """A program with its own plan."""

    program: Program
    run: PricedRun

    @classmethod
    def of(cls, program: Program, chip: Chip, aim: Aim, tariff: Tariff) -> "_Run":
        return cls(program, priced_run(chip, tariff, Planner(chip, aim).plan(program)))

    @property
    def modes(self) -> dict[str, Precision]:
        """The mode of each op on the array."""
        columns = self.run.columns
        modes = zip(columns.names, columns.op_modes, strict=True)
        return {name: mode for name, mode in modes if mode is not None}


@dataclass(frozen=True)
class _Between:
    """All runs between the first program and the last, by the changes that are made."""

    chip: Chip
    tariff: Tariff
    aim: Aim
    first: _Run
    last: _Run

    @classmethod
    def of(cls, chip: Chip, table: PriceTable, aim: Aim, first: Program, last: Program) -> "_Between":
        tariff = Tariff.of(PriceBook(chip, table))
        first_run, last_run = (_Run.of(program, chip, aim, tariff) for program in (first, last))
        return cls(chip, tariff, aim, first_run, last_run)

    def cost(self, changed: frozenset[Change], progress: Progress = no_progress) -> Cost:
        """The cost of a run with these changes made: they are as in the last run, everything else as in the first."""
        modes = (self.last if Change.MAC_PRICE in changed else self.first).modes
        changed -= {Change.MAC_PRICE}
        program, chip = self.program(changed), self.on(changed)
        if (program, chip) == (self.first.program, self.chip):
            run = self.first.run
        elif changed == set(CHAIN) - {Change.MAC_PRICE}:
            run = self.last.run
        else:
            # Weights are converted for free where the program whose vector work this is does not convert them.
            worked = self.last.program if Change.VECTOR in changed else self.first.program
            converts = _converts(program) and not _converts(worked)
            kept = None if Change.RESIDENCY in changed else self.first.run.planned.plan
            planner = Planner(chip, self.aim, free_conversion=converts)
            run = priced_run(chip, self.tariff, planner.plan(program, residency=kept, progress=progress))
        return Cost(run.columns.cycles, self.energy(run, modes))

    def energy(self, run: PricedRun, modes: dict[str, Precision]) -> int:
        """The energy of a run at the prices of the real chip, with its products priced in these modes."""
        spent, columns = run.energy.components.total, run.columns
        for name, mode, macs in zip(columns.names, columns.op_modes, columns.work("macs"), strict=True):
            if mode is not None and name in modes:
                charges = (*self.tariff.products(modes[name], macs), *self.tariff.products(mode, -macs))
                spent += sum(unit.attojoules * count for unit, count in charges)
        return spent

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
        """The chip, with modes that make as many products as the mode of the first program, or of the last."""
        first, last = self.first.run.main_mode, self.last.run.main_mode
        if first is None or last is None or (Change.ACTIVATIONS in changed) == (Change.PRODUCTS in changed):
            return self.chip
        array = self.chip.array
        if Change.PRODUCTS in changed:
            return replace(self.chip, array=array.at_pace_of(last, [first]))
        return replace(self.chip, array=array.at_pace_of(first, array.modes))


def _copied(program: Program) -> set[str]:
    """Tensors whose elements are copied into other tensors, as a table's rows are, so that both have one format."""
    return {view.tensor for placed in program.placed() for view in op_spec(placed.op).copies(placed.op)}


def _in_format_of(tensor: Tensor, ops: Program, other: Program) -> Tensor:
    """The tensor in the format that it has in another program.

    A tensor that the other program lacks takes the format of a tensor that the same op writes beside it, or keeps its
    own if there is none.
    """
    by_name = {candidate.name: candidate for candidate in other.tensors}
    like = by_name.get(tensor.name)
    if like is None:
        beside = _written_beside(tensor.name, ops)
        like = next((by_name[name] for name in beside if name in by_name), tensor)
    return replace(tensor, precision=like.precision, scaling=like.scaling)


def _written_beside(name: str, program: Program) -> Iterable[str]:
    for placed in program.placed():
        written = [view.tensor for view in op_spec(placed.op).writes(placed.op)]
        if name in written:
            return [other for other in written if other != name]
    return []


def _converts(program: Program) -> bool:
    """Whether the vector unit brings weights to the format of activations."""
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            act, weight = (program.tensor(view.tensor).precision for view in (placed.op.act, placed.op.weight))
            if act.floating and not weight.floating:
                return True
    return False

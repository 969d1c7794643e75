"""The planner: the best plan of a program on a chip, and its schedule.

Plans are made for the scratchpad's own size and for powers of two below it, for as many slots as the chip has and for
fewer. The naive plan for each of these sizes and numbers of slots is among them, and no plan depends on the latency of
the DRAM. So the fastest plan is never slower than the naive plan, nor than the fastest plan with a longer latency, nor
than the fastest plan for a smaller scratchpad or fewer buffers, if that size is a power of two and that number of slots
is planned for, and if the search comes to its end (`search_budget.MOST_WORK`, `search_budget.MOST_MADE`).
"""

from collections.abc import Sequence
from dataclasses import field, replace
from functools import cached_property

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.limits import MOST_OPS
from hwsim.ir.program import Program
from hwsim.mapping.analysed_program import AnalysedProgram, analyse
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.chain_bounds import SplitTable, split_tables
from hwsim.mapping.choice import Aim, Candidate
from hwsim.mapping.on_vector import faster_on_vector, on_vector_in
from hwsim.mapping.placements import placements
from hwsim.mapping.plan import Plan
from hwsim.mapping.plan_search import Circumstances, PlanSearch
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.program_table import ProgramTable, program_table
from hwsim.mapping.run_columns import RunColumns, run_columns
from hwsim.mapping.schedule_nouns import schedule_of
from hwsim.mapping.strategies import MOST_IN_PIECES
from hwsim.mapping.target import UnsupportedOp, target_of
from hwsim.quantities.plain_data import Objective, Progress, no_progress
from hwsim.schedule.schedule import Placement, Schedule
from hwsim.timing.encode_steps import LONGEST


def check_limits(analysed: AnalysedProgram, chip: Chip) -> None:
    """Refuse a program that would take too long to plan, or whose counts pass the bounds of integers.

    The counts are the cycles of a run and the products of an op.
    """
    name = f"{analysed.program.name} on {chip.name}"
    if analysed.size > MOST_OPS:
        raise Unsupported(
            f"{name}: its ops change their sizes {analysed.size:,} times, hwsim plans up to {MOST_OPS:,}; "
            "shorten the audio, or bound what grows with it"
        )
    peak = max(chip.macs_per_cycle(mode) for mode in chip.array.modes)
    for sized, products, _ in analysed.products:
        if products > LONGEST:
            raise Unsupported(
                f"{sized.op.name} on {chip.name}: makes {products:,} products at once, hwsim counts to {LONGEST:,}; "
                "make it smaller"
            )
    cycles = analysed.least_cycles(peak)
    if cycles > LONGEST:
        raise Unsupported(
            f"{name}: takes at least {cycles:,} cycles, hwsim counts to {LONGEST:,}; ask for less at a time"
        )


@dataclass(frozen=True, eq=False)
class Planned:
    """A program's best plan: its tables, and the nouns that are made of them for whoever asks."""

    candidate: CandidatePlan

    @cached_property
    def columns(self) -> RunColumns:
        """The counters of the run."""
        return run_columns(self.candidate)

    @cached_property
    def plan(self) -> Plan:
        """Where tensors lie, and why."""
        return self.candidate.plan()

    @cached_property
    def schedule(self) -> Schedule:
        """The steps of all ops, and what they wait for."""
        return replace(schedule_of(self.candidate, self.plan), placements=self.placements)

    @cached_property
    def placements(self) -> tuple[Placement, ...]:
        """Where each tensor is, and why."""
        return placements(self.plan)

    @property
    def tensors(self) -> int:
        """How many tensors there are."""
        return len(self.candidate.table.analysed.uses.tensors)


@dataclass(frozen=True, eq=False)
class Planner:
    """Finds the best plans for a chip: the fastest, if there is no other `aim`.

    With `free_conversion` weights come to the format of the activations by themselves, to ask what conversion costs.
    Planners for many chips may share a `store`: what one of them has made, the others need not make again.
    """

    chip: Chip
    aim: Aim | None = None
    free_conversion: bool = False
    searches: int = 1
    """Among how many searches a budget is shared, of which each has a quarter at least."""
    store: PlanStore = field(default_factory=PlanStore)

    def plan(
        self,
        program: Program | AnalysedProgram | ProgramTable,
        *,
        residency: Plan | None = None,
        progress: Progress = no_progress,
    ) -> Planned:
        """The best plan of a program; Unsupported, in the name of an op that does not fit, if there is none.

        Whoever plans a program on many chips gives its tables, which are the same on all of them. With `residency` the
        same tensors stay in the scratchpad as in that plan of another program.
        """
        whole = analyse(program) if isinstance(program, Program) else program
        analysed = whole.analysed if isinstance(whole, ProgramTable) else whole
        check_limits(analysed, self.chip)
        try:
            table = whole if isinstance(whole, ProgramTable) else program_table(analysed)
        except UnsupportedOp as error:
            raise Unsupported(f"{error.op} on {self.chip.name}: {error.why}") from error
        if self.chip.scratchpad.bank_width is not None:
            table = table.with_streams
        known = None if residency is not None else self._known_key(table)
        if known is not None and (found := self.store.choices.get(known)) is not None:
            return self._planned(replace(found, aim=self.aim).best())
        try:
            tables = self._on_cores(self._structures(table, residency), residency)
        except UnsupportedOp as error:
            raise Unsupported(f"{error.op} on {self.chip.name}: {error.why}") from error
        circumstances = Circumstances(self.chip, self.aim, self.free_conversion, self.searches, residency)
        search = PlanSearch(tables, circumstances, self.store, progress)
        best = search.best()
        if known is not None and search.came_to_its_end:
            self.store.choices[known] = search.choice
        return self._planned(best)

    def _known_key(self, table: ProgramTable) -> object | None:
        """What decides which plans may be taken: for latency not what energy costs, by which the last few are told
        apart. Whoever makes something else least has no such plans."""
        if self.aim is not None and self.aim.objective is not Objective.LATENCY:
            return None
        target = target_of(self.chip, None, self.free_conversion)
        return table, target, self.chip.scratchpad.size, self.searches, self.aim is None

    def _planned(self, best: Candidate | None) -> Planned:
        """A plan with its columns, which are made once for all chips that take it."""
        assert isinstance(best, CandidatePlan)
        if best not in self.store.taken:
            self.store.taken[best] = Planned(best)
        planned = self.store.taken[best]
        assert isinstance(planned, Planned)
        return planned

    def _structures(self, table: ProgramTable, residency: Plan | None) -> tuple[ProgramTable, ...]:
        """The program and, unless it has many ops, the program with its chains in pieces; each of them also with those
        products on the vector unit that may be faster there. Of these, the one whose loops and units another plan has,
        if its tensors shall stay where they are there."""
        pieces = None if table.analysed.size > MOST_IN_PIECES else table.chained
        both: tuple[ProgramTable, ...] = (table,) if pieces is None else (table, pieces)
        if self.chip.vector.macs_per_lane:
            target = target_of(self.chip, None, self.free_conversion)
            moved = ((each, names) for each in both for names in faster_on_vector(each.analysed, target))
            both += tuple(each.with_on_vector(names) for each, names in moved)
        if residency is None:
            return both
        wanted = residency.analysed.entries.keys(), on_vector_in(residency.analysed.program)
        found = ((one.analysed.entries.keys(), on_vector_in(one.analysed.program)) for one in both)
        return tuple(one for one, its in zip(both, found, strict=True) if its == wanted) or (table,)

    def _on_cores(self, tables: Sequence[ProgramTable], residency: Plan | None) -> tuple[SplitTable, ...]:
        """The tables with their ops over cores, in all ways that are tried; those as in another plan, if its tensors
        shall stay where they are there."""
        split = split_tables(tables, target_of(self.chip, None, self.free_conversion))
        if residency is None or residency.on_cores is None:
            return split
        before = residency.on_cores.splits
        return tuple(one for one in split if one.splits == before) or split


def schedule(program: Program, chip: Chip, *, aim: Aim | None = None, progress: Progress = no_progress) -> Schedule:
    """The schedule of the program's best plan."""
    return Planner(chip, aim).plan(program, progress=progress).schedule

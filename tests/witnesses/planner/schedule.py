"""The best schedule of a program on a chip.

Plans are made for the scratchpad's own size and for powers of two below it, for as many slots as the chip has and for
fewer. The naive plan for each of these sizes and numbers of slots is among them, and no plan depends on the latency of
the DRAM. So the fastest plan is never slower than the naive plan, nor than the fastest plan with a longer latency, nor
than the fastest plan for a smaller scratchpad or fewer buffers, if that size is a power of two and that number of slots
is planned for.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.program import Program
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.chained import chained
from hwsim.mapping.plan import Strategy
from hwsim.mapping.planner import check_limits
from hwsim.mapping.strategies import (
    LARGEST_DIVISOR,
    MOST_IN_PIECES,
    STRATEGIES,
    candidate_capacities,
    slots,
    strategies,
    stride,
)
from hwsim.mapping.target import UnsupportedOp, naming
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.quantities.registry import EqualityCache, IdentityCache
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode
from witnesses.planner.analysed_program import analyse, least_naive_cycles
from witnesses.planner.assemble import Aim, Choice, assemble, placements
from witnesses.planner.parts import best_by_part
from witnesses.planner.plan import Plan, naive_plan, plan, sufficient_capacity
from witnesses.planner.target import Target, target_of

SAME_WITHOUT_PREFIXES = STRATEGIES[2:4]
"""Strategies that give the plans of the first two strategies again where no tensor is kept in part."""


@dataclass(frozen=True, eq=False)
class Planned:
    """A program's best schedule, and the plan that it comes from."""

    plan: Plan
    schedule: Schedule


def schedule(program: Program, chip: Chip, *, aim: Aim | None = None, progress: Progress = no_progress) -> Schedule:
    """The schedule of the program's best plan."""
    return planned(program, chip, aim=aim, progress=progress).schedule


def planned(
    program: Program,
    chip: Chip,
    *,
    aim: Aim | None = None,
    residency: Plan | None = None,
    free_conversion: bool = False,
    progress: Progress = no_progress,
) -> Planned:
    """The best schedule with its plan: the fastest, if there is no other `aim`.

    Two arguments ask what if: with `residency` the same tensors stay in the scratchpad as in that plan of another
    program; with `free_conversion` weights come to the format of the activations by themselves.
    """
    search = _Search(program, chip, aim, residency, free_conversion, progress)
    return _SAME_PLANS.of(program, chip, aim, residency, free_conversion, make=lambda: _equal(search))


@dataclass(frozen=True)
class _Search:
    """All plans for a program, one after another."""

    program: Program
    chip: Chip
    aim: Aim | None
    residency: Plan | None
    free_conversion: bool
    progress: Progress

    def best(self) -> Planned:
        """The plan that is taken, and its schedule; Unsupported, in the name of an op that does not fit, if none is."""
        chip = self.chip
        if chip.cores != 1:
            raise Unsupported(f"{chip.name}: has {chip.cores} cores; one core is what hwsim schedules so far")
        analysed = analyse(self.program)
        check_limits(analysed, chip)
        choice = Choice(self.aim, (chip.scratchpad.size, chip.scratchpad.buffers))
        problem: UnsupportedOp | None = None
        schedules: dict[object, Schedule] = {}  # keeps the ops whose identities the marks hold
        spacing = stride(analysed.size)

        def consider(slot_count: int, candidate: Plan) -> Schedule:
            assembled = assemble(candidate)
            mark = slot_count, _mark(assembled.body)
            # A naive plan bounds the time of all plans, even if another plan has led to the same schedule.
            if mark not in schedules or candidate.naive:
                schedules[mark] = assembled
                with naming(f"{self.program.name} on {chip.name}"):
                    choice.consider(candidate, assembled)
            return assembled

        tasks = list(self._tasks(analysed))
        for done, (program, slot_count, tried) in enumerate(tasks):
            self.progress(done, len(tasks))
            target = target_of(chip, slot_count, self.free_conversion)
            uniform: dict[int, list[tuple[Strategy, Schedule]]] = {}
            for strategy in tried:
                if strategy is None and choice.tried and choice.too_slow(least_naive_cycles(program, target)):
                    continue
                for size in candidate_capacities(chip.scratchpad.size, spacing):
                    try:
                        if sufficient_capacity(program, target, LARGEST_DIVISOR) < size < chip.scratchpad.size:
                            continue  # the plan is the same as for the whole scratchpad
                        candidate = self._plan(program, target, size, strategy)
                        if strategy in SAME_WITHOUT_PREFIXES and not candidate.prefixes:
                            continue
                        assembled = consider(slot_count, candidate)
                    except UnsupportedOp as error:
                        # The last error is for the fewest slots.
                        problem = error if program is analysed else problem
                        break  # the op fits no smaller scratchpad
                    if strategy is not None:
                        uniform.setdefault(size, []).append((strategy, assembled))
            for size, made in uniform.items() if program is analysed else ():
                for by_part in best_by_part(program, made):
                    with suppress(UnsupportedOp):
                        consider(slot_count, plan(program, target, size, by_part, residency=self.residency))
        with naming(f"{self.program.name} on {chip.name}"):
            best = choice.best()
        if best is None:
            assert problem is not None
            raise Unsupported(f"{problem.op} on {chip.name}: {problem.why}") from problem
        return Planned(best.plan, replace(best.schedule, placements=placements(best.plan)))

    def _tasks(self, analysed: AnalysedProgram) -> Iterator[tuple[AnalysedProgram, int, tuple[Strategy | None, ...]]]:
        """The program, or the program in pieces, how many slots to use, and strategies; None for the naive plan."""
        usable, before = slots(self.chip.scratchpad.buffers), self.residency
        for program in self._structures(analysed):
            for slot_count in usable:
                yield program, slot_count, strategies(analysed.size, in_pieces=program is not analysed)
        # Naive plans come last, because plans slower than a good one need not be made.
        if before is None or not (before.residents or before.resident_rows):
            for slot_count in reversed(usable):
                yield analysed, slot_count, (None,)

    def _structures(self, analysed: AnalysedProgram) -> list[AnalysedProgram]:
        """The program, and the program with its chains in pieces; only that of them whose plan is the one before."""
        pieces = None if analysed.size > MOST_IN_PIECES else chained(self.program)
        both = [analysed] if pieces is None else [analysed, analyse(pieces)]
        if self.residency is None:
            return both
        before = self.residency.analysed.program
        return [one for one in both if _loops(one.program.body) == _loops(before.body)]

    def _plan(self, analysed: AnalysedProgram, target: Target, size: int, strategy: Strategy | None) -> Plan:
        if strategy is None:
            return naive_plan(analysed, target, size)
        places = len(analysed.uses.placed)
        return plan(analysed, target, size, (strategy,) * places, residency=self.residency)


def _loops(nodes: Iterable[Node]) -> frozenset[str]:
    """The names of all loops."""
    loops = [node for node in nodes if isinstance(node, Loop)]
    return frozenset(loop.name for loop in loops).union(*(_loops(loop.body) for loop in loops))


def _equal(search: _Search) -> Planned:
    """The result for an equal program and equal units, remembered or searched for now."""
    chip, kept = search.chip, (search.aim, search.residency)
    units = chip.cores, chip.array, chip.vector, chip.scratchpad, chip.dram, chip.clock
    key = search.program, units, *map(id, kept), search.free_conversion
    return _EQUAL_PLANS.of(key, keep=kept, make=search.best)


_MOST_PLANS = 64
_EQUAL_PLANS = EqualityCache[Planned](most=_MOST_PLANS)
_SAME_PLANS = IdentityCache[Planned](most=_MOST_PLANS)
"""Comparing a program takes longer than walking it."""


def _mark(body: tuple[ScheduleNode, ...]) -> tuple[object, ...]:
    """What distinguishes two schedules of one program. Ops come out of a cache, so equal ops are the same object."""
    marks: list[object] = []
    for node in body:
        match node:
            case LoopSegment():
                marks.append(_mark(node.body))
            case Preload():
                marks.append((node.tensor, node.bytes, node.overwrites))
            case OpSchedule():
                marks.append(id(node))
    return tuple(marks)

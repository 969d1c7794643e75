"""Plans of a program on a target: the chip with a number of slots, whatever the size of its scratchpad."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import cut_store as s
from hwsim.kernels import placing_code as p
from hwsim.kernels import timeline_code as c
from hwsim.kernels.tilings import least_loaded
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.knapsack import Knapsacks
from hwsim.mapping.op_cuts import CutRequest, OpCuts
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.placing import Placed, Wanted, as_before, nothing_placed, placed, wanted
from hwsim.mapping.plan import ByPart, Plan, Strategy, Way
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.residency import Items
from hwsim.mapping.search_budget import SearchBudget
from hwsim.mapping.size_bounds import SizeBounds
from hwsim.mapping.slot_bounds import SlotBounds
from hwsim.mapping.target import Target, UnsupportedOp
from hwsim.timing.encode_steps import LONGEST

Ints = NDArray[np.int64]
Divisors = tuple[int, ...]
"""Which part of the scratchpad a working set may take, by part of the program."""

NEAR = 32
"""What takes at most one part in so many longer than the fastest is about as fast."""

_ENDLESS = 2**61


def best_by_part(strategies: Sequence[Strategy], likely: Ints, dram: Ints) -> Iterator[ByPart]:
    """The ways by the strategies that are best part by part, as far as they promise more than one of them for all.

    By strategy and part, `likely` are the cycles that the ops seem to take, and `dram` those in which they load and
    store. First that of the fastest, of equals those that load and store least, then the first; it must seem faster
    than each strategy for all. And then, of those about as fast, that of the ones which load and store least: it must
    do so less than each strategy about as fast for all.
    """
    order, parts = np.arange(len(strategies))[:, None] + np.zeros_like(likely), np.arange(likely.shape[1])
    fastest = np.lexsort((order, dram, likely), axis=0)[0]
    leanest = np.lexsort((order, likely, dram, ~_about_as_fast(likely)), axis=0)[0]
    whole, moved = likely.sum(axis=1), dram.sum(axis=1)
    if likely[fastest, parts].sum() < whole.min():
        yield ByPart(tuple(strategies[number] for number in fastest))
    if dram[leanest, parts].sum() < moved[_about_as_fast(whole)].min():
        yield ByPart(tuple(strategies[number] for number in leanest))


def _about_as_fast(likely: Ints) -> NDArray[np.bool]:
    """Which strategies are about as fast as the fastest, at most one part in `NEAR` slower."""
    least: Ints = likely.min(axis=0)
    near: NDArray[np.bool] = likely <= least + least // NEAR
    return near


class _TooSmall(NamedTuple):
    """A size of the scratchpad in which an op does not fit, nor in any smaller one, and why."""

    size: int
    why: UnsupportedOp


class TargetPlans:
    """Makes plans one after another; cuts, working sets and choices of residents are found once for all of them."""

    def __init__(
        self,
        table: ProgramTable,
        target: Target,
        classes: tuple[OpRow, ...],
        items: Items,
        knapsacks: Knapsacks,
        latencies: Sequence[int],
        residency: Plan | None,
    ) -> None:
        self.table, self.target, self.items, self.residency = table, target, items, residency
        self.latencies = tuple(latencies)
        self.cuts = OpCuts(table, target, classes, latencies)
        self.problem: UnsupportedOp | None = None
        """The last op that did not fit."""
        self._plans: dict[tuple[int, Way | None], CandidatePlan | UnsupportedOp] = {}
        self._too_small: dict[Way | None, _TooSmall] = {}
        self._places: dict[tuple[int, Divisors, bool], tuple[Placed, int]] = {}
        self._reserved: dict[tuple[int, int], Ints] = {}
        self._chosen: dict[tuple[int, Divisors], tuple[tuple[Wanted, ...], int]] = {}
        self._knapsacks = knapsacks

    def sufficient(self, divisor: int) -> int:
        """A size of the scratchpad beyond which plans stay the same: the slots of each op hold it whole in one part in
        `divisor`, and everything that could ever stay fits beside them."""
        whole, beside = self._all_held
        return divisor * whole + beside

    @cached_property
    def _all_held(self) -> tuple[int, int]:
        """The most bytes of the slots of an op that hold it whole, and those of everything that could ever stay."""
        activations = sum(map(int, self.table.activation_buffers[:, p.BYTES]))
        return int(self.cuts.held(_ENDLESS).max(initial=0)), self.items.bytes + activations

    @cached_property
    def bounds(self) -> SizeBounds:
        """What plans for scratchpads of any size take at least."""
        return SizeBounds(self.table, self.target, self.cuts.classes, self.items)

    @cached_property
    def slot_bounds(self) -> SlotBounds:
        """The same for their number of slots."""
        return SlotBounds(self.bounds)

    def least_cycles(self, size: int) -> int:
        """Cycles that plans for a scratchpad of that size take at least."""
        return max(self.bounds.load_cycles(size), self.slot_bounds.held_cycles(size))

    @cached_property
    def least_naive_cycles(self) -> int:
        """The least cycles of a plan in which nothing stays in the scratchpad: every operand is loaded in every run."""
        rows = zip(self.cuts.classes, self.cuts.ops.classes, strict=True)
        loaded = [int(least_loaded(row, op_class.operands is not None)) for op_class, row in rows]
        runs = zip(self.table.op_times.tolist(), self.table.class_of, strict=True)
        least = sum(times * loaded[of_class] for times, of_class in runs)
        return self.target.ports.least_load_cycles(least)

    def candidates(
        self, sizes: Sequence[int], strategies: Iterable[Strategy | None], budget: SearchBudget
    ) -> list[CandidatePlan]:
        """The plans for scratchpads of these sizes, by all of the strategies, with their cuts; None: the naive plan.

        Plans are left out which are equal to others: where no tensor is kept in part, those that could. The first plan
        of a strategy in which an op does not fit is the last one, because the op fits no smaller scratchpad; whoever
        asks for smaller ones later gets none.
        """
        self.problem = None
        plans: list[CandidatePlan] = []
        ways: set[tuple[Strategy | None, int]] = set()
        for strategy in strategies:
            for size in sizes:
                too_small = self._too_small.get(strategy)
                if too_small is not None and size <= too_small.size:
                    self.problem = too_small.why
                    break
                plan = self._made(size, strategy, budget)
                if isinstance(plan, UnsupportedOp):
                    self.problem = plan
                    break
                way = strategy, size
                if strategy is not None and strategy.partial_residency and not plan.placed.in_part:
                    way = strategy._replace(partial_residency=False), size
                if way not in ways:
                    ways.add(way)
                    plans.append(plan)
        self._cut(plans, budget)
        return list(self._that_fit(plans))

    def _cut(self, plans: Iterable[CandidatePlan], budget: SearchBudget) -> None:
        """Find the cuts of plans, as far as the budget goes."""
        slots, pending = self.target.slots, [plan.request for plan in plans if plan.request.pending]
        steps, ended = self.cuts.find(pending, budget.of_cuts(slots))
        budget.walked_cuts(steps, slots)
        budget.fell_short |= ended

    def by_part(self, uniform: Sequence[CandidatePlan], budget: SearchBudget) -> list[CandidatePlan]:
        """Plans with the best strategy of each part of the program, of those by which `uniform` plans were made.

        For each size at most two.
        """
        if not self.table.parts.any():
            return []
        found = dict[tuple[int, ByPart], CandidatePlan]()
        for size in dict.fromkeys(plan.size for plan in uniform):
            of_size = [plan for plan in uniform if plan.size == size]
            if any(plan.longest >= LONGEST for plan in of_size):
                continue  # sums over parts would pass 64 bits; such plans are refused when they are timed
            strategies = [plan.way for plan in of_size if isinstance(plan.way, Strategy)]
            for way in best_by_part(strategies, *self._likely_by_part(of_size)):
                plan = self._made(size, way, budget)
                if isinstance(plan, CandidatePlan):
                    found[size, way] = plan
        self._cut(found.values(), budget)
        return [plan for plan in found.values() if plan.request.problem is None]

    def _likely_by_part(self, plans: Sequence[CandidatePlan]) -> tuple[Ints, Ints]:
        """By plan and part of the program, the sum of each op's busiest unit, and busy cycles at the DRAM."""
        ops, times = self.table.op_nodes.T
        cuts = np.stack([plan.cuts for plan in plans])[:, ops]
        busy = self.cuts.store.cuts[cuts, s.BUSY : s.BUSY + c.UNITS] * times[:, None]
        dram = busy[:, :, c.LOAD_UNIT] + busy[:, :, c.STORE_UNIT]
        likely = busy.max(axis=2)
        if self.target.ports.shared:
            np.maximum(likely, dram, out=likely)
        of_op = self.table.parts[ops]
        starts = np.flatnonzero(np.diff(of_op, prepend=-1))
        sums = np.zeros((2, len(plans), self.table.analysed.parts[-1] + 1), np.int64)
        for sum_of, cycles in zip(sums, (likely, dram), strict=True):
            sum_of[:, of_op[starts]] = np.add.reduceat(cycles, starts, axis=1)
        return sums[0], sums[1]

    def candidate(self, size: int, way: Way | None) -> CandidatePlan:
        """One plan; UnsupportedOp, if an op does not fit."""
        plan = self._uncut(size, way, SearchBudget())
        self.cuts.find([plan.request])
        if plan.request.problem is not None:
            raise plan.request.problem.again()
        return plan

    def _that_fit(self, plans: Iterable[CandidatePlan]) -> Iterator[CandidatePlan]:
        """The plans of each strategy up to the first one in which an op does not fit."""
        for _, of_strategy in groupby(plans, key=lambda plan: plan.way):
            for plan in of_strategy:
                if plan.request.problem is not None:
                    self.problem = plan.request.problem
                    self._too_small[plan.way] = _TooSmall(plan.size, self.problem)
                    break
                yield plan

    def _made(self, size: int, way: Way | None, budget: SearchBudget) -> CandidatePlan | UnsupportedOp:
        """The plan for a scratchpad of that size, which is made once, or why there is none."""
        key = size, way
        if key not in self._plans:
            try:
                self._plans[key] = self._uncut(size, way, budget)
            except UnsupportedOp as error:
                self._plans[key] = error.again()
        return self._plans[key]

    def _uncut(self, size: int, way: Way | None, budget: SearchBudget) -> CandidatePlan:
        """The plan for a scratchpad of that size, before its ops are cut; UnsupportedOp, if an op does not fit."""
        places, ops = len(self.table.analysed.uses.placed), len(self.table.ops)
        if way is None:
            rounded, reserved, places_of = 0, np.zeros(places, np.int64), nothing_placed(self.table, places)
            how = np.full(ops, s.NAIVE + s.LATENCY_0 * self.latencies.index(0), np.int64)
        else:
            parts = int(self.table.analysed.parts[-1]) + 1 if places else 0
            strategies = way.strategies if isinstance(way, ByPart) else (way,) * parts
            divisors = tuple(strategy.working_set_divisor for strategy in strategies)
            partial = any(strategy.partial_residency for strategy in strategies)
            reserved = self._working_sets_by_part(size, divisors)
            places_of, rounded = self._placed(size, divisors, budget, partial=partial)
            ways = {strategy: self._how(strategy) for strategy in dict.fromkeys(strategies)}
            how = np.array([ways[strategy] for strategy in strategies], np.int64)[self.table.parts]
        request = CutRequest(places_of, size, how, np.full(ops, s.PENDING, np.int64))
        return CandidatePlan(self.cuts, request, way, reserved, self.items, rounded)

    def _how(self, strategy: Strategy) -> int:
        """How ops are cut, as the bits of the store."""
        how = s.MIN_TRAFFIC * strategy.min_traffic + s.NEAR_FASTEST * strategy.near_fastest
        return how + s.ANY_BLOCK * strategy.any_block + s.LATENCY_0 * self.latencies.index(strategy.latency)

    def _placed(self, size: int, divisors: Divisors, budget: SearchBudget, *, partial: bool) -> tuple[Placed, int]:
        """Where tensors lie, and the unit to which sizes were rounded up: the same for all ways of cutting."""
        key = size, divisors, partial
        if key not in self._places:
            self._places[key] = self._newly_placed(size, divisors, budget, partial=partial)
        return self._places[key]

    def _newly_placed(
        self, size: int, divisors: Divisors, budget: SearchBudget, *, partial: bool
    ) -> tuple[Placed, int]:
        before, analysed = self.residency, self.table.analysed
        reserved = self._working_sets_by_part(size, divisors)
        if before is None:
            first, rounded = self._residents(size, divisors, reserved, budget)
            limits = None
        else:
            first, rounded = wanted(analysed, as_before(self.items, before)), 0
            rows = before.resident_rows
            limits = np.array([rows.get(name, 0) for name in self.table.activations], np.int64)
        return placed(self.table, size, reserved, first, limits, partial=partial), rounded

    def _residents(
        self, size: int, divisors: Divisors, reserved: Ints, budget: SearchBudget
    ) -> tuple[tuple[Wanted, ...], int]:
        """The residents that save most traffic beside the largest working set of each loop, and the unit to which sizes
        were rounded up."""
        key = size, divisors
        if key not in self._chosen:
            spans = self.table.analysed.uses.loop_spans
            capacity = {loop: size - int(reserved[span.first : span.last + 1].max()) for loop, span in spans.items()}
            heads, rounded = self.items.choose(capacity, self._knapsacks, budget)
            self._chosen[key] = wanted(self.table.analysed, heads), rounded
        return self._chosen[key]

    def _working_sets_by_part(self, size: int, divisors: Divisors) -> Ints:
        """Bytes of all slots of the naive cut of the op in each place, within what its part of the program allows."""
        parts, different = self.table.analysed.parts, dict.fromkeys(divisors)
        of_divisor = {divisor: self._working_sets(size, divisor) for divisor in different}
        if len(different) == 1:
            return of_divisor[divisors[0]]
        return np.select([parts == part for part in range(len(divisors))], [of_divisor[one] for one in divisors])

    def _working_sets(self, size: int, divisor: int) -> Ints:
        """Bytes of all slots of the naive cut of the op in each place, nothing kept; epilogues count as their
        producers."""
        key = size, divisor
        if key not in self._reserved:
            self._reserved[key] = self._new_working_sets(size, divisor)
        return self._reserved[key]

    def _new_working_sets(self, size: int, divisor: int) -> Ints:
        analysed, slots = self.table.analysed, self.target.slots
        reserved = np.zeros(len(analysed.uses.placed), np.int64)
        held, (places, fused, epilogues) = self.cuts.held(size // divisor), self.table.largest_places
        if int(held.max(initial=0)) > size:
            first = int(np.argmax(held > size))
            name = list(analysed.largest)[first]
            what = "one tile of the array" if analysed.largest[name].on_array else "one row"
            raise UnsupportedOp(
                name,
                f"{what} takes {held[first]} bytes with {slots} buffer{'s' * (slots > 1)}, "
                f"there are {size} of the scratchpad to plan with; give a larger one",
            )
        reserved[places] = held
        reserved[epilogues] = held[fused]
        return reserved

"""Plans of a program on a target: the chip with a number of slots, whatever the size of its scratchpad."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import cut_store as s
from hwsim.kernels import placing_code as p
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.items import items_of
from hwsim.mapping.liveness import ALL
from hwsim.mapping.op_cuts import OpCuts
from hwsim.mapping.placing import Placed, as_before, nothing_placed, placed, wanted
from hwsim.mapping.plan import Plan, Strategy
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.residency import Chosen, choose
from hwsim.mapping.target import Target, UnsupportedOp

Ints = NDArray[np.int64]
_ENDLESS = 2**61


class TargetPlans:
    """Makes plans one after another; cuts, working sets and choices of residents are found once for all of them."""

    def __init__(self, table: ProgramTable, target: Target, latencies: Sequence[int], residency: Plan | None) -> None:
        self.table, self.target, self.residency = table, target, residency
        self.latencies = tuple(latencies)
        self.cuts = OpCuts(table, target, latencies)
        self.items = items_of(
            table.analysed, {name: self.cuts.rows[number] for name, number in self.cuts.largest.items()}
        )
        self._reserved: dict[tuple[int, int], Ints] = {}
        self._chosen: dict[tuple[int, int], Chosen] = {}

    def sufficient(self, divisor: int) -> int:
        """A size of the scratchpad beyond which plans stay the same: the slots of each op hold it whole in one part in
        `divisor`, and everything that could ever stay fits beside them."""
        whole = max(self.cuts.held(_ENDLESS).values(), default=0)
        activations = int(self.table.activation_buffers[:, p.BYTES].sum())
        return divisor * whole + sum(item.bytes for item in self.items) + activations

    @cached_property
    def least_naive_cycles(self) -> int:
        """The least cycles of a plan in which nothing stays in the scratchpad: every operand is loaded in every run."""
        loaded = {
            number: int(s.least_loaded(row, op_class.operands is not None))
            for number, (op_class, row) in enumerate(zip(self.cuts.classes, self.cuts.ops.classes))
        }
        op_nodes = self.table.op_nodes.tolist()
        return self.target.ports.load_cycles(sum(times * loaded[self.cuts.class_of[op]] for op, times in op_nodes))

    def candidate(self, size: int, strategy: Strategy | None) -> CandidatePlan:
        """The plan for a scratchpad of that size, the naive one without a strategy; UnsupportedOp, if an op does not
        fit."""
        places = len(self.table.analysed.uses.placed)
        if strategy is None:
            rounded, reserved, places_of = 0, np.zeros(places, np.int64), nothing_placed(self.table, places)
            way = s.NAIVE + s.LATENCY_0 * self.latencies.index(0)
        else:
            reserved = self._working_sets(size, strategy.working_set_divisor)
            places_of, rounded = self._placed(size, reserved, strategy)
            way = s.MIN_TRAFFIC * strategy.min_traffic + s.LATENCY_0 * self.latencies.index(strategy.latency)
        return CandidatePlan(self.cuts, size, strategy, places_of, reserved, way, self.items, rounded)

    def _placed(self, size: int, reserved: Ints, strategy: Strategy) -> tuple[Placed, int]:
        before, analysed = self.residency, self.table.analysed
        if before is None:
            choice, rounded = self._residents(size, strategy.working_set_divisor, reserved)
            limits = None
        else:
            choice, rounded = as_before(self.items, before), 0
            rows = before.resident_rows
            limits = np.array([rows.get(name, 0) for name in self.table.activations], np.int64)
            limits[limits >= ALL] = p.ALL
        first = wanted(analysed, self.items, choice)
        return placed(self.table, size, reserved, first, limits, partial=strategy.partial_residency), rounded

    def _residents(self, size: int, divisor: int, reserved: Ints) -> Chosen:
        """The choice of residents that saves most traffic beside the largest working set of each loop."""
        key = size, divisor
        if key not in self._chosen:
            spans = self.table.analysed.uses.loop_spans
            capacity = {loop: size - int(reserved[span.first : span.last + 1].max()) for loop, span in spans.items()}
            self._chosen[key] = choose(self.items, capacity)
        return self._chosen[key]

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
        for name, held in self.cuts.held(size // divisor).items():
            sized = analysed.largest[name]
            if held > size:
                what = "one tile of the array" if sized.on_array else "one row"
                raise UnsupportedOp(
                    name,
                    f"{what} takes {held} bytes with {slots} buffer{'s' * (slots > 1)}, "
                    f"there are {size} of the scratchpad to plan with; give a larger one",
                )
            reserved[analysed.uses.place_of[name]] = held
            if sized.epilogue is not None:
                reserved[analysed.uses.place_of[sized.epilogue.op.name]] = held
        return reserved

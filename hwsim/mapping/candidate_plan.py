"""A plan that may be taken: its tables, its time, its work, and itself as a noun when somebody asks for one."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from weakref import proxy

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import assembly as a
from hwsim.kernels import cut_store as s
from hwsim.kernels import timeline_code as c
from hwsim.kernels.timeline import walk
from hwsim.mapping import search_budget
from hwsim.mapping.chain_bounds import chain_cycles
from hwsim.mapping.choice import Timed, TooLong
from hwsim.mapping.op_cuts import CutRequest, OpCuts
from hwsim.mapping.placed_code import PlacedCode, Preloaded
from hwsim.mapping.placing import Placed
from hwsim.mapping.plan import Plan, Way
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.residency import Items
from hwsim.mapping.works import Counts, times, whole_work
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work
from hwsim.timing.encode_steps import LONGEST
from hwsim.timing.timeline import LEVELS, Unsettled, unsettled

Ints = NDArray[np.int64]

_HELD, _LOADS = slice(s.HELD, s.LOADS), slice(s.LOADS, s.CUT)
_BUSY = [s.BUSY + unit for unit in (c.LOAD_UNIT, c.ARRAY_UNIT, c.VECTOR_UNIT, c.STORE_UNIT)]
"""The columns of cuts that say how long units are busy, in the order of chains."""


class CandidatePlan:
    """The plan for one scratchpad size and way of planning, None for the naive plan."""

    def __init__(
        self,
        cuts: OpCuts,
        request: CutRequest,
        way: Way | None,
        reserved: Ints,
        items: Items,
        rounded: int,
    ) -> None:
        self.op_cuts, self.request, self.way = cuts, request, way
        self.reserved, self.items, self.rounded = reserved, items, rounded
        self._timed: Timed | None = None
        self._unsettled: Unsettled | None = None
        self._more_than = -1
        """Cycles that a run is known to pass, if it was not walked to its end."""

    @property
    def size(self) -> int:
        """The bytes of the scratchpad that the plan uses at most."""
        return self.request.size

    @property
    def slots(self) -> int:
        """How many slots its rings have."""
        return self.op_cuts.target.slots

    @property
    def placed(self) -> Placed:
        """Where the tensors lie."""
        return self.request.placed

    @property
    def wanted(self) -> int:
        """How many residents and states were to stay."""
        return len(self.placed.wanted)

    @property
    def cuts(self) -> Ints:
        """The cut of each op, by number; UnsupportedOp, if an op has none."""
        if self.request.problem is not None:
            raise self.request.problem.again()
        return self.request.cuts

    def mark(self) -> tuple[bytes, ...]:
        """What distinguishes the schedule of this plan from those of other plans on the same target."""
        return self.cuts.tobytes(), *self.placed.mark()

    @property
    def preloaded(self) -> tuple[Preloaded, ...]:
        """The residents."""
        return self._code.preloaded

    @cached_property
    def _code(self) -> PlacedCode:
        """What the places of tensors say of the plan's code."""
        codes, ports = self.placed.codes, self.op_cuts.target.ports
        if ports not in codes:
            codes[ports] = PlacedCode(proxy(self.placed), ports)  # whoever has the code has the places
        code: PlacedCode = codes[ports]
        return code

    @cached_property
    def longest(self) -> float:
        """The cycles of a run, if nothing overlaps."""
        return float(self.op_cuts.store.lengths[self.cuts] @ self.table.op_times) + self._code.longest_preloads

    @property
    def busiest(self) -> int:
        """Busy cycles of the busiest port, which no schedule undercuts; exact, even if a run takes too long."""
        return int(self._busy.max())

    @cached_property
    def least_cycles(self) -> int:
        """Cycles that no walk of the plan undercuts: of the busiest unit, of the slots that are held for the longest
        time, or of the longest chain of ops."""
        if self.longest * self.slots >= LONGEST:  # a load that takes all slots counts for each
            return self.busiest
        of_ops = self.op_cuts.store.cuts[self.cuts]
        return max(self.busiest, self._slots_held(of_ops), chain_cycles(self.table, of_ops[:, _BUSY], self.placed.kept))

    def _slots_held(self, of_ops: Ints) -> int:
        """The cycles for which operands or results hold slots of a ring, shared by its slots: each holds one at a
        time."""
        held, loads = (self.table.op_times @ of_ops[:, part] for part in (_HELD, _LOADS))
        held[: len(loads)] += self.op_cuts.fixed[c.LATENCY] * loads
        return -int(-held.max() // self.slots)

    @property
    def load_cycles(self) -> int:
        """Busy cycles of the load unit, and of the store unit, if the two share a port."""
        return int(self._busy[c.LOAD_UNIT])

    @property
    def _rows(self) -> int:
        """The rows of its ops' cuts, each of which a walk passes once at least."""
        return int(self.op_cuts.store.cuts[self.cuts, s.ROWS] @ self.table.node_counts)

    @cached_property
    def likely(self) -> float:
        """About the cycles of a run: the sum of each op's busiest unit. What overlaps and what waits is left out."""
        busy = self.op_cuts.store.cuts[self.cuts, s.BUSY : s.HELD].T.astype(float, order="C")
        if self.op_cuts.target.ports.shared:
            busy[c.LOAD_UNIT] += busy[c.STORE_UNIT]
        return float(busy.max(axis=0) @ self.table.op_times)

    @cached_property
    def _busy(self) -> NDArray[Any]:
        """Busy cycles of each unit, and of a shared read port; those of stores are the load unit's, if the two share a
        port."""
        times = self.table.op_times
        busy = self.op_cuts.store.cuts[self.cuts, s.BUSY : s.HELD]
        units: NDArray[Any] = times @ busy if self.longest < LONGEST else times.astype(object) @ busy.astype(object)
        units[c.LOAD_UNIT] += self._code.preload_cycles
        if self.op_cuts.target.ports.shared:
            units[c.LOAD_UNIT] += units[c.STORE_UNIT]
            units[c.STORE_UNIT] = 0
        return units

    def split_of(self, op: str) -> str | None:
        """Over how many cores an op is split, in words; None, if it runs on one."""
        split = self.table.on_cores.splits.get(op)
        return None if split is None else split.written

    @property
    def dispatched(self) -> int:
        """How often ops are started; an epilogue runs with the op before it."""
        return sum(self.table.op_nodes[:, 1].tolist())

    @property
    def table(self) -> ProgramTable:
        return self.op_cuts.table

    def timed(self, limit: int | None = None, most: int | None = None) -> Timed:
        """The cycles of a run, unless they are found to pass the limit before the end; Unsettled, if they are not found
        in `most` iterations, None for as many as any plan may take."""
        if self._timed is not None:
            return self._timed
        if limit is not None and limit <= self._more_than:
            return Timed(None, 0)
        if self.longest > 1.001 * LONGEST:  # nearer sums are refused, if they must be, when the schedule is encoded
            raise TooLong(f"the program takes up to {int(self.longest):,} cycles; hwsim counts to {LONGEST:,}")
        if self._unsettled is not None:
            raise self._unsettled
        try:
            _, _, now = self.walked(most=most, limit=limit)
        except Unsettled as error:
            self._unsettled = error.with_traceback(None) if most is None else None
            raise
        if now[c.LATE]:
            assert limit is not None
            self._more_than = limit
            return Timed(None, self._rows + int(now[c.UNROLLED]))
        self._timed = Timed(int(now[c.FRONTIER]), self._rows + int(now[c.UNROLLED]))
        return self._timed

    def takes_as_long_as(self, other: "CandidatePlan") -> None:
        """What is known of the time of another plan with the same schedule is known of this one."""
        self._timed, self._unsettled, self._more_than = other._timed, other._unsettled, other._more_than

    def walked(self, *, most: int | None = None, limit: int | None = None) -> tuple[Ints, Ints, Ints]:
        """Totals of all ops, when each unit ended, and what was true in the end; Unsettled after `most` iterations.

        The walk may end before the run does, once it is sure to pass the `limit` of cycles.
        """
        table, store, fixed = self.table, self.op_cuts.store, self.op_cuts.fixed.copy()
        fixed[c.MOST] = most = search_budget.MOST_WALKED if most is None else most
        if limit is not None and 0 < limit < LONGEST > self.longest:
            fixed[c.LIMIT], fixed[c.ALL_BUSY : c.ALL_BUSY + c.UNITS] = limit, self._busy[: c.UNITS]
        placed = self._code
        plan = placed.plan(self.cuts)
        levels = np.zeros((table.depth + LEVELS, 3), np.int64)
        code = np.empty((a.count_rows(plan, store.cuts), c.COLUMNS), np.int64)
        a.write_code(plan, store, placed.touches, self.op_cuts.room.least_key, levels, code)
        keys, pasts = a.place_snapshots(code, len(code), fixed[c.LONGEST] + 1, levels)
        sizes = np.array([max(1, len(table.totals)), max(1, plan.spots), len(levels), keys, pasts], np.int64)
        no_events = np.zeros((0, c.EVENT_COLUMNS), np.int64)
        totals, ends, now = walk(code, plan.refs, placed.touched, fixed, sizes, table.two_spaces, no_events)
        if now[c.UNROLLED] > most:
            raise unsettled(most)
        return totals, ends, now

    @cached_property
    def work(self) -> Mapping[Precision | None, Work]:
        """The work of a run, by the mode of the array in which its products are made."""
        cuts, which = np.unique(self.cuts, return_inverse=True)
        runs = np.zeros(len(cuts), np.int64)
        np.add.at(runs, which, self.table.op_runs.of_size)
        total: dict[Precision | None, Counts] = {}
        for cut, counts in zip(cuts.tolist(), times(self.op_cuts.works(cuts), runs), strict=True):
            mode = self.op_cuts.row_of(cut).mode
            total[mode] = total[mode] + counts if mode in total else counts
        result = {mode: whole_work(counts.tolist()) for mode, counts in total.items()}
        entries = self.table.analysed.entries
        loaded = sum(buffer.loaded * entries[buffer.loop] for buffer, _, _ in self.preloaded)
        written = sum(buffer.written * entries[buffer.loop] for buffer, _, _ in self.preloaded)
        preload = Work(dram_read_bytes=loaded, scratchpad_write_bytes=written)
        return result | {None: result.get(None, Work()) + preload}

    def plan(self) -> Plan:
        """The plan as a noun."""
        placed = self.placed
        return Plan(
            analysed=self.table.analysed,
            target=self.op_cuts.target,
            size=self.size,
            way=self.way,
            residents=placed.residents(),
            kept=placed.whole(),
            prefixes=placed.prefixes(),
            overwrites=placed.overwrites(),
            reserved=tuple(self.reserved.tolist()),
            room=tuple((self.size - placed.high_water).tolist()),
            items=() if self.way is None else self.items.all,
            rounded=self.rounded,
            on_cores=self.table.on_cores if self.op_cuts.target.ports.cores > 1 else None,
        )

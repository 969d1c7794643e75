"""The counters of a plan's run: columns with a row for each op, sums over tables of integers, also made nouns."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.kernels import timeline_code as c
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.works import BOUND, COLUMNS, CONFLICTS, FUSED, OF_EPILOGUE, OWN, Counts, exact, own_work, times
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Counters, OpCounters, RunCounters, Stalls, Units
from hwsim.schedule.unit_table import StallReason, Unit

Ints = NDArray[np.int64]

_UNITS, _REASONS = tuple(Unit)[: c.UNITS], tuple(StallReason)[: c.REASONS]
"""What the kernel knows, in its order; all other units do nothing yet."""

_READ, _WRITTEN = OWN.index("dram_read_bytes"), OWN.index("scratchpad_write_bytes")
_EPILOGUE = [*(OWN.index(name) for name in FUSED), BOUND + c.VECTOR_UNIT]
"""The counters of an op to which the columns of an epilogue add."""


@dataclass(frozen=True, eq=False)
class RunColumns:
    """What each op did in all its runs, in the order in which the timeline meets the ops.

    `works` are the counters of `Work`, `port_bound` the busy cycles of each unit that a port sets, `conflicts` the
    cycles that the scratchpad's read port loses to conflicts of banks, `totals` the columns of the timeline, `ends`
    when each unit ended.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    modes: tuple[Precision | None, ...]
    """All modes, and None for ops that make no products on the array."""
    mode_of: Ints
    """The place of each op's mode among all modes."""
    times: tuple[int, ...]
    macs: tuple[int, ...]
    works: Counts
    port_bound: Counts
    conflicts: Counts
    totals: Ints
    ends: Ints
    cycles: int
    unrolled_iterations: int
    shared_port: bool
    cores: int
    dispatched: int
    """How often ops are started; an epilogue runs with the op before it."""

    @property
    def op_modes(self) -> tuple[Precision | None, ...]:
        """The mode of each op."""
        return tuple([self.modes[place] for place in self.mode_of.tolist()])

    def work(self, name: str) -> list[int]:
        """A counter of `Work`, op by op."""
        counts: list[int] = self.works[:, OWN.index(name)].tolist()
        return counts

    @property
    def op_cycles(self) -> Ints:
        """The cycles by which each op moved the end of everything so far."""
        return _op_cycles(self.totals)


class RunTimes(NamedTuple):
    """What of the same columns is times: who asks for nothing else need not have the work of all ops counted."""

    port_bound: Counts
    totals: Ints
    cycles: int
    unrolled_iterations: int

    @property
    def op_cycles(self) -> Ints:
        """The cycles by which each op moved the end of everything so far."""
        return _op_cycles(self.totals)


def _op_cycles(totals: Ints) -> Ints:
    cycles: Ints = totals[:, c.CYCLES]
    return cycles


def run_times(candidate: CandidatePlan, *, most: int | None = None) -> RunTimes:
    """The times of a plan; Unsettled, if its loops have no period within `most` iterations."""
    totals, _, now = candidate.walked(most=most)
    counts, order = _counts(candidate, totals, candidate.op_cuts.port_bounds), _order(candidate)
    return RunTimes(counts[order, BOUND:CONFLICTS], totals[order], int(now[c.FRONTIER]), int(now[c.UNROLLED]))


def run_columns(candidate: CandidatePlan, *, most: int | None = None) -> RunColumns:
    """The counters of a plan; Unsettled, if its loops have no period within `most` iterations."""
    runs, cuts = candidate.table.op_runs, candidate.op_cuts
    totals, ends, now = candidate.walked(most=most)
    counts, order = _counts(candidate, totals, cuts.works), _order(candidate)
    modes = tuple(dict.fromkeys([None, *(row.mode for row in cuts.classes)]))
    mode_of = np.zeros(len(totals), np.int64)
    mode_of[runs.own.rows] = np.array([modes.index(row.mode) for row in cuts.classes], np.int64)[runs.of_class]
    return RunColumns(
        names=tuple(runs.names[order].tolist()),
        kinds=tuple(runs.kinds[order].tolist()),
        modes=modes,
        mode_of=mode_of[order],
        times=tuple(runs.times[order].tolist()),
        macs=tuple(runs.macs[order].tolist()),
        works=counts[order, :BOUND],
        port_bound=counts[order, BOUND:CONFLICTS],
        conflicts=counts[order, CONFLICTS],
        totals=totals[order],
        ends=ends,
        cycles=int(now[c.FRONTIER]),
        unrolled_iterations=int(now[c.UNROLLED]),
        shared_port=cuts.target.ports.shared,
        cores=cuts.target.ports.cores,
        dispatched=candidate.dispatched,
    )


def _counts(candidate: CandidatePlan, totals: Ints, works_of: Callable[[Ints], Counts]) -> Counts:
    """The work and then the port-bound cycles of each op, by row of totals, from the works of cuts."""
    table, runs, ports = candidate.table, candidate.table.op_runs, candidate.op_cuts.target.ports
    preloads, owners, entries = [], [], []
    for buffer, _, _ in candidate.preloaded:
        assert buffer.op is not None
        loaded = [0] * COLUMNS
        loaded[_READ], loaded[_WRITTEN], moved = buffer.loaded, buffer.written, (buffer.loaded, buffer.bytes)
        loaded[BOUND + c.LOAD_UNIT] = ports.load_cycles(*moved) if ports.load_port_bound(*moved) else 0
        preloads.append(loaded)
        owners.append(table.totals[buffer.op])
        entries.append(table.analysed.entries[buffer.loop])
    once, runs_of, sizes = works_of(candidate.cuts), runs.of_size, len(runs.of_size)
    if preloads:
        once, runs_of = np.concatenate([once, exact(preloads)]), np.concatenate([runs_of, entries])
    works = times(once, runs_of)
    counts = np.zeros((len(table.totals), OF_EPILOGUE), works.dtype)
    own, fused = runs.own, runs.fused
    counts[own.rows] = np.add.reduceat(works[own.numbers, :OF_EPILOGUE], own.starts)
    if len(fused.rows):
        of_epilogues = np.add.reduceat(works[fused.numbers, OF_EPILOGUE:], fused.starts)
        counts[fused.rows[:, None], _EPILOGUE] += of_epilogues
    np.add.at(counts, owners, works[sizes:, :OF_EPILOGUE])
    counts[:, [BOUND + c.ARRAY_UNIT, BOUND + c.VECTOR_UNIT]] += totals[:, c.SHARED_BOUND :]
    return counts


def _order(candidate: CandidatePlan) -> Ints | slice:
    """The rows of totals as the timeline meets their ops: a preload comes before the loop in which its op reads."""
    if not candidate.preloaded:
        return slice(None)
    table = candidate.table
    preloaded = sorted(candidate.preloaded, key=lambda preload: table.loops[preload[0].loop])
    spacing = len(preloaded) + 1
    places = np.arange(1, len(table.totals) + 1) * spacing - 1
    for place, (buffer, _, _) in enumerate(preloaded):
        assert buffer.op is not None
        row = table.totals[buffer.op]
        places[row] = min(places[row], table.totals_before[buffer.loop] * spacing + place)
    return np.argsort(places, kind="stable")


# -- as nouns


def counters_of(run: RunColumns) -> RunCounters:
    """The counters of all ops, each over all its runs, and of the whole chip."""
    rows = zip(
        run.names, run.kinds, run.op_modes, run.times, run.macs, run.works.tolist(), run.port_bound.tolist(),
        run.conflicts.tolist(), run.totals.tolist(), strict=True,
    )  # fmt: skip
    ops = tuple(
        OpCounters(
            name=name,
            kind=kind,
            mode=mode,
            times=times,
            macs=macs,
            cycles=timed[c.CYCLES],
            busy=_units(timed[c.BUSY :]),
            stalls=_stalls(timed),
            span=timed[c.SPAN],
            work=own_work(work),
            port_bound=_units(bound),
            bank_conflict_cycles=lost,
        )
        for name, kind, mode, times, macs, work, bound, lost, timed in rows
    )
    return RunCounters(ops=ops, total=total_of(run), unrolled_iterations=run.unrolled_iterations)


def total_of(run: RunColumns) -> Counters:
    """The counters of the whole chip."""
    timed = run.totals.sum(axis=0).tolist()
    # Units on one port are idle together: their idle cycles are counted with the unit that owns the port.
    idle = {
        unit: run.cycles - (int(run.ends[unit]) if unit < c.UNITS else 0)
        for unit in Unit
        if not (run.shared_port and unit.on_shared_port is not unit) and (run.cores > 1 or not unit.spec.among_cores)
    }
    return Counters(
        cycles=run.cycles,
        busy=_units(timed[c.BUSY :]),
        stalls=_stalls(timed),
        idle=Units.of(idle),
        work=own_work([sum(column) for column in run.works.T.tolist()]),
        shared_port=run.shared_port,
        bank_conflict_cycles=sum(run.conflicts.tolist()),
    )


def _stalls(timed: Sequence[int]) -> Stalls:
    return Stalls(**{reason.key: _units(timed[c.STALLS + c.UNITS * reason :]) for reason in _REASONS})


def _units(cycles: Sequence[int]) -> Units:
    """The first of these, one for each unit of the kernel, as units."""
    return Units(**{unit.key: cycles[unit] for unit in _UNITS})

"""The counters of a plan's run as nouns, from its columns."""

from collections.abc import Sequence

from hwsim.kernels import timeline_code as c
from hwsim.mapping.run_columns import RunColumns
from hwsim.mapping.works import own_work
from hwsim.schedule.counters import Counters, OpCounters, RunCounters, Stalls, Units
from hwsim.schedule.unit_table import StallReason, Unit

_UNITS, _REASONS = tuple(Unit)[: c.UNITS], tuple(StallReason)[: c.REASONS]
"""What the kernel knows, in its order; all other units do nothing yet."""


def counters_of(run: RunColumns) -> RunCounters:
    """The counters of all ops, each over all its runs, and of the whole chip."""
    rows = zip(
        run.names, run.kinds, run.op_modes, run.times, run.macs, run.works.tolist(), run.port_bound.tolist(),
        run.totals.tolist(), strict=True,
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
        )
        for name, kind, mode, times, macs, work, bound, timed in rows
    )
    return RunCounters(ops=ops, total=total_of(run), unrolled_iterations=run.unrolled_iterations)


def total_of(run: RunColumns) -> Counters:
    """The counters of the whole chip."""
    timed = run.totals.sum(axis=0).tolist()
    # Units on one port are idle together: their idle cycles are counted with the unit that owns the port.
    idle = {
        unit: run.cycles - (int(run.ends[unit]) if unit < c.UNITS else 0)
        for unit in Unit
        if not (run.shared_port and unit.on_shared_port is not unit)
    }
    return Counters(
        cycles=run.cycles,
        busy=_units(timed[c.BUSY :]),
        stalls=_stalls(timed),
        idle=Units.of(idle),
        work=own_work([sum(column) for column in run.works.T.tolist()]),
        shared_port=run.shared_port,
    )


def _stalls(timed: Sequence[int]) -> Stalls:
    return Stalls(**{reason.key: _units(timed[c.STALLS + c.UNITS * reason :]) for reason in _REASONS})


def _units(cycles: Sequence[int]) -> Units:
    """The first of these, one for each unit of the kernel, as units."""
    return Units(**{unit.key: cycles[unit] for unit in _UNITS})

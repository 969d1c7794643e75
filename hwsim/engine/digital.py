"""Runs a schedule on a digital chip: time and work of every op, by the fast engine."""

from dataclasses import dataclass, field

from hwsim.core.counters import Counters, OpCounters, RunCounters, Stalls, Units, Work
from hwsim.core.precision import Precision
from hwsim.core.schedule import OpSchedule, Preload, Schedule
from hwsim.engine.ports import fused_port_bound, load_port_bound, port_bound
from hwsim.timing.timeline import OpTimes, Times, times


def run(schedule: Schedule) -> RunCounters:
    """The counters of all ops, each over all its runs, and of the whole chip."""
    timed = times(schedule)
    gathered = _gather(schedule)
    by_op = timed.by_op()
    ops = tuple(_op_counters(name, tally, by_op[name]) for name, tally in gathered.items())
    return RunCounters(
        ops=ops,
        total=_total(ops, timed, shared=schedule.ports.shared),
        unrolled_iterations=timed.unrolled_iterations,
    )


@dataclass(slots=True)
class _Tally:
    """What an op does over all its runs, whatever its sizes."""

    kind: str
    mode: Precision | None = None
    times: int = 0
    macs: int = 0
    work: Work = field(default_factory=Work)
    port_bound: Units = field(default_factory=Units)


def _gather(schedule: Schedule) -> dict[str, _Tally]:
    """The work of every op, in the order in which the timeline meets them."""
    found: dict[str, _Tally] = {}
    ports = schedule.ports
    for placed in schedule.placed():
        match placed.node:
            case Preload() as preload:
                tally = found.setdefault(preload.op, _Tally(preload.kind))
                tally.work += preload.work() * placed.times
                tally.port_bound += load_port_bound(preload.bytes, ports) * placed.times
            case OpSchedule() as op:
                tally = found.setdefault(op.name, _Tally(op.kind))
                tally.mode = op.mode
                tally.times += placed.times
                tally.macs += op.macs * placed.times
                tally.work += op.work() * placed.times
                tally.port_bound += port_bound(op.steps, ports) * placed.times
                if op.fused is not None:
                    follower = found.setdefault(op.fused[0], _Tally(op.fused[1]))
                    follower.times += placed.times
                    follower.work += op.fused_work() * placed.times
                    follower.port_bound += fused_port_bound(op.steps) * placed.times
    return found


def _op_counters(name: str, tally: _Tally, timed: OpTimes) -> OpCounters:
    return OpCounters(
        name=name,
        kind=tally.kind,
        mode=tally.mode,
        times=tally.times,
        macs=tally.macs,
        cycles=timed.cycles,
        busy=timed.busy,
        stalls=timed.stalls,
        span=timed.span,
        work=tally.work,
        port_bound=tally.port_bound,
    )


def _total(ops: tuple[OpCounters, ...], timed: Times, *, shared: bool) -> Counters:
    load, array, vector, store = (timed.cycles - end for end in timed.ends)
    return Counters(
        cycles=timed.cycles,
        busy=sum((op.busy for op in ops), Units()),
        stalls=sum((op.stalls for op in ops), Stalls()),
        idle=Units(load=load, array=array, vector=vector, store=0 if shared else store),
        work=sum((op.work for op in ops), Work()),
        shared_port=shared,
    )

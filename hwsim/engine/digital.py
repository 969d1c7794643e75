"""Runs a schedule on a digital chip: time and work of every op, by the fast engine."""

from hwsim.core.counters import OpCounters
from hwsim.core.progress import Progress, no_progress
from hwsim.core.schedule import OpSchedule, Ports, Schedule
from hwsim.timing.timeline import op_time


def run(schedule: Schedule, progress: Progress = no_progress) -> tuple[OpCounters, ...]:
    """The counters of all ops, each over all its runs. An op starts when the one before has ended."""
    found: dict[str, OpCounters] = {}
    for done, op in enumerate(schedule.ops, 1):
        counters = _run_op(op, schedule.ports)
        found[op.name] = found[op.name].merged(counters) if op.name in found else counters
        progress(done, len(schedule.ops))
    return tuple(found.values())


def _run_op(op: OpSchedule, ports: Ports) -> OpCounters:
    once = op_time(op, ports)
    return OpCounters(
        name=op.name,
        kind=op.kind,
        mode=op.mode,
        times=op.times,
        macs=op.macs * op.times,
        counters=once.counters * op.times,
        span=once.span * op.times,
        walked_iterations=once.walked_iterations,
    )

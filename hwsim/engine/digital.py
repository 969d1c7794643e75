"""Runs a schedule on a digital chip: time and work of every op, by the fast engine."""

from hwsim.core.counters import Counters, OpCounters
from hwsim.core.progress import Progress, no_progress
from hwsim.core.schedule import Schedule
from hwsim.timing.timeline import op_counters

ENGINE = "fast"


def run(schedule: Schedule, progress: Progress = no_progress) -> tuple[OpCounters, ...]:
    """The counters of all ops, each over all its runs. An op starts when the one before has ended."""
    done = []
    for op in schedule.ops:
        once = op_counters(op, schedule.ports)
        done.append(OpCounters(name=op.name, kind=op.kind, times=op.times, counters=once * op.times, bound=bound(once)))
        progress(len(done), len(schedule.ops))
    return tuple(done)


def bound(counters: Counters) -> str:
    """The unit with most busy cycles, or `latency` if none is busy for half of the op's span."""
    busy = {unit: getattr(counters.busy, unit) for unit in ("array", "load", "vector", "store")}
    busiest = max(busy, key=lambda unit: busy[unit])  # of equals the first
    return busiest if 2 * busy[busiest] > counters.cycles else "latency"

"""The timeline of a schedule as an event simulation: units are processes, slots are resources, waits are events.

A unit works off its jobs in order, and waits for one kind of reason after the other, so that what it waited for is the
first kind after which no time passed any more.
"""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

import simpy

from hwsim.schedule.schedule import Schedule
from hwsim.schedule.unit_table import Unit
from witnesses.timeline_plan import Fault, Job, Plan, PortUse


@dataclass(frozen=True, slots=True)
class Seen:
    """What the simulation saw; keys are names of ops, units and reasons. `serial` is the sum of all that was done."""

    total: int
    ends: tuple[int, ...]
    cycles: Counter[str]
    span: Counter[str]
    busy: Counter[tuple[str, Unit]]
    stalls: Counter[tuple[str, Unit, str]]
    shared_bound: Counter[tuple[str, Unit]]
    jobs: int
    serial: int
    order: list[Job]
    """All jobs in the order of the schedule."""


def simulate(schedule: Schedule, fault: Fault | None = None) -> Seen:
    """Run a schedule; an AssertionError if it stands still before its end."""
    plan = Plan(schedule, fault)
    plan.nodes(schedule.body)
    jobs, queues, stalls = carried_out(plan)
    cycles, busy, shared_bound = Counter[str](), Counter[tuple[str, Unit]](), Counter[tuple[str, Unit]]()
    frontier = 0
    first: dict[tuple[int, str], int] = {}
    last: dict[tuple[int, str], int] = {}
    for job in jobs:
        complete = job.end + job.delay
        cycles[job.op] += max(0, complete - frontier)
        busy[job.op, job.unit] += job.end - job.start
        if job.port is not None and job.end - job.start > job.cycles:
            alone = job.cycles if job.port.port_bound else 0
            shared_bound[job.op, job.unit] += job.end - job.start - alone
        frontier = max(frontier, complete)
        run = (job.run, job.op)
        last[run] = max(last.get(run, 0), complete)
        if job.unit in (Unit.ARRAY, Unit.VECTOR):
            first.setdefault(run, job.start)
    span = Counter[str]()
    for run, start in first.items():
        span[run[1]] += last[run] - start
    ends = tuple(queues[unit][-1].end if queues[unit] else 0 for unit in Unit)
    serial = sum(job.cycles + job.delay + (job.port.all if job.port else 0) for job in jobs)
    return Seen(frontier, ends, cycles, span, busy, stalls, shared_bound, len(jobs), serial, jobs)


def carried_out(plan: Plan) -> tuple[list[Job], dict[Unit, list[Job]], Counter[tuple[str, Unit, str]]]:
    """All jobs of a plan in order, those of each port, and what they waited for."""
    jobs = plan.ordered()
    ports = (Unit.LOAD, Unit.STORE)
    queues: dict[Unit, list[Job]] = defaultdict(list)
    for job in jobs:
        queues[Unit.LOAD if plan.ports.shared and job.unit in ports else job.unit].append(job)
    stalls: Counter[tuple[str, Unit, str]] = Counter()
    units = [plan.env.process(_work(plan.env, queue, stalls)) for queue in queues.values()]
    plan.env.run()
    assert all(unit.processed for unit in units), "deadlock"
    return jobs, queues, stalls


def _work(
    env: simpy.Environment, jobs: Iterable[Job], stalls: Counter[tuple[str, Unit, str]]
) -> Generator[simpy.Event, Any, None]:
    """One unit: its jobs in order."""
    for job in jobs:
        free, reason = env.now, ""
        for name, events in job.waits:
            before = env.now
            yield from events
            if env.now > before:
                reason = name
        if job.takes is not None:
            before = env.now
            job.takes.requests = [resource.request() for resource in job.takes.resources]
            yield from job.takes.requests
            if env.now > before:
                reason = "slot"
        if env.now > free:
            job.waited, job.reason = int(env.now - free), reason
            stalls[job.op, job.unit, reason] += job.waited
        job.start = int(env.now)
        if job.port is not None:
            env.process(_take_port(env, job.port))
        yield env.timeout(job.cycles)
        if job.port is not None:
            yield job.port.first_passed
        job.end = int(env.now)
        job.ended.succeed()
        for slot in job.frees:
            slot.give_back()
        if job.done is not None:
            env.process(_later(env, job, job.done))


def _take_port(env: simpy.Environment, use: PortUse) -> Generator[simpy.Event, Any, None]:
    """A step takes the shared read port when the step before has given it up."""
    if use.after is not None:
        yield use.after
    yield env.timeout(use.first)
    use.first_passed.succeed()
    yield env.timeout(use.all - use.first)
    use.given_up.succeed()


def _later(env: simpy.Environment, job: Job, done: simpy.Event) -> Generator[simpy.Event, Any, None]:
    yield env.timeout(job.delay)
    done.succeed()
    for slot in job.frees_done:
        slot.give_back()

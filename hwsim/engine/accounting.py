"""The counters of a schedule: its times on the timeline, and the work of its steps."""

from collections.abc import Iterable
from dataclasses import field

from hwsim.dataclass import dataclass
from hwsim.quantities.precision import Precision
from hwsim.quantities.registry import IdentityCache
from hwsim.schedule.counters import Counters, OpCounters, RunCounters, Units, Work
from hwsim.schedule.schedule import OpSchedule, Ports, Preload, Schedule
from hwsim.schedule.steps import Repeat, Step, StepTree
from hwsim.schedule.unit_table import Unit
from hwsim.timing.timeline import OpTimes, Times, times


def port_bound(steps: Iterable[StepTree], ports: Ports) -> Units:
    """The port-bound cycles of the steps' own op: busy cycles in steps whose length a port of the scratchpad sets."""
    total = Units()
    for node in steps:
        total += port_bound(node.body, ports) * node.times if isinstance(node, Repeat) else _of_step(node, ports)
    return total


def bank_conflicts(steps: Iterable[StepTree], ports: Ports) -> int:
    """The cycles that the scratchpad's read port loses to conflicts of banks in these steps."""
    cycles = 0
    for node in steps:
        if isinstance(node, Repeat):
            cycles += bank_conflicts(node.body, ports) * node.times
        else:
            cycles += ports.lost_cycles(node.first_read_bytes, node.conflict_bytes)
    return cycles


def fused_port_bound(steps: Iterable[StepTree]) -> Units:
    """The port-bound cycles of the epilogue on the steps' tiles."""
    cycles = 0
    for node in steps:
        if isinstance(node, Repeat):
            cycles += fused_port_bound(node.body).vector * node.times
        elif node.fused is not None and node.fused.port_bound:
            cycles += node.fused.cycles
    return Units(vector=cycles)


def load_port_bound(size: int, of_core: int | None, ports: Ports) -> Units:
    """The port-bound cycles of one load, of which one core takes so much."""
    return Units(load=ports.load_cycles(size, of_core) if ports.load_port_bound(size, of_core) else 0)


def _of_step(step: Step, ports: Ports) -> Units:
    total = Units(
        array=step.array.cycles if step.array is not None and step.array.port_bound else 0,
        vector=(step.vector_cycles or 0) if step.vector_port_bound else 0,
    )
    for load in step.loads:
        total += load_port_bound(load.bytes, load.of_core, ports)
    stored, by_core = step.store_bytes, step.stored_by_core
    if stored is not None and ports.store_port_bound(stored, by_core):
        total += Units(store=ports.store_cycles(stored, by_core))
    return total


def counters_of(schedule: Schedule) -> RunCounters:
    """The counters of all ops, each over all its runs, and of the whole chip."""
    timed = times(schedule)
    gathered = _gather(schedule)
    by_op = timed.by_op()
    ops = tuple(_op_counters(name, tally, by_op[name]) for name, tally in gathered.items())
    return RunCounters(
        ops=ops,
        total=_total(ops, timed, schedule.ports),
        unrolled_iterations=timed.unrolled_iterations,
    )


@dataclass(slots=True)
class _Tally:
    """The work of an op over all its runs, in all its sizes: each piece with how often it is done."""

    kind: str
    mode: Precision | None = None
    times: int = 0
    macs: int = 0
    works: list[tuple[Work, int]] = field(default_factory=list)
    port_bound: list[tuple[Units, int]] = field(default_factory=list)
    bank_conflicts: int = 0

    def add(self, work: Work, port_bound: Units, times: int) -> None:
        self.works.append((work, times))
        self.port_bound.append((port_bound, times))


@dataclass(frozen=True, slots=True)
class _Done:
    """The work of one run of an op, its own and that of its epilogue."""

    work: Work
    port_bound: Units
    fused_work: Work
    fused_port_bound: Units
    bank_conflicts: int

    @classmethod
    def of(cls, op: OpSchedule, ports: Ports) -> "_Done":
        fused = op.fused_work(), fused_port_bound(op.steps)
        return cls(op.work(), port_bound(op.steps, ports), *fused, bank_conflicts(op.steps, ports))


_DONE = IdentityCache[_Done](most=1 << 12)


def _gather(schedule: Schedule) -> dict[str, _Tally]:
    """The work of every op, in the order in which the timeline meets them."""
    tallies: dict[str, _Tally] = {}
    ports = schedule.ports
    for placed in schedule.placed():
        match placed.node:
            case Preload() as preload:
                tally = tallies.setdefault(preload.op, _Tally(preload.kind))
                tally.add(preload.work(), load_port_bound(preload.bytes, preload.of_core, ports), placed.times)
            case OpSchedule() as op:
                tally, done = tallies.setdefault(op.name, _Tally(op.kind)), _done(op, ports)
                tally.mode = op.mode
                tally.times += placed.times
                tally.macs += op.macs * placed.times
                tally.add(done.work, done.port_bound, placed.times)
                tally.bank_conflicts += done.bank_conflicts * placed.times
                if op.fused is not None:
                    epilogue = tallies.setdefault(op.fused[0], _Tally(op.fused[1]))
                    epilogue.times += placed.times
                    epilogue.add(done.fused_work, done.fused_port_bound, placed.times)
    return tallies


def _done(op: OpSchedule, ports: Ports) -> _Done:
    return _DONE.of(op, ports, make=lambda: _Done.of(op, ports))


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
        work=Work.sum_of(tally.works),
        port_bound=Units.sum_of(tally.port_bound) + timed.shared_bound,
        bank_conflict_cycles=tally.bank_conflicts,
    )


def _total(ops: tuple[OpCounters, ...], timed: Times, ports: Ports) -> Counters:
    of_all = timed.of_all
    # Units on one port are idle together: their idle cycles are counted with the unit that owns the port.
    idle = {
        unit: timed.cycles - end
        for unit, end in zip(Unit, timed.ends, strict=True)
        if not (ports.shared and unit.on_shared_port is not unit) and (ports.cores > 1 or not unit.spec.among_cores)
    }
    return Counters(
        cycles=timed.cycles,
        busy=of_all.busy,
        stalls=of_all.stalls,
        idle=Units.of(idle),
        work=Work.sum_of((op.work, 1) for op in ops),
        shared_port=ports.shared,
        bank_conflict_cycles=sum(op.bank_conflict_cycles for op in ops),
    )

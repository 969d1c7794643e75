"""A schedule as jobs of units, in order, with the events that each waits for and the slots that it takes and frees.

All loops are unrolled, and each content of a tensor is a thing of its own. Written from the rules alone: it shares
types with hwsim, but no code.
"""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import simpy

from hwsim.schedule.schedule import LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode, Written
from hwsim.schedule.steps import Load, Ring, Step
from hwsim.schedule.unit_table import Unit

Place = tuple[int, int, int]
"""Where a job stands in the order of the schedule: its step, its part of the step, its turn there."""

_DUE_STORES, _LOADS, _WORK, PRELOADS = 0, 1, 2, 3
_LAST_OF_ALL: Place = (2**62, 0, 0)


class Fault(Enum):
    """A rule that is broken on purpose, to see that a comparison notices."""

    OVERWRITES_AT_ONCE = auto()  # nobody waits for the readers of an old content
    ONE_SPACE = auto()  # a tensor with two spaces has one
    SLOTS_FREE_LATE = auto()  # operand slots are free when the results are complete
    FEWER_SLOTS = auto()
    SINGLE_RINGS_TURN = auto()  # an operand in a single ring takes one slot
    NO_TAIL = auto()
    TENSORS_IN_PART = auto()  # a reader waits for the first tile only
    READY_BEFORE_STORED = auto()  # a load does not wait for the stores of what it reads
    STORES_AT_ONCE = auto()  # through a shared port stores go directly after their step
    READERS_APART = auto()  # readers of the scratchpad have a port each, though they share one
    OTHERS_READ_NOTHING = auto()  # only what the first unit of a step reads passes the shared read port
    NO_EXCHANGE = auto()  # every core finds the results of the others at once
    THERE_WHEN_SENT = auto()  # the interconnect has no latency


@dataclass(slots=True, eq=False)
class Slot:
    """A slot, or all slots of a ring, from the moment at which a job takes them to that at which another frees them."""

    resources: Sequence[simpy.Resource]
    requests: Sequence[Any] = ()

    def give_back(self) -> None:
        for resource, request in zip(self.resources, self.requests, strict=True):
            resource.release(request)


@dataclass(slots=True, eq=False)
class Job:
    """A piece of work of one unit."""

    op: str
    unit: Unit
    run: int
    cycles: int
    place: Place
    ended: simpy.Event
    waits: Sequence[tuple[str, Sequence[simpy.Event]]] = ()
    takes: Slot | None = None
    delay: int = 0  # the latency of a load, or the tail of the array
    done: simpy.Event | None = None  # that much later
    frees: list[Slot] = field(default_factory=list)
    frees_done: list[Slot] = field(default_factory=list)
    start: int = 0
    end: int = 0
    waited: int = 0
    reason: str = ""
    preload: bool = False
    port: "PortUse | None" = None


@dataclass(slots=True, eq=False)
class PortUse:
    """The use of a shared read port by a step: what its first unit reads passes first."""

    first: int
    all: int
    after: simpy.Event | None  # the step before gives the port up
    first_passed: simpy.Event
    given_up: simpy.Event
    port_bound: bool  # whether a port sets the length of the first unit's work alone


@dataclass(slots=True, eq=False)
class Content:
    """What a tensor holds between two writes of all of it."""

    written: list[simpy.Event] = field(default_factory=list)
    stores: list[Job] = field(default_factory=list)
    readers: list[simpy.Event] = field(default_factory=list)


class Plan:
    """Turns a schedule into jobs, in its order, with all that they wait for."""

    def __init__(self, schedule: Schedule, fault: Fault | None) -> None:
        self.env = simpy.Environment()
        self.ports, self.fault = schedule.ports, fault
        self.two_spaces = frozenset() if fault is Fault.ONE_SPACE else schedule.two_spaces
        self.jobs: list[Job] = []
        self.stores: list[Job] = []
        self.slots: dict[str, list[simpy.Resource]] = {}
        self.taken: Counter[str] = Counter()
        self.held: dict[Ring, Slot] = {}
        self.tile: Slot | None = None
        self.before: dict[str, Content] = defaultdict(Content)
        self.present: dict[str, Content] = defaultdict(Content)
        self.steps = 0
        self.runs = 0
        self.port_given_up: simpy.Event | None = None

    def nodes(self, nodes: Iterable[ScheduleNode]) -> None:
        for node in nodes:
            if isinstance(node, LoopSegment):
                for _ in range(node.times):
                    self.nodes(node.body)
            elif isinstance(node, OpSchedule):
                self.runs += 1
                _Run(self, node).steps()
            else:
                self.runs += 1
                self.preload(node)

    def ordered(self) -> list[Job]:
        """All jobs in the order of the schedule; stores through a shared port in the order of that port."""
        if self.ports.shared:
            latest = _LAST_OF_ALL
            for store in reversed(self.stores):  # they keep their order: what goes early takes those before it along
                store.place = latest = min(store.place, latest)
        return sorted(self.jobs, key=lambda job: job.place)

    def take(self, ring: str, *, all_slots: bool = False) -> Slot:
        """The slots of a ring are taken in turn, or all of them."""
        count = self.ports.slots - (self.fault is Fault.FEWER_SLOTS and self.ports.slots > 1)
        slots = self.slots.setdefault(ring, [simpy.Resource(self.env) for _ in range(count)])
        self.taken[ring] += 1
        return Slot(slots if all_slots else [slots[(self.taken[ring] - 1) % count]])

    def readers(self, spaces: Iterable[str]) -> list[simpy.Event]:
        """The readers of what a write of these tensors destroys."""
        if self.fault is Fault.OVERWRITES_AT_ONCE:
            return []
        content = {name: self.before[name] if name in self.two_spaces else self.present[name] for name in spaces}
        return [event for old in content.values() for event in old.readers]

    def readers_of_dead(self, tensors: Iterable[str]) -> list[simpy.Event]:
        """The readers of all that these tensors hold."""
        if self.fault is Fault.OVERWRITES_AT_ONCE:
            return []
        contents = [self.present[name] for name in tensors]
        contents += [self.before[name] for name in tensors if name in self.two_spaces]
        return [event for old in contents for event in old.readers]

    def renew(self, tensor: str) -> None:
        """The tensor gets a new content."""
        self.before[tensor], self.present[tensor] = self.present[tensor], Content()

    def preload(self, node: Preload) -> None:
        waits = self.readers([node.tensor]) + self.readers_of_dead(node.overwrites)
        job = Job(
            node.op,
            Unit.LOAD,
            self.runs,
            self.ports.load_cycles(node.bytes, node.of_core),
            (self.steps, PRELOADS, len(self.jobs)),
            self.env.event(),
            (("overwrite", waits),),
            delay=self.ports.latency,
            done=self.env.event(),
            preload=True,
        )
        self.jobs.append(job)
        self.renew(node.tensor)
        assert job.done is not None
        self.present[node.tensor].written.append(job.done)


class _Run:
    """One run of an op."""

    def __init__(self, plan: Plan, op: OpSchedule) -> None:
        self.plan, self.op = plan, op
        self.vector_works = any(step.vector_cycles is not None for step in op.unrolled())
        self.loaded = {ring: [plan.present[use.tensor] for use in op.loaded if use.ring is ring] for ring in Ring}
        self.loads_after = {ring: self.complete(contents) for ring, contents in self.loaded.items()}
        kept_after = plan.readers(written.tensor for written in op.kept) + plan.readers_of_dead(op.overwrites)
        # What the first job of each unit waits for.
        self.first: dict[Unit, list[tuple[str, list[simpy.Event]]]] = {
            Unit.ARRAY: [
                ("tensor", self.complete(plan.present[name] for name in op.array_reads)),
                ("overwrite", [] if self.vector_works else kept_after),
            ],
            Unit.VECTOR: [
                ("tensor", self.complete(plan.present[name] for name in op.vector_reads)),
                ("overwrite", kept_after if self.vector_works else []),
            ],
            Unit.STORE: [("overwrite", plan.readers(written.tensor for written in op.stored))],
        }
        self.last: dict[str, simpy.Event] = {}  # by unit, and by ring of its loads
        self.tiles: list[simpy.Event] = []
        self.stores: list[Job] = []

    def complete(self, contents: Iterable[Content]) -> list[simpy.Event]:
        """The events after which these contents are complete."""
        end = 1 if self.plan.fault is Fault.TENSORS_IN_PART else None
        return [event for content in contents for event in content.written[:end]]

    def steps(self) -> None:
        """All steps, and then who read and wrote which content."""
        for step in self.op.unrolled():
            self.plan.steps += 1
            self.step(step)
        present = self.plan.present
        reads = [(Unit.ARRAY.name, present[name]) for name in self.op.array_reads]
        reads += [(Unit.VECTOR.name, present[name]) for name in self.op.vector_reads]
        reads += [(ring.name, content) for ring in Ring for content in self.loaded[ring]]
        for reader, content in reads:
            if reader in self.last:
                content.readers.append(self.last[reader])
        for written in self.op.kept:
            self.write(written, self.tiles, [])
        for written in self.op.stored:
            self.write(written, [store.ended for store in self.stores], self.stores)

    def write(self, written: Written, events: list[simpy.Event], stores: list[Job]) -> None:
        if written.whole:
            self.plan.renew(written.tensor)
        self.plan.present[written.tensor].written += events
        self.plan.present[written.tensor].stores += stores

    def step(self, step: Step) -> None:
        plan, results = self.plan, "results of the vector unit" if step.array is None else "results of the array"
        data = {load.ring: self.load(load) for load in step.loads}
        tile = plan.take(results) if step.phase.opens else plan.tile
        assert tile is not None
        plan.tile = tile
        finished = None
        if step.array is not None:
            operands = [data[ring] for ring in (Ring.WEIGHTS, Ring.ACTIVATIONS) if ring in data]
            waits = [("load", operands), *self.first.pop(Unit.ARRAY, [])]
            job = self.job(Unit.ARRAY, step.array.cycles, waits, tile if step.phase.opens else None)
            job.port = self.port(step)
            if step.array.tail and plan.fault is not Fault.NO_TAIL:
                job.delay, job.done = step.array.tail, plan.env.event()
            self.free_operands(step, (Ring.WEIGHTS, Ring.ACTIVATIONS), job)
            finished, last = job.done or job.ended, job
        if step.vector_cycles is not None:
            operands = [data[Ring.VECTOR_OPERANDS]] if Ring.VECTOR_OPERANDS in data else []
            waits = [("load", operands), ("array", [finished] if finished else []), *self.first.pop(Unit.VECTOR, [])]
            last = self.job(Unit.VECTOR, step.vector_cycles, waits, None if step.array else tile)
            last.port = self.port(step) if step.array is None else None
            if step.fused is not None and self.op.fused is not None:
                last = self.job(Unit.VECTOR, step.fused.cycles, op=self.op.fused[0])
            self.free_operands(step, (Ring.VECTOR_OPERANDS,), last)
            finished = last.ended
        if step.phase.closes:
            assert finished is not None
            sent = self.exchange(step, finished)
            self.tiles.append(finished if sent is None or sent.done is None else sent.done)
            if step.store_bytes is not None:
                self.store(step, finished, tile, sent)
            elif sent is not None:
                sent.frees.append(tile)
            elif last.done is not None:
                last.frees_done.append(tile)
            else:
                last.frees.append(tile)

    def port(self, step: Step) -> PortUse | None:
        """What the step takes out of the scratchpad, if all readers share the port."""
        plan = self.plan
        lost = 0 if step.array is None else step.array.conflict_bytes
        first, everything = map(plan.ports.pass_cycles, (step.first_read_bytes + lost, step.read_bytes + lost))
        if not everything or plan.fault is Fault.READERS_APART:
            return None
        if plan.fault is Fault.OTHERS_READ_NOTHING:
            everything = first
        after, plan.port_given_up = plan.port_given_up, plan.env.event()
        return PortUse(first, everything, after, plan.env.event(), plan.port_given_up, step.port_bound)

    def free_operands(self, step: Step, rings: Iterable[Ring], job: Job) -> None:
        late = self.plan.fault is Fault.SLOTS_FREE_LATE and job.done is not None
        for ring in rings:
            if ring in step.releases:
                (job.frees_done if late else job.frees).append(self.plan.held.pop(ring))

    def job(
        self,
        unit: Unit,
        cycles: int,
        waits: Sequence[tuple[str, Sequence[simpy.Event]]] = (),
        takes: Slot | None = None,
        op: str | None = None,
    ) -> Job:
        """A job of this step, the next one in the order of the schedule."""
        plan = self.plan
        place = (plan.steps, _WORK, len(plan.jobs))
        job = Job(op or self.op.name, unit, plan.runs, cycles, place, plan.env.event(), waits, takes)
        plan.jobs.append(job)
        self.last[unit.name] = job.ended
        return job

    def load(self, load: Load) -> simpy.Event:
        """The load of one ring; when its data is there."""
        plan, ring = self.plan, load.ring
        after = [] if plan.fault is Fault.READY_BEFORE_STORED else self.loads_after[ring]
        single = ring in self.op.single and plan.fault is not Fault.SINGLE_RINGS_TURN
        plan.held[ring] = plan.take(ring.name, all_slots=single)
        cycles = plan.ports.load_cycles(load.bytes, load.of_core)
        job = self.job(Unit.LOAD, cycles, [("tensor", after)], plan.held[ring])
        job.place = (plan.steps, _LOADS, 2 * ring + 1)
        job.delay, job.done = plan.ports.latency, plan.env.event()
        for store in (store for content in self.loaded[ring] for store in content.stores):
            store.place = min(store.place, (plan.steps, _LOADS, 2 * ring))  # directly before it
        self.last[ring.name] = job.ended
        return job.done

    def exchange(self, step: Step, finished: simpy.Event) -> Job | None:
        """The finished tile goes to the other cores, and counts as written once it is there."""
        plan = self.plan
        if step.exchange_bytes is None or plan.fault is Fault.NO_EXCHANGE:
            return None
        job = self.job(Unit.EXCHANGE, plan.ports.exchange_cycles(step.exchange_bytes), [("array", [finished])])
        late = 0 if plan.fault is Fault.THERE_WHEN_SENT else plan.ports.exchange_latency
        job.delay, job.done = late, plan.env.event()
        return job

    def store(self, step: Step, finished: simpy.Event, tile: Slot, sent: Job | None) -> None:
        plan = self.plan
        assert step.store_bytes is not None
        waits = [("array", [finished]), *self.first.pop(Unit.STORE, [])]
        job = self.job(Unit.STORE, plan.ports.store_cycles(step.store_bytes, step.stored_by_core), waits)
        if sent is None:
            job.frees.append(tile)
        else:
            plan.env.process(_given_back(tile, (job.ended, sent.ended)))
        if plan.ports.shared and plan.fault is not Fault.STORES_AT_ONCE:
            job.place = (plan.steps + plan.ports.store_delay, _DUE_STORES, 0)
        self.stores.append(job)
        plan.stores.append(job)


def _given_back(tile: Slot, events: Sequence[simpy.Event]) -> Generator[simpy.Event, Any, None]:
    """A slot that is free after several events."""
    yield from events
    tile.give_back()

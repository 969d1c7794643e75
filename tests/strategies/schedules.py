"""Random schedules, fast and from a seed, small enough that every edge comes up all the time.

`draw` gives any schedule that the rules allow: tensors kept and spilled, written whole or in part, in one space or two,
residents, K-cut tiles, operands that several steps read, epilogues on the same tiles, loops in loops, sizes that grow,
transfers of which one core takes a part, results that go to other cores.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random

from hwsim.schedule.counters import Work
from hwsim.schedule.schedule import (
    Loaded,
    LoopSegment,
    OpSchedule,
    Placement,
    Ports,
    Preload,
    Residency,
    Schedule,
    ScheduleNode,
    Written,
)
from hwsim.schedule.steps import ArrayWork, Fused, Load, Phase, Repeat, Ring, Step, StepTree

WORK = Work()
_WHOLE, _FIRST, _MIDDLE, _LAST = Phase.WHOLE, Phase.FIRST, Phase.MIDDLE, Phase.LAST
_SOME_JOBS = 8  # about as many pieces of work has the smallest op


def draw(rng: Random, *, jobs: int = 1000, times: int = 12, ports: Ports | None = None) -> Schedule:
    """A schedule of about `jobs` pieces of work at most, in loops of up to `times` iterations."""
    jobs = rng.randint(jobs // 10, jobs)
    drawing = _Drawing(rng, times)
    body = drawing.nodes(rng.randint(3, 12), 3, jobs, ())
    return Schedule(ports=ports or draw_ports(rng), body=tuple(body), placements=two_spaces(sorted(drawing.two)))


def draw_ports(rng: Random) -> Ports:
    slots = rng.randint(1, 4)
    shared, readers_share = rng.random() < 0.5, rng.random() < 0.4
    return Ports(
        dram_read=_rate(rng),
        dram_write=_rate(rng),
        scratchpad_read=_rate(rng) if readers_share or rng.random() < 0.3 else None,
        scratchpad_write=_rate(rng) if rng.random() < 0.3 else None,
        latency=rng.choice((0, 1, 7, rng.randint(0, 40))),
        slots=slots,
        shared=shared,
        store_delay=rng.randint(1, slots) if shared else 1,
        scratchpad_shared=readers_share,
        cores=rng.choice((1, 2, 5)),
        exchange=_rate(rng),
        exchange_latency=rng.choice((0, 3, rng.randint(0, 30))),
    )


def _rate(rng: Random) -> Fraction | None:
    return None if rng.random() < 0.1 else Fraction(rng.randint(1, 40), rng.randint(1, 3))


def two_spaces(tensors: Iterable[str]) -> tuple[Placement, ...]:
    """Placements of tensors whose old and new content alternate."""
    return tuple(
        Placement(tensor=tensor, place=Residency.KEPT, bytes=0, spaces=2, why="old and new content alternate")
        for tensor in tensors
    )


def draw_step(
    rng: Random,
    *,
    loads: Sequence[Ring] = (),
    releases: Sequence[Ring] | None = None,
    array: bool = True,
    phase: Phase = Phase.WHOLE,
    vector: bool = False,
    fused: bool = False,
    store: bool = False,
    exchange: bool = False,
) -> Step:
    """A step with the parts that are asked for; what it loads it releases, if nothing else is said."""
    first = _size(rng)
    stored = _size(rng) if store else None
    return Step(
        loads=tuple([_load(rng, ring) for ring in loads]),
        array=ArrayWork(cycles=_size(rng), tail=_size(rng) if phase.closes else 0) if array else None,
        phase=phase,
        vector_cycles=_size(rng) if vector else None,
        fused=Fused(cycles=_size(rng), work=Work(scratchpad_read_bytes=_size(rng))) if fused else None,
        store_bytes=stored,
        stored_by_core=_part(rng, stored),
        exchange_bytes=_size(rng) if exchange else None,
        releases=tuple(loads if releases is None else releases),
        first_read_bytes=first,
        work=Work(scratchpad_read_bytes=first + _size(rng)),
    )


def _load(rng: Random, ring: Ring) -> Load:
    size = _size(rng)
    return Load(ring=ring, bytes=size, of_core=_part(rng, size))


def _part(rng: Random, size: int | None) -> int | None:
    """What one core has of some bytes, if others have the rest."""
    return None if size is None or rng.random() < 0.6 else rng.randint(0, size)


def _size(rng: Random) -> int:
    """Bytes or cycles: often few, and often none."""
    return rng.choice((0, rng.randint(0, 6), rng.randint(0, 60)))


@dataclass(frozen=True, slots=True)
class _Style:
    """What the steps of one op have."""

    loaded: tuple[Ring, ...]
    array: bool
    vector: bool
    fused: bool
    store: bool
    exchange: bool


@dataclass(slots=True)
class _Drawing:
    """What was drawn so far."""

    rng: Random
    times: int
    ops: int = 0
    two: set[str] = field(default_factory=set)
    kept: list[str] = field(default_factory=lambda: ["input"])
    spilled: list[str] = field(default_factory=lambda: ["samples"])
    names: int = 0

    def nodes(self, ops: int, depth: int, jobs: int, residents: Sequence[str]) -> list[ScheduleNode]:
        rng, nodes = self.rng, list[ScheduleNode]()
        while ops:
            some = rng.randint(1, ops)
            share = jobs * some // ops
            if depth and rng.random() < 0.7:
                nodes += self.loop(some, depth - 1, share, residents)
            else:
                nodes += [self.op(share // some, residents) for _ in range(some)]
            jobs, ops = jobs - share, ops - some
        return nodes

    def loop(self, ops: int, depth: int, jobs: int, outer: Sequence[str]) -> list[ScheduleNode]:
        rng = self.rng
        most = max(1, min(self.times, jobs // (_SOME_JOBS * ops)))
        times = rng.choice((min(2, most), most, rng.randint(1, most)))
        residents = [self.name("weights") for _ in range(rng.choice((0, 0, 1, 2)))]
        nodes: list[ScheduleNode] = []
        for resident in residents:
            dead = [rng.choice(self.kept)] if rng.random() < 0.4 else []
            op = f"op{self.ops + 1}"
            nodes.append(Preload(op=op, kind="gemm", tensor=resident, bytes=_size(rng), overwrites=tuple(dead)))
        if rng.random() < 0.6:  # a state, which the ops of the loop find under the tensors that they may read and write
            self.new_tensor("state")
        body = tuple(self.nodes(ops, depth, jobs // times, (*outer, *residents)))
        loop = self.name("loop")
        if times > 1 and rng.random() < 0.2:  # its sizes grow once
            before = rng.randint(1, times - 1)
            nodes.append(LoopSegment(loop=loop, times=before, body=body))
            body, times = tuple(resized(rng, node) for node in body), times - before
        nodes.append(LoopSegment(loop=loop, times=times, body=body))
        return nodes

    def name(self, stem: str) -> str:
        self.names += 1
        return f"{stem}{self.names}"

    def new_tensor(self, stem: str) -> str:
        name = self.name(stem)
        (self.spilled if self.rng.random() < 0.35 else self.kept).append(name)
        if self.rng.random() < 0.3:
            self.two.add(name)
        return name

    def op(self, jobs: int, residents: Sequence[str]) -> OpSchedule:
        rng = self.rng
        self.ops += 1
        array = rng.random() < 0.7
        reads: dict[Ring, list[str]] = {ring: self.sources() for ring in Ring}
        resident = bool(residents) and rng.random() < 0.7
        reads[Ring.WEIGHTS] = [rng.choice(residents)] if resident else []
        vector = not array or rng.random() < 0.6
        on_chip = {ring: [name for name in names if name not in self.spilled] for ring, names in reads.items()}
        in_dram = {ring: [name for name in names if name in self.spilled] for ring, names in reads.items()}
        loaded = [Ring.WEIGHTS] if array and not resident else []
        loaded += [Ring.ACTIVATIONS] if array and in_dram[Ring.ACTIVATIONS] else []
        loaded += [Ring.VECTOR_OPERANDS] if vector and in_dram[Ring.VECTOR_OPERANDS] else []
        array_reads = on_chip[Ring.WEIGHTS] + on_chip[Ring.ACTIVATIONS] if array else []
        vector_reads = on_chip[Ring.VECTOR_OPERANDS] if vector else []
        found = {*array_reads, *vector_reads, *(name for ring in loaded for name in in_dram[ring])}
        kept, stored = self.targets(found)
        dead = [name for name in self.kept if name not in found | {written.tensor for written in kept}]
        overwrites = rng.sample(dead, min(len(dead), rng.choice((1, 1, 2)))) if kept and rng.random() < 0.35 else []
        fused = array and vector and rng.random() < 0.4
        exchange = bool(kept) and rng.random() < 0.4
        style = _Style(tuple(loaded), array, vector, fused, bool(stored), exchange)
        return OpSchedule(
            name=f"op{self.ops}",
            kind="gemm" if array else "vector",
            array_reads=tuple(array_reads),
            vector_reads=tuple(vector_reads),
            loaded=tuple(Loaded(ring=ring, tensor=name) for ring in loaded for name in in_dram[ring]),
            kept=tuple(kept),
            stored=tuple(stored),
            overwrites=tuple(overwrites),
            single=tuple(ring for ring in loaded if rng.random() < 0.15),
            fused=(f"epilogue of op{self.ops}", "activation") if fused else None,
            steps=self.steps(style, jobs),
        )

    def sources(self) -> list[str]:
        """None, one or two of the latest tensors, all in the scratchpad or all in DRAM."""
        rng = self.rng
        pool = (self.spilled if rng.random() < 0.35 else self.kept)[-4:]
        return rng.sample(pool, min(len(pool), rng.choice((0, 1, 1, 2))))

    def targets(self, found: set[str]) -> tuple[list[Written], list[Written]]:
        """One or two tensors that an op writes; one that it reads, too, has two spaces."""
        rng, kept, stored = self.rng, list[Written](), list[Written]()
        known = [*self.kept[1:], *self.spilled[1:]][-6:]
        for _ in range(rng.choice((1, 1, 1, 2))):
            name = rng.choice(known) if known and rng.random() < 0.5 else self.new_tensor("tensor")
            if name in found:
                self.two.add(name)
            if name not in {written.tensor for written in (*kept, *stored)}:
                written = Written(tensor=name, whole=rng.random() < 0.8)
                (stored if name in self.spilled else kept).append(written)
        return kept, stored

    def steps(self, style: _Style, jobs: int) -> tuple[StepTree, ...]:
        """Tiles, some of them repeated, in an op that may repeat all of it for each item of a batch."""
        rng, nodes, used = self.rng, list[StepTree](), 0
        batch = rng.randint(1, max(1, min(self.times, jobs // 24))) if rng.random() < 0.4 else 1
        for _ in range(rng.randint(1, 3)):
            left = jobs // batch - used
            if used and left < _SOME_JOBS:
                break
            tile = self.tile(style, max(1, min(self.times, left // 24)), gaps=bool(nodes))
            size = jobs_of(tile)
            times = rng.randint(1, max(1, min(self.times, left // (2 * size)))) if rng.random() < 0.5 else 1
            nodes += tile if times == 1 else [Repeat(times=times, body=tuple(tile))]
            used += size * times
        return tuple(nodes) if batch == 1 else (Repeat(times=batch, body=tuple(nodes)),)

    def tile(self, style: _Style, most: int, *, gaps: bool) -> list[StepTree]:
        """A result tile of one step; of several along K; or a row of tiles that share an operand.

        With gaps, some tiles have no vector work, or are not stored, although others of their op have, or are.
        """
        rng = self.rng

        def step(phase: Phase, loads: Iterable[Ring] = Ring, releases: Iterable[Ring] = Ring) -> Step:
            gap = gaps and style.array and not style.fused and rng.random() < 0.1
            vector = style.vector and phase.closes and not gap
            readers = {Ring.WEIGHTS: style.array, Ring.ACTIVATIONS: style.array, Ring.VECTOR_OPERANDS: vector}
            mine = [ring for ring in style.loaded if readers[ring]]
            return draw_step(
                rng,
                loads=[ring for ring in mine if ring in loads],
                releases=[ring for ring in mine if ring in releases],
                array=style.array,
                phase=phase,
                vector=vector,
                fused=style.fused and vector,
                store=style.store and phase.closes and not (gaps and rng.random() < 0.1),
                exchange=style.exchange and phase.closes and not (gaps and rng.random() < 0.1),
            )

        def times() -> int:
            return rng.randint(1, most)

        held = rng.choice((Ring.WEIGHTS, Ring.ACTIVATIONS))
        others = [ring for ring in Ring if ring is not held]
        pattern = rng.choice(("whole", "along k", "held along k", "sharing")) if style.array else "whole"
        if pattern == "whole":
            return [step(_WHOLE)]
        if pattern == "along k":
            return [step(_FIRST), Repeat(times=times(), body=(step(_MIDDLE),)), step(_LAST)]
        first, middle, last = (_FIRST, _MIDDLE, _LAST) if pattern == "held along k" else (_WHOLE,) * 3
        between = Repeat(times=times(), body=(step(middle, others, others),))
        return [step(first, Ring, others), between, step(last, others, Ring)]


def resized(rng: Random, node: ScheduleNode) -> ScheduleNode:
    """The same ops with other bytes and cycles."""
    if isinstance(node, LoopSegment):
        return replace(node, body=tuple(resized(rng, inner) for inner in node.body))
    if isinstance(node, Preload):
        return replace(node, bytes=_size(rng))
    return replace(node, steps=tuple(_resized_steps(rng, step) for step in node.steps))


def _resized_steps(rng: Random, node: StepTree) -> StepTree:
    if isinstance(node, Repeat):
        return replace(node, body=tuple(_resized_steps(rng, inner) for inner in node.body))
    array = node.array and replace(node.array, cycles=_size(rng))
    loads = tuple(_load(rng, load.ring) for load in node.loads)
    store = None if node.store_bytes is None else _size(rng)
    sent = None if node.exchange_bytes is None else _size(rng)
    part = _part(rng, store)
    return replace(node, loads=loads, array=array, store_bytes=store, stored_by_core=part, exchange_bytes=sent)


def jobs_of(nodes: Iterable[StepTree | ScheduleNode]) -> int:
    """Pieces of work of the units, with all loops unrolled."""
    return sum(_jobs_of(node) for node in nodes)


def _jobs_of(node: StepTree | ScheduleNode) -> int:
    match node:
        case Repeat() | LoopSegment():
            return node.times * jobs_of(node.body)
        case OpSchedule():
            return jobs_of(node.steps)
        case Preload():
            return 1
    parts = (node.array, node.vector_cycles, node.fused, node.exchange_bytes, node.store_bytes)
    return len(node.loads) + sum(part is not None for part in parts)

"""Schedules whose loops are hard for the periodic stop, each drawn in many sizes from a seed."""

from collections.abc import Callable, Sequence
from random import Random

from hwsim.schedule.schedule import Loaded, LoopSegment, OpSchedule, Ports, Preload, Schedule, ScheduleNode, Written
from hwsim.schedule.steps import Repeat, Ring, StepTree
from strategies.schedules import draw, draw_ports, draw_step, two_spaces

_OPERANDS = (Ring.WEIGHTS, Ring.ACTIVATIONS)


def op(
    name: str,
    *steps: StepTree,
    array_reads: Sequence[str] = (),
    vector_reads: Sequence[str] = (),
    loaded: Sequence[Loaded] = (),
    kept: Sequence[str] = (),
    parts: Sequence[str] = (),
    stored: Sequence[str] = (),
    overwrites: Sequence[str] = (),
) -> OpSchedule:
    """An op with these steps; `parts` are kept tensors of which it writes a part."""
    return OpSchedule(
        name=name,
        kind="gemm",
        array_reads=tuple(array_reads),
        vector_reads=tuple(vector_reads),
        loaded=tuple(loaded),
        kept=(*(Written(tensor=tensor) for tensor in kept), *(Written(tensor=part, whole=False) for part in parts)),
        stored=tuple(Written(tensor=tensor) for tensor in stored),
        overwrites=tuple(overwrites),
        steps=steps,
    )


def loop(times: int, *body: ScheduleNode) -> LoopSegment:
    return LoopSegment(loop="loop", times=times, body=body)


def program(ports: Ports, *body: ScheduleNode, two: Sequence[str] = ()) -> Schedule:
    return Schedule(ports=ports, body=body, placements=two_spaces(two))


def unused_units(rng: Random, times: int) -> Schedule:
    """A loop that leaves units alone that were busy long before it, and will be after it."""
    array, vector = draw_step(rng), draw_step(rng, array=False, vector=True)
    before = draw_step(rng, loads=_OPERANDS, vector=True, store=True)
    body = op("body", rng.choice((array, vector)), kept=["y"])
    return program(
        draw_ports(rng),
        op("before", Repeat(times=rng.randint(1, 40), body=(before,)), kept=["x"]),
        loop(times, body),
        op("after", before, array_reads=["x", "y"]),
    )


def all_resident(rng: Random, times: int) -> Schedule:
    """No transfer but those before the loop."""
    ops = [
        op(f"op{place}", draw_step(rng, vector=True), array_reads=[f"w{place}", "h"], vector_reads=["h"], kept=["h"])
        for place in range(rng.randint(1, 3))
    ]
    loads = [
        Preload(op=op.name, kind="gemm", tensor=f"w{place}", bytes=rng.randint(0, 400)) for place, op in enumerate(ops)
    ]
    return program(draw_ports(rng), *loads, loop(times, *ops), two=["h"])


def fewer_iterations_than_a_period(rng: Random, times: int) -> Schedule:
    """Short loops, in a long one."""
    drawn = draw(rng, jobs=150, times=4)
    return Schedule(ports=drawn.ports, body=(loop(times, *drawn.body),), placements=drawn.placements)


def three_levels(rng: Random, times: int) -> Schedule:
    """Loops in loops in loops, with steps on each level that need what the innermost left behind."""

    def step(name: str) -> OpSchedule:
        reads, writes = rng.sample(["a", "b", "c"], 2)
        inner = draw_step(rng, loads=_OPERANDS, vector=rng.random() < 0.5)
        steps = (Repeat(times=rng.randint(1, 6), body=(inner,)), draw_step(rng, loads=_OPERANDS[:1]))
        return op(name, *steps, array_reads=[reads], kept=[writes])

    counts = [times, rng.randint(1, 4), rng.randint(1, 3)]
    rng.shuffle(counts)
    innermost = loop(counts[0], step("innermost"), step("second"))
    middle = loop(counts[1], step("before"), innermost, step("behind"))
    return program(draw_ports(rng), loop(counts[2], middle, step("last")), two=["a"])


def untouched_space(rng: Random, times: int) -> Schedule:
    """Inner loops between whose runs a state changes its space: they read it, or write parts of it, or leave it."""
    update = op("update", draw_step(rng, loads=_OPERANDS, vector=True), vector_reads=["h"], kept=["h"])
    inner = [
        op("reader", draw_step(rng, loads=_OPERANDS[:1]), array_reads=["h"], kept=["y"]),
        op("writer", draw_step(rng, loads=_OPERANDS[:1]), array_reads=["y"], parts=["h"]),
        op("stranger", draw_step(rng, loads=_OPERANDS, store=True), stored=["z"]),
    ]
    inner = rng.sample(inner, rng.randint(1, 3))
    first = op("first", Repeat(times=rng.randint(1, 30), body=(draw_step(rng, vector=True),)), vector_reads=["h"])
    return program(draw_ports(rng), loop(rng.randint(1, 12), update, first, loop(times, *inner)), two=["h", "y"])


def both_directions(rng: Random, times: int) -> Schedule:
    """Two recurrent networks step in one loop, each with its own state; all frames of both are read behind it."""
    resident = rng.random() < 0.5
    spilled = rng.random() < 0.5

    def direction(name: str) -> OpSchedule:
        loads = () if resident else (Ring.WEIGHTS,)
        tiles = tuple(draw_step(rng, loads=loads, vector=True, store=spilled) for _ in range(rng.randint(1, 3)))
        return OpSchedule(
            name=name,
            kind="lstm",
            array_reads=(f"h {name}", *((f"w {name}",) if resident else ())),
            vector_reads=(f"c {name}", f"projected {name}"),
            kept=(
                Written(tensor=f"h {name}"),
                Written(tensor=f"c {name}"),
                *(() if spilled else (Written(tensor="frames", whole=False),)),
            ),
            stored=(Written(tensor="frames", whole=False),) if spilled else (),
            steps=tiles,
        )

    names = ("forward", "backward")
    projections = [
        op(
            f"projection {name}",
            Repeat(times=rng.randint(1, 30), body=(draw_step(rng, loads=_OPERANDS),)),
            kept=[f"projected {name}"],
        )
        for name in names
    ]
    preloads = [Preload(op=name, kind="lstm", tensor=f"w {name}", bytes=rng.randint(0, 300)) for name in names]
    frames = (Loaded(ring=Ring.ACTIVATIONS, tensor="frames"),) if spilled else ()
    after = draw_step(rng, loads=_OPERANDS if spilled else _OPERANDS[:1])
    return program(
        draw_ports(rng),
        *projections,
        *(preloads if resident else ()),
        loop(times, *(direction(name) for name in names)),
        op("after", Repeat(times=3, body=(after,)), array_reads=() if spilled else ["frames"], loaded=frames),
        two=[f"{state} {name}" for state in "hc" for name in names],
    )


def loads_before_an_overwrite(rng: Random, times: int) -> Schedule:
    """The store of a tensor's new content waits for the last of a long row of loads of the old one."""
    read = Repeat(times=times, body=(draw_step(rng, loads=_OPERANDS),))
    write = op("write", draw_step(rng, array=False, vector=True, store=True), stored=["x"])
    reader = op("read", read, loaded=[Loaded(ring=Ring.ACTIVATIONS, tensor="x")])
    return program(draw_ports(rng), loop(rng.randint(2, 4), write, reader), two=["x"] if rng.random() < 0.5 else [])


CASES: tuple[Callable[[Random, int], Schedule], ...] = (
    unused_units,
    all_resident,
    fewer_iterations_than_a_period,
    three_levels,
    untouched_space,
    both_directions,
    loads_before_an_overwrite,
)

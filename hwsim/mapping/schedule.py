"""A program on a chip: of some plans the fastest.

Plans are made for the sizes of a ladder (powers of two and half as much again) up to the scratchpad's own, and for as
many slots as the chip has or fewer. Because every rung below a scratchpad is also below any larger one, a larger
scratchpad, or more buffers, never makes a program slower; and because the naive plans for all rungs are among them, no
schedule is slower than the naive one for the largest rung.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hwsim.core.chip import Chip
from hwsim.core.program import Program
from hwsim.core.progress import Progress, no_progress
from hwsim.core.schedule import OpSchedule, Preload, Schedule, ScheduleNode, Stretch
from hwsim.errors import Unsupported
from hwsim.mapping.assemble import assemble
from hwsim.mapping.network import Network, least_naive_cycles, network
from hwsim.mapping.placements import placements
from hwsim.mapping.plan import Plan, naive_plan, plan
from hwsim.mapping.refusal import UnsupportedOp
from hwsim.mapping.target import Target, target_of
from hwsim.timing.encode import encode
from hwsim.timing.encode_steps import step_code
from hwsim.timing.timeline import times

SLOTS = (1, 2, 3, 4, 6, 8, 12, 16)
WAYS = ((4, False), (32, False), (4, True))
"""A working set is planned to take at most one of so many parts, so that residents and kept tensors have room; and
whether tensors may be kept in part."""


@dataclass(frozen=True, eq=False)
class Planned:
    """A program's fastest schedule, and the plan that it comes from."""

    plan: Plan
    schedule: Schedule


def schedule(program: Program, chip: Chip, progress: Progress = no_progress) -> Schedule:
    """The fastest schedule of the program's plans; of equals the one for the larger size."""
    return planned(program, chip, progress=progress).schedule


def planned(
    program: Program,
    chip: Chip,
    *,
    residency: Plan | None = None,
    free_conversion: bool = False,
    progress: Progress = no_progress,
) -> Planned:
    """The fastest schedule with its plan.

    What if: with `residency` the same tensors stay in the scratchpad as in that plan of another program; with
    `free_conversion` weights come to the format of the activations by themselves.
    """
    asked = id(program), id(chip), id(residency), free_conversion
    known = _SAME.get(asked)
    if known is not None:
        return known[0]
    units = chip.cores, chip.array, chip.vector, chip.scratchpad, chip.dram, chip.clock
    key = program, units, id(residency), free_conversion
    if key not in _FOUND:
        _make_room(_FOUND)
        # The plan that was taken over is kept as well, so that its identity stays its own.
        _FOUND[key] = _fastest(program, chip, residency, free_conversion, progress), residency
    _make_room(_SAME)
    # What was asked for is kept as well, so that nothing else gets its identity.
    _SAME[asked] = _FOUND[key][0], program, chip, residency
    return _FOUND[key][0]


_FOUND: dict[object, tuple[Planned, Plan | None]] = {}
_SAME: dict[object, tuple[Planned, Program, Chip, Plan | None]] = {}
"""The same by identity of what was asked for: comparing a program takes longer than walking it."""
_REMEMBERED = 64


def _make_room(known: dict[object, Any]) -> None:
    if len(known) >= _REMEMBERED:
        known.pop(next(iter(known)))


def _fastest(
    program: Program, chip: Chip, residency: Plan | None, free_conversion: bool, progress: Progress
) -> Planned:
    if chip.cores != 1:
        raise Unsupported(f"{chip.name}: has {chip.cores} cores; one core is what hwsim schedules so far")
    found = network(program)
    best: tuple[int, Plan, Schedule] | None = None
    problem: UnsupportedOp | None = None
    seen: dict[object, Schedule] = {}  # what is marked by its identity is kept
    ways = list(_ways(chip, residency))
    for done, (slots, make) in enumerate(ways):
        progress(done, len(ways))
        target = target_of(chip, slots, free_conversion)
        if make is naive_plan and best is not None and least_naive_cycles(found, target) >= best[0]:
            continue
        for size in rungs(chip.scratchpad.size):
            try:
                one = make(found, target, size)
                body = assemble(one)
            except UnsupportedOp as error:
                problem = error  # the last one is that of the fewest slots
                break  # what does not fit here fits no smaller one
            mark = slots, _mark(body.body)
            if mark in seen:
                continue
            seen[mark] = body
            if best is not None and _busiest(body) >= best[0]:
                continue
            cycles = times(encode(body)).cycles
            if best is None or cycles < best[0]:
                best = cycles, one, body
    if best is None:
        assert problem is not None
        raise Unsupported(f"{problem.op} on {chip.name}: {problem.why}") from problem
    return Planned(best[1], replace(best[2], placements=placements(best[1])))


def _busiest(schedule: Schedule) -> int:
    """Busy cycles of the busiest unit, which no schedule undercuts."""
    load = array = vector = store = 0
    for placed in schedule.placed():
        node, runs = placed.node, placed.times
        if isinstance(node, Preload):
            load += runs * schedule.ports.load_cycles(node.bytes)
            continue
        own_load, own_array, own_vector, own_store = step_code(node.steps, schedule.ports).busy
        load += runs * own_load
        array += runs * own_array
        vector += runs * own_vector
        store += runs * own_store
    return max(load, array, vector, store)


def _mark(body: tuple[ScheduleNode, ...]) -> tuple[object, ...]:
    """What distinguishes two schedules of one program. Ops come out of a cache, so equal ones are the same object."""
    marks: list[object] = []
    for node in body:
        match node:
            case Stretch():
                marks.append(_mark(node.body))
            case Preload():
                marks.append((node.tensor, node.bytes, node.overwrites))
            case OpSchedule():
                marks.append(id(node))
    return tuple(marks)


def naive_schedule(program: Program, chip: Chip) -> Schedule:
    """The naive schedule: the largest square blocks that fit, all tensors in DRAM between ops."""
    return assemble(naive_plan(network(program), target_of(chip), rungs(chip.scratchpad.size)[0]))


def rungs(size: int) -> tuple[int, ...]:
    """The sizes of the ladder up to a scratchpad's, largest first.

    >>> rungs(100)[:4]
    (96, 64, 48, 32)
    """
    ladder = {1 << power for power in range(size.bit_length())} | {3 << power for power in range(size.bit_length())}
    return tuple(sorted((rung for rung in ladder if rung <= size), reverse=True))


def _ways(chip: Chip, residency: Plan | None) -> Iterator[tuple[int, Callable[[Network, Target, int], Plan]]]:
    """How many slots to use, and how to plan for a size."""
    usable = [slots for slots in SLOTS if slots <= chip.scratchpad.buffers]
    for slots in reversed(usable):
        for share, divide in WAYS:
            yield slots, partial(plan, share=share, divide=divide, residency=residency)
    # Last, because whatever is slower than a good plan need not be made.
    if residency is None or not (residency.residents or residency.kept):
        for slots in usable:
            yield slots, naive_plan

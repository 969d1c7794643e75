"""A loop whose input arrives while it runs: its iterations end when an event simulation sees them end."""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from random import Random

import pytest

from hwsim.errors import InvalidValue
from hwsim.schedule.schedule import LoopSegment, Schedule, ScheduleNode
from hwsim.timing.arrivals import iterations
from hwsim.timing.timeline import times
from strategies.schedules import draw
from witnesses.arrivals_simpy import completions


def loads(nodes: tuple[ScheduleNode, ...]) -> bool:
    """Whether an op in there loads the samples, which no op writes."""
    return any(
        loads(node.body) if isinstance(node, LoopSegment) else "samples" in [use.tensor for use in node.loaded]
        for node in nodes
        if not hasattr(node, "overwrites") or hasattr(node, "loaded")
    )


def cases(count: int) -> Iterator[tuple[Schedule, str, int, Random]]:
    """Schedules with an outer loop that loads samples, its name, and how often it runs."""
    seed = 0
    while count:
        rng = Random(seed := seed + 1)
        schedule = draw(rng, jobs=150, times=6)
        segments = [node for node in schedule.body if isinstance(node, LoopSegment)]
        reading = {node.loop for node in segments if loads(node.body)}
        outer = [node for node in segments if node.loop in reading]
        loop = rng.choice(outer).loop if outer else ""
        runs = sum(node.times for node in outer if node.loop == loop)
        if runs > 1:
            yield schedule, loop, runs, rng
            count -= 1


def drawn_arrivals(rng: Random, runs: int, until: int) -> list[int]:
    """Times that grow: all at once, about as fast as the work is done, or so slowly that each waits for the next."""
    gap = rng.choice((0, 2 * until // runs, 3 * until))
    return list(accumulate(rng.randint(0, gap) for _ in range(runs)))


def test_iterations_end_when_an_event_simulation_sees_them_end() -> None:
    shared = waiting = queued = 0
    for schedule, loop, runs, rng in cases(60):
        arrivals = drawn_arrivals(rng, runs, times(schedule).cycles)
        found = iterations(schedule, loop, "samples", arrivals)
        assert tuple(each.complete for each in found) == completions(schedule, loop, "samples", arrivals)
        shared += schedule.ports.shared
        waiting += any(each.arrived > each.free for each in found[1:])
        queued += any(each.queued for each in found)
    assert 15 < shared < 45
    assert waiting > 10 < queued


def test_with_all_input_there_the_last_iteration_ends_with_the_schedule() -> None:
    """Through ports of their own stores never wait; behind a shared one, those of an iteration come before the next."""
    for schedule, loop, runs, _ in cases(60):
        last = [node for node in schedule.body if isinstance(node, LoopSegment) and node.loop == loop][-1]
        cut = Schedule(
            ports=schedule.ports,
            body=schedule.body[: schedule.body.index(last) + 1],
            placements=schedule.placements,
        )
        found = iterations(cut, loop, "samples", [0] * runs)
        if not cut.ports.shared:
            assert found[-1].complete == times(cut).cycles


def test_later_input_never_ends_an_iteration_earlier() -> None:
    for schedule, loop, runs, rng in cases(40):
        arrivals = drawn_arrivals(rng, runs, times(schedule).cycles)
        later = [arrival + rng.randint(0, 50) for arrival in arrivals]
        one, other = (iterations(schedule, loop, "samples", each) for each in (arrivals, later))
        assert all(a.complete <= b.complete for a, b in zip(one, other, strict=True))


def test_an_iteration_waits_queues_and_computes_until_it_is_complete() -> None:
    for schedule, loop, runs, rng in cases(40):
        found = iterations(schedule, loop, "samples", drawn_arrivals(rng, runs, 200), [7] * runs)
        for before, each in pairwise(found):
            assert each.free == before.complete
            assert each.arrived + each.queued + each.computing == each.complete
            assert each.computing >= 7


def test_arrivals_that_do_not_fit_are_refused() -> None:
    schedule, loop, runs, _ = next(cases(1))
    with pytest.raises(InvalidValue, match=f"must be one for each of the {runs} iterations of {loop}"):
        iterations(schedule, loop, "samples", [0] * (runs + 1))
    with pytest.raises(InvalidValue, match="tensor = 'elsewhere': is none that an op of the schedule loads"):
        iterations(schedule, loop, "elsewhere", [0] * runs)

"""Which strategy is best for each part of a program."""

from collections.abc import Iterator, Sequence

from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.plan import Strategy
from hwsim.schedule.schedule import OpSchedule, Schedule
from hwsim.schedule.unit_table import Unit
from hwsim.timing.encode_steps import step_code


def best_by_part(
    analysed: AnalysedProgram, made: Sequence[tuple[Strategy, Schedule]]
) -> Iterator[tuple[Strategy, ...]]:
    """Strategies by the places of ops: the best of those made for each part, if not all parts agree.

    First those whose ops seem fastest, then, of those at most a thirty-second slower, those that load and store least.
    """
    part_of = parts(analysed)
    figures = [_figures(schedule, analysed, part_of) for _, schedule in made]
    quick: list[int] = []
    frugal: list[int] = []
    for part in range(max(part_of, default=-1) + 1):
        of_part = [(one[part][0], one[part][1], number) for number, one in enumerate(figures)]
        least = min(likely for likely, _, _ in of_part)
        quick.append(min(of_part)[2])
        near = [(dram, likely, number) for likely, dram, number in of_part if likely <= least + least // 32]
        frugal.append(min(near)[2])
    for chosen in (quick, frugal):
        if len(set(chosen)) > 1:
            yield tuple(made[chosen[part]][0] for part in part_of)


def parts(analysed: AnalysedProgram) -> list[int]:
    """The part in which each place is: top-level loops, and what lies between them, counted from 0."""
    found: list[int] = []
    for place, placed in enumerate(analysed.uses.placed):
        around = placed.loops[:1]
        same = not place or [loop.name for loop in around] == [
            loop.name for loop in analysed.uses.placed[place - 1].loops[:1]
        ]
        found.append(0 if not place else found[-1] + (not same))
    return found


def _figures(schedule: Schedule, analysed: AnalysedProgram, part_of: Sequence[int]) -> list[tuple[int, int]]:
    """Of each part the sum of each op's busiest unit, and cycles at the DRAM."""
    sums = [(0, 0)] * (max(part_of, default=-1) + 1)
    for placed in schedule.placed():
        if isinstance(placed.node, OpSchedule):
            busy = list(step_code(placed.node.steps, schedule.ports).busy)
            dram = busy[Unit.LOAD] + busy[Unit.STORE]
            most = max(*busy, dram) if schedule.ports.shared else max(busy)
            part = part_of[analysed.uses.place_of[placed.node.name]]
            sums[part] = sums[part][0] + placed.times * most, sums[part][1] + placed.times * dram
    return sums

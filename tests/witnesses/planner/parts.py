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
    """Strategies by the places of ops: the best of those made for each part, if that promises more than each alone.

    First those whose ops seem fastest, then, of those at most a thirty-second slower, those that load and store least.
    """
    part_of = parts(analysed)
    figures = [_figures(schedule, analysed, part_of) for _, schedule in made]
    quick: list[int] = []
    frugal: list[int] = []
    for part in range(max(part_of, default=-1) + 1):
        of_part = [(one[part][0], one[part][1], number) for number, one in enumerate(figures)]
        quick.append(min(of_part)[2])
        near = [(dram, likely, number) for likely, dram, number in _about_as_fast(of_part)]
        frugal.append(min(near)[2])
    wholes = [(sum(likely for likely, _ in one), sum(dram for _, dram in one), 0) for one in figures]
    if sum(figures[number][part][0] for part, number in enumerate(quick)) < min(wholes)[0]:
        yield tuple(made[quick[part]][0] for part in part_of)
    least = min(dram for _, dram, _ in _about_as_fast(wholes))
    if sum(figures[number][part][1] for part, number in enumerate(frugal)) < least:
        yield tuple(made[frugal[part]][0] for part in part_of)


def _about_as_fast(figures: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Those whose first figure is at most a thirty-second more than the least."""
    least = min(likely for likely, _, _ in figures)
    return [one for one in figures if one[0] <= least + least // 32]


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

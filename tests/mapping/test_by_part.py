"""Parts of a program are planned each by the strategy that is best for it."""

import numpy as np
import pytest

from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_workload
from hwsim.ir.nodes import Loop
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.plan import ByPart, Strategy
from hwsim.mapping.planner import Planner
from hwsim.mapping.target_plans import TargetPlans, best_by_part
from hwsim.quantities.plain_data import Objective
from hwsim.study.efficiency import aim_of

QUICK, FRUGAL, POOR = Strategy(4), Strategy(32), Strategy(4, min_traffic=True)


def best(*figures: list[tuple[int, int]]) -> list[tuple[Strategy, ...]]:
    """The strategies of the parts, by likely cycles and cycles at the DRAM of each strategy in each part."""
    likely, dram = np.moveaxis(np.array(figures), 2, 0)
    return [way.strategies for way in best_by_part((QUICK, FRUGAL, POOR)[: len(figures)], likely, dram)]


def test_the_fastest_and_the_leanest_of_each_part_are_put_together() -> None:
    """In part 0 a thirty-second of 320 cycles more is about as fast, 331 cycles are not."""
    quick, frugal, poor = [(320, 9), (65, 2)], [(330, 5), (64, 9)], [(331, 1), (99, 1)]
    assert best(quick, frugal, poor) == [(QUICK, FRUGAL), (FRUGAL, QUICK)]


def test_where_one_strategy_is_as_good_for_all_parts_there_is_no_such_plan() -> None:
    assert not best([(1, 3), (2, 4)], [(1, 3), (2, 4)])
    assert not best([(1, 3), (2, 5)], [(1, 4), (2, 3)], [(1, 3), (2, 3)])


def test_parts_are_the_outermost_loops_and_what_lies_between_them() -> None:
    analysed = analyse(load_workload("mlperf_rnnt").program)
    assert (np.diff(analysed.parts) >= 0).all()
    parts: dict[int, set[str | None]] = {}
    for part, placed in zip(analysed.parts.tolist(), analysed.uses.placed, strict=True):
        parts.setdefault(part, set()).add(placed.loops[0].name if placed.loops else None)
    assert all(len(names) == 1 for names in parts.values())
    loops = [node.name for node in analysed.program.body if isinstance(node, Loop)]
    assert [name for names in parts.values() for name in names if name is not None] == loops


@pytest.mark.slow
def test_an_encoder_and_its_search_are_planned_each_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops of the encoder keep what the search has no room for: less traffic, and no more time."""
    on, program = load_chip("int4_array"), load_workload("rnnt").program
    aim = aim_of(Objective.LATENCY, on, prices_of(on))
    mixed = Planner(on, aim).plan(program)
    assert isinstance(mixed.plan.way, ByPart)
    assert len({mixed.plan.strategy(place) for place in range(len(mixed.plan.reserved))}) > 1
    monkeypatch.setattr(TargetPlans, "by_part", lambda self, uniform, budget: [])
    uniform = Planner(on, aim).plan(program)
    less, more = (_dram_bytes(one.candidate) for one in (mixed, uniform))
    assert 100 * less < 99 * more
    soon, late = (one.candidate.timed().cycles for one in (mixed, uniform))
    assert soon is not None
    assert late is not None
    assert soon <= late


def _dram_bytes(candidate: CandidatePlan) -> int:
    return sum(work.dram_read_bytes + work.dram_write_bytes for work in candidate.work.values())

"""Parts of a program are planned each by the strategy that is best for it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_workload
from hwsim.ir.nodes import Loop
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.plan import ByPart, Strategy, strategy_of
from hwsim.mapping.planner import Planner
from hwsim.mapping.target_plans import TargetPlans, best_by_part
from hwsim.quantities.plain_data import Objective
from hwsim.study.efficiency import aim_of

QUICK, FRUGAL, POOR = Strategy(4), Strategy(32), Strategy(4, min_traffic=True)


def plan(way: Strategy, likely: list[int], dram: list[int]) -> Any:
    return SimpleNamespace(way=way, likely_by_part=(np.array(likely), np.array(dram)))


def test_the_fastest_and_the_leanest_of_each_part_are_put_together() -> None:
    """Part 0: 320 cycles against 330, which is at most a thirty-second more, and 331; part 1 the other way round."""
    plans = [plan(QUICK, [320, 90], [9, 9]), plan(FRUGAL, [330, 64], [5, 9]), plan(POOR, [331, 64], [1, 3])]
    fastest, leanest = best_by_part(plans)
    assert fastest == ByPart((QUICK, POOR))  # of equally fast ones the one that loads and stores least
    assert leanest == ByPart((FRUGAL, POOR))


def test_where_all_parts_agree_there_is_no_such_plan() -> None:
    """Of equals in everything the first counts for each part."""
    assert not list(best_by_part([plan(QUICK, [1, 2], [3, 4]), plan(FRUGAL, [1, 2], [3, 4])]))


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
    assert len({strategy_of(mixed.plan.way, part) for part in mixed.plan.analysed.parts.tolist()}) > 1
    monkeypatch.setattr(TargetPlans, "by_part", lambda self, uniform: [])
    uniform = Planner(on, aim).plan(program)
    less, more = (_dram_bytes(one.candidate) for one in (mixed, uniform))
    assert 100 * less < 99 * more
    soon, late = (one.candidate.timed().cycles for one in (mixed, uniform))
    assert soon is not None
    assert late is not None
    assert soon <= late


def _dram_bytes(candidate: CandidatePlan) -> int:
    return sum(work.dram_read_bytes + work.dram_write_bytes for work in candidate.work.values())

"""Plans that nobody keeps are gone at once: no cycle of references leaves them to the garbage collector, which looks at
how many objects there are, not at how large they are."""

import gc

import pytest

from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.planner import Planner


@pytest.mark.parametrize("size", ["2 MiB", "48 KiB"], ids=["all ways fit", "some do not"])
def test_of_all_plans_of_a_search_one_is_left(size: str) -> None:
    chip, program = load_chip("int4_array").with_(**{"scratchpad.size": size}), load_workload("lstm_lm").program
    Planner(chip).plan(program)  # compiles kernels, if need be: numba's errors keep frames until they are collected
    gc.collect()
    before = {id(plan) for plan in plans()}
    gc.disable()
    try:
        planned = Planner(chip).plan(program)
        left = [plan for plan in plans() if id(plan) not in before]
    finally:
        gc.enable()
    assert left == [planned.candidate]


def plans() -> list[CandidatePlan]:
    return [one for one in gc.get_objects() if type(one) is CandidatePlan]

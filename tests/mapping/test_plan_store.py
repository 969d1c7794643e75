"""Planners that share what they have made give the plans that each gives alone."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import prices_of
from hwsim.ir.program import Program
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.planner import Planner
from hwsim.mapping.program_table import ProgramTable, program_table
from hwsim.mapping.target import UnsupportedOp
from hwsim.quantities.plain_data import Objective
from hwsim.study.efficiency import aim_of
from strategies.chips import chips
from strategies.programs import PROGRAMS

SCRATCHPADS = st.lists(st.tuples(st.integers(6, 12), st.booleans(), st.integers(1, 4)), min_size=2, max_size=5)


@settings(max_examples=60)
@given(PROGRAMS, chips(), SCRATCHPADS, st.sampled_from(Objective))
def test_planners_that_share_a_store_plan_as_alone(
    program: Program, on: Chip, scratchpads: list[tuple[int, bool, int]], objective: Objective
) -> None:
    """Sizes of the scratchpad, powers of two or half as much more, and numbers of buffers, in any order."""
    try:
        table, store = program_table(analyse(program)), PlanStore()
    except UnsupportedOp:
        return
    for power, more, buffers in scratchpads:
        size = (1 << power) + more * (1 << power - 1)
        chip = replace(on, scratchpad=replace(on.scratchpad, size=size, buffers=buffers))
        assert outcome(chip, table, objective, store) == outcome(chip, table, objective, PlanStore())


def outcome(chip: Chip, table: ProgramTable, objective: Objective, store: PlanStore) -> object:
    """The schedule that is taken, or why there is none."""
    try:
        return Planner(chip, aim_of(objective, chip, prices_of(chip)), store=store).plan(table).schedule
    except Unsupported as error:
        return str(error)

"""Whole programs on tiles: cycles worked out by hand, work that is all there, and units whose time adds up."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

import hwsim
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.inputs.chips import load_analog_chip
from hwsim.ir.nodes import Loop
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View, window
from hwsim.mapping.tiles import task_list
from hwsim.mapping.tiles.run import planned_on_tiles
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.fragment import Fragment, relu, tensor
from hwsim.schedule.tile_work import TileWork
from hwsim.schedule.tiles_run import OpOnTiles, Place, TilesRun
from strategies.analog_chips import analog_chip, analog_chips, in_integers
from strategies.programs import conv, elementwise, gemm, lookup
from strategies.recipes import RECIPES

DRAWN = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def run_of(recipe: AnyRecipe, chip: AnalogChip) -> tuple[Program, TilesRun]:
    program = in_integers(workload(recipe).program)
    try:
        return program, planned_on_tiles(program, chip)
    except Unsupported:
        assume(False)
        raise


def busy(run: TilesRun) -> dict[str, int]:
    return {unit.name: unit.busy for unit in run.units}


def test_a_product_takes_the_cycles_worked_out_by_hand() -> None:
    """Two rows of 4 meet a matrix [4, 4] on one tile, of which a vector takes 3 + 2 cycles driven and 3 converted.

    The input's 8 bytes take 1 cycle and 5 of latency, links 2. The tile takes vectors in 8 … 16 and 16 … 24. Rescaling
    and a bias for 4 results are 8 lane cycles on 4 lanes: 18 … 20 and 26 … 28. Stores of 4 bytes: 22 and 30, 1 cycle.
    """
    run = planned_on_tiles(gemm(2, 4, 4), analog_chip(chips=1))
    assert run.cycles == 31
    assert busy(run) == {"vector.0": 4, "tiles.0": 16, "load": 1, "store": 2}
    (op,) = run.ops
    assert (op.place, op.rows, op.first_start, op.last_end, op.span) == (Place.TILES, 2, 0, 31, 31)
    tiles = next(times for times in op.places if times.place is Place.TILES)
    assert (tiles.tasks, tiles.busy, tiles.for_operands, tiles.for_unit) == (2, 16, 0, 8)
    assert op.work.macs == 32
    assert (op.work.dram_read_bytes, op.work.dram_write_bytes) == (8, 8)


def test_copies_take_vectors_in_turn() -> None:
    """Both vectors start at 8 and are back at 18; the second row is rescaled until 22 and stored from 24 on."""
    run = planned_on_tiles(gemm(2, 4, 4), analog_chip(chips=1, copies=(("gemm", 2),)))
    assert run.cycles == 25
    assert next(unit.servers for unit in run.units if unit.name == "tiles.0") == 2


def test_parts_of_rows_are_added_on_the_vector_unit() -> None:
    """12 rows of cells are three parts: 2 · 4 additions more, on 4 lanes 2 cycles for each row."""
    one, three = (planned_on_tiles(gemm(2, k, 4), analog_chip(chips=1)) for k in (4, 12))
    assert busy(three)["vector.0"] - busy(one)["vector.0"] == 4
    assert three.work.vector_lane_cycles == one.work.vector_lane_cycles  # they are counted with the work of tiles
    assert three.tile_work.additions - one.tile_work.additions == 2 * 2 * 4


def test_products_on_lanes_take_as_long_as_lanes_or_ports_say() -> None:
    """For each row 4 results of 4 products, two a cycle, and 8 of functions: 16 lane cycles on 4 lanes; 36 bytes read,
    16 a cycle, are less."""
    run = planned_on_tiles(gemm(2, 4, 4), analog_chip(chips=1, digital=("*",)))
    assert busy(run)["vector.0"] == 2 * 4
    assert run.ops[0].place is Place.VECTOR
    slow = analog_chip(chips=1, digital=("*",))
    narrow = replace(slow, scratchpad=replace(slow.scratchpad, read=4))
    assert busy(planned_on_tiles(gemm(2, 4, 4), narrow))["vector.0"] == 2 * 9


def test_a_loop_of_its_own_state_runs_one_row_after_another() -> None:
    """x is turned into itself five times: nothing overlaps, and each row takes a cycle."""
    state = tensor("x", (1, 4), Role.STATE)
    part = Fragment(
        (state,), (Loop(name="again", times=5, body=relu("relu", View(tensor="x"), View(tensor="x")).nodes),)
    )
    run = planned_on_tiles(in_integers(part.program("again")), analog_chip())
    assert (run.cycles, run.tasks, run.edges) == (5 * 2, 5, 4)


def test_rows_that_read_other_rows_do_not_wait_for_each_other() -> None:
    """The same five times on rows of their own, which wait for the vector unit alone."""
    state, made = tensor("x", (5, 4), Role.STATE), tensor("y", (5, 4))
    row = window(0, loop="again")
    body = relu("relu", View(tensor="x", windows=(row,)), View(tensor="y", windows=(row,))).nodes
    part = Fragment((state, made), (Loop(name="again", times=5, body=body),))
    run = planned_on_tiles(in_integers(part.program("again")), analog_chip())
    assert run.edges == 0
    assert run.ops[0].places[0].for_operands == 0
    assert run.ops[0].places[0].for_unit == 2 * (1 + 2 + 3 + 4)


def test_parameters_that_do_not_stay_are_loaded_whenever_an_op_needs_them() -> None:
    program, small = elementwise(3, 40, times=4), analog_chip()
    kept = planned_on_tiles(program, small)
    tight = planned_on_tiles(program, replace(small, scratchpad=replace(small.scratchpad, size=39)))
    assert (kept.kept_bytes, kept.streamed) == ((40, 0), ())
    assert (tight.kept_bytes, tight.streamed) == ((0, 0), ("gain",))
    assert tight.work.dram_read_bytes - kept.work.dram_read_bytes == 4 * 40
    looked = planned_on_tiles(lookup(3, 8), replace(small, scratchpad=replace(small.scratchpad, size=1)))
    assert looked.streamed == ("table",)
    assert looked.work.dram_read_bytes == 3 * 4 + 3 * 4  # indices, and three rows of four bytes


def test_more_rows_than_can_be_run_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_list, "MOST_TASKS", 10)
    message = (
        "one: has more than 10 tasks, up to two a row of an op, hwsim runs no more on tiles; take a shorter utterance"
    )
    with pytest.raises(Unsupported) as refused:
        planned_on_tiles(conv(9, 1, 1, 1, 6, 6), analog_chip(tiles=60))
    assert str(refused.value) == message


@DRAWN
@given(RECIPES, analog_chips())
def test_all_products_are_made_and_all_time_of_units_is_accounted_for(recipe: AnyRecipe, chip: AnalogChip) -> None:
    program, run = run_of(recipe, chip)
    assert run.work.macs == program.macs == run.macs
    for unit in run.units:
        assert unit.busy + unit.idle == run.cycles * unit.servers
    assert max(op.last_end for op in run.ops) == run.cycles
    ran = {placed.op.name: placed.times for placed in program.placed() if placed.times}
    assert {op.name: op.times for op in run.ops} == ran
    vectors = {op.name: op.tile_work.vectors for op in run.ops}
    on_tiles = {name for matrix in run.placement.matrices for name in matrix.ops}
    assert {name for name, count in vectors.items() if count} == on_tiles & set(ran)


@DRAWN
@given(RECIPES, analog_chips())
def test_work_of_tiles_is_that_of_each_vector(recipe: AnyRecipe, chip: AnalogChip) -> None:
    program = in_integers(workload(recipe).program)
    try:
        run = planned_on_tiles(program, chip, lambda tile, k, n: TileWork(vectors=1, drives=k, conversions=n))
    except Unsupported:
        assume(False)
    for op in run.ops:
        placed = [matrix for matrix in run.placement.matrices if op.name in matrix.ops]
        vectors = sum(matrix.matrices for matrix in placed) * op.rows // max(len(placed), 1)
        assert op.tile_work.vectors == vectors
        if placed:
            assert op.tile_work.drives == vectors * placed[0].k
            assert op.tile_work.conversions == vectors * placed[0].n
            assert op.work.macs == vectors * placed[0].k * placed[0].n


@pytest.mark.parametrize("name", ["mlperf_rnnt", "tdnnf_7q"])
def test_a_shipped_network_runs_on_the_shipped_chip(name: str) -> None:
    program = hwsim.load_workload(name).program
    chip = load_analog_chip("analog_pcm")
    run = planned_on_tiles(program, chip)
    assert run.work.macs == program.macs
    assert max(run.placement.tiles_used) <= chip.tiles
    assert run.streamed == ()
    assert all(next(op for op in run.ops if op.name == one.op).place is Place.VECTOR for one in run.placement.digital)


def test_a_run_whose_time_does_not_add_up_does_not_exist() -> None:
    run = planned_on_tiles(gemm(2, 4, 4), analog_chip(chips=1))
    unit, *rest = run.units
    with pytest.raises(InvalidValue, match=r"units\.vector\.0"):
        replace(run, units=(replace(unit, idle=unit.idle + 1), *rest))
    with pytest.raises(InvalidValue, match="must sum to 33"):
        replace(run, macs=33)
    with pytest.raises(InvalidValue, match="last_end"):
        replace(run.ops[0], first_start=32)
    assert isinstance(run.ops[0], OpOnTiles)

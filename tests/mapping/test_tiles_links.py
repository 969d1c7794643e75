"""What travels between units of chips of tiles, in bytes and in time, by hand; where matrices come to stand."""

from dataclasses import replace

from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.weights import WeightMapping
from hwsim.inputs.chips import load_analog_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.ops import Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.mapping.tiles.placement import place
from hwsim.mapping.tiles.run import planned_on_tiles
from hwsim.models.fragment import Fragment, linear, tensor
from hwsim.schedule.tile_work import TileWork
from hwsim.schedule.tiles_run import Place
from strategies.analog_chips import analog_chip, in_integers


def chain(rows: int) -> Program:
    """Two products [4, 4], of which b reads what a wrote."""
    given, middle, out = (
        tensor("x", (1, rows, 4), Role.INPUT),
        tensor("middle", (1, rows, 4)),
        tensor("out", (1, rows, 4)),
    )
    part = Fragment((given,)) + linear("a", View(tensor="x"), 4, middle) + linear("b", View(tensor="middle"), 4, out)
    return in_integers(part.program("chain"))


def apart(**changes: object) -> AnalogChip:
    """Two chips of one tile each, so that both matrices stand on chips of their own."""
    return analog_chip(tiles=1, **changes)


def test_results_go_to_the_vector_unit_and_operands_to_the_chip_of_their_matrix() -> None:
    """Three rows of 4 bytes: from the memory to chip 0, its results to its vector unit, and from there to chip 1."""
    run = planned_on_tiles(chain(3), apart())
    first, second = run.ops
    assert [matrix.chips for matrix in run.placement.matrices] == [(0,), (1,)]
    assert (first.tile_work.link_bytes, first.tile_work.far_bytes) == (12 + 12, 0)
    assert (second.tile_work.link_bytes, second.tile_work.far_bytes) == (12, 12)
    together = planned_on_tiles(chain(3), replace(apart(), tiles=2, chips=1)).ops[1]
    assert (together.tile_work.link_bytes, together.tile_work.far_bytes) == (24, 0)


def test_each_way_between_chips_takes_the_time_of_a_link_between_them() -> None:
    near, far = (planned_on_tiles(chain(3), apart(link=replace(apart().link, between=time))) for time in (5000, 9000))
    assert far.cycles == near.cycles + 4
    same = replace(apart(), tiles=2, chips=1)
    one, other = (planned_on_tiles(chain(3), replace(same, link=replace(same.link, between=t))) for t in (5000, 9000))
    assert one.cycles == other.cycles


def test_the_scratchpad_gives_each_row_to_the_tiles_and_takes_its_results() -> None:
    """A row of 4 bytes is read for the tile; its 4 sums are rescaled and written as bytes. A bias is read too."""
    first, _ = planned_on_tiles(chain(3), apart()).ops
    bare = planned_on_tiles(chain(6), apart()).ops[0]
    assert first.work.scratchpad_write_bytes == 3 * 4 + 3 * 4  # inputs that are loaded, and results
    assert bare.work.scratchpad_read_bytes == 2 * first.work.scratchpad_read_bytes
    assert first.work.scratchpad_read_bytes >= 3 * 4


def test_what_all_rows_share_goes_to_another_chip_once() -> None:
    """However many queries attend, keys travel once a run: no more than all operands of a product have."""
    program, chip = load_workload("conformer_s").program, load_analog_chip("analog_pcm")
    ops = {op.name: op for op in planned_on_tiles(program, chip).ops}
    travelled = 0
    for instance in program.instances():
        op = instance.op
        if isinstance(op, Gemm) and ops[op.name].place is Place.VECTOR:
            most = sum(program.view_bytes(view, instance.shape) for view in (op.act, op.weight)) * instance.times
            assert ops[op.name].tile_work.far_bytes <= most
            travelled += ops[op.name].tile_work.far_bytes
    assert travelled > 0


def test_a_layer_that_fits_one_chip_stands_on_one_chip() -> None:
    placement = place(load_workload("mlperf_rnnt").program, load_analog_chip("analog_pcm"))
    for layer in (0, 1, 3, 4):
        chips = {
            chip
            for matrix in placement.matrices
            if matrix.ops[0].startswith(f"encoder.{layer}.")
            for chip in matrix.chips
        }
        assert len(chips) == 1


def test_no_tile_is_shared_while_others_are_free() -> None:
    """conformer_s needs more tiles than there are: all are taken."""
    placement = place(load_workload("conformer_s").program, load_analog_chip("analog_pcm"))
    assert placement.tiles_used == (34,) * 5


def test_a_dense_tile_converts_its_columns_one_half_after_the_other() -> None:
    chip = load_analog_chip("analog_pcm")
    dense = chip.tile_of(dense=True)
    assert (dense.cols, dense.cells, dense.weights) == (1024, 2, WeightMapping(significance=(1.0,)))
    assert chip.array.adc is not None
    assert dense.adc == replace(chip.array.adc, shared_by=2)
    assert chip.tile_of(dense=False) is chip.array


def test_of_several_patterns_the_largest_count_of_copies_holds() -> None:
    chip = analog_chip(copies=(("encoder.*", 2), ("encoder.0.*", 3)))
    assert [chip.copies_of(op) for op in ("encoder.0.input", "encoder.1.input", "joint")] == [3, 2, 1]


def test_work_of_links_is_no_work_of_tiles() -> None:
    first, _ = planned_on_tiles(chain(3), apart()).ops
    assert replace(first.tile_work, link_bytes=0) == TileWork(
        vectors=3, drives=12, cell_passes=3 * 16 * 2, conversions=12
    )

"""Where weights stand: each once for each copy, no cell twice, and what no tile takes is named with its reason."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import WeightMapping
from hwsim.ir.op_table import is_depthwise, op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View
from hwsim.mapping.tiles.placement import NO_TILE, place
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.fragment import Fragment, linear, tensor
from hwsim.quantities.precision import Precision
from hwsim.schedule.tiles import Placement
from strategies.analog_chips import PHASES, VECTOR, analog_chip, analog_chips, in_integers
from strategies.programs import GEMMS, conv, gemm
from strategies.recipes import RECIPES

DRAWN = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def layers(*sizes: tuple[int, int], rows: int = 2) -> Program:
    """Products one after another, named a, b, …, all of them reading an input of their own."""
    inputs: list[Tensor] = []
    part = Fragment()
    for name, (k, n) in zip("abcdefgh", sizes, strict=False):
        given, out = tensor(f"{name}.x", (1, rows, k), Role.INPUT), tensor(f"{name}.out", (1, rows, n))
        inputs.append(given)
        part += Fragment((given,)) + linear(name, View(tensor=given.name), k, out)
    return in_integers(part.program("layers"))


def tile(rows: int, cols: int, cells: int = 1) -> AnalogTile:
    weights = WeightMapping(significance=(1.0,) * cells)
    return replace(analog_chip().array, rows=rows, cols=cols, weights=weights, phases=PHASES)


@DRAWN
@given(RECIPES | GEMMS, analog_chips())
def test_every_weight_stands_once_for_each_copy_and_no_cell_is_given_twice(
    recipe: AnyRecipe | Program, chip: AnalogChip
) -> None:
    program = in_integers(recipe if isinstance(recipe, Program) else workload(recipe).program)
    try:
        placement = place(program, chip)
    except Unsupported:
        assume(False)
    cells = Counter[tuple[int, int, int, int]]()
    for matrix in placement.matrices:
        cols = chip.array.cols * (len(chip.array.weights.significance) if matrix.dense else 1)
        stands = Counter[tuple[int, int, int, int]]()
        for part in matrix.parts:
            assert part.chip < chip.chips
            assert part.tile < chip.tiles
            for row in range(part.rows):
                for col in range(part.cols):
                    assert row < chip.array.rows
                    assert part.at + col < cols
                    cells[part.chip, part.tile, row, part.at + col] += 1
                    stands[part.copy, part.matrix, part.row + row, part.col + col] += 1
        assert set(stands.values()) == {1}
        assert len(stands) == matrix.copies * matrix.matrices * matrix.k * matrix.n
    assert set(cells.values()) <= {1}
    assert len({(chip, tile) for chip, tile, _, _ in cells}) == sum(placement.tiles_used)
    tensors = {matrix.tensor for matrix in placement.matrices}
    weights = [program.tensor(name) for name in tensors]
    assert sum(matrix.weights for matrix in placement.matrices) == sum(weight.elements for weight in weights)


@DRAWN
@given(RECIPES, analog_chips())
def test_every_product_is_made_on_tiles_or_named_with_a_reason(recipe: AnyRecipe, chip: AnalogChip) -> None:
    program = in_integers(workload(recipe).program)
    try:
        placement = place(program, chip)
    except Unsupported:
        assume(False)
    products = {placed.op.name for placed in program.placed() if isinstance(placed.op, (Gemm, Conv))}
    on_tiles = {op for matrix in placement.matrices for op in matrix.ops}
    digital = {one.op: one.reason for one in placement.digital}
    assert on_tiles | set(digital) == products
    assert not on_tiles & set(digital)
    for instance in program.instances():
        if instance.op.name in on_tiles:
            assert isinstance(instance.op, (Gemm, Conv))
            assert program.tensor(instance.op.weight.tensor).role is Role.WEIGHT
            assert not is_depthwise(instance.op, instance.shape)
            assert op_spec(instance.op).macs(instance.op, instance.shape) > 0


@DRAWN
@given(RECIPES, analog_chips())
def test_matrices_have_one_unit_exactly_where_tiles_link_them(recipe: AnyRecipe, chip: AnalogChip) -> None:
    placement = placed_or_not(in_integers(workload(recipe).program), chip)
    groups: list[set[tuple[int, int]]] = []
    for matrix in placement.matrices:
        linked = [group for group in groups if group & matrix.spots]
        groups = [group for group in groups if not group & matrix.spots]
        groups.append(set(matrix.spots).union(*linked))
    assert len(groups) == placement.units
    for group in groups:
        assert len({matrix.unit for matrix in placement.matrices if matrix.spots & group}) == 1


def placed_or_not(program: Program, chip: AnalogChip) -> Placement:
    try:
        return place(program, chip)
    except Unsupported:
        assume(False)
        raise


def test_tiles_are_shared_only_where_they_do_not_suffice() -> None:
    program = layers((4, 2), (4, 2))
    alone = place(program, analog_chip(array=tile(4, 4), tiles=2, chips=1))
    assert [matrix.unit for matrix in alone.matrices] == [0, 1]
    shared = place(program, analog_chip(array=tile(4, 4), tiles=1, chips=1))
    assert [matrix.unit for matrix in shared.matrices] == [0, 0]
    assert [matrix.parts[0].at for matrix in shared.matrices] == [0, 2]
    assert shared.tiles_used == (1,)


def test_a_matrix_stays_on_one_chip_if_one_has_room() -> None:
    program = layers((4, 4), (4, 8), (4, 8))
    placement = place(program, analog_chip(array=tile(4, 4), tiles=3, chips=2))
    assert [matrix.chips for matrix in placement.matrices] == [(0,), (0,), (1,)]
    spread = place(program, analog_chip(array=tile(4, 4), tiles=1, chips=5))
    assert [matrix.chips for matrix in spread.matrices] == [(0,), (1, 2), (3, 4)]


def test_dense_ops_have_as_many_times_the_columns() -> None:
    program = layers((4, 8), (4, 8))
    placement = place(program, analog_chip(array=tile(4, 4, cells=2), dense=("a",)))
    assert [(matrix.dense, matrix.col_parts) for matrix in placement.matrices] == [(True, 1), (False, 2)]
    assert placement.programmed_cells == 4 * 8 * 2 + 4 * 8 * 4  # pairs of cells, of which b has two a weight


def test_copies_have_tiles_of_their_own() -> None:
    placement = place(layers((4, 4)), analog_chip(array=tile(4, 4), copies=(("a", 3),)))
    (matrix,) = placement.matrices
    assert sorted(part.copy for part in matrix.parts) == [0, 1, 2]
    assert len(matrix.spots) == 3


def test_groups_of_a_convolution_work_together_and_batches_of_a_product_apart() -> None:
    chip = analog_chip(array=tile(4, 4))
    (groups,) = place(conv(5, 1, 1, 1, 6, 6, groups=2), chip).matrices
    assert (groups.matrices, len(groups.parts)) == (2, 2)
    batch = place(gemm(2, 3, 3, batch=3), chip).matrices
    assert [(matrix.batch, matrix.matrices, matrix.unit) for matrix in batch] == [(0, 1, 0), (1, 1, 1), (2, 1, 2)]


def test_those_with_most_products_a_tile_stand_where_tiles_do_not_suffice() -> None:
    program = layers((4, 4), (2, 4), (4, 4))
    placement = place(program, analog_chip(array=tile(4, 4), tiles=2, chips=1))
    assert [matrix.ops for matrix in placement.matrices] == [("a",), ("c",)]
    assert [(one.op, one.reason) for one in placement.digital] == [("b", NO_TILE)]


@pytest.mark.parametrize(
    ("program", "chip", "message"),
    [
        (
            layers((4, 4), (4, 4)),
            analog_chip(array=tile(4, 4), tiles=1, chips=1, vector=replace(VECTOR, macs_per_lane=())),
            "b: no tile left, and the vector unit multiplies no int8 by int8; 2 tiles are needed, 1 are there; "
            "give more tiles or chips",
        ),
        (
            gemm(2, 3, 3, precision=Precision.FP16),
            analog_chip(digital=("gemm",)),
            "gemm: `digital` names it, and the vector unit multiplies no fp16 by fp16; "
            "give vector.macs_per_lane, or a plan of integers",
        ),
    ],
)
def test_what_can_be_made_nowhere_is_refused_in_one_line(program: Program, chip: AnalogChip, message: str) -> None:
    with pytest.raises(Unsupported) as refused:
        place(program, chip)
    assert str(refused.value) == message


def test_a_placement_that_takes_a_column_twice_does_not_exist() -> None:
    placement = place(layers((4, 4), (4, 4)), analog_chip(array=tile(4, 4)))
    first, second = placement.matrices
    moved = replace(second, parts=tuple(replace(part, chip=0, tile=0) for part in second.parts))
    with pytest.raises(InvalidValue, match="a column is taken twice"):
        replace(placement, matrices=(first, moved))
    with pytest.raises(InvalidValue, match="must hold"):
        replace(first, copies=2)

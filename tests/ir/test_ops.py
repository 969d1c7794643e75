"""Every kind of op goes through every room, and programs that cannot be are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.engine.values.floats import FLOAT_KINDS
from hwsim.engine.values.integers import INTEGER_KINDS
from hwsim.engine.values.trace import TRACED_KINDS
from hwsim.errors import InvalidValue
from hwsim.ir import ops
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import OP_TABLE, is_depthwise, op_spec
from hwsim.ir.ops import Conv, ConvAxis, Function, Gemm, Move, Op, Reduce, Reduction
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import Affine, View, Window, window
from hwsim.mapping.row_work import ROW_KINDS
from hwsim.mapping.tiles.row_kinds import TILE_ROWS
from hwsim.quantities.precision import Precision
from hwsim.quantities.registry import kind_name
from hwsim.report.export import run_files
from hwsim.report.op_styles import OP_STYLES
from hwsim.report.plots.sets import quality_drawing
from hwsim.study.simulate import simulate
from strategies.chips import chip
from strategies.kinds import traced_alone, workload_of
from strategies.programs import conv, elementwise, gemm, lookup, move, quantise, reduce, skew
from strategies.programs import program as one
from strategies.programs import tensor as made

ONE_OF_EACH = [
    gemm(5, 6, 7),
    conv(9, 3, stride=2, dilation=1, channels=4, outputs=6),
    elementwise(5, 6),
    reduce(5, 6, Reduction.SOFTMAX),
    lookup(5, 6),
    move(5, 6),
    skew(5, 6),
    quantise(5, 6),
]


PRODUCT = {"act", "weight", "acc", "out"}
TRACED: dict[type[Op], set[str]] = {Gemm: {*PRODUCT, "bias"}, Conv: PRODUCT}
"""The arrays of kinds that are traced by more than their result, scales and zero points beside them."""


def test_every_table_has_a_row_for_each_kind_and_no_other() -> None:
    kinds = {kind for kind in vars(ops).values() if isinstance(kind, type) and issubclass(kind, Op)} - {Op}
    for table in (OP_TABLE, FLOAT_KINDS, INTEGER_KINDS, TRACED_KINDS, OP_STYLES):
        assert set(table) == kinds, table.room
    # Any kind may run on the vector unit, which works by rows.
    assert set(ROW_KINDS) == set(TILE_ROWS) == kinds
    styles = [OP_STYLES.named(kind_name(kind)) for kind in kinds]
    assert len({style.colour for style in styles}) == len({style.label for style in styles}) == len(kinds)


@pytest.mark.parametrize("kind", list(OP_TABLE), ids=kind_name)
def test_every_kind_of_op_goes_through_every_room(kind: type[Op], tmp_path: Path) -> None:
    (program,) = [p for p in ONE_OF_EACH if isinstance(p.body[0], kind)]
    result = simulate(chip(), workload_of(program))
    (op,) = result.ops
    assert op.cycles > 0
    assert op.energy_aj > 0
    assert op.dram_read_bytes > 0
    assert op.name in run_files(result)["ops.csv"]
    _, trace, quality = traced_alone(program, tmp_path)
    (computed,) = quality.ops
    assert (computed.name, computed.kind) == (op.name, op.kind)
    assert computed.sqnr_db is None or computed.sqnr_db > 20
    arrays = {name.removeprefix(f"{op.name}/") for name in trace if name.startswith(f"{op.name}/")}
    assert {name for name in arrays if not name.endswith(("_scale", "_zero"))} == TRACED.get(kind, {"out"})
    heard = replace(quality, ops=tuple(replace(one, sqnr_db=1.0) for one in quality.ops))
    (legend,) = quality_drawing("one", heard).canvas().figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [OP_STYLES.named(op.kind).label]


@pytest.mark.parametrize("reduction", Reduction)
def test_every_reduction_has_a_price_in_functions(reduction: Reduction) -> None:
    program = reduce(3, 8, reduction)
    op = program.body[0]
    assert isinstance(op, Reduce)
    work = op_spec(op).vector_work(op, program.shapes())
    assert all(isinstance(function, Function) and count > 0 for function, count in work.items())
    assert sum(work.values()) >= 3 * 8


def _reading(gain: Window) -> tuple[tuple[str, View], ...]:
    """What the chain of tests reads, with a window on its gain."""
    views = {name: View(tensor=name) for name in ("x", "y")}
    return (*views.items(), ("gain", View(tensor="gain", windows=(gain,))))


def broken(program: Program, **changes: Any) -> Program:
    op: Any = program.body[0]
    return replace(program, body=(replace(op, **changes),))


@pytest.mark.parametrize(
    ("program", "changes", "message"),
    [
        (gemm(2, 3, 4), {"transposed": True}, r"gemm = 'Gemm': act has shape \(1, 2, 3\), expected 1 × 1 × 4"),
        (gemm(2, 3, 4), {"bias": View(tensor="act")}, "bias has shape .* expected 4 elements"),
        (gemm(2, 3, 4), {"act": View(tensor="nothing")}, "one = 'nothing': names no tensor"),
        (gemm(2, 3, 4), {"act": View(tensor="out")}, "gemm = 'out': is read before any op writes it"),
        (gemm(2, 3, 4), {"act": View(tensor="act", windows=(window(3),))}, "gemm = 3: act has only 3 axes"),
        (
            gemm(2, 3, 4),
            {"act": View(tensor="act", windows=(window(1, start=1, count=2),))},
            r"gemm = \(1, 3\): lies outside axis 1 of act, which has 2 entries",
        ),
        (
            gemm(2, 3, 4),
            {"act": View(tensor="act", windows=(window(1, loop="steps"),))},
            "gemm = 'steps': is not a loop around this op",
        ),
        (gemm(2, 3, 4), {"out": View(tensor="act")}, "gemm = 'act': is written, but is a parameter or an input"),
        (conv(9, 3, 2, 1, 4, 6), {"groups": 4}, "4 groups do not divide 4 input and 6 output channels"),
        (conv(9, 3, 2, 1, 4, 6), {"axes": (ConvAxis(size=8, kernel=3),)}, r"expected batch × \(8,\) × channels"),
        (move(2, 3), {"write": View(tensor="out", windows=(window(0),))}, "another number of elements"),
        (lookup(2, 3), {"index": View(tensor="index", windows=(window(0),))}, "expected 3 elements"),
        (reduce(2, 3, Reduction.ARGMAX), {"reduction": Reduction.SOFTMAX}, "expected 6 elements"),
        (reduce(2, 3, Reduction.LAYER_NORM), {"parameters": (View(tensor="gain"),)}, "needs 0 or 2 parameters of 3"),
        (reduce(2, 3, Reduction.MEAN), {"axis": 2}, "reduces axis 2 of a view with 2 axes"),
        (reduce(2, 3, Reduction.TOP), {"count": 4}, "finds 4 places among 3 entries"),
        (reduce(2, 3, Reduction.TOP), {"count": 3}, "expected 6 elements"),
        (skew(2, 3), {"write": View(tensor="out", windows=(window(2, count=2),))}, r"expected \(3, 2, 3\)"),
        (quantise(4, 3), {"scales": View(tensor="scales", windows=(window(0, count=3),))}, r"3 scales for \(4, 3\)"),
        (quantise(4, 3), {"write": View(tensor="out", windows=(window(0),))}, "which has another number of elements"),
        (skew(2, 3), {"read": View(tensor="x", order=(1, 0))}, r"\(1, 0\): x has 3 axes"),
        (
            elementwise(4, 6),
            {"reads": _reading(window(0, count=5))},
            "gain has 5 elements, expected 24 or one row of 6",
        ),
    ],
)
def test_programs_that_cannot_be_are_refused(program: Program, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        broken(program, **changes)


def test_a_chain_uses_only_what_it_made() -> None:
    op = elementwise(2, 3).body[0]
    assert isinstance(op, ops.Elementwise)
    with pytest.raises(InvalidValue, match=r"chain.chain = 'product': is used before it is made"):
        replace(op, chain=op.chain[1:])
    with pytest.raises(InvalidValue, match=r"chain.writes = 'other': is made by no step"):
        replace(op, writes=(("other", View(tensor="out")),))


def test_names_are_unique_and_every_tensor_is_used() -> None:
    program = gemm(2, 3, 4)
    with pytest.raises(InvalidValue, match=r"one.ops = 'gemm': is named twice"):
        replace(program, body=program.body * 2)
    spare = replace(program.tensor("act"), name="spare")
    with pytest.raises(InvalidValue, match="one = 'spare': is a tensor that no op uses"):
        replace(program, tensors=tuple(sorted((*program.tensors, spare), key=lambda t: t.name)))


def test_windows_move_with_their_loop_and_stay_inside() -> None:
    backward = Window(axis=0, start=Affine(base=4, terms=(("steps", -1),)), count=1)
    program = move(5, 2)
    op = program.body[0]
    assert isinstance(op, Move)
    row = replace(
        op, read=View(tensor="x", windows=(backward,)), write=View(tensor="out", windows=(window(1, loop="steps"),))
    )
    assert replace(program, body=(Loop(name="steps", times=5, body=(row,)),)).macs == 0
    with pytest.raises(InvalidValue, match="lies outside axis 0 of x"):
        replace(program, body=(Loop(name="steps", times=6, body=(row,)),))


@given(st.permutations([0, 1, 2]), st.integers(1, 5), st.integers(1, 3), st.integers(0, 9), st.booleans())
def test_a_view_has_the_elements_that_indexing_gives(
    order: list[int], count: int, every: int, start: int, wraps: bool
) -> None:
    """NumPy's own indexing is the witness: entries, shape and order of axes."""
    array = np.arange(4 * 15 * 6).reshape(4, 15, 6)
    every = 1 if wraps else every
    if not wraps and start + every * (count - 1) >= 15:
        start = 0
    piece = window(1, start=start, count=count, every=every, wraps=wraps)
    view = View(tensor="x", windows=(piece,), order=tuple(order))
    rolled = np.roll(array, -start, axis=1)[:, : count * every : every]
    assert view.shape_in(array.shape) == rolled.transpose(order).shape
    assert (array.take(piece.entries(15), axis=1) == rolled).all()


def test_heads_are_batches_without_a_copy() -> None:
    """Queries and keys [batch 2, frames 5, heads 3, 4] give scores [2, 3, 5, 5]: products of each head alone."""
    heads = (0, 2, 1, 3)
    op = Gemm(
        name="scores",
        act=View(tensor="query", order=heads),
        weight=View(tensor="key", order=heads),
        out=View(tensor="scores"),
        transposed=True,
    )
    tensors = [made("query", 2, 5, 3, 4, role=Role.INPUT), made("key", 2, 5, 3, 4, role=Role.INPUT)]
    program = one(op, [*tensors, made("scores", 2, 3, 5, 5)])
    assert program.macs == 2 * 3 * 5 * 4 * 5
    assert program.view_bytes(op.act, program.shapes()) == 2 * 5 * 3 * 4


def test_a_row_may_lie_over_several_axes() -> None:
    """Out of three heads of four comes one row of twelve, which meets a weight of twelve rows."""
    op = Gemm(name="gemm", act=View(tensor="act"), weight=View(tensor="weight"), out=View(tensor="out"))
    tensors = [made("act", 2, 5, 3, 4, role=Role.INPUT), made("weight", 12, 6, role=Role.WEIGHT)]
    assert one(op, [*tensors, made("out", 2, 5, 2, 3)]).macs == 2 * 5 * 12 * 6
    with pytest.raises(InvalidValue, match="expected 1 × 10 × 6"):
        one(op, [*tensors, made("out", 2, 3, 5, 2)])


def test_a_ring_is_written_and_read_beyond_its_end() -> None:
    program = move(5, 2)
    op = program.body[0]
    assert isinstance(op, Move)
    row = View(tensor="x", windows=(window(0, loop="steps", wraps=True),))
    out = View(tensor="out", windows=(window(1, start=3, loop="steps", wraps=True),))
    ring = replace(program, body=(Loop(name="steps", times=50, body=(replace(op, read=row, write=out),)),))
    assert [placed.times for placed in ring.placed()] == [50]
    longer = replace(op, read=View(tensor="x", windows=(window(0, count=6, wraps=True),)))
    with pytest.raises(InvalidValue, match="lies outside axis 0 of x, which has 5 entries"):
        replace(program, body=(longer,))
    with pytest.raises(InvalidValue, match="wraps = True: holds neighbours, always as many"):
        window(0, count=2, every=2, wraps=True)


def test_copies_do_not_convert() -> None:
    program = lookup(2, 3)
    wide = replace(program.tensor("out"), precision=Precision.INT16)
    tensors = tuple(wide if tensor.name == "out" else tensor for tensor in program.tensors)
    with pytest.raises(InvalidValue, match=r"\['int16', 'int4'\]: copies between formats"):
        replace(program, tensors=tensors)


def test_loops_have_names_of_their_own() -> None:
    program = move(2, 3)
    with pytest.raises(InvalidValue, match=r"one.loops = 'twice': is named twice"):
        replace(program, body=(Loop(name="twice", times=2, body=(Loop(name="twice", times=2, body=program.body),)),))


def test_a_view_that_grows_makes_an_instance_for_each_size() -> None:
    """A cache of keys: at step i the first 2 + i entries are read."""
    program = move(6, 3)
    op = program.body[0]
    assert isinstance(op, Move)
    grown = Window(axis=0, start=Affine(), count=Affine(base=2, terms=(("steps", 1),)))
    entries = Window(axis=1, start=Affine(), count=Affine(base=2, terms=(("steps", 1),)))
    growing = replace(op, read=View(tensor="x", windows=(grown,)), write=View(tensor="out", windows=(entries,)))
    inner = Loop(name="steps", times=4, body=(growing,))
    grown_program = replace(program, body=(Loop(name="outer", times=3, body=(inner,)),))
    found = [(i.times, i.shape(growing.read)) for i in grown_program.instances()]
    assert found == [(3, (2, 3)), (3, (3, 3)), (3, (4, 3)), (3, (5, 3))]
    with pytest.raises(InvalidValue, match=r"\(0, 7\): lies outside axis 0 of x, which has 6 entries"):
        replace(program, body=(Loop(name="steps", times=6, body=(growing,)),))


@pytest.mark.parametrize(
    ("axis", "outputs"),
    [
        (ConvAxis(size=80, kernel=3, stride=2), 39),
        (ConvAxis(size=10, kernel=3, before=1, after=1), 10),
        (ConvAxis(size=10, kernel=2, dilation=3), 7),
        (ConvAxis(size=5, kernel=5), 1),
    ],
)
def test_a_convolution_has_the_positions_at_which_its_kernel_fits(axis: ConvAxis, outputs: int) -> None:
    assert axis.outputs == outputs
    starts = range(-axis.before, axis.size + axis.after, axis.stride)
    assert len([s for s in starts if s + axis.dilation * (axis.kernel - 1) < axis.size + axis.after]) == outputs


def test_a_kernel_longer_than_its_axis_is_refused() -> None:
    with pytest.raises(InvalidValue, match="is shorter than the 7 entries that the kernel spans"):
        ConvAxis(size=6, kernel=3, dilation=3)


def test_one_channel_a_group_is_depthwise() -> None:
    for groups, depthwise in ((1, False), (2, False), (6, True)):
        program = conv(9, 3, stride=1, dilation=1, channels=6, outputs=6, groups=groups)
        op = program.body[0]
        assert not isinstance(op, Loop)
        assert is_depthwise(op, program.shapes()) is depthwise
        assert program.macs == 2 * 9 * 3 * 6 * 6 // groups


def test_parameters_are_weights_biases_and_tables() -> None:
    assert [role for role in Role if role.parameter] == [Role.WEIGHT, Role.BIAS, Role.TABLE]
    program = gemm(2, 3, 4)
    assert program.parameters == 3 * 4 + 4
    unused = replace(program.tensor("weight"), name="unused")
    assert replace(program, stored=(unused,)).parameters == 3 * 4 + 4 + 3 * 4


def test_ops_are_hashable_values() -> None:
    op = gemm(2, 3, 4).body[0]
    assert isinstance(op, Gemm)
    assert hash(op) == hash(replace(op))

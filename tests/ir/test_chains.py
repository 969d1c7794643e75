"""Chains are found where neighbouring ops divide the same tensors alike, whatever these ops are called."""

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from hwsim.inputs.load import load_workload
from hwsim.ir.chain_growth import links
from hwsim.ir.chain_parts import part, parts
from hwsim.ir.chains import Chain, ChainUses, all_chains, chains
from hwsim.ir.nodes import Loop
from hwsim.ir.op_spec import chain_elements, repeated_shape, repeated_shapes
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Apply, Elementwise, Function, Gemm, Move, Reduction
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import Affine, Share, View, window
from hwsim.models.blocks.attention import so_far_in
from hwsim.models.fragment import Fragment, linear, matrix, swish, tensor
from hwsim.quantities.precision import Precision
from strategies.chained import deep, plain, relative
from strategies.programs import conv, elementwise, gemm, lookup, move, quantise, reduce, skew
from strategies.programs import tensor as made


def chain_from(program: Program, first: str, size: int) -> Chain:
    (found,) = [one for one in all_chains(program) if one.ops[0] == first and one.size == size]
    return found


def axes_of(program: Program) -> list[dict[str, int]]:
    """The axes of the one op of a program, by tensors."""
    (op,) = (placed.op for placed in program.placed())
    return [{view.tensor: axis for view, axis in one} for one in op_spec(op).parallel(op, program.shapes())]


@pytest.mark.parametrize(
    ("program", "axes"),
    [
        (gemm(4, 6, 7), [{"act": 1, "out": 1}]),
        (gemm(4, 6, 7, batch=3), [{"act": 1, "out": 1}, {"act": 0, "out": 0, "weight": 0}]),
        (gemm(1, 6, 7), []),
        (conv(9, 3, stride=2, dilation=1, channels=4, outputs=6), [{"act": 0, "out": 0}]),
        (elementwise(4, 6), [{"x": 0, "y": 0, "out": 0}]),
        (reduce(4, 6, Reduction.SOFTMAX), [{"x": 0, "out": 0}]),
        (reduce(4, 6, Reduction.LAYER_NORM), [{"x": 0, "out": 0}]),
        (reduce(4, 6, Reduction.TOP), [{"x": 0, "out": 0}]),
        (lookup(4, 6), [{"index": 0, "out": 0}]),
        (move(4, 4), [{"x": 0, "out": 0}, {"x": 1, "out": 1}]),
        (move(4, 6), []),
        (skew(4, 6), [{"x": 0, "out": 0}]),
        (quantise(4, 6), [{"x": 0, "out": 0, "scales": 0}]),
    ],
)
def test_axes_are_those_along_which_nothing_is_mixed(program: Program, axes: list[dict[str, int]]) -> None:
    assert axes_of(program) == axes


@pytest.mark.parametrize("views", [8, 64])
def test_what_a_chain_repeats_is_asked_of_each_view_a_few_times(views: int) -> None:
    """Matrices, rows and columns are added up."""
    shapes = [((4, 6), (1, 6), (4, 1))[place % 3] for place in range(views)]
    tensors = [made(f"x{place}", *shape, role=Role.INPUT) for place, shape in enumerate(shapes)]
    reads = tuple((f"v{place}", View(tensor=one.name)) for place, one in enumerate(tensors))
    sums = [(f"s{at - 1}" if at > 1 else "v0", f"v{at}", f"s{at}") for at in range(1, views)]
    steps = tuple(Apply(function=Function.ADD, args=(one, other), result=result) for one, other, result in sums)
    op = Elementwise(name="sum", reads=reads, chain=steps, writes=((f"s{views - 1}", View(tensor="out")),))
    whole, asked = {one.name: one.shape for one in tensors} | {"out": (4, 6)}, Counter[str]()

    def shape(view: View) -> tuple[int, ...]:
        asked[view.tensor] += 1
        return whole[view.tensor]

    repeated = {view: repeated_shape(op, view, shape) for _, view in reads}
    asked.clear()
    assert repeated_shapes(op, shape) == {view: found for view, found in repeated.items() if found is not None}
    assert chain_elements(op, shape)[f"s{views - 1}"] == 24
    assert max(asked.values()) <= 6


def test_what_each_piece_would_do_again_is_not_divided() -> None:
    """One row is stretched for all rows, once."""
    op = Elementwise(
        name="chain",
        reads=(("x", View(tensor="x")), ("gain", View(tensor="gain"))),
        chain=(
            Apply(function=Function.MUL, args=("gain", "gain"), result="squared"),
            Apply(function=Function.MUL, args=("x", "squared"), result="out"),
        ),
        writes=(("out", View(tensor="out")),),
    )
    tensors = (made("gain", 6, role=Role.BIAS), made("out", 4, 6), made("x", 4, 6, role=Role.INPUT))
    assert axes_of(Program(name="one", tensors=tensors, body=(op,))) == []


def test_a_product_of_a_tensor_with_itself_is_not_divided_by_rows() -> None:
    view = View(tensor="x")
    op = Gemm(name="square", act=view, weight=view, out=View(tensor="out"), transposed=True)
    tensors = (tensor("out", (3, 5, 5)), tensor("x", (3, 5, 4), Role.INPUT))
    assert axes_of(Program(name="one", tensors=tensors, body=(op,))) == [{"x": 0, "out": 0}]


def test_attention_with_relative_positions_runs_by_heads() -> None:
    by_heads = chain_from(relative(), "a.content", 4)
    assert by_heads.ops == tuple(f"a.{op}" for op in ["content", "position", "shift", "combine", "softmax", "context"])
    assert by_heads.shrinking == tuple(
        f"a.{name}" for name in ["content.scores", "position.scores", "shifted", "scores", "shares"]
    )


def test_attention_without_positions_runs_by_batch_heads_or_queries() -> None:
    """Rows of queries are divided; keys and values are read whole, so what makes them is not part of that chain."""
    scores = [one for one in all_chains(plain()) if "a.softmax" in one.ops]
    assert {(one.size, one.ops[0], one.ops[-1]) for one in scores} == {
        (2, "a.query", "a.output"),
        (4, "a.content", "a.context"),
        (5, "a.content", "a.output"),
    }


def test_a_long_chain_falls_apart_behind_its_residual_adds() -> None:
    (whole,) = chains(deep())
    assert whole.size == 6
    assert whole.ops == tuple(placed.op.name for placed in deep().placed())
    assert "first.add.out" in whole.shrinking
    first, second = parts(deep(), whole)
    for name, one in (("first", first), ("second", second)):
        assert one.ops == tuple(f"{name}.{op}" for op in ["norm", "inner", "activation", "outer", "add"])
        assert one.shrinking == tuple(f"{name}.{it}" for it in ["norm.out", "inner.sums", "hidden", "outer.out"])
    assert part(deep(), whole, "second.norm", "second.add") == second
    assert part(deep(), whole, "second.norm", "second.norm").shrinking == ()


def test_what_others_read_is_written_piece_by_piece_and_stays_whole() -> None:
    """As is what a program is run for."""
    x, y, z = tensor("x", (6, 3), Role.INPUT), tensor("y", (6, 4)), tensor("z", (6, 5))
    across = reduce(6, 4, Reduction.SOFTMAX).body[0]
    reads_y = replace(across, read=View(tensor="y"), write=View(tensor="w"), axis=0)  # type: ignore[call-arg]
    made = Fragment((x,)) + linear("one", View(tensor="x"), 3, y) + linear("two", View(tensor="y"), 4, z)
    assert [one.shrinking for one in chains(made.program("p"))] == [("y",)]
    other = made + Fragment((tensor("w", (6, 4)),), (reads_y,))
    assert chains(other.program("p")) == ()
    wanted = replace(made, tensors=tuple(replace(t, role=Role.OUTPUT) if t.name == "y" else t for t in made.tensors))
    assert chains(wanted.program("p")) == ()


def test_a_rest_that_an_earlier_iteration_left_is_not_lost() -> None:
    """Row by row a tensor fills, and rows so far are read each time: a tensor of one piece would forget the first."""
    x, kept, y = tensor("x", (2, 5, 3), Role.INPUT), tensor("kept", (2, 5, 3)), tensor("y", (2, 5, 3))
    row, so_far = (window(1, loop="rows"),), (so_far_in("rows", axis=1),)
    both = swish("fill", View(tensor="x", windows=row), View(tensor="kept", windows=row))
    both += matrix("read", View(tensor="kept", windows=so_far), 3, 3, View(tensor="y", windows=so_far))
    program = (Fragment((x, kept, y)) + both.looped("rows", 5)).program("filling")
    assert all_chains(program) == ()
    shape = program.shapes({"rows": 2})
    specs = [(placed.op, op_spec(placed.op)) for placed in program.placed()]
    by_batch = [axis for op, spec in specs for axis in spec.parallel(op, shape) if set(dict(axis).values()) == {0}]
    chain = ChainUses.of(program).chain(("fill", "read"), tuple(by_batch))
    assert (chain.size, chain.shrinking) == (2, ())


def product_and_swish(out: Tensor, weight: Tensor, times: Share | None = None) -> Program:
    """x[3, 1, 4] times a weight, and a swish; in a loop that runs so often in each of four iterations, if given."""
    x = made("x", 3, 1, 4, role=Role.INPUT)
    product = Gemm(name="product", act=View(tensor="x"), weight=View(tensor=weight.name), out=View(tensor=out.name))
    swished = replace(out, name="z")
    part = Fragment((x, weight, out, swished), (product,)) + swish("swish", View(tensor=out.name), View(tensor="z"))
    if times is not None:
        part = part.looped("some", times).looped("four", 4)
    return part.program("two")


def test_parameters_are_not_divided() -> None:
    """A matrix for each of three batches: one that ops make is divided along them, a parameter is not."""
    weight, out = made("w", 3, 4, 5, role=Role.INPUT), made("y", 3, 1, 5)
    assert [one.size for one in all_chains(product_and_swish(out, weight))] == [3]
    assert all_chains(product_and_swish(out, replace(weight, role=Role.WEIGHT))) == ()


def test_pieces_are_whole_bytes() -> None:
    """Along its last axis a tensor is packed, so that a piece of four bits may begin within a byte."""
    x, weight = made("x", 3, 4, role=Role.INPUT), made("w", 4, 1, role=Role.WEIGHT)
    product = Gemm(name="product", act=View(tensor="x"), weight=View(tensor="w"), out=View(tensor="y"))
    found = {}
    for precision in (Precision.INT4, Precision.INT8):
        column, row = made("y", 3, 1, precision=precision), made("z", 1, 3, precision=precision)
        turned = Move(name="turn", read=View(tensor="y"), write=View(tensor="z"))
        found[precision] = chains(Fragment((x, weight, column, row), (product, turned)).program("p"))
    assert found[Precision.INT4] == ()
    assert [one.ops for one in found[Precision.INT8]] == [("product", "turn")]


def test_ops_that_do_not_always_run_are_in_no_chain() -> None:
    weight, out = made("w", 4, 2, role=Role.WEIGHT), made("y", 3, 1, 2)
    always, sometimes = (Share(loop="four", over=4, total=total) for total in (6, 3))
    assert len(all_chains(product_and_swish(out, weight, always))) == 1
    assert all_chains(product_and_swish(out, weight, sometimes)) == ()


def test_an_axis_must_be_there_in_all_sizes() -> None:
    """x[5 - i, 2, 5] goes in order to y[5, 2, 5 - i]: only while both are 5 · 2 · 5 are their second axes the same."""
    fewer = Affine(base=5, terms=(("steps", -1),))
    reads, writes = (View(tensor=name, windows=(window(axis, count=fewer),)) for name, axis in (("x", 0), ("y", 2)))
    op = Move(name="move", read=reads, write=writes)
    tensors = (tensor("x", (5, 2, 5), Role.INPUT), tensor("y", (5, 2, 5)))
    shrinking = Program(name="p", tensors=tensors, body=(Loop(name="steps", times=2, body=(op,)),))
    assert any(dict(axis)[reads] == 1 for axis in op_spec(op).parallel(op, shrinking.shapes({"steps": 0})))
    assert list(links(shrinking)) == []


@cache
def shipped(name: str) -> Program:
    return load_workload(name).program


HEADS, ROWS = ("attention.content", "attention.context"), ("convolution.batch_norm", "attention.norm")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("conformer_l", {(8, *HEADS): 17, (249, *ROWS): 16, (249, "feed_forward_1.norm", "attention.norm"): 1}),
        ("conformer_m", {(4, *HEADS): 16, (249, *ROWS): 15, (249, "feed_forward_1.norm", "attention.norm"): 1}),
        ("transformer_lm", {(16, "lm.embed", "lm.normalise"): 1}),
        ("lstm_lm", {(16, "lm.embed", "lm.normalise"): 1}),
        ("rnnt", {}),
        ("mlperf_rnnt", {}),
        ("tdnnf_7q", {(334, "15.add", "output.states"): 1}),
    ],
)
def test_chains_of_shipped_networks(name: str, found: dict[tuple[int, str, str], int]) -> None:
    """Attention by heads, and between attentions and depthwise convolutions all rows of frames."""

    def short(op: str) -> str:
        *_, module, last = op.split(".")
        return f"{module}.{last}"

    seen = Counter((one.size, short(one.ops[0]), short(one.ops[-1])) for one in chains(shipped(name)))
    assert {key: count for key, count in seen.items() if key in found} == found
    assert found or not seen


def test_loops_that_a_search_walks_hold_no_chains() -> None:
    """Else the joint network of each step could go through hypotheses one after another."""
    program = shipped("rnnt")
    assert chains(program) == ()
    declared = chains(replace(program, search=None))
    assert [(one.size, one.ops[0], one.ops[-1]) for one in declared] == [(16, "joint.fetch", "search.normalise")]


def test_parts_of_a_shipped_conformer_are_its_feed_forwards_and_attentions() -> None:
    program = shipped("conformer_l")
    cut = [one for whole in chains(program) for one in parts(program, whole)]
    assert {one.ops for one in cut} >= {
        (
            *(f"encoder.5.feed_forward_1.{op}" for op in ["norm", "inner", "activation", "outer", "add"]),
            "encoder.5.attention.norm",
        ),
        tuple(f"encoder.5.attention.{op}" for op in ["content", "position", "shift", "combine", "softmax", "context"]),
    }
    heads = [one for one in all_chains(shipped("transformer_lm")) if one.size == 8]
    assert [one.ops for one in heads] == [
        tuple(f"lm.{layer}.attention.{op}" for op in ["content", "softmax", "context"]) for layer in range(6)
    ]

"""Products that only rows of a table enter become rows of a table; every value, and every trace, stays the same."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import hwsim
from engine.test_trace import traced
from engine.test_values import ALSD, QUANTISERS, SUMMATIONS, TSD, tiny_rnnt
from hwsim.engine.values.evaluate import Given, grids_of, run_floats, run_integers
from hwsim.engine.values.folded_tables import integer_ops
from hwsim.errors import InvalidValue, UnknownName
from hwsim.inputs.load import load_workload
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Function, Gemm, Lookup, Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, SymbolLoop, Tensor
from hwsim.ir.view import View, window
from hwsim.ir.workload import Workload, unfolded
from hwsim.models.catalogue import AnyRecipe, at_length, recipe_of, workload
from hwsim.models.conformer import Conformer
from hwsim.models.decoding import Greedy
from hwsim.models.fragment import Fragment, chain, embedding, indices, linear, matrix, relu, step, tensor
from hwsim.models.lstm_lm import LstmLmAlone
from hwsim.models.rnnt import Rnnt
from hwsim.passes.fold import folded
from hwsim.passes.precision import in_precision, workload_of
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.quantisation import ActivationQuantiser, Mode, Quantisation
from hwsim.report.asked import Asked
from hwsim.report.export import to_json
from hwsim.report.screen import run_text
from hwsim.report.tables import Screen
from hwsim.results.measured import Sources
from hwsim.study.compare import compare
from hwsim.study.simulate import simulate
from hwsim.study.values import prepared
from hwsim.tensor.backend import ExactProducts, OrderedProducts, ProductBackend
from strategies.chips import chip
from strategies.recipes import LSTMS, conformers, rnnts

DYNAMIC = Quantisation(activations=ActivationQuantiser(mode=Mode.DYNAMIC))
EMBEDDING = st.one_of(rnnts(), LSTMS, conformers().filter(lambda recipe: recipe.decoder.kind == "transducer"))
"""Recipes of networks with an LSTM behind an embedding."""


def folding(recipe: AnyRecipe, precision: str | PrecisionPlan | None = None) -> Workload:
    assert isinstance(recipe, (Rnnt, Conformer, LstmLmAlone))
    return workload(replace(recipe, fold=True), precision)


def lookups(work: Workload) -> dict[str, Lookup]:
    return {placed.op.name: placed.op for placed in work.program.placed() if isinstance(placed.op, Lookup)}


Seen = dict[tuple[str, str], list[Any]]


def run_of(work: Workload, products: ProductBackend) -> tuple[Seen, dict[str, Any], Any]:
    """All results, the outputs, and what was decoded, in a run that decides for itself."""
    ready, seen = prepared(work, Sources(seed=1)), Seen()
    work, inputs = ready.workload, ready.given
    with TemporaryDirectory() as folder:
        floats = run_floats(work, inputs, Path(folder), ExactProducts())

    def see(op: Op, name: str, values: Any, runs: int = 1) -> None:
        seen.setdefault((op.name, name), []).extend(values.copy() if runs > 1 else [values.copy()])

    done = run_integers(work, inputs, grids_of(work, inputs, floats), products, seen=see)
    left = {tensor.name: done.memory[tensor.name] for tensor in work.program.tensors if tensor.role is Role.STATE}
    return seen, left, done.decoded


def assert_the_same_values(plain: Workload, work: Workload, products: ProductBackend) -> None:
    wanted, states, decoded = run_of(plain, products)
    found, own_states, own_decoded = run_of(work, products)
    assert own_decoded == decoded
    assert own_states.keys() == states.keys()
    for name, values in states.items():
        np.testing.assert_array_equal(own_states[name], values, err_msg=name)
    assert work.folding is not None
    gone = {op for product in work.folding.products for op in product.ops}
    assert {key for key in wanted if key not in found} <= {key for key in wanted if key[0] in gone}
    assert found.keys() <= wanted.keys()
    for key, arrays in found.items():
        for array, other in zip(arrays, wanted[key], strict=True):
            np.testing.assert_array_equal(array.reshape(-1), other.reshape(-1), err_msg=str(key))
    for product in work.folding.products:
        assert any(op == product.op for op, _ in found) == any(op == product.op for op, _ in wanted)


@pytest.mark.slow
@settings(max_examples=40)
@given(EMBEDDING, st.sampled_from(["w4a4", "w4a8", "w8a8", "w2a8", "w4a16g2", "fp16", "fp32"]), QUANTISERS)
def test_every_value_is_that_of_the_program_as_it_was(recipe: AnyRecipe, policy: str, quantise: Quantisation) -> None:
    plan = PrecisionPlan(policy=policy, quantise=quantise)
    assert_the_same_values(workload(recipe, plan), folding(recipe, plan), ExactProducts())


@pytest.mark.slow
@settings(max_examples=20)
@given(EMBEDDING, st.sampled_from(["w8a8", "w4a8", "fp16"]), SUMMATIONS)
def test_sums_that_saturate_and_wrap_do_so_in_the_table(recipe: AnyRecipe, policy: str, summation: Any) -> None:
    products = OrderedProducts(lambda op, act, weight: summation, "narrow")
    assert_the_same_values(workload(recipe, policy), folding(recipe, policy), products)


@pytest.mark.parametrize("decoding", [Greedy(symbols_per_second=Fraction(20)), ALSD, TSD])
@pytest.mark.parametrize("plan", ["w4a4", "fp16", PrecisionPlan(policy="w8a8", quantise=DYNAMIC)])
def test_searches_find_the_same(decoding: Any, plan: Any) -> None:
    recipe = tiny_rnnt(7, batch=2, decoding=decoding)
    assert_the_same_values(workload(recipe, plan), folding(recipe, plan), ExactProducts())


@pytest.mark.parametrize("policy", ["w4a4", "fp16"])
def test_traces_are_the_same_but_for_what_is_no_longer_done(policy: str, tmp_path: Path) -> None:
    recipe = tiny_rnnt(5, batch=2)
    plain, _ = traced(workload(recipe, policy), tmp_path)
    own, _ = traced(folding(recipe, policy), tmp_path)
    gone = ("prediction.embed/", "prediction.0.input/")
    assert {name for name in plain if name not in own} <= {name for name in plain if name.startswith(gone)}
    for name, values in own.items():
        assert values.dtype == plain[name].dtype
        np.testing.assert_array_equal(values, plain[name], err_msg=name)
    assert "prediction.0.input/out" in own


def symbols(shape: tuple[int, ...] = (2, 1)) -> Tensor:
    return indices("symbol", shape, Role.INPUT)


X = tensor("x", (2, 3))


def embedded(shape: tuple[int, ...] = (2, 1)) -> Fragment:
    """Rows of a table of five symbols."""
    found = embedding("embed", 5, 3, View(tensor="symbol"), View(tensor="x"))
    return Fragment((symbols(shape), X)) + found


def test_a_table_holds_what_the_product_makes_of_each_row() -> None:
    """By hand: three symbols of two numbers, two columns, in exact floats."""
    part = Fragment((indices("symbol", (4, 1), Role.INPUT), tensor("x", (4, 2))))
    part += embedding("embed", 3, 2, View(tensor="symbol"), View(tensor="x"))
    out = tensor("out", (4, 2), Role.OUTPUT)
    part += linear("product", View(tensor="x"), 2, out)
    work = workload_of(part.program("net"), "fp32", audio=10**12, fold=True)
    given_values = {
        "embed.table": np.array([[1, 2], [3, 4], [-1, 0]], np.float32),
        "product.weight": np.array([[1, 10], [2, 20]], np.float32),
        "product.bias": np.array([0.5, 1], np.float32),
    }
    assert [op.name for op in lookups(work).values()] == ["product"]
    assert work.program.parameter_tensors == (work.program.tensor("product.table"),)
    inputs = Given(parameters=given_values, inputs={"symbol": np.array([[2], [0], [7], [1]], np.int32)})
    with TemporaryDirectory() as folder:
        found = grids_of(work, inputs, run_floats(work, inputs, Path(folder), ExactProducts()))
    rows = integer_ops(work, given_values, found, ExactProducts()).held["product.table"]
    assert rows.tolist() == [[5.5, 51], [11.5, 111], [-0.5, -9]]
    done = run_integers(work, inputs, found, ExactProducts())
    # A symbol beyond the table is its last one.
    assert done.memory["out"].tolist() == [[-0.5, -9], [5.5, 51], [-0.5, -9], [11.5, 111]]


def test_bytes_by_hand() -> None:
    """Five symbols of three numbers and a product of eight columns, in w4a4: rows of its int16 results."""
    part = embedded() + linear("product", View(tensor="x"), 3, tensor("out", (2, 8), Role.OUTPUT))
    plain = workload_of(part.program("net"), "w4a4", audio=10**12)
    work = workload_of(part.program("net"), "w4a4", audio=10**12, fold=True)
    # 5 rows of 3 · 4 bits and a scale; 8 columns of 3 · 4 bits and scales; 8 biases of 32 bits.
    assert plain.program.model_bytes == (5 * 2 + 4) + 8 * (2 + 4) + 8 * 4
    assert work.program.model_bytes == 5 * 8 * 2 + 4
    result = simulate(chip(), work).folded
    assert result is not None
    (product,) = result.products
    assert (product.rows, product.row_bytes, product.runs, product.gathered_bytes) == (5, 16, 1, 2 * 16)
    assert (product.macs_saved, product.macs_at_load) == (2 * 3 * 8, 5 * 3 * 8)
    assert (result.macs_saved, result.model_bytes_before) == (2 * 3 * 8, plain.program.model_bytes)
    assert result.model_bytes_after == work.program.model_bytes
    assert simulate(chip(), plain).folded is None


def program_of(part: Fragment) -> Program:
    return part.program("net")


OUT = tensor("out", (2, 4), Role.OUTPUT)
PRODUCT = linear("product", View(tensor="x"), 3, OUT)
OTHER = linear("other", View(tensor="x"), 3, tensor("more", (2, 4), Role.OUTPUT))
_STEP = step("s", Function.ADD, "a", "a")


def _index_written_between() -> Fragment:
    moved = chain("later", {"a": View(tensor="symbol")}, (_STEP,), {"s": View(tensor="symbol")})
    part = Fragment((indices("symbol", (2, 1), Role.STATE), X))
    return part + embedding("embed", 5, 3, View(tensor="symbol"), View(tensor="x")) + moved + PRODUCT


def _half_a_row() -> Fragment:
    """Two products of one number each, for each of three numbers."""
    rows = Fragment((symbols(), tensor("x", (2, 3, 1))))
    rows += embedding("embed", 5, 3, View(tensor="symbol"), View(tensor="x"))
    return rows + linear("product", View(tensor="x"), 1, tensor("out", (6, 4), Role.OUTPUT))


def _a_row_of_two() -> Fragment:
    return embedded() + linear("product", View(tensor="x"), 6, tensor("out", (1, 4), Role.OUTPUT))


def _the_same_rows_twice() -> Fragment:
    return embedded() + PRODUCT + OTHER


def _part_of_the_rows() -> Fragment:
    first = View(tensor="x", windows=(window(0, count=1),))
    return embedded() + linear("product", first, 3, tensor("out", (1, 4), Role.OUTPUT))


def _a_table_that_is_made() -> Fragment:
    table, source = tensor("table", (5, 3)), tensor("source", (5, 3), Role.INPUT)
    made = relu("make", View(tensor="source"), View(tensor="table"))
    found = Lookup(name="embed", table=View(tensor="table"), index=View(tensor="symbol"), out=View(tensor="x"))
    return Fragment((symbols(), X, table, source)) + made + Fragment(nodes=(found,)) + PRODUCT


def _a_weight_that_is_made() -> Fragment:
    weight = tensor("keys", (3, 4), Role.INPUT)
    product = Gemm(name="product", act=View(tensor="x"), weight=View(tensor="keys"), out=View(tensor="out"))
    return embedded() + Fragment((weight, OUT), (product,))


def _an_addition_between() -> Fragment:
    y = tensor("y", (2, 3))
    return (
        embedded()
        + Fragment((y,))
        + relu("between", View(tensor="x"), View(tensor="y"))
        + linear("product", View(tensor="y"), 3, OUT)
    )


def _rows_that_are_kept() -> Fragment:
    kept = tensor("x", (2, 3), Role.STATE)
    return Fragment((symbols(), kept)) + embedding("embed", 5, 3, View(tensor="symbol"), View(tensor="x")) + PRODUCT


@pytest.mark.parametrize(
    "part",
    [_index_written_between, _half_a_row, _a_row_of_two, _the_same_rows_twice, _part_of_the_rows,
     _a_table_that_is_made, _a_weight_that_is_made, _an_addition_between, _rows_that_are_kept],
)  # fmt: skip
def test_what_depends_on_more_than_a_row_is_left_alone(part: Any) -> None:
    with pytest.raises(InvalidValue, match="fold = True: finds nothing to precompute: no product reads rows"):
        folded(program_of(part()))


def test_what_is_only_a_row_is_not() -> None:
    """Else the cases above would be refused for another reason."""
    program, folding_found = folded(program_of(embedded() + PRODUCT))
    assert [product.ops for product in folding_found.products] == [("embed", "product")]
    assert [type(placed.op) for placed in program.placed()] == [Lookup]


def test_a_table_that_others_read_too_stays() -> None:
    tied = Gemm(
        name="output",
        act=View(tensor="h"),
        weight=View(tensor="embed.table"),
        out=View(tensor="scores"),
        transposed=True,
    )
    tensors = tensor("h", (2, 3), Role.INPUT), tensor("scores", (2, 5), Role.OUTPUT)
    program, _ = folded(program_of(embedded() + PRODUCT + Fragment(tensors, (tied,))))
    assert {tensor.name for tensor in program.parameter_tensors} == {"embed.table", "product.table"}


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    other = tensor("product.table", (2, 3), Role.INPUT)
    added = tensor("sums", (2, 4), Role.OUTPUT)
    part = embedded() + PRODUCT + Fragment((other,)) + matrix("m", View(tensor=other.name), 3, 4, View(tensor="sums"))
    program, _ = folded(program_of(part + Fragment((added,))))
    assert program.tensor("product.table2").role is Role.TABLE


@settings(max_examples=30)
@given(EMBEDDING)
def test_work_is_saved_where_it_was_and_nowhere_else(recipe: AnyRecipe) -> None:
    plain, work = workload(recipe), folding(recipe)
    assert unfolded(work).program == plain.program
    assert work.folding is not None
    gone = {op for product in work.folding.products for op in product.ops}
    before = {placed.op.name: placed for placed in plain.program.placed()}
    after = {placed.op.name: placed for placed in work.program.placed()}
    assert before.keys() - after.keys() == gone - {product.op for product in work.folding.products}
    assert all(after[name] == before[name] for name in after.keys() - gone if not before[name].loops)
    saved = sum(op_spec(i.op).macs(i.op, i.shape) * i.times for i in plain.program.instances() if i.op.name in gone)
    assert work.program.macs == plain.program.macs - saved
    for product in work.folding.products:
        table = work.program.tensor(product.table)
        assert table.precision is plain.program.tensor(table_out(work, product.op)).precision
        assert after[product.op].times == before[product.op].times


def table_out(work: Workload, op: str) -> str:
    return lookups(work)[op].out.tensor


@settings(max_examples=8, deadline=None)
@given(EMBEDDING)
def test_a_folded_workload_runs_in_any_precision_and_length(recipe: AnyRecipe) -> None:
    work = folding(recipe, "w8a8")
    assume(len(list(work.program.placed())) < 200)
    assert in_precision(work, "fp16").folding is not None
    assert at_length(work, recipe.audio + 10**11).folding is not None
    if isinstance(work.program.search, SymbolLoop):
        assert work.program.search.table == "lm.0.input.table"
    comparison = compare(chip(), work, ["fp16", "w8a8"])
    assert [row.cycles for row in comparison.rows] == [
        simulate(chip(), in_precision(work, policy)).summary.cycles for policy in ("fp16", "w8a8")
    ]


def test_an_op_that_is_folded_away_is_named_no_more() -> None:
    work = folding(tiny_rnnt(5), "w8a8")
    with pytest.raises(UnknownName, match=r"prediction\.embed"):
        simulate(chip(), work, explained="prediction.embed")
    explained = simulate(chip(), work, explained="prediction.0.input").explanation
    assert explained is not None
    assert explained.folded is not None
    assert explained.folded.ops == ("prediction.embed", "prediction.0.input")
    other = simulate(chip(), work, explained="joint.output").explanation
    assert other is not None
    assert other.folded is None


def test_reports_say_what_is_looked_up_and_what_that_saves() -> None:
    work = folding(tiny_rnnt(5), "w8a8")
    found = simulate(chip(), work, explained="prediction.0.input")
    assert found.folded is not None
    (product,) = found.folded.products
    # Five symbols of three numbers; 16 columns in int8 with scales, biases of 32 bits: rows of 16 results of int16.
    assert (product.replaced_bytes, product.table_bytes) == (5 * 3 + 4 + 16 * (3 + 4) + 16 * 4, 5 * 16 * 2 + 4)
    wide = replace(Screen(), width=200)
    assert re.search(
        r"folded +looks up what prediction.embed, prediction.0.input made: 5 rows of 32 B in int16, precomputed; "
        r"saves 144 MAC of all runs; 164 B in the place of 195 B of parameters",
        run_text(found, Asked(), wide),
    )
    plain = replace(found, explanation=None)
    first = run_text(plain, Asked(), wide)
    assert re.search(r"folded +1 op +looked up in tables: 144 MAC saved, model from .*B to .*B\n", first)
    full = run_text(plain, Asked(full=True), wide)
    assert re.search(r"prediction.0.input +5 +int16 +164 B +195 B +96 B +144 MAC +240 MAC", full)
    assert "folded" not in run_text(simulate(chip(), workload(tiny_rnnt(5))), Asked(full=True), wide)
    assert hwsim.load_result(to_json(found)) == found


@pytest.mark.parametrize(("name", "saved"), [("rnnt", 42_953_766_912), ("mlperf_rnnt", 57_753_600)])
def test_shipped_transducers_by_their_sizes(name: str, saved: int) -> None:
    """The products of the input halves of the first layers behind embeddings, over all runs."""
    plain = load_workload(name)
    assert plain.folding is None
    work = folding(recipe_of(plain))
    assert plain.program.macs - work.program.macs == saved

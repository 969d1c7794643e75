"""A plan is put on a network of floats by passes; no recipe is needed, and what is computed stays the same."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.test_values import assert_the_oracle_s
from hwsim.errors import InvalidValue
from hwsim.inputs.chips import load_chip
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Elementwise, Function, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import BeamLoop, GreedyLoops, Role, SymbolLoop
from hwsim.ir.view import View
from hwsim.models.blocks.norm import layer_norm
from hwsim.models.catalogue import AnyRecipe, at_length, workload
from hwsim.models.fragment import Fragment, indices, linear, relu, residual, tensor
from hwsim.passes.precision import in_precision, with_precision, workload_of
from hwsim.passes.wanted import ruled_ops
from hwsim.quantities.precision import POLICIES, Precision, PrecisionPlan, Rule
from hwsim.study.compare import compare
from hwsim.study.listing import listing
from hwsim.study.simulate import simulate
from strategies.chips import chip
from strategies.recipes import RECIPES
from witnesses.interpreter import interpreted

FLOAT = PrecisionPlan(policy="fp32")
SHIPPED = names(Kind.WORKLOAD)


@cache
def network(name: str) -> Program:
    found = load_workload(name).network
    assert found is not None
    return found


def network_of(recipe: AnyRecipe) -> Program:
    found = workload(recipe, FLOAT).network
    assert found is not None
    return found


def ops_in(program: Program) -> list[str]:
    return [placed.op.name for placed in program.placed()]


@st.composite
def plans(draw: st.DrawFn, ops: tuple[str, ...]) -> PrecisionPlan:
    """A policy for the whole of a network, and rules for single ops and parts of it."""
    matches = [*ops, *{f"{op.partition('.')[0]}*" for op in ops}]
    rules = st.builds(Rule, match=st.sampled_from(matches), policy=st.sampled_from(POLICIES))
    return PrecisionPlan(
        policy=draw(st.sampled_from(POLICIES)),
        rules=tuple(draw(st.lists(rules, max_size=3))),
        cache=draw(st.sampled_from([None, Precision.INT8, Precision.FP16])),
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_single_precision_is_the_network_itself(name: str) -> None:
    floats = network(name)
    assert all(t.precision in (Precision.FP32, Precision.INT32) for t in floats.tensors)
    assert with_precision(floats, FLOAT) == floats


@settings(max_examples=60)
@given(RECIPES, st.data())
def test_a_plan_decides_every_format_and_no_more(recipe: AnyRecipe, data: st.DataObject) -> None:
    """Weights, biases and sums have their op's formats, what products read the widest for which one of them asks."""
    floats = network_of(recipe)
    plan = data.draw(plans(ruled_ops(floats)))
    program = with_precision(floats, plan)
    readers: dict[str, list[Precision]] = {}
    ops = [placed.op for placed in program.placed()]
    copied = {view.tensor for op in ops for view in op_spec(op).copies(op)}
    for op in ops:
        if isinstance(op, (Gemm, Conv)):
            second = plan.cache or plan.of(op.name).activation
            readers.setdefault(op.act.tensor, []).append(plan.of(op.name).activation)
            if not program.tensor(op.weight.tensor).role.parameter:
                readers.setdefault(op.weight.tensor, []).append(second)
    for name, asked in readers.items():
        if name not in copied:
            assert program.tensor(name).precision.bits == max(one.bits for one in asked)
    for op in ops:
        own = plan.of(op.name)
        if isinstance(op, (Gemm, Conv)):
            weight = program.tensor(op.weight.tensor)
            if weight.role.parameter:
                assert (weight.precision, weight.scaling.group) == (own.weight, own.group)
            if op.out.tensor not in {*readers, *copied}:
                assert program.tensor(op.out.tensor).precision is own.state
            if op.bias is not None:
                assert program.tensor(op.bias.tensor).precision is own.bias
    places = [t for t in floats.tensors if t.precision is Precision.INT32]
    assert [program.tensor(t.name) for t in places] == places
    assert [op for op in ops_in(program) if not op.endswith(".convert")] == ops_in(floats)
    assert program.parameters == floats.parameters


@pytest.mark.slow
@settings(max_examples=60)
@given(RECIPES, st.data())
def test_one_format_for_all_changes_no_other_by_rules_that_say_the_same(recipe: AnyRecipe, data: st.DataObject) -> None:
    floats = network_of(recipe)
    name = data.draw(st.sampled_from(POLICIES))
    rules = tuple(Rule(match=op, policy=name) for op in ruled_ops(floats))
    everywhere = with_precision(floats, PrecisionPlan(policy=name))
    by_rules = with_precision(floats, PrecisionPlan(policy="fp32", rules=(Rule(match="*", policy=name), *rules)))
    assert everywhere == by_rules


@settings(max_examples=40, deadline=None)
@given(RECIPES, st.data())
def test_conversions_change_no_value(recipe: AnyRecipe, data: st.DataObject) -> None:
    """Where formats are left aside, a program under a plan computes what its network does."""
    floats = network_of(recipe)
    program = with_precision(floats, data.draw(plans(ruled_ops(floats))))
    before, after = interpreted(floats).values, interpreted(program).values
    assert before.keys() <= after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_network_is_refused_where_a_plan_was_put_on_it_before(name: str) -> None:
    program = with_precision(network(name), PrecisionPlan(policy="w4a8"))
    with pytest.raises(InvalidValue, match="already; a plan decides the formats of a program of floats"):
        with_precision(program, PrecisionPlan(policy="w8a8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_another_plan_on_the_network_is_another_load(name: str) -> None:
    assert in_precision(load_workload(name), "w4a8") == load_workload(name, "w4a8")


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_rules_hit_just_the_ops_that_a_listing_gives_a_policy(name: str) -> None:
    work = load_workload(name, "w4a4")
    ruled = [op.name for op in listing(work).ops if op.policy is not None]
    assert ruled == list(ruled_ops(network(name)))
    for op in (ruled[0], ruled[len(ruled) // 2], ruled[-1]):
        plan = PrecisionPlan(policy="w4a4", rules=(Rule(match=op, policy="fp16"),))
        assert in_precision(work, plan).program != work.program
    others = [op.name for op in listing(work).ops if op.policy is None]
    for op in others[:1]:
        with pytest.raises(InvalidValue, match="matches no op with weights"):
            in_precision(work, PrecisionPlan(policy="w4a4", rules=(Rule(match=op, policy="fp16"),)))


RULES = (Rule(match="encoder.0.*", policy="w8a8"), Rule(match="joint.output", policy="fp16"))


@pytest.mark.parametrize(
    ("name", "plan", "formats"),
    [
        (
            "rnnt",
            PrecisionPlan(policy="w4a4", rules=RULES),
            {
                "features": "int8",  # of the first layer's products
                "encoder.0.out": "int4",  # of the second layer's
                "encoder.0.forward.hidden": "int8",
                "encoder.0.forward.cell": "int16",
                "encoder.1.forward.input.sums": "int16",
                "prediction.embed.table": "int4",
                "joint.frame": "int16",
                "joint.hidden": "fp16",
                "joint.scores": "fp16",
                "search.score": "fp16",
                "search.frame": "int32",
            },
        ),
        (
            "conformer_s",
            PrecisionPlan(policy="w4a8", rules=RULES[:1], cache=Precision.INT4),
            {
                "encoder.positions": "int8",
                "encoder.0.attention.keys": "int4",
                "encoder.0.attention.projected": "int4",
                "encoder.0.attention.add.out": "int16",  # a residual stream has the format of the sums it began with
                "encoder.0.attention.u": "int32",
                "encoder.0.attention.shares": "int8",
                "encoder.0.convolution.batch_norm.gain": "int32",
                "search.frame": "int32",
            },
        ),
        (
            "tdnnf_7q",
            PrecisionPlan(policy="w4a4"),
            {"encoder.2.out": "int4", "encoder.2.wide": "int16", "encoder.15.out": "int4", "output.scores": "int16"},
        ),
        (
            "transformer_lm",
            PrecisionPlan(policy="w4a8"),
            {"lm.embed.table": "int4", "lm.embedded": "int4", "lm.in": "int16", "lm.positions": "int16"},
        ),
    ],
)
def test_formats_that_the_graph_does_not_tell_are_those_of_the_book(
    name: str, plan: PrecisionPlan, formats: dict[str, str]
) -> None:
    program = with_precision(network(name), plan)
    assert {t: program.tensor(t).precision.value for t in formats} == formats


def test_what_only_products_read_is_not_kept_twice() -> None:
    program = with_precision(network("tdnnf_7q"), PrecisionPlan(policy="w4a4"))
    twins = {t.name for t in program.tensors if t.name.endswith(".wide")}
    assert twins == {f"encoder.{layer}.wide" for layer in range(1, 15)}  # no bypass leads around the outputs
    assert not any(t.name.endswith(".wide") for t in with_precision(network("tdnnf_7q"), FLOAT).tensors)


def post_norm(width: int = 6) -> Program:
    """Norms behind the additions, so that products and additions read one tensor; made by no extractor."""
    x = tensor("x", (3, width), Role.INPUT)
    entered, first, sums, hidden, change, total, last = (
        tensor(name, (3, width)) for name in ("entered", "first", "sums", "hidden", "change", "total", "last")
    )
    scores = tensor("scores", (3, 5), Role.OUTPUT)
    part = Fragment((x, hidden, total)) + linear("enter", View(tensor="x"), width, entered)
    part += layer_norm("norm.first", View(tensor="entered"), first)
    part += linear("inner", View(tensor="first"), width, sums)
    part += relu("relu", View(tensor="sums"), View(tensor="hidden"))
    part += linear("outer", View(tensor="hidden"), width, change)
    part += residual("add", View(tensor="first"), View(tensor="change"), View(tensor="total"))
    part += layer_norm("norm.last", View(tensor="total"), last) + linear("output", View(tensor="last"), width, scores)
    return part.program("post_norm")


def test_what_products_and_other_ops_read_is_kept_for_both() -> None:
    program = with_precision(post_norm(), PrecisionPlan(policy="w4a4"))
    formats = {t.name: t.precision.value for t in program.tensors if not t.role.parameter}
    assert formats == {
        **dict.fromkeys(("x", "first", "hidden", "last"), "int4"),
        **dict.fromkeys(("entered", "sums", "change", "total", "scores", "first.wide"), "int16"),
    }
    assert [op for op in ops_in(program) if op not in ops_in(post_norm())] == ["norm.first.convert"]
    np.testing.assert_array_equal(interpreted(program).values["scores"], interpreted(post_norm()).values["scores"])


def around() -> Program:
    """A product whose result goes into the next product and around it."""
    x, total = tensor("x", (3, 6), Role.INPUT), tensor("a.total", (3, 6), Role.OUTPUT)
    part = Fragment((x, total)) + linear("enter", View(tensor="x"), 6, tensor("a.sums", (3, 6)))
    part += linear("inner", View(tensor="a.sums"), 6, tensor("a.change", (3, 6)))
    part += residual("add", View(tensor="a.sums"), View(tensor="a.change"), View(tensor="a.total"))
    return part.program("around")


def test_sums_that_products_and_additions_read_are_converted_behind_their_product() -> None:
    program = with_precision(around(), PrecisionPlan(policy="w4a4"))
    assert ops_in(program) == ["enter", "enter.convert", "inner", "add"]
    formats = {name: program.tensor(name).precision.value for name in ("a.sums", "a.wide", "a.total")}
    assert formats == {"a.sums": "int4", "a.wide": "int16", "a.total": "int16"}
    before, after = interpreted(around()), interpreted(program)
    np.testing.assert_array_equal(before.values["a.total"], after.values["a.total"])


@pytest.mark.parametrize("made", [post_norm, around])
@pytest.mark.parametrize("policy", ["w4a4", "w8a8", "w4a16"])
def test_integers_of_a_program_without_a_recipe_are_those_of_the_oracle(
    made: Callable[[], Program], policy: str
) -> None:
    assert_the_oracle_s(workload_of(made(), policy, audio=10**12))


def test_a_chain_without_products_has_the_format_of_state() -> None:
    """However many ops follow one another, none of which says anything."""
    count, width = 2_000, 3
    tensors = [tensor(f"t{place:04}", (2, width), Role.ACTIVATION if place else Role.INPUT) for place in range(count)]
    part = Fragment(tuple(tensors))
    for before, after in pairwise(tensors):
        part += relu(f"{after.name}.relu", View(tensor=before.name), View(tensor=after.name))
    program = with_precision(part.program("chain"), PrecisionPlan(policy="w4a4"))
    assert {t.precision for t in program.tensors} == {Precision.INT16}


def test_a_product_multiplies_values() -> None:
    part = Fragment((indices("x", (3, 6), Role.INPUT),)) + linear("one", View(tensor="x"), 6, tensor("y", (3, 6)))
    with pytest.raises(InvalidValue, match="one = 'x': holds places or symbols; a product multiplies values"):
        with_precision(part.program("places"), PrecisionPlan(policy="w4a4"))


def test_a_chain_converts_once_for_each_format_that_it_writes() -> None:
    work = load_workload("rnnt", "w4a4")
    plan = PrecisionPlan(policy="w4a4", rules=(Rule(match="encoder.1.*.input", policy="w8a8"),))

    def conversions(program: Program) -> int:
        gates = next(p.op for p in program.placed() if p.op.name == "encoder.0.forward.gates")
        assert isinstance(gates, Elementwise)
        return sum(step.function is Function.REQUANTIZE for step in gates.chain)

    assert (conversions(work.program), conversions(in_precision(work, plan).program)) == (1, 2)


def test_a_program_runs_without_a_recipe() -> None:
    """As whoever imports a graph makes it: simulated, compared and listed like any other."""
    work = workload_of(post_norm(64), "w8a8", audio=10**12)
    assert (work.recipe, work.kind, work.size.parameters) == (None, "program", post_norm(64).parameters)
    result = simulate(chip(), work)
    assert result.summary.cycles > 0
    assert {op.name for op in result.ops} == set(ops_in(work.program))
    assert (
        dict(result.provenance.inputs)["workload"]
        != dict(simulate(chip(), workload_of(post_norm(32), "w8a8", audio=10**12)).provenance.inputs)["workload"]
    )
    compared = compare(load_chip("int4_array"), work, ("fp16", "w4a4"))
    assert [row.precision for row in compared.rows] == ["fp16", "w4a4"]
    assert listing(work).ops[0].policy == "w8a8"
    assert "program in w8a8" in repr(work)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lstm_lm", "transformer_lm"])
def test_what_a_run_depends_on_stands_in_the_workload(name: str) -> None:
    work = load_workload(name, dims={"outputs": 40, "model.layers": 1})
    bare = replace(work, recipe=None)
    with_recipe, without = (simulate(load_chip("int4_array"), one) for one in (work, bare))
    assert replace(with_recipe, provenance=without.provenance) == without


def test_a_program_without_a_recipe_has_one_length_and_one_without_a_network_one_precision() -> None:
    work = workload_of(post_norm(), "w8a8", audio=10**12)
    with pytest.raises(InvalidValue, match="is a program without a recipe"):
        at_length(work, 2 * 10**12)
    with pytest.raises(InvalidValue, match="other plans need its program of floats"):
        in_precision(replace(work, network=None), "w4a4")


def test_searches_are_named_in_the_program() -> None:
    greedy, beam, fed = (network(name).search for name in ("mlperf_rnnt", "rnnt", "lstm_lm"))
    assert isinstance(greedy, GreedyLoops)
    assert isinstance(beam, BeamLoop)
    assert isinstance(fed, SymbolLoop)
    assert (greedy.frames_first, beam.frames_first) == (True, True)
    assert set(beam.books) < {op for op in ops_in(network("rnnt")) if op.startswith("search.")}
    assert beam.blankless == ("source_lm.scores", "external_lm.scores")
    assert network("tdnnf_7q").search is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": "no.loop"}, "is none of the program's loops"),
        ({"frame": "no.tensor"}, "is none of the program's tensors"),
    ],
)
def test_a_search_names_what_is_there(change: dict[str, Any], message: str) -> None:
    floats = network("mlperf_rnnt")
    assert isinstance(floats.search, GreedyLoops)
    with pytest.raises(InvalidValue, match=message):
        replace(floats, search=replace(floats.search, **change))


def test_a_state_that_says_nothing_has_the_format_of_what_is_mixed_into_it() -> None:
    """A cell of an LSTM that no extractor made: no product reads it, and nobody says whose state it is."""
    floats = network("lstm_lm")
    silent = replace(floats, tensors=tuple(replace(t, format_of=None) for t in floats.tensors))
    plan = PrecisionPlan(policy="w4a4", rules=(Rule(match="lm.0.input", policy="fp16"),))
    assert with_precision(silent, plan).tensor("lm.0.cell").precision is Precision.FP16
    assert with_precision(floats, plan).tensor("lm.0.cell").precision is Precision.INT16

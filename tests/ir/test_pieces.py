"""A program whose chains run in pieces does the same work, and computes the same, bit by bit."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.test_values import assert_same, calibrated, given_to, run
from hwsim.engine.values.evaluate import Given, run_integers
from hwsim.errors import InvalidValue
from hwsim.inputs.files import Kind, names
from hwsim.ir.chain_parts import part, parts
from hwsim.ir.chains import Chain, ChainUses, all_chains, chains
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Function, Gemm
from hwsim.ir.pieces import looped
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View, window
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.fragment import Fragment, matrix, swish, tensor
from hwsim.models.transformer_lm import TransformerLm, TransformerSizes
from hwsim.passes.precision import workload_of
from hwsim.tensor.backend import ExactProducts
from ir.test_chains import chain_from, shipped
from strategies.chained import chained, deep, divisors, plain, relative
from strategies.programs import PROGRAMS
from strategies.recipes import MS, RECIPES
from witnesses.integer_interpreter import IntegerInterpreter
from witnesses.interpreter import interpreted

SHIPPED = names(Kind.WORKLOAD)


def assert_near(found: Any, wanted: Any) -> None:
    """But for the order in which NumPy adds in products of other sizes."""
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def vector_work(program: Program) -> Counter[Function]:
    """The work of all runs of all ops on the vector unit."""
    total: Counter[Function] = Counter()
    for one in program.instances():
        for function, elements in op_spec(one.op).vector_work(one.op, one.shape).items():
            total[function] += elements * one.times
    return total


def assert_the_same_work(program: Program, divided: Program) -> None:
    assert divided.macs == program.macs
    assert divided.parameters == program.parameters
    assert divided.model_bytes == program.model_bytes
    assert vector_work(divided) == vector_work(program)


@settings(max_examples=60)
@given(PROGRAMS)
def test_one_op_in_pieces_is_the_same_op(program: Program) -> None:
    """Along each of its axes, in any number of pieces; in floats, element by element, as NumPy indexes."""
    (placed,) = program.placed()
    uses, whole = ChainUses.of(program), interpreted(program)
    for axis in op_spec(placed.op).parallel(placed.op, program.shapes()):
        if any(program.tensor(view.tensor).role.parameter for view, _ in axis):
            continue  # what lies ready for an op is not divided
        chain = uses.chain((placed.op.name,), (axis,))
        for pieces in divisors(chain.size):
            divided = looped(program, {chain: pieces})
            assert_the_same_work(program, divided)
            assert [one.times for one in divided.placed()] == [placed.times * pieces]
            done = interpreted(divided)
            for name in whole.values:
                assert_near(done.values[name], whole.values[name])


def test_heads_move_with_the_loop_over_pieces() -> None:
    by_heads = chain_from(relative(), "a.content", 4)
    divided = looped(relative(), {by_heads: 2})
    shapes = {name: divided.tensor(name).shape for name in by_heads.shrinking}
    assert shapes == {
        "a.content.scores": (2, 2, 5, 5),
        "a.position.scores": (2, 2, 5, 9),
        "a.shifted": (2, 2, 5, 5),
        "a.scores": (2, 2, 5, 5),
        "a.shares": (2, 2, 5, 5),
    }
    (loop,) = [node for node in divided.body if isinstance(node, Loop)]
    assert (loop.name, loop.times) == ("a.content.pieces", 2)
    content, *_, context = loop.body
    assert isinstance(content, Gemm)
    assert isinstance(context, Gemm)
    heads = (window(2, count=2, loop="a.content.pieces"),)
    assert content.act == View(tensor="a.queries.content", windows=heads, order=(0, 2, 1, 3))
    assert content.weight == View(tensor="a.keys", windows=heads, order=(0, 2, 1, 3))
    assert content.out == View(tensor="a.content.scores")
    assert context.act == View(tensor="a.shares")
    assert context.out == View(tensor="a.heads", windows=heads, order=(0, 2, 1, 3))


def test_parts_of_a_chain_have_pieces_of_their_own() -> None:
    (whole,) = chains(deep())
    first, second = parts(deep(), whole)
    divided = looped(deep(), {first: 2, second: 3})
    assert divided.tensor("first.hidden").shape == (1, 3, 20)
    assert divided.tensor("second.hidden").shape == (1, 2, 20)
    assert divided.tensor("first.add.out").shape == (1, 6, 12)
    assert_the_same_work(deep(), divided)


def test_a_window_is_divided_where_it_stands() -> None:
    """Every other row from the second one on, also where a window goes on at the beginning."""
    for every, wraps, rows in ((2, False, 9), (1, True, 6)):
        piece = window(1, start=1 if every == 2 else 4, count=4, every=every, wraps=wraps)
        tensors = (tensor("x", (1, rows, 3), Role.INPUT), tensor("y", (1, rows, 3)), tensor("z", (1, 4, 5)))
        part = swish("one", View(tensor="x", windows=(piece,)), View(tensor="y", windows=(piece,)))
        part += matrix("two", View(tensor="y", windows=(piece,)), 3, 5, View(tensor="z"))
        program = (Fragment(tensors) + part).program("windows")
        axes = tuple(op_spec(one.op).parallel(one.op, program.shapes())[0] for one in program.placed())
        chain = ChainUses.of(program).chain(("one", "two"), axes)
        assert (chain.size, chain.shrinking) == (4, ())
        for pieces in (1, 2, 4):
            done, whole = interpreted(looped(program, {chain: pieces})), interpreted(program)
            assert_near(done.values["z"], whole.values["z"])


def test_what_does_not_divide_is_refused() -> None:
    (whole,) = chains(deep())
    with pytest.raises(InvalidValue, match=r"first.norm.pieces = 4: pieces must divide the 6 entries of its axis"):
        looped(deep(), {whole: 4})
    with pytest.raises(InvalidValue, match="pieces must divide"):
        looped(deep(), {whole: 0})
    with pytest.raises(InvalidValue, match=r"relative = 'first.norm': is no op that begins a chain of the program"):
        looped(relative(), {whole: 2})
    with pytest.raises(InvalidValue, match="'third': is none of the chain's ops"):
        part(deep(), whole, "third", "first.add")
    with pytest.raises(InvalidValue, match=r"'first.norm': comes before second.add"):
        part(deep(), whole, "second.add", "first.norm")
    divided = looped(deep(), {whole: 2})
    with pytest.raises(InvalidValue, match=r"is named twice"):
        replace(divided, body=divided.body * 2)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_networks_in_pieces_do_the_same_work(name: str) -> None:
    program = shipped(name)
    found = chains(program)
    for pieces in ({one: one.size for one in found}, {one: divisors(one.size)[1] for one in found}):
        divided = looped(program, pieces)
        assert_the_same_work(program, divided)
        shrunk = {name: times for one, times in pieces.items() for name in one.shrinking}
        for one in program.tensors:
            assert one.packed_bytes == divided.tensor(one.name).packed_bytes * shrunk.get(one.name, 1)


def every_division(program: Program) -> list[dict[Chain, int]]:
    """Each chain alone in each number of pieces, and the chains that share no ops together, in most pieces."""
    alone = [{one: pieces} for one in all_chains(program) for pieces in divisors(one.size)[1:]]
    return [*alone, {one: one.size for one in chains(program)}]


def assert_the_same_integers(work: Workload, divided: Program, *, oracle: bool = False) -> None:
    """All tensors that stay whole hold the same; of the others, what is left is the last piece."""
    parameters, inputs = given_to(work)
    found = calibrated(work, parameters, inputs)
    wanted, ops = run(work, parameters, inputs, found)
    pieces = replace(work, program=divided)
    memory, divided_ops = run(pieces, parameters, inputs, found)
    for one in divided.tensors:
        last = tuple(slice(-size, None) for size in one.shape)
        np.testing.assert_array_equal(memory[one.name], wanted[one.name][last], err_msg=one.name)
    assert {name: vars_of(count) for name, count in divided_ops.clipped.items()} == {
        name: vars_of(count) for name, count in ops.clipped.items()
    }
    if oracle:
        witness = IntegerInterpreter(divided, parameters, inputs, found)
        witness.run()
        assert_same(memory, witness)


def vars_of(count: Any) -> tuple[int, int, int]:
    """Sums that saturated, results that were clipped, and results."""
    return count.accumulator, count.result, count.results


POLICIES = st.sampled_from(["w8a8", "w4a4", "w4a8", "w4a16", "fp16"])


@settings(max_examples=150)
@given(chained(), POLICIES, st.data())
def test_drawn_networks_compute_the_same_in_pieces(network: Program, policy: str, data: st.DataObject) -> None:
    work = workload_of(network, policy, audio=10**12)
    divisions = every_division(work.program)
    divided = looped(work.program, data.draw(st.sampled_from(divisions)))
    assert_the_same_work(work.program, divided)
    assert_the_same_integers(work, divided)


@pytest.mark.slow
@settings(max_examples=30)
@given(RECIPES, st.data())
def test_recipes_compute_the_same_in_pieces(recipe: AnyRecipe, data: st.DataObject) -> None:
    """As the oracle computes them."""
    work = workload(recipe)
    divided = looped(work.program, data.draw(st.sampled_from(every_division(work.program))))
    assert_the_same_work(work.program, divided)
    assert_the_same_integers(work, divided, oracle=True)


@pytest.mark.parametrize("network", [relative, plain, deep])
@pytest.mark.parametrize("policy", ["w4a8", "w8a8"])
def test_attention_and_feed_forward_compute_the_same_in_pieces(network: Any, policy: str) -> None:
    work = workload_of(network(), policy, audio=10**12)
    divisions = every_division(work.program)
    assert len(divisions) > 3
    for pieces in divisions:
        assert_the_same_integers(work, looped(work.program, pieces), oracle=pieces is divisions[-1])


def test_a_language_model_reads_its_symbols_in_pieces() -> None:
    """Each iteration of its loop reads new symbols, and a cache of keys and values that grows."""
    sizes = TransformerSizes(layers=2, size=6, heads=2, feed_forward=4, context=64)
    recipe = TransformerLm(
        name="tiny", audio=500 * MS, batch=3, precision="w8a8", symbols_per_second=Fraction(10), model=sizes, outputs=5
    )
    work = workload(recipe)
    parameters, inputs = given_to(work)
    symbols = np.array([[1, 2, 0, 4, 3]] * 3, np.int32).T
    found, given = calibrated(work, parameters, inputs), Given(parameters=parameters, inputs=inputs, symbols=symbols)
    wanted = run_integers(work, given, found, ExactProducts()).memory["lm.scores"]
    assert wanted.any()
    assert {one.size for one in all_chains(work.program)} == {2, 3}
    for pieces in every_division(work.program):
        divided = replace(work, program=looped(work.program, pieces))
        memory = run_integers(divided, given, found, ExactProducts()).memory
        np.testing.assert_array_equal(memory["lm.scores"], wanted)

"""A program with its sizes filled in is the sequence of all its runs, however few pieces stand for them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import run_program
from hwsim.errors import Unsupported
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Skew
from hwsim.ir.program import Program
from hwsim.ir.view import Affine, Share, View
from hwsim.ir.workload import Workload
from hwsim.mapping.analysed_program import analyse, least_size
from hwsim.mapping.lower import Repeated, SizedLoop, SizedNode, lower, repeats, sized_ops, unshaped
from hwsim.mapping.planner import schedule
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.decoding import AlignmentLength, BeamCounts, BeamSearch, TimeSynchronous
from hwsim.models.rnnt import Chunks, Rnnt
from hwsim.schedule.schedule import Preload
from hwsim.study.facts import check_functions
from hwsim.study.listing import listing
from hwsim.study.simulate import simulate
from strategies.chips import chip
from strategies.recipes import FUSIONS, MS, RECIPES, rnnts
from witnesses.interpreter import had


def unfolded(pieces: Iterable[Repeated[int]]) -> Iterator[int]:
    for piece in pieces:
        for _ in range(piece.times):
            if isinstance(piece.what, tuple):
                yield from unfolded(piece.what)
            else:
                yield piece.what


def size(pieces: Iterable[Repeated[int]]) -> int:
    return sum(size(piece.what) if isinstance(piece.what, tuple) else 1 for piece in pieces)


@given(st.lists(st.integers(0, 2), max_size=40))
def test_repetitions_are_the_sequence(sequence: list[int]) -> None:
    pieces = repeats(sequence)
    assert list(unfolded(pieces)) == sequence
    assert size(pieces) <= len(sequence)


@settings(max_examples=150)
@given(st.integers(1, 3000), st.integers(0, 6000), st.integers(0, 1))
def test_evenly_spread_things_are_few_repetitions(over: int, total: int, first: int) -> None:
    """Most where gaps are in the golden ratio, of whose powers none repeats more than three times."""
    share = Share(loop="steps", over=over, total=total, first=first)
    sizes = [share.at({"steps": i}) for i in range(over)]
    pieces = repeats(sizes)
    assert list(unfolded(pieces)) == sizes
    assert size(pieces) <= 3 * over**0.75


@pytest.mark.parametrize(
    ("over", "total", "first", "most"), [(640, 2240, 1, 5), (641, 140, 0, 40), (96, 24, 1, 5), (2000, 1, 0, 2)]
)
def test_steps_and_chunks_of_usual_lengths_are_few_pieces(over: int, total: int, first: int, most: int) -> None:
    share = Share(loop="steps", over=over, total=total, first=first)
    assert size(repeats([share.at({"steps": i}) for i in range(over)])) <= most


def in_chunks(recipe: Rnnt) -> Rnnt:
    encoder = replace(recipe.encoder, bidirectional=False)
    return replace(recipe, encoder=encoder, streaming=Chunks(chunk=encoder.frame * encoder.factor))


FEW_COUNTS = st.builds(BeamCounts, steps=st.integers(1, 5), new_prefixes=st.integers(1, 5))
SPARSE: st.SearchStrategy[AnyRecipe] = st.builds(
    lambda recipe, search, chunked: replace(in_chunks(recipe) if chunked else recipe, decoding=search),
    rnnts(),
    st.builds(
        AlignmentLength,
        beam=st.integers(1, 2),
        symbols_per_second=st.just(Fraction(5)),
        batch_prediction=st.booleans(),
        fusion=st.none() | FUSIONS,
        counts=st.none() | FEW_COUNTS,
    ),
    st.booleans(),
)
"""Searches with fewer new prefixes than steps; with `counts` most chunks have no step."""


def views_of(op: Op) -> list[View]:
    """What an op touches, field by field."""
    match op:
        case Elementwise():
            return [view for _, view in (*op.reads, *op.writes)]
        case Gemm() | Conv():
            scales = op.row_scales if isinstance(op, Gemm) else None
            return [view for view in (op.act, op.weight, op.bias, scales, op.out) if view is not None]
        case Reduce():
            return [op.read, *op.parameters, op.write]
        case Lookup():
            return [op.table, op.index, op.out]
        case Move() | Skew():
            return [op.read, op.write]
        case Quantise():
            return [op.read, op.write, op.scales]
    raise AssertionError(op)


Run = tuple[str, tuple[tuple[int, ...], ...]]


def walked(nodes: Iterable[Node], program: Program, at: dict[str, int]) -> Iterator[Run]:
    """Every run of every op with the sizes of its views, by counting up from the first iteration on."""
    for node in nodes:
        if isinstance(node, Loop):
            times = node.times if isinstance(node.times, int) else had(node.times, at)[1]
            for i in range(times):
                yield from walked(node.body, program, {**at, node.name: i})
            continue
        sizes = []
        for view in views_of(node):
            axes = list(program.tensor(view.tensor).shape)
            for one in view.windows:
                if isinstance(one.count, Affine):
                    axes[one.axis] = one.count.base + sum(c * at[loop] for loop, c in one.count.terms)
                else:
                    axes[one.axis] = one.count if isinstance(one.count, int) else had(one.count, at)[1]
            sizes.append(tuple(axes if view.order is None else [axes[axis] for axis in view.order]))
        if all(map(prod, sizes)):
            yield node.name, tuple(sizes)


def lowered(nodes: Iterable[SizedNode]) -> Iterator[Run]:
    for node in nodes:
        if isinstance(node, SizedLoop):
            for _ in range(node.times):
                yield from lowered(node.body)
        else:
            yield node.op.name, tuple(node.shape(view) for view in views_of(node.op))


@settings(max_examples=60)
@given(RECIPES | SPARSE)
def test_a_lowered_program_is_the_sequence_of_a_naive_walk(recipe: AnyRecipe) -> None:
    program = workload(recipe).program
    assert list(lowered(lower(program))) == list(walked(program.body, program, {}))


@settings(max_examples=60)
@given(RECIPES | SPARSE)
def test_an_op_runs_as_often_as_a_naive_walk_runs_it(recipe: AnyRecipe) -> None:
    """By the tree, by its instances, by their sizes, and where values are computed op by op."""
    program = workload(recipe).program
    runs = Counter(name for name, _ in walked(program.body, program, {}))
    assert {placed.op.name: placed.times for placed in program.placed()} == runs
    instances: Counter[str] = Counter()
    for instance in program.instances():
        instances[instance.op.name] += instance.times
    assert instances == runs
    computed: Counter[str] = Counter()

    def note(op: Op, memory: TensorStore, indices: Indices) -> None:
        computed[op.name] += 1

    run_program(program, TensorStore(program, {}, integer=True), note)
    assert computed == runs


@settings(max_examples=60)
@given(RECIPES | SPARSE)
def test_ops_are_counted_as_they_are_lowered_without_their_epilogues(recipe: AnyRecipe) -> None:
    """No more than an analysed program has, and no more epilogues left out than there are products."""
    program = workload(recipe).program
    size, every = analyse(program).size, sum(1 for _ in sized_ops(lower(program)))
    assert every == sum(1 for _ in sized_ops(unshaped(program)))
    assert (every + 1) // 2 <= least_size(program) <= size


@pytest.mark.slow
@settings(max_examples=60)
@given(SPARSE)
def test_what_is_listed_of_an_op_is_its_first_run_in_a_naive_walk(recipe: AnyRecipe) -> None:
    """Also of one that does not run in the first iterations of its loops; one that never runs has none."""
    work = workload(recipe)
    program, found = work.program, dict[str, tuple[tuple[int, ...], ...]]()
    for name, sizes in walked(program.body, program, {}):
        found.setdefault(name, sizes)
    for listed in listing(work).ops:
        assert {one.shape for one in (*listed.reads, *listed.writes)} == set(found.get(listed.name, ()))
        assert (listed.runs > 0) == (listed.name in found)


def a_search_of_few_steps(search: BeamSearch) -> Workload:
    """The recogniser in chunks of 80 ms, of which most have no step."""
    recipe = load_workload("rnnt").recipe
    assert isinstance(recipe, Rnnt)
    encoder = replace(recipe.encoder, layers=1, cells=4, bidirectional=False)
    return workload(
        replace(recipe, encoder=encoder, streaming=Chunks(chunk=80 * MS), decoding=search, audio=7680 * MS), "w8a8"
    )


@pytest.mark.parametrize(
    "search",
    [
        AlignmentLength(beam=4, symbols_per_second=Fraction(3), counts=BeamCounts(steps=3, new_prefixes=2)),
        TimeSynchronous(
            beam=4, symbols_per_second=Fraction(3), expansions=1, counts=BeamCounts(steps=5, new_prefixes=9)
        ),
    ],
)
def test_searches_with_fewer_steps_than_chunks_are_listed_and_planned(search: BeamSearch) -> None:
    work = a_search_of_few_steps(search)
    runs = Counter(name for name, _ in walked(work.program.body, work.program, {}))
    assert {op.name: op.runs for op in listing(work).ops} == {op.name: runs[op.name] for op in listing(work).ops}
    result = simulate(load_chip("int4_array"), work)
    assert {op.name: op.times for op in result.ops}.items() <= runs.items()
    assert result.summary.macs == work.program.macs


def test_a_function_is_missed_where_the_first_iterations_do_not_run_it() -> None:
    search = AlignmentLength(beam=1, symbols_per_second=Fraction(5), counts=BeamCounts(steps=3, new_prefixes=1))
    program = a_search_of_few_steps(search).program
    whole = chip()
    for function in dict(whole.vector.cycles):
        lacking = replace(whole, vector=replace(whole.vector, cycles=tuple(
            (one, cycles) for one, cycles in whole.vector.cycles if one is not function
        )))  # fmt: skip
        needed = any(op_spec(one.op).vector_work(one.op, one.shape).get(function, 0) for one in program.instances())
        if needed:
            with pytest.raises(Unsupported, match=f"the vector unit has no {function.value}"):
                check_functions(program, lacking)
        else:
            check_functions(program, lacking)


@pytest.mark.slow
@settings(max_examples=40)
@given(rnnts())
def test_what_is_resident_is_loaded_once_whenever_its_loop_begins(recipe: Rnnt) -> None:
    program = workload(recipe).program
    begins: Counter[str] = Counter()

    def walk(nodes: Iterable[Node], at: dict[str, int]) -> None:
        for node in nodes:
            if isinstance(node, Loop):
                times = node.times if isinstance(node.times, int) else had(node.times, at)[1]
                begins[node.name] += times > 0
                for i in range(times):
                    walk(node.body, {**at, node.name: i})

    walk(program.body, {})
    plan = schedule(program, chip(scratchpad=replace(chip().scratchpad, size=1 << 16)))
    around = {placed.op.name: [loop.name for loop in placed.loops] for placed in program.placed()}
    loaded: Counter[tuple[str, str]] = Counter()
    for placed in plan.placed():
        if isinstance(placed.node, Preload):
            loaded[placed.node.op, placed.node.tensor] += placed.times
    for (op, _), times in loaded.items():
        assert times in {begins[loop] for loop in around[op]}

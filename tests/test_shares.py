"""What an utterance has in whole, its chunks and steps share: sums are exact, and no rounding adds work."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chips import chip
from hwsim.core.ops import Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Skew
from hwsim.core.program import Loop, Node, Program
from hwsim.core.schedule import Preload
from hwsim.core.share import Share, spread
from hwsim.core.tensor import Role
from hwsim.core.view import Affine, View, Window, window
from hwsim.core.workload import Workload
from hwsim.engine.values.memory import Memory
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import run_program
from hwsim.errors import InvalidValue
from hwsim.inputs.load import load_chip, load_workload
from hwsim.mapping.lower import SizedLoop, SizedNode, lower
from hwsim.mapping.repeats import Repeated, repeats
from hwsim.mapping.schedule import schedule
from hwsim.mapping.uses import ProgramUses
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.decoding import (
    AlignmentLength,
    BeamCounts,
    Combination,
    Greedy,
    GreedyCounts,
    Joint,
    Prediction,
    Speech,
    new_prefixes,
)
from hwsim.models.rnnt import Chunks, Encoder, Rnnt
from hwsim.study.simulate import simulate
from interpreter import had
from programs import move
from recipes import FUSIONS, MS, RECIPES, rnnts

SHARES = st.builds(
    Share, loop=st.just("steps"), over=st.integers(1, 40), total=st.integers(0, 90), first=st.integers(0, 3)
)


@given(SHARES)
def test_sums_of_a_share_are_exact_after_each_iteration(share: Share) -> None:
    sizes = [share.at({"steps": i}) for i in range(share.over)]
    for i in range(1, share.over + 1):
        assert sum(sizes[:i]) == share.first + i * share.total // share.over
        assert share.before({"steps": i - 1}) == sum(sizes[: i - 1])
    assert (min(sizes), max(sizes), sum(sizes)) == (share.least, share.most, share.all)
    assert spread(share) == (sizes[0] if len(set(sizes)) == 1 else share)


@given(st.integers(1, 9), st.integers(1, 30), st.integers(0, 50), st.integers(0, 2))
def test_chunks_share_as_their_steps_would_and_each_shares_what_it_has(
    chunks: int, steps: int, total: int, first: int
) -> None:
    earlier = Share(loop="chunks", over=chunks, total=steps)
    inside = Share(loop="steps", over=steps, total=total, first=first, earlier=earlier)
    found: list[int] = []
    for chunk in range(chunks):
        places = [{"chunks": chunk, "steps": i} for i in range(earlier.at({"chunks": chunk}))]
        own: list[int] = []
        for place in places:
            assert inside.before(place) == sum(found) + sum(own)
            own.append(inside.at(place))
        if places and not found:
            own[0] -= first
        for i in range(len(own)):
            assert sum(own[:i]) == i * sum(own) // len(own)
        found += own if found or not own else [own[0] + first, *own[1:]]
        assert sum(found) == (first + len(found) * total // steps if found else 0)
    assert (min(found), max(found), sum(found)) == (inside.least, inside.most, inside.all)


def test_iterations_that_differ_are_counted_one_by_one_and_not_without_end() -> None:
    """A day of speech in steps that are alike, but not in others."""
    assert spread(Share(loop="steps", over=1 << 30, total=1 << 31)) == 2
    with pytest.raises(InvalidValue, match=r"steps.times = 1048577: are too many to share 5 things; at most 1048576"):
        Share(loop="steps", over=(1 << 20) + 1, total=5)
    day = replace(STREAM, audio=86_400_000 * MS)
    with pytest.raises(InvalidValue, match=r"chunks.times = 1080000: are too many to share 259201 things"):
        workload(day)
    assert workload(replace(day, streaming=None)).program.macs > 0


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


SPARSE: st.SearchStrategy[AnyRecipe] = st.builds(
    lambda recipe, search: replace(recipe, decoding=search),
    rnnts(),
    st.builds(
        AlignmentLength,
        beam=st.integers(1, 2),
        symbols_per_second=st.just(Fraction(5)),
        batch_prediction=st.booleans(),
        fusion=st.none() | FUSIONS,
    ),
)
"""Searches with fewer new prefixes than steps."""


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

    def note(op: Op, memory: Memory, indices: Indices) -> None:
        computed[op.name] += 1

    run_program(program, Memory(program, {}, integer=True), note)
    assert computed == runs


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


STREAM = Rnnt(
    name="stream",
    audio=7680 * MS,
    precision="w4a4",
    encoder=Encoder(features=40, frame=20 * MS, layers=2, cells=128),
    prediction=Prediction(embedding=16, cells=128),
    joint=Joint(size=64, outputs=46),
    decoding=Greedy(symbols_per_second=Fraction(3)),
    streaming=Chunks(chunk=80 * MS),
)


def runs_of(work: Workload, on: str = "int4_array") -> dict[str, int]:
    return {op.name: op.times for op in simulate(load_chip(on), work).ops}


def test_a_stream_of_24_symbols_runs_its_prediction_network_25_times() -> None:
    """In 96 chunks of 4 frames as in one piece; 384 frames and 24 symbols are 408 evaluations."""
    whole = runs_of(workload(replace(STREAM, streaming=None)))
    chunked = runs_of(workload(STREAM))
    for op in ("prediction.0.recurrent", "joint.prediction"):
        assert chunked[op] == whole[op] == 25
    assert chunked["joint.output"] == whole["joint.output"] == 408


def test_one_hypothesis_reads_the_language_models_once_a_symbol_and_once_at_the_start() -> None:
    work = load_workload("rnnt")
    recipe = work.recipe
    assert isinstance(recipe, Rnnt)
    decoding = recipe.decoding
    assert isinstance(decoding, AlignmentLength)
    runs = runs_of(workload(replace(recipe, decoding=replace(decoding, beam=1))))
    assert runs["external_lm.0.recurrent"] == runs["source_lm.output"] == runs["prediction.0.input"] == 141
    assert runs["joint.output"] == runs["search.choose"] == 640


def extra(recipe: Rnnt) -> int:
    """Products of the frames that fill up the last chunk, in the encoder and at the joint network."""
    assert recipe.streaming is not None
    e, p, j = recipe.encoder, recipe.prediction, recipe.joint
    factor = e.stacking.factor if e.stacking else 1
    after = e.stacking.after if e.stacking else e.layers
    given_frames = ceil(recipe.audio / (e.frame * factor)) * factor
    frames = ceil(recipe.audio / recipe.streaming.chunk) * recipe.streaming.chunk // e.frame
    padding = frames - given_frames
    products = 0
    for layer in range(e.layers):
        inputs = e.features if layer == 0 else e.cells * (factor if layer == after else 1)
        products += padding // (1 if layer < after else factor) * 4 * e.cells * (inputs + e.cells)
    joined = j.size * j.outputs + (e.cells if j.combine is not Combination.CONCATENATE else e.cells + p.cells) * j.size
    return recipe.batch * (products + padding // factor * joined)


@settings(max_examples=80)
@given(rnnts().filter(lambda r: r.streaming is not None), st.sampled_from([Fraction(5), Fraction(40)]))
def test_a_stream_does_the_work_of_the_whole_utterance_and_of_its_padding(recipe: Rnnt, rate: Fraction) -> None:
    chunked = replace(recipe, decoding=Greedy(symbols_per_second=rate))
    work, whole = workload(chunked), workload(replace(chunked, streaming=None))
    assert work.program.macs == whole.program.macs + extra(chunked)
    stream = work.streaming
    assert stream is not None
    assert whole.streaming is None
    assert stream.padding == stream.chunks * stream.chunk - recipe.audio
    assert stream.symbols == ceil(rate * Fraction(recipe.audio, 10**12))
    if stream.padding == 0:
        assert work.program.macs == whole.program.macs


def test_a_result_says_what_streaming_adds() -> None:
    result = simulate(load_chip("int4_array"), workload(replace(STREAM, audio=7700 * MS)))
    stream = result.streaming
    assert stream is not None
    assert (stream.chunks, stream.chunk_seconds, stream.padding_seconds) == (97, 0.08, 0.06)
    assert (stream.repeated_seconds, stream.symbols) == (0, 24)


def test_counts_of_a_file_are_shared_by_all_chunks() -> None:
    counts = GreedyCounts(evaluations=500, predictions=31)
    decoding = Greedy(symbols_per_second=Fraction(3), counts=counts)
    times = {p.op.name: p.times for p in workload(replace(STREAM, decoding=decoding)).program.placed()}
    assert (times["joint.output"], times["prediction.0.recurrent"]) == (500, 31)


@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 30),
    st.integers(1, 4),
    st.integers(1, 40),
    st.booleans(),
    st.none() | st.integers(1, 200),
)
def test_no_step_has_more_new_prefixes_than_hypotheses(
    beam: int, batch: int, frames: int, pieces: int, symbols: int, together: bool, counted: int | None
) -> None:
    speech = Speech(frames, pieces, symbols)
    counts = None if counted is None else BeamCounts(steps=frames, new_prefixes=counted)
    search = AlignmentLength(beam=beam, symbols_per_second=Fraction(1), batch_prediction=together, counts=counts)
    share = new_prefixes(search, speech, batch, "steps")
    room = beam * (batch if together else 1)
    assert share.most <= room
    steps = share.over
    assert steps == (frames if counts else frames * pieces + symbols)
    utterances = batch if together else 1
    wanted = utterances * (beam * symbols + 1) if counted is None else ceil(Fraction(counted * utterances, batch))
    assert share.all == min(steps * room, wanted)


def part_of_a_ring(rows: int | Share, start: Affine, times: int | Share = 1) -> Program:
    """A move of so many rows of a ring of six."""
    program = move(6, 3)
    op = program.body[0]
    assert isinstance(op, Move)
    read = View(tensor="x", windows=(Window(axis=0, start=start, count=rows, wraps=True),))
    write = View(tensor="out", windows=(window(1, count=rows),))
    inner = Loop(name="steps", times=times, body=(replace(op, read=read, write=write),))
    return replace(program, body=(Loop(name="chunks", times=4, body=(inner,)),))


def test_a_share_is_of_all_iterations_of_its_loop() -> None:
    chunks = Share(loop="chunks", over=4, total=6)
    steps = Share(loop="steps", over=6, total=9, earlier=chunks)
    program = part_of_a_ring(steps, Affine(shares=((steps, 1),)), chunks)
    assert sum(i.times * i.shape(views_of(i.op)[0])[0] for i in program.instances()) == 9
    wrong = [
        (replace(steps, loop="frames"), chunks, "gone = 'frames': is not a loop around this op"),
        (replace(steps, over=7), chunks, "gone = 7: must be 6, the iterations of steps"),
        (replace(steps, earlier=None), chunks, "gone = 'steps': does not run as often as a share of 9 says"),
        (steps, replace(chunks, over=5), "gone = 'chunks': does not run as often as a share of 6 says"),
        (replace(steps, total=60), chunks, r"lies outside axis 0 of x, which has 6 entries"),
    ]
    for share, times, message in wrong:
        with pytest.raises(InvalidValue, match=message.replace("gone", "move")):
            part_of_a_ring(share, Affine(), times)


def test_what_may_not_have_been_written_is_no_activation() -> None:
    """A loop that some chunks skip leaves something that all chunks read."""
    few = Share(loop="chunks", over=4, total=3)
    first, second = move(2, 2), move(2, 2)
    one, two = first.body[0], second.body[0]
    assert isinstance(one, Move)
    assert isinstance(two, Move)
    between = replace(first.tensor("out"), name="between", role=Role.ACTIVATION)
    write = Loop(name="steps", times=few, body=(replace(one, name="one", write=View(tensor="between")),))
    body = (Loop(name="chunks", times=4, body=(write, replace(two, read=View(tensor="between")))),)
    tensors = (between, first.tensor("out"), first.tensor("x"))
    with pytest.raises(
        InvalidValue, match="move = 'between': is read where no op may have written it; make it a state"
    ):
        Program(name="one", tensors=tensors, body=body)
    kept = Program(name="one", tensors=(replace(between, role=Role.STATE), *tensors[1:]), body=body)
    # It is needed in all iterations, so nobody else gets its space.
    uses = ProgramUses(kept)
    assert uses.tensors["between"].carried
    assert uses.life("between") == uses.loop_spans["chunks"]


@pytest.mark.parametrize("name", ["prediction.pool", "prediction.0.hidden", "external_lm.pool", "search.score"])
def test_what_a_search_carries_is_needed_in_all_of_its_steps(name: str) -> None:
    """Also what a step writes in part and reads later: other rows of it are older."""
    uses = ProgramUses(load_workload("rnnt").program)
    assert uses.life(name) == uses.loop_spans["search.steps"]


@pytest.mark.parametrize(("times", "message"), [(0, "must be at least 1"), (True, "must be a whole number")])
def test_a_loop_runs_a_whole_number_of_times(times: int, message: str) -> None:
    with pytest.raises(InvalidValue, match=f"steps.times = {times}: {message}"):
        Loop(name="steps", times=times, body=move(1, 1).body)
    with pytest.raises(InvalidValue, match=r"steps.times = 0: must be at least 1"):
        Loop(name="steps", times=Share(loop="chunks", over=3, total=0), body=move(1, 1).body)

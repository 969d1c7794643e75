"""Chunks and steps of a search share its symbols and new prefixes: no rounding adds work."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.errors import InvalidValue
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.view import Share, spread
from hwsim.ir.workload import Workload
from hwsim.mapping.liveness import ProgramUses
from hwsim.models.catalogue import workload
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
from strategies.recipes import MS, rnnts

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


def test_iterations_that_differ_are_counted_one_by_one_and_not_without_end() -> None:
    """A day of speech in steps that are alike, but not in others."""
    assert spread(Share(loop="steps", over=1 << 30, total=1 << 31)) == 2
    with pytest.raises(InvalidValue, match=r"steps.times = 1048577: are too many to share 5 things; at most 1048576"):
        Share(loop="steps", over=(1 << 20) + 1, total=5)
    day = replace(STREAM, audio=86_400_000 * MS)
    with pytest.raises(InvalidValue, match=r"chunks.times = 1080000: are too many to share 259201 things"):
        workload(day)
    assert workload(replace(day, streaming=None)).program.macs > 0


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


@pytest.mark.slow
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


@pytest.mark.parametrize("name", ["prediction.pool", "prediction.0.hidden", "external_lm.pool", "search.score"])
def test_what_a_search_carries_is_needed_in_all_of_its_steps(name: str) -> None:
    """Also what a step writes in part and reads later: other rows of it are older."""
    uses = ProgramUses(load_workload("rnnt").program)
    assert uses.live_range(name) == uses.loop_spans["search.steps"]

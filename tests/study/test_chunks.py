"""Chunks in real time: latencies add up of what they are made of, and chunks do the work of the whole and their own."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.errors import InvalidValue, Unsupported
from hwsim.ir.workload import Workload
from hwsim.mapping.planner import Planned
from hwsim.models.catalogue import AnyRecipe, at_once, in_chunks, with_batch, workload
from hwsim.models.conformer import ChunkedAttention, Conformer
from hwsim.models.decoding import CHUNKS, TimeSynchronous
from hwsim.models.rnnt import Chunks, Rnnt
from hwsim.quantities.fields import PICOSECONDS
from hwsim.results.result import Result
from hwsim.results.streams import SECOND
from hwsim.study.chunks import Heard, chunk_times, chunked_run, chunking_work, heard, perceived
from hwsim.study.simulate import simulate
from hwsim.timing.arrivals import iterations
from models.test_rnnt import recipe
from strategies.chips import chip
from strategies.recipes import MS, conformers, rnnts

SLOW = chip(clock=2 * 10**6)
FRAME = 20 * MS


def streamed(chunk: int = 2 * FRAME, **changes: object) -> Rnnt:
    one_way = replace(recipe().encoder, bidirectional=False)
    return recipe(encoder=one_way, streaming=Chunks(chunk=chunk), **{"audio": 7 * FRAME, **changes})


def run_of(described: AnyRecipe | Workload, on: object = SLOW) -> tuple[Result, Heard]:
    """A run of a streamed workload, and its chunks in real time."""
    work = described if isinstance(described, Workload) else workload(described)
    found: list[Heard] = []

    def watch(_: object, timed: Workload, planned: Planned | None) -> None:
        assert planned is not None
        found.append(heard(on, timed, planned))  # type: ignore[arg-type]

    return simulate(on, work, watch=watch), found[0]  # type: ignore[call-overload]


CHUNKED = (rnnts() | conformers()).filter(lambda each: each.streaming is not None)


@pytest.mark.slow
@given(CHUNKED, st.sampled_from([2 * 10**6, 10**4]))
@settings(max_examples=8, deadline=None)
def test_a_chunk_is_complete_after_it_was_heard_queued_and_computed(described: AnyRecipe, clock: int) -> None:
    result, found = run_of(described, replace(SLOW, clock=clock))
    assert isinstance(described, Rnnt | Conformer)
    assert described.streaming is not None
    ahead = described.streaming.look_ahead if isinstance(described.streaming, ChunkedAttention) else 0
    times, run = chunk_times(found), chunked_run(found)
    assert len(times) == run.chunks == result.streaming.chunks if result.streaming else False
    for each in times:
        assert each.arrived_ms + each.queued_ms + each.compute_ms == pytest.approx(each.complete_ms, abs=1e-3)
        end = min((each.chunk + 1) * described.streaming.chunk + ahead, described.audio)
        assert each.arrived_ms >= end / MS  # no output before its look-ahead, but for the end of the speech
        assert each.rtf == pytest.approx(each.compute_ms * MS / described.streaming.chunk)
    assert run.latency_ms.most >= run.compute_ms.p50
    assert run.final_ms == pytest.approx(times[-1].complete_ms - described.audio / MS)


@pytest.mark.slow
@given(CHUNKED)
@settings(max_examples=15, deadline=None)
def test_chunks_do_the_work_of_the_whole_and_what_they_add(described: AnyRecipe) -> None:
    work = workload(described)
    found = chunking_work(work)
    assert found is not None
    assert found.macs == work.program.macs
    assert found.whole_macs == at_once(work).program.macs
    assert at_once(work).streaming is None
    if isinstance(described, Conformer):
        assert described.streaming is not None
        assert (found.look_ahead_macs > 0) == (described.streaming.look_ahead > 0)
    else:
        assert found.look_ahead_macs == 0


def test_what_a_recurrent_network_adds_is_its_padding_alone() -> None:
    """Each frame of the last chunk costs as much as any other; the search is the same."""
    even, odd = (chunking_work(workload(streamed(audio=n * FRAME))) for n in (8, 7))
    assert even is not None
    assert odd is not None
    assert even.cutting_macs == 0
    two = workload(streamed(audio=8 * FRAME)).program.macs - workload(streamed(audio=6 * FRAME)).program.macs
    assert 0 < odd.cutting_macs <= two // 2


def test_a_chip_that_is_too_slow_falls_behind_chunk_by_chunk() -> None:
    _, found = run_of(streamed(), replace(SLOW, clock=4000))
    times = chunk_times(found)
    assert all(each.rtf > 1 for each in times)
    assert [each.queued_ms for each in times[1:]] == sorted(each.queued_ms for each in times[1:])
    for before, each in pairwise(times):
        assert each.queued_ms == pytest.approx(before.complete_ms - each.arrived_ms, abs=1)
    assert chunked_run(found).longest_queue_ms == times[-1].queued_ms > 0


def test_products_of_a_stream_are_those_that_its_run_makes() -> None:
    result, _ = run_of(streamed())
    found = chunking_work(workload(streamed()))
    assert found is not None
    assert found.macs == result.summary.macs


@pytest.mark.slow
@given(CHUNKED)
@settings(max_examples=6, deadline=None)
def test_on_ports_of_their_own_all_chunks_there_end_as_the_run_does(described: AnyRecipe) -> None:
    """With all audio there at once, real time is the run, to the cycle."""
    work, found = workload(described), list[Planned]()
    assert work.streaming is not None
    assert not SLOW.dram.shared_port

    def watch(_: object, __: Workload, planned: Planned | None) -> None:
        assert planned is not None
        found.append(planned)

    cycles = simulate(SLOW, work, watch=watch).summary.cycles
    chunks = iterations(found[0].schedule, CHUNKS, "features", [0] * work.streaming.chunks)
    assert chunks[-1].complete == cycles


def test_latency_of_sounds_by_hand() -> None:
    """Two chunks of 40 ms, complete 10 ms and 30 ms after their ends: 10 to 50 ms, and 30 to 70 ms."""
    found = run_of(streamed(audio=4 * FRAME))[1]
    begun = tuple(
        replace(each, complete=end * found.clock // 1000) for each, end in zip(found.begun, (50, 110), strict=True)
    )
    spread = perceived(replace(found, begun=begun))
    assert (spread.p50, spread.most) == (40.0, 70.0)
    assert spread.p99 == pytest.approx(70 - 0.8)  # of 80 ms of sounds 0.8 ms wait longer, all in the second chunk


@given(st.lists(st.integers(0, 200), min_size=4, max_size=4))
@settings(max_examples=25, deadline=None)
def test_percentiles_of_sounds_are_those_of_many_sounds(late: list[int]) -> None:
    found = _FOUND
    begun = tuple(
        replace(each, complete=((n + 1) * 40 + late[n]) * found.clock // 1000) for n, each in enumerate(found.begun)
    )
    moved = replace(found, begun=begun)
    sounds, step = [], 2 * 10**8
    for sound in range(step // 2, found.audio, step):
        chunk = min(sound // found.stream.chunk, len(begun) - 1)
        sounds.append((moved.complete[chunk] - sound) / MS)
    sounds.sort()
    spread = perceived(moved)
    for percent, value in ((50, spread.p50), (99, spread.p99)):
        assert value == pytest.approx(float(sounds[len(sounds) * percent // 100]), abs=1)


_FOUND = run_of(streamed())[1]


def test_the_end_of_a_shorter_utterance_is_in_the_chunk_that_hears_it() -> None:
    for frames in range(1, 8):
        audio = frames * FRAME
        complete = _FOUND.complete[(frames - 1) // 2]
        assert _FOUND.after_the_end(audio) == complete - audio


def test_the_host_of_a_search_holds_each_chunk_up() -> None:
    beam = TimeSynchronous(beam=2, symbols_per_second=Fraction(5), expansions=1)
    alone, hosted = (run_of(streamed(decoding=replace(beam, host=host)))[1] for host in (0, 5 * MS))
    steps = workload(streamed(decoding=beam)).decoding_steps
    for one, other in zip(alone.begun, hosted.begun, strict=True):
        assert other.computing >= one.computing + 5 * MS * SLOW.clock // SECOND
    added = sum(other.computing - one.computing for one, other in zip(alone.begun, hosted.begun, strict=True))
    assert added >= steps * 5 * MS * SLOW.clock // SECOND


def test_a_workload_gets_other_chunks_and_another_batch() -> None:
    work = workload(streamed())
    other = in_chunks(work, chunk=4 * FRAME)
    assert other.streaming is not None
    assert other.streaming.chunks == 2
    assert in_chunks(work) is work
    assert with_batch(work, 1) is work
    assert with_batch(work, 3).utterances == 3
    assert dict(other.recipe.sources)["streaming.chunk"] == "given for this study"  # type: ignore[union-attr]


def test_chunks_that_cannot_be_are_refused() -> None:
    whole = workload(recipe(encoder=replace(recipe().encoder, bidirectional=False)))
    with pytest.raises(InvalidValue, match=r"streaming.left_context = '40 ms': is of attention"):
        in_chunks(whole, chunk=FRAME, left_context=int(PICOSECONDS.parse("40 ms")))
    with pytest.raises(InvalidValue, match=r"streaming.chunk = '30 ms': must be a multiple of 20 ms"):
        in_chunks(whole, chunk=int(PICOSECONDS.parse("30 ms")))
    with pytest.raises(InvalidValue, match="streaming = '20 ms': cannot be: a bidirectional encoder"):
        in_chunks(workload(recipe()), chunk=FRAME)


def test_kinds_without_chunks_or_streams_are_refused() -> None:
    from hwsim.inputs.load import load_workload

    with pytest.raises(Unsupported, match="tdnnf_7q: workloads of kind tdnnf are not streamed in chunks"):
        in_chunks(load_workload("tdnnf_7q"), chunk=FRAME)
    with pytest.raises(Unsupported, match="lstm_lm: is a language model, whose batch are hypotheses"):
        with_batch(load_workload("lstm_lm"), 2)
    with pytest.raises(InvalidValue, match=r"streaming.left_context = None: is missing"):
        in_chunks(load_workload("conformer_s"), chunk=int(PICOSECONDS.parse("640 ms")))

"""Streams together on a chip: more never lower its throughput, one is a plain run, and the most are the most."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

import hwsim
from hwsim.errors import InvalidValue, Unsupported
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.quantities.plain_data import Objective, no_progress
from hwsim.report.export import stream_files, to_json
from hwsim.report.streams import stream_text
from hwsim.report.tables import Screen
from hwsim.results.streams import ChunkingWork
from hwsim.study.simulate import simulate
from hwsim.study.stream_runs import MOST_STREAMS, Runs
from hwsim.study.streams import stream
from models.test_rnnt import recipe
from strategies.chips import chip
from strategies.recipes import MS
from study.test_chunks import FRAME, SLOW, streamed

WORK = workload(streamed())
WHOLE = workload(recipe())


@pytest.mark.parametrize("work", [WORK, WHOLE], ids=["chunked", "whole"])
def test_one_stream_is_a_plain_run(work: Workload) -> None:
    point, plain = stream(SLOW, work).points[0], simulate(SLOW, work)
    summary, efficiency = plain.summary, plain.efficiency
    assert (point.rtf, point.cycles, point.energy_aj) == (summary.rtf, summary.cycles, summary.energy_aj)
    assert point.run_ms == summary.latency_ms
    assert point.energy_per_audio_second_mj == efficiency.energy_per_audio_second_mj
    assert point.utterances_per_joule == efficiency.utterances_per_joule
    assert point.throughput == pytest.approx(1 / summary.rtf)


@pytest.mark.parametrize("work", [WORK, WHOLE], ids=["chunked", "whole"])
def test_starts_of_programs_and_ops_take_time(work: Workload) -> None:
    """A run as a whole is launched once, as `run` has it; each chunk is launched for itself."""
    on = replace(SLOW, launch=3 * MS, dispatch=10**6)
    alone, started = (stream(each, work).points[0] for each in (SLOW, on))
    summary = simulate(on, work).summary
    assert started.rtf == pytest.approx(summary.rtf, rel=1e-12)
    assert summary.launch_ms > 0
    assert started.rtf > alone.rtf
    if started.chunked is not None:
        assert alone.chunked is not None
        assert started.chunked.compute_ms.p50 >= alone.chunked.compute_ms.p50 + 3


@pytest.mark.slow
@pytest.mark.parametrize("work", [WORK, WHOLE], ids=["chunked", "whole"])
def test_more_streams_never_lower_the_throughput(work: Workload) -> None:
    study = stream(chip(), work, streams=range(1, 10))
    assert [point.streams for point in study.points] == list(range(1, 10))
    for fewer, more in pairwise(study.points):
        assert more.throughput >= fewer.throughput
    for point in study.points:
        best = study.points[point.at_once - 1]
        assert point.throughput == pytest.approx(best.at_once / best.rtf)
        assert point.throughput >= point.streams / point.rtf * (1 - 1e-12)
    # Nine of these streams together do worse than fewer of them in turns: otherwise nothing was tried.
    assert any(point.at_once < point.streams for point in study.points)


@pytest.mark.slow
@pytest.mark.parametrize(("work", "limit"), [(WORK, None), (WORK, "62 ms"), (WHOLE, None), (WHOLE, "80 ms")])
def test_the_most_streams_are_in_real_time_and_one_more_is_not(
    work: Workload,
    limit: str | None,
) -> None:
    """Of chunks, so says a look at each number; whole utterances may find faster turns among more numbers."""
    on = chip(clock=4 * 10**4)
    study = stream(on, work, most=True, latency_limit=limit)
    most = study.most
    assert most is not None
    assert most.beyond is not None
    assert most.beyond.streams == most.streams + 1
    assert not most.beyond.in_real_time
    assert 1 < most.streams < 40
    assert study.points[-1].streams == most.streams
    assert study.points[-1].in_real_time
    each = stream(on, work, streams=range(1, most.streams + 2), latency_limit=limit)
    in_time = [point.streams for point in each.points if point.in_real_time]
    assert most.streams in in_time
    assert max(in_time) == most.streams or (work is WHOLE and most.streams + 1 in in_time)


def test_not_even_one_stream_may_be_in_real_time() -> None:
    study = stream(chip(clock=10**4), WORK, most=True)
    assert study.most is not None
    assert study.most.streams == 0
    assert not study.points[0].in_real_time
    assert "Not even one stream keeps up" in stream_text(study, Screen())
    assert "* not in real time" in stream_text(study, Screen())


def test_streams_that_cannot_be_planned_are_too_many() -> None:
    runs = Runs(SLOW, WORK, Objective.LATENCY, {}, no_progress)
    runs.refused.update(dict.fromkeys(range(2, MOST_STREAMS + 1), Unsupported("two are too many")))
    most = runs.most(None)
    assert (most.streams, most.beyond) == (1, None)
    assert most.why == "2 cannot be planned: two are too many"


def test_the_power_while_streams_are_heard_is_that_of_work_and_of_leaking_on() -> None:
    point, plain = stream(SLOW, WORK).points[0], simulate(SLOW, WORK)
    audio, spent = plain.summary.audio_seconds, plain.energy_by_component_aj
    busy = plain.summary.cycles / SLOW.clock
    leaking = (spent.leakage + spent.idle) / busy
    assert busy < audio
    assert point.power_w == pytest.approx((spent.total + leaking * (audio - busy)) / audio / 10**18)
    assert point.streams_per_watt == pytest.approx(1 / point.power_w)
    gated = stream(replace(SLOW, power_gated=True), WORK).points[0]
    assert gated.power_w == pytest.approx(spent.total / audio / 10**18)
    late = stream(chip(clock=10**4), WORK).points[0]
    assert late.power_w == pytest.approx(late.energy_aj / 10**18 / (late.run_ms / 1000))


def test_other_chunks_may_be_asked_for() -> None:
    study = stream(SLOW, WORK, chunk=4 * FRAME)
    assert study.points[0].chunked is not None
    assert study.points[0].chunked.chunk_ms == 80
    assert len(study.times) == 2
    same = stream(SLOW, workload(streamed(chunk=4 * FRAME)))
    assert same.times == study.times


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"streams": ()}, r"streams = \(\): must list at least one number of streams"),
        ({"streams": "3"}, "streams = '3': must list at least one"),
        ({"streams": (0,)}, "streams = 0: must be a whole number from 1 to 65536"),
        ({"streams": (True,)}, "streams = True: must be a whole number"),
        ({"latency_limit": "soon"}, "latency_limit = 'soon': must be a number with a unit"),
        ({"latency_limit": -1}, "latency_limit = -1: must be at least 0 h"),
        ({"chunk": "10 parsec"}, "chunk = '10 parsec': unknown unit 'parsec'"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        stream(SLOW, WORK, **asked)  # type: ignore[arg-type]


def test_chips_of_tiles_are_refused() -> None:
    tiles = hwsim.load_analog_chip("analog_pcm")
    with pytest.raises(Unsupported, match="stream on analog_pcm: chips of analog tiles are not timed chunk by chunk"):
        stream(tiles, WORK)


def test_work_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(InvalidValue, match="macs = 5: must be those of the whole utterance"):
        ChunkingWork(whole_macs=3, cutting_macs=-1, look_ahead_macs=2, macs=5)


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes() -> None:
    lengths = hwsim.lognormal_lengths(mean="90 ms", p99="180 ms", utterances=40, seed=3)
    fleet = hwsim.Fleet(chips=2, rate=Fraction(9), utterances=200, seed=5)

    def study() -> dict[str, str]:
        buckets = hwsim.chosen_buckets(lengths, 2)
        found = stream(SLOW, WORK, streams=(1, 2), lengths=buckets, about_lengths="drawn", fleet=fleet)
        return stream_files(found) | {"screen": stream_text(found, Screen(), full=True), "json": to_json(found)}

    assert study() == study()
    assert set(study()) == {"stream.json", "chunks.csv", "buckets.csv", "screen", "json"}


def test_the_first_screen_says_what_a_latency_is_made_of() -> None:
    text = stream_text(stream(SLOW, WORK), Screen())
    assert "in 3 chunks of 40.0 ms" not in text
    assert "4 chunks of 40.0 ms" in text
    assert "until its chunk is full" in text
    assert "of computing" in text


def test_a_notebook_shows_the_first_screen() -> None:
    study = stream(SLOW, WORK)
    assert repr(study).startswith("<StreamStudy tiny in w4a4 on small: 1 at RTF 0.00")
    assert "until its chunk is full" in study._repr_html_()


def test_streams_are_those_of_one_run_each() -> None:
    """What was run once is not run again, of whatever it is asked for."""
    runs = Runs(SLOW, replace(WORK, lengths=None), Objective.LATENCY, {}, no_progress)
    assert runs.of(2) is runs.of(2, 7 * 20 * MS)
    assert runs.of(2).streams == 2
    assert len(runs.made) == 1

"""What a study of real time prints: when sounds are recognised, how many streams fit, lengths, and the fleet."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from hwsim.report.numbers import beside_the_audio, figure, percent, scaled, seconds, watts
from hwsim.report.tables import Screen, new_table, plain_table, render
from hwsim.results.streams import ChunkedRun, FleetResult, LengthsStudy, Spread, StreamPoint, StreamStudy


def stream_text(study: StreamStudy, screen: Screen, *, full: bool = False) -> str:
    """The first screen; with `full` also every chunk, and what streams do in the memories."""
    return render([*_blocks(study, full)], screen)


def _blocks(study: StreamStudy, full: bool) -> Iterator[Text | Table]:
    yield Text("\n".join([_title(study), *([] if study.most is None else [_most(study)])]))
    first = study.points[0]
    yield _headline(study, first)
    yield _points(study)
    if notes := _notes(study):
        yield Text(notes)
    if full:
        yield _memories(study)
        if study.times:
            yield _chunks(study)
    if study.lengths is not None:
        yield _spoken(study.lengths)
        yield _buckets(study.lengths)
    if study.fleet is not None:
        yield _fleet(study.fleet, study)
        yield Text(_laws(study.fleet))
    if not full:
        yield Text("More: --full")


def _title(study: StreamStudy) -> str:
    chunked = study.points[0].chunked
    how = "as a whole" if chunked is None else f"in {chunked.chunks:,} chunks of {_ms(chunked.chunk_ms)}"
    return f"{study.workload} in {study.precision} on {study.chip}: {_ms(study.audio_ms)} of audio {how}"


def _most(study: StreamStudy) -> str:
    assert study.most is not None
    within = "" if study.latency_limit_ms is None else f" within {_ms(study.latency_limit_ms)}"
    found = f"At most {study.most.streams:,}" if study.most.streams else "Not even one"
    noun = "streams keep" if study.most.streams != 1 else "stream keeps"
    noun = noun if study.most.streams else "stream keeps"
    return f"{found} {noun} up with the audio{within}: {study.most.why}."


def _headline(study: StreamStudy, point: StreamPoint) -> Table:
    table = plain_table()
    together = "1 stream" if point.streams == 1 else f"{point.streams:,} streams"
    table.add_row("RTF", figure(point.rtf), f"{beside_the_audio(point.rtf)}, {together} together")
    if point.chunked is not None:
        for line in _chunked(point.chunked):
            table.add_row(*line)
    else:
        table.add_row("latency", _ms(point.latency_ms), "from the end of an utterance to its last output")
    table.add_row("energy", f"{figure(point.energy_per_audio_second_mj)} mJ", "for each second of audio")
    table.add_row("power", watts(point.power_w), "while all streams are heard")
    if study.work is not None:
        work = study.work
        table.add_row("products", scaled(work.macs, "MAC"), f"{scaled(work.whole_macs, 'MAC')} of the whole at once")
        table.add_row("", _signed(work.cutting_macs), "cut into chunks: padding, frames in two, another view")
        if work.look_ahead_macs:
            table.add_row("", _signed(work.look_ahead_macs), "look-ahead, computed again in the next chunk")
    return table


def _chunked(run: ChunkedRun) -> Iterator[tuple[str, str, str]]:
    latency = run.latency_ms
    yield "latency", _ms(latency.p50), "from a sound to the last output of its chunk, half of all sounds"
    yield "", _ms(latency.p99), "99 of 100 sounds"
    yield "", _ms(latency.most), "the sound that waits longest:"
    yield "", _ms(run.chunk_ms), "until its chunk is full"
    ahead = run.look_ahead_ms + run.front_end_ms
    if ahead:
        yield "", _ms(ahead), f"look-ahead, {_ms(run.front_end_ms)} of that for the windows of the front end"
    queue = f", and up to {_ms(run.longest_queue_ms)} behind the chunk before" if run.longest_queue_ms else ""
    yield "", _ms(run.compute_ms.most), f"of computing, RTF {figure(run.rtf.most)} of a chunk{queue}"
    yield "", _ms(run.final_ms), "from the end of the speech to the last output"


def _points(study: StreamStudy) -> Table:
    chunked = study.points[0].chunked is not None
    latencies = ("p50", "p99", "most") if chunked else ("latency",)
    table = new_table(
        "streams", "RTF", "audio s/s", *latencies, "energy/s", "power", "streams/W",
        title="Streams together on one chip",
    )  # fmt: skip
    for point in study.points:
        late = [_ms(point.latency_ms)]
        if point.chunked is not None:
            spread = point.chunked.latency_ms
            late = [_ms(value) for value in (spread.p50, spread.p99, spread.most)]
        table.add_row(
            f"{point.streams:,}{'' if point.in_real_time else '*'}",
            figure(point.rtf),
            figure(point.throughput) + ("" if point.at_once == point.streams else f" ({point.at_once:,})"),
            *late,
            f"{figure(point.energy_per_audio_second_mj)} mJ",
            watts(point.power_w),
            figure(point.streams_per_watt),
        )
    return table


def _notes(study: StreamStudy) -> str:
    """What marks in the table of streams mean."""
    notes = []
    if not all(point.in_real_time for point in study.points):
        notes.append("* not in real time" + ("" if study.latency_limit_ms is None else " within the limit"))
    if any(point.at_once != point.streams for point in study.points):
        notes.append("(n) at most n together, the others wait for their turn")
    return "; ".join(notes)


def _memories(study: StreamStudy) -> Table:
    table = new_table(
        "streams", "cycles", "run", "utterances/J", "DRAM/s of audio", "weights that stay", title="Runs of streams"
    )
    for point in study.points:
        table.add_row(
            f"{point.streams:,}",
            f"{point.cycles:,}",
            _ms(point.run_ms),
            figure(point.utterances_per_joule),
            f"{figure(point.dram_mb_per_audio_second)} MB",
            scaled(point.resident_bytes, "B"),
        )
    return table


def _chunks(study: StreamStudy) -> Table:
    streams = study.points[0].streams
    table = new_table(
        "chunk", "heard", "all there", "queue", "computing", "complete", "RTF",
        title=f"Chunks of {streams:,} stream{'s' if streams > 1 else ''}, from the first sound on",
    )  # fmt: skip
    for one in study.times:
        times = (one.heard_ms, one.arrived_ms, one.queued_ms, one.compute_ms, one.complete_ms)
        table.add_row(str(one.chunk), *map(_exact, times), figure(one.rtf))
    return table


def _spoken(study: LengthsStudy) -> Table:
    length, late, rtf = study.length_ms, study.latency_ms, study.rtf
    table = plain_table()
    batches = "one by one" if study.batch == 1 else f"in batches of {study.batch:,}"
    table.add_row("utterances", f"{study.utterances:,}", f"{study.about}, {batches}")
    table.add_row("length", _ms(study.mean_ms), f"mean; {_spread(length)}")
    come = "" if study.batch == 1 else f", in batches as they come {percent(study.padding_as_they_come)}"
    table.add_row("padding", percent(study.padding), f"without buckets {percent(study.padding_unbucketed)}{come}")
    if study.batch > 1:
        table.add_row("", percent(study.empty), "of the places in batches stay empty")
    table.add_row("latency", _ms(late.p50), f"half, from the end of an utterance; {_tail(late)}")
    table.add_row("RTF", figure(rtf.p50), f"half; p99 {figure(rtf.p99)}, most {figure(rtf.most)}")
    table.add_row("", figure(study.throughput), "seconds of speech a second, batches one after another")
    return table


def _spread(spread: Spread) -> str:
    return f"p50 {_ms(spread.p50)}, {_tail(spread)}"


def _tail(spread: Spread) -> str:
    return f"p99 {_ms(spread.p99)}, most {_ms(spread.most)}"


def _buckets(study: LengthsStudy) -> Table:
    table = new_table("bucket", "utterances", "batches", "padding", "run", "RTF")
    for bucket in study.buckets:
        table.add_row(
            _ms(bucket.length_ms),
            f"{bucket.utterances:,}",
            f"{bucket.batches:,}",
            percent(bucket.padding),
            _ms(bucket.run_ms),
            figure(bucket.rtf),
        )
    return table


def _fleet(fleet: FleetResult, study: StreamStudy) -> Table:
    table = new_table("fleet", "p50", "p99", "most", "mean", title=_about(fleet, study))
    table.add_row("waiting", *_times(fleet.wait_ms.p50, fleet.wait_ms.p99, fleet.wait_ms.most, fleet.mean_wait_ms))
    response = fleet.response_ms
    table.add_row("until the last output", *_times(response.p50, response.p99, response.most, fleet.mean_response_ms))
    return table


def _laws(fleet: FleetResult) -> str:
    """How busy the fleet is, and how near the simulation is to what is known of queues."""
    notes = [f"{percent(fleet.utilization)} busy, {figure(fleet.mean_in_system)} utterances there on average"]
    if fleet.expected_wait_ms is not None and fleet.wait_error_ms is not None:
        notes.append(
            f"by Pollaczek and Khinchine the mean wait is {_ms(fleet.expected_wait_ms)}, "
            f"here within {_ms(fleet.wait_error_ms)} (95 %)"
        )
    if fleet.offered >= 1:
        notes.append("more comes than can be done: waits grow as long as it lasts")
    return "; ".join(notes)


def _about(fleet: FleetResult, study: StreamStudy) -> str:
    chips = "1 chip" if fleet.chips == 1 else f"{fleet.chips:,} chips"
    if study.points[0].chunked is None:
        each = "one utterance at a time" if fleet.room == 1 else f"up to {fleet.room:,} utterances together"
    else:
        each = f"{fleet.places // fleet.chips:,} streams each"
    return f"{chips}, {each}; {fleet.utterances:,} utterances arrive, {fleet.arrivals}, seed {fleet.seed}"


def _times(*milliseconds: float) -> list[str]:
    return [_ms(value) for value in milliseconds]


def _ms(milliseconds: float) -> str:
    """A time that is given in milliseconds, as people read it."""
    return seconds(milliseconds / 1000) if milliseconds else "0 s"


def _exact(milliseconds: float) -> str:
    return f"{milliseconds:,.3f} ms"


def _signed(products: int) -> str:
    return f"{'−' if products < 0 else '+'}{scaled(abs(products), 'MAC')}"

"""A timeline as trace events in JSON, which Perfetto and other viewers of such traces show.

The format's times are in microseconds. Viewers turn them into whole nanoseconds, and drop a slice that then begins
before the one ahead of it on its track ends: so starts and ends are whole nanoseconds here, and stay apart if a viewer
cuts off what is behind the point. The exact cycles stand beside them.
"""

import json
from collections.abc import Iterator
from typing import Any

from hwsim.results.traced import Level, Slice, Timeline

RUN, BEGINNING = 1, 0
"""The number of the run, which the format calls a process, and of tracks that begin with it."""


def perfetto(timeline: Timeline) -> Iterator[str]:
    """The lines of the JSON document, one event each."""
    said = {**dict(timeline.about), "shown": timeline.extent.text, "whole": timeline.extent.whole}
    head = json.dumps({"displayTimeUnit": "ns", "otherData": said}, ensure_ascii=True)
    yield f'{head[:-1]}, "traceEvents": [\n'
    yield ",\n".join(map(_line, _names(timeline)))
    for record in timeline.records:
        yield ",\n" + (_slice(record, timeline.clock) if isinstance(record, Slice) else _level(record, timeline.clock))
    yield "\n]}\n"


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=True)


def _names(timeline: Timeline) -> Iterator[dict[str, Any]]:
    """What the run and its tracks are called, and in which order they stand."""
    yield _named("process_name", BEGINNING, {"name": timeline.title})
    yield _named("process_labels", BEGINNING, {"labels": timeline.extent.text})
    for place, track in enumerate(timeline.tracks):
        yield _named("thread_name", track.number, {"name": track.name})
        yield _named("thread_sort_index", track.number, {"sort_index": place})


def _named(what: str, track: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": RUN, "tid": track, "args": args}


def _slice(one: Slice, clock: int) -> str:
    start, end = nanoseconds(one.start, clock), nanoseconds(one.end, clock)
    event = {"ph": "X", "name": one.name, "cat": one.kind, "pid": RUN, "tid": one.track, "args": one.args}
    return f'{_line(event)[:-1]}, "ts": {microseconds(start)}, "dur": {microseconds(end - start)}}}'


def _level(one: Level, clock: int) -> str:
    event = {"ph": "C", "name": one.name, "pid": RUN, "tid": BEGINNING, "args": {one.unit: one.value}}
    return f'{_line(event)[:-1]}, "ts": {microseconds(nanoseconds(one.at, clock))}}}'


def nanoseconds(cycles: int, clock: int) -> int:
    """Whole nanoseconds from the beginning to a cycle, halves upwards.

    >>> nanoseconds(3, 10**9), nanoseconds(3, 2 * 10**9), nanoseconds(1, 700 * 10**6)
    (3, 2, 1)
    """
    return (2 * cycles * 10**9 + clock) // (2 * clock)


def microseconds(time_ns: int) -> str:
    """Whole nanoseconds as a number of microseconds that is theirs again when a float of it is cut off, or rounded.

    >>> microseconds(1234), microseconds(1001), int(float(microseconds(1001)) * 1000)
    ('1.234', '1.0011', 1001)
    """
    text = f"{time_ns // 1000}.{time_ns % 1000:03d}"
    return text if int(float(text) * 1000) == time_ns else text + "1"

"""A trace is what the format asks for, its slices are the counters piece by piece, and it says what it leaves out."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import hwsim
from command import complaint, printed
from data import ARCH, TINY
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import AnyChip
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.mapping.planner import Planned, Planner
from hwsim.mapping.run_columns import total_of
from hwsim.mapping.tiles.run import planned_on_tiles
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.quantities.precision import PrecisionPlan
from hwsim.report.perfetto import microseconds, nanoseconds, perfetto
from hwsim.results.traced import MOST_WORK, Extent, Level, Selection, Slice, Timeline, Track
from hwsim.schedule.counters import Counters
from hwsim.schedule.unit_table import StallReason, Unit
from hwsim.study.facts import table_of
from hwsim.study.traced import slot_levels, traced
from hwsim.timing.events import events, selected_events
from hwsim.timing.pieces import SlotRing
from strategies.analog_chips import analog_chip, analog_chips, in_integers
from strategies.chips import chip, chips
from strategies.programs import PROGRAMS, gemm
from strategies.recipes import RECIPES

DRAWN = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
ALL = Selection(most=10**6)

Json = dict[str, Any]
Lasting = tuple[str, str, str]
"""A track, an op, and what a stall waits for; nothing if it is work."""


def work(program: Program) -> Workload:
    plan = PrecisionPlan(policy="w8a8")
    return Workload(name="one", program=program, audio=10**9, batch=1, utterances=1, precision=plan)


def planned_on(program: Program, on: Chip) -> Planned:
    try:
        return Planner(on).plan(table_of(program))
    except Unsupported:
        assume(False)
        raise


def document(timeline: Timeline) -> Json:
    found: Json = json.loads("".join(perfetto(timeline)))
    return found


def of_phase(trace: Json, phase: str) -> list[Json]:
    return [event for event in trace["traceEvents"] if event["ph"] == phase]


def check_format(trace: Json) -> None:
    """What viewers ask of a trace: keys of each phase, names of all tracks, order of time, slices one after another."""
    needed = {"M": {"args"}, "X": {"cat", "ts", "dur", "args"}, "C": {"ts", "args"}}
    named = {event["tid"] for event in of_phase(trace, "M") if event["name"] == "thread_name"}
    (process,) = (event for event in of_phase(trace, "M") if event["name"] == "process_name")
    assert process["args"]["name"]
    ends, times = defaultdict[int, list[tuple[float, float]]](list), defaultdict[Any, list[float]](list)
    for event in trace["traceEvents"]:
        assert {"ph", "name", "pid", "tid"} | needed[event["ph"]] == set(event), event
        assert event["pid"] == process["pid"]
        if event["ph"] == "X":
            assert event["tid"] in named
            ends[event["tid"]].append((event["ts"], event["dur"]))
            times["X", event["tid"]].append(event["ts"])
        if event["ph"] == "C":
            assert all(type(value) in (int, float) for value in event["args"].values())
            times["C", event["name"]].append(event["ts"])
    for found in times.values():
        assert found == sorted(found)
        assert found[0] >= 0
    for slices in ends.values():
        for to_whole in (lambda us: int(us * 1000), lambda us: round(us * 1000)):  # as viewers may do
            for (start, lasts), (begins, _) in pairwise(slices):
                assert to_whole(start) + to_whole(lasts) <= to_whole(begins)


def names_of(trace: Json) -> dict[int, str]:
    return {event["tid"]: event["args"]["name"] for event in of_phase(trace, "M") if event["name"] == "thread_name"}


def check_counters(trace: Json, counted: Counters) -> None:
    """Slices of a unit sum to its busy cycles, those of its stalls by reason to its stalls."""
    names, lasting = names_of(trace), Counter[tuple[str, str]]()
    for event in of_phase(trace, "X"):
        lasting[names[event["tid"]], event["name"] if event["cat"] == "stall" else ""] += event["args"]["cycles"]
    for unit in Unit:
        assert lasting[unit.key, ""] == counted.busy[unit]
        for reason in StallReason:
            assert lasting[f"{unit.key} stalls", reason.in_full] == counted.stalls[reason][unit]


@given(PROGRAMS, chips(), st.sampled_from([10**9, 7 * 10**8, 3 * 10**9]))
@DRAWN
def test_slices_are_the_counters_piece_by_piece(program: Program, on: Chip, clock: int) -> None:
    on = replace(on, clock=clock)
    planned = planned_on(program, on)
    counted = total_of(planned.columns)
    trace = document(traced(on, work(program), planned, ALL))
    check_format(trace)
    check_counters(trace, counted)
    assert trace["otherData"]["whole"]
    assert trace["otherData"]["cycles"] == counted.cycles


@given(PROGRAMS, chips())
@DRAWN
def test_never_more_slots_are_taken_than_there_are_and_none_in_the_end(program: Program, on: Chip) -> None:
    plan = planned_on(program, on).schedule
    found = events(plan)
    for ring in SlotRing:
        levels = [level.value for level in slot_levels(found, ring)]
        assert all(0 <= level <= plan.ports.slots for level in levels)
        assert not levels or levels[-1] == 0


@given(PROGRAMS, chips(), st.sampled_from(["*", "one", "g*", "*.x"]), st.none() | st.integers(1, 3), st.integers(1, 40))
@DRAWN
def test_what_is_selected_is_among_all_events_as_it_was(
    program: Program, on: Chip, ops: str, iterations: int | None, most: int
) -> None:
    plan = planned_on(program, on).schedule
    selection = Selection(ops=ops, iterations=iterations, most=most)
    everything = events(plan)
    found, extent = selected_events(plan, selection)
    wanted = [event for event in everything if selection.wants(event.op) and selection.wants_run(event.iteration)]
    assert (extent.all, extent.selected, extent.shown) == (len(everything), len(wanted), min(most, len(wanted)))
    assert not Counter(found) - Counter(wanted)
    assert len(found) == extent.shown
    if len(wanted) <= most:
        assert list(found) == wanted


def test_the_bytes_of_a_rate_are_those_of_the_run() -> None:
    on, program = chip(), gemm(40, 70, 50, times=3)
    planned = planned_on(program, on)
    trace, moved = document(traced(on, work(program), planned, ALL)), planned.schedule.bytes_moved()
    for unit in (Unit.LOAD, Unit.STORE):
        levels = [event for event in of_phase(trace, "C") if event["name"] == unit.spec.own.label]
        rates = ((before["args"]["GB/s"], before["ts"], after["ts"]) for before, after in pairwise(levels))
        passed = sum(rate * (round(1000 * end) - round(1000 * start)) for rate, start, end in rates)
        assert passed == pytest.approx(moved[unit].total())
        assert levels[-1]["args"]["GB/s"] == 0


def test_a_shipped_workload_is_its_counters_too() -> None:
    found = list[Json]()

    def watch(on: AnyChip, ran: Workload, planned: Planned | None) -> None:
        found.append(document(traced(on, ran, planned, ALL)))

    result = hwsim.simulate(hwsim.load_chip("int4_array"), hwsim.load_workload("tdnnf_7q"), watch=watch)
    (trace,) = found
    check_format(trace)
    check_counters(trace, result.counters)


@pytest.mark.slow
def test_the_shipped_rnnt_is_its_counters_op_by_op_and_a_cut_trace_is_those_of_what_it_has_whole() -> None:
    """All of its pieces of work, which make a file of a gigabyte, as records; those that `--trace` shows unless it is
    asked for more, as a document."""
    chip, lasting, pieces, cut = hwsim.load_chip("int4_array"), Counter[Lasting](), Counter[Lasting](), list[Json]()

    def watch(on: AnyChip, ran: Workload, planned: Planned | None) -> None:
        cut.append(document(traced(on, ran, planned, Selection())))
        whole = traced(on, ran, planned, Selection(most=3 * 10**6))
        assert whole.extent.whole
        names = {track.number: track.name for track in whole.tracks}
        for record in whole.records:
            if isinstance(record, Slice):
                stalled = record.kind == "stall"
                key = names[record.track], str(record.args["op"]) if stalled else record.name, record.name * stalled
                lasting[key] += record.end - record.start
                pieces[key] += 1

    result = hwsim.simulate(chip, hwsim.load_workload("rnnt"), watch=watch)
    for op in result.ops:
        for unit in Unit:
            assert lasting[unit.key, op.name, ""] == op.busy_cycles[unit]
            for reason in StallReason:
                waited = lasting[f"{unit.key} stalls", op.name, reason.in_full]
                assert waited == op.stall_cycles[reason][unit]
    for unit in Unit:
        assert result.counters.busy[unit] == sum(lasting[unit.key, op.name, ""] for op in result.ops)
        for reason in StallReason:
            of_ops = (lasting[f"{unit.key} stalls", op.name, reason.in_full] for op in result.ops)
            assert result.counters.stalls[reason][unit] == sum(of_ops)

    (shown,) = cut
    check_format(shown)
    every = sum(count for (_, _, reason), count in pieces.items() if not reason)
    said = f"{MOST_WORK:,} of {every:,} pieces of work: the first {MOST_WORK:,} in the program's order"
    assert (shown["otherData"]["shown"], shown["otherData"]["whole"]) == (said, False)
    names, of_op, count = names_of(shown), Counter[Lasting](), Counter[Lasting]()
    for event in of_phase(shown, "X"):
        if event["cat"] == "work":
            key = names[event["tid"]], event["name"], ""
            of_op[key] += event["args"]["cycles"]
            count[key] += 1
    assert count.total() == MOST_WORK
    uncut = [key for key in count if count[key] == pieces[key]]
    assert 0 < len(uncut) < sum(not reason for _, _, reason in pieces)
    assert all(of_op[key] == lasting[key] for key in uncut)
    assert all(0 < of_op[key] <= lasting[key] for key in count)


def test_times_are_whole_nanoseconds_whatever_a_viewer_does_with_floats() -> None:
    for time_ns in [*range(5000), *(10**k + d for k in range(4, 15) for d in range(-20, 20))]:
        value = float(microseconds(time_ns))
        assert int(value * 1000) == round(value * 1000) == time_ns
    starts = [nanoseconds(cycle, 1_300_000_000) for cycle in range(1000)]
    assert starts == sorted(starts)


def test_levels_and_slices_stand_as_the_format_says() -> None:
    one = Timeline(
        title="a",
        clock=10**9,
        tracks=(Track(3, "load"),),
        records=iter([Slice(3, "op", "work", 5, 9, {"iteration": 1}), Level("slots of weights", "slots", 7, 2)]),
        extent=Extent(shown=1, selected=1, all=1, of=Selection()),
        about=(("chip", "b"),),
    )
    trace = document(one)
    assert trace["otherData"] == {"chip": "b", "shown": "all 1 pieces of work", "whole": True}
    assert trace["traceEvents"][-2:] == [
        {"ph": "X", "name": "op", "cat": "work", "pid": 1, "tid": 3, "args": {"iteration": 1},
         "ts": 0.005, "dur": 0.004},
        {"ph": "C", "name": "slots of weights", "pid": 1, "tid": 0, "args": {"slots": 2}, "ts": 0.007},
    ]  # fmt: skip


def busy_by_unit(trace: Json) -> Counter[str]:
    names, lasting = names_of(trace), Counter[str]()
    for event in of_phase(trace, "X"):
        lasting[names[event["tid"]].split(" copy ")[0]] += event["args"]["cycles"]
    return lasting


@given(RECIPES, analog_chips())
@DRAWN
def test_slices_on_tiles_are_the_times_of_units(recipe: AnyRecipe, on: AnalogChip) -> None:
    program = in_integers(workload(recipe).program)
    try:
        run = planned_on_tiles(program, on)
    except Unsupported:
        assume(False)
        raise
    trace = document(traced(on, work(program), None, ALL))
    check_format(trace)
    assert busy_by_unit(trace) == Counter({unit.name: unit.busy for unit in run.units})
    for event in of_phase(trace, "C"):
        assert event["args"]["rows"] >= 0


def test_copies_have_tracks_of_their_own() -> None:
    on = analog_chip(chips=1, copies=(("gemm", 2),))
    trace = document(traced(on, work(gemm(8, 4, 4)), None, ALL))
    check_format(trace)
    rows = Counter(names_of(trace)[event["tid"]] for event in of_phase(trace, "X"))
    assert rows["tiles.0 copy 0"] == rows["tiles.0 copy 1"] == 4
    cut = document(traced(on, work(gemm(8, 4, 4)), None, Selection(ops="g*", iterations=3, most=5)))
    assert len(of_phase(cut, "X")) == 5
    assert cut["otherData"]["shown"].endswith("ops g*, the first 3 runs of each op, the first 5 in the program's order")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.yaml").write_text(TINY)
    (tmp_path / "chip.yaml").write_text(ARCH.read_text())
    return tmp_path


def read(file: Path) -> Json:
    found: Json = json.loads(file.read_text())
    return found


def test_a_cut_run_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = printed(capsys, "run", "chip.yaml", "work.yaml", "--trace", "all.json")
    assert err == "hwsim: wrote all.json\n"
    whole = read(here / "all.json")
    count = sum(event["cat"] == "work" for event in of_phase(whole, "X"))
    assert whole["otherData"]["shown"] == f"all {count:,} pieces of work"
    _, err = printed(capsys, "run", "chip.yaml", "work.yaml", "--trace", "cut.json", "--trace-events", "5")
    said = f"5 of {count:,} pieces of work: the first 5 in the program's order"
    others = "others with --trace-op, --trace-iterations, --trace-events"
    assert err == f"hwsim: wrote cut.json\nhwsim: the trace shows {said}; {others}\n"
    cut = read(here / "cut.json")
    assert (cut["otherData"]["shown"], cut["otherData"]["whole"]) == (said, False)
    assert sum(event["cat"] == "work" for event in of_phase(cut, "X")) == 5


def test_ops_and_runs_are_selected(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--trace-op", "encoder.*.gates", "--trace-iterations", "2")
    printed(capsys, "run", "chip.yaml", "rnnt", "--dim", "encoder.layers=2", "--trace", "t.json", *options)
    shown = [event for event in of_phase(read(here / "t.json"), "X") if event["cat"] == "work"]
    assert len({event["name"] for event in shown}) == 4  # two layers in two directions
    assert {event["args"]["iteration"] for event in shown} == {0, 1}
    assert all(event["name"].endswith(".gates") for event in shown)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trace-events", "5"], "--trace-events = 5: chooses what --trace shows; give that too"),
        (["--trace-op", "a"], "--trace-op = 'a': chooses what --trace shows; give that too"),
        (
            ["--trace", "t.json", "--trace-op", "nobody"],
            "--trace-op = 'nobody': matches no op; hwsim ops WORKLOAD lists them",
        ),
        (["--trace", "work.yaml"], "work.yaml: is read, and would be written over for --trace; write to another file"),
        (["--trace", "-"], "--trace = '-': must name a file; it is not printed"),
        (
            ["--trace", "x.json", "--json", "x.json"],
            "x.json: would be written for --json and --trace; name another file for one of them",
        ),
    ],
)
def test_what_makes_no_trace_is_refused_in_one_line(
    options: Iterable[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint(capsys, "run", "chip.yaml", "work.yaml", *options) == message
    assert not (here / "t.json").exists()


def test_an_extent_that_is_more_than_all_is_refused() -> None:
    with pytest.raises(InvalidValue, match="must be at most 2"):
        Extent(shown=3, selected=2, all=9, of=Selection())

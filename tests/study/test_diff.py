"""What changed between two results adds up to all that changed, is nothing for equal ones, turns round with them."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hwsim
from command import complaint, printed
from data import ARCH, TINY
from hwsim.errors import InvalidValue, Unsupported
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.report.difference import difference_text
from hwsim.report.difference_screen import difference_screen
from hwsim.report.export import to_json
from hwsim.report.tables import MOST_LINES, Screen
from hwsim.results.difference import Assumed, Difference, FigureChange, RunKind
from hwsim.results.result import Result
from hwsim.results.tiles_result import TilesResult
from hwsim.schedule.unit_table import StallReason, Unit
from strategies.recipes import RECIPES

AnyResult = Result | TilesResult


@cache
def result_of(chip: str, name: str, precision: str | None = None) -> AnyResult:
    if chip in ("hermes", "analog_pcm"):
        return hwsim.simulate(hwsim.load_analog_chip(chip), hwsim.load_workload(name, precision=precision))
    return hwsim.simulate(hwsim.load_chip(chip), hwsim.load_workload(name, precision=precision))


@cache
def results() -> tuple[AnyResult, ...]:
    return (
        result_of("int4_array", "tdnnf_7q"),
        result_of("int4_array", "tdnnf_7q", "w8a8"),
        result_of("int4_array", "transformer_lm"),
        result_of("hermes", "tdnnf_7q", "w8a8"),
    )


PAIRS = [(one, other) for one in range(4) for other in range(4) if one != other]


@pytest.mark.parametrize("place", range(4))
def test_equal_results_have_no_difference(place: int) -> None:
    result = results()[place]
    read = hwsim.load_result(to_json(result))
    found = hwsim.diff(result, read)
    assert found.equal
    assert not any((found.figures, found.parts, found.ops, found.energy_by_component, found.tensors))
    assert not any((found.resources, found.plans, found.assumptions))
    text = difference_screen(found, Screen(width=200))
    assert text.startswith("The results are equal: ")
    assert text.count("\n") == 1


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_changes_are_those_of_the_results_and_turn_round_with_them(one: int, other: int) -> None:
    before, after = results()[one], results()[other]
    found, back = hwsim.diff(before, after), hwsim.diff(after, before)
    assert not found.equal
    assert (found.before, found.after, found.fields) == (back.after, back.before, found.fields)
    cycles = after.summary.cycles - before.summary.cycles
    assert sum(op.cycles for op in found.ops) == sum(part.cycles for part in found.parts) == cycles
    energy = sum(change.after_aj - change.before_aj for change in found.energy_by_component)
    assert energy == after.summary.energy_aj - before.summary.energy_aj
    assert sum(change.share for change in found.energy_by_component if change.share is not None) == 1
    for forth, other_way in ((found.ops, back.ops), (found.parts, back.parts)):
        turned = {change.name: (change.after, change.before) for change in other_way}
        assert {change.name: (change.before, change.after) for change in forth} == turned
    assert {(c.kind, c.name, c.before, c.after) for c in found.assumptions} == {
        (c.kind, c.name, c.after, c.before) for c in back.assumptions
    }
    for what in ("busy", "waiting", "idle"):
        more = sum(getattr(c.after, what) - getattr(c.before, what) for c in found.resources if c.before and c.after)
        if found.before.kind is found.after.kind is RunKind.ARRAY:
            assert more == _spent_by_units(after, what) - _spent_by_units(before, what)
    turned_units = {change.unit: (change.after, change.before) for change in back.resources}
    assert {change.unit: (change.before, change.after) for change in found.resources} == turned_units
    turned_plans = {p.op: (p.mode_after, p.mode_before, p.split_after, p.split_before) for p in back.plans}
    assert {p.op: (p.mode_before, p.mode_after, p.split_before, p.split_after) for p in found.plans} == turned_plans
    figures = {change.name: change for change in found.figures}
    assert figures["latency_ms"].factor == pytest.approx(after.summary.latency_ms / before.summary.latency_ms)


def _spent_by_units(result: AnyResult, what: str) -> int:
    """All units' cycles at work, waiting or idle, out of the counters of the whole run."""
    assert isinstance(result, Result)
    counters = result.counters
    if what == "waiting":
        return sum(counters.stalls[reason].total for reason in StallReason)
    return {"busy": counters.busy, "idle": counters.idle}[what].total


@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_first_screen_is_a_screen_and_says_what_the_runs_differ_in(one: int, other: int, width: int) -> None:
    found = hwsim.diff(results()[one], results()[other])
    text = difference_screen(found, Screen(width=width))
    assert text.count("\n") <= MOST_LINES
    assert all(len(line) <= width for line in text.split("\n"))
    assert text.startswith("Different ")
    said = " ".join(text.split())
    for name in ("workload", "precision", "chip"):
        told = said[: said.index(":")]
        assert (name in told) == (getattr(found.before, name) != getattr(found.after, name))
    assert ("kind of run" in said) == (found.before.kind is not found.after.kind)
    assert said.endswith("More: --full")
    full = difference_text(found, Screen(width=400))
    assert all(op.name in full for op in found.ops)
    assert all(f"{change.after.busy:,}" in full for change in found.resources if change.after)
    assert all(plan.op in full for plan in found.plans)


@given(RECIPES, st.sampled_from(["w8a8", "w4a4", "fp16"]), st.sampled_from(["w8a8", "w4a8", "fp16"]))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_two_runs_of_a_network_differ_by_what_their_ops_do(recipe: AnyRecipe, first: str, last: str) -> None:
    chip = hwsim.load_chip("int4_array")
    try:
        before, after = (hwsim.simulate(chip, workload(recipe, precision)) for precision in (first, last))
    except Unsupported:
        return
    found = hwsim.diff(before, after)  # which checks its sums
    assert found.equal == (before == after)
    bound = {op.name: op.limit for op in after.ops}
    for op in found.ops:
        assert op.bound_after == (bound[op.name].value if op.name in bound else None)
    places = {tensor.tensor: tensor.place.value for tensor in after.tensors}
    for tensor in found.tensors:
        assert tensor.place_after == places.get(tensor.tensor)


def test_what_results_rest_on_is_told_by_name() -> None:
    work, chip = hwsim.load_workload("tdnnf_7q"), hwsim.load_chip("int4_array")
    other = chip.with_(**{"clock": "800 MHz", "dram.read": "32 GB/s"})
    found = hwsim.diff(hwsim.simulate(chip, work), hwsim.simulate(other, work))
    told = {(change.kind, change.name): (change.before, change.after) for change in found.assumptions}
    assert told[Assumed.OPERATION, "clock"] == ("1000000000", "800000000")
    assert (Assumed.INPUT, "chip") in told
    assert (Assumed.INPUT, "workload") not in told
    assert (Assumed.SOURCE, "chip.dram.read") in told
    text = difference_screen(found, Screen(width=200))
    assert text.startswith("tdnnf_7q in w4a8 on int4_array: ")
    assert "The clocks differ: equal cycles are different times." in text


def test_prices_that_changed_are_told() -> None:
    result = result_of("int4_array", "tdnnf_7q")
    first = result.prices[0]
    dearer = replace(result, prices=(replace(first, exact=first.exact * 2), *result.prices[1:]))
    found = hwsim.diff(result, dearer)
    assert found.fields == ("prices",)
    (change,) = found.assumptions
    assert (change.kind, change.name) == (Assumed.PRICE, f"{first.action} ({first.component.value})")
    assert change.before != change.after


def test_weights_that_stand_elsewhere_are_told() -> None:
    work = hwsim.load_workload("tdnnf_7q", precision="w8a8")
    chip = hwsim.load_analog_chip("hermes")
    fewer = replace(chip, digital=(*chip.digital, "encoder.2.linear"))
    found = hwsim.diff(hwsim.simulate(chip, work), hwsim.simulate(fewer, work))
    assert {found.before.kind, found.after.kind} == {RunKind.TILES}
    gone = [change for change in found.tensors if change.tensor == "encoder.2.linear.weight"]
    assert gone
    assert "tile" in str(gone[0].place_before)
    assert "tile" not in str(gone[0].place_after)


def test_units_of_a_whole_run_are_told_with_their_cycles() -> None:
    """Of 4 bits instead of 8 each unit's time is its counters' in both runs, which are the run's cycles together."""
    before, after = result_of("int4_array", "tdnnf_7q", "w8a8"), result_of("int4_array", "tdnnf_7q")
    assert isinstance(before, Result)
    assert isinstance(after, Result)
    found = hwsim.diff(before, after)
    assert {"array", "load"} <= {change.unit for change in found.resources}
    for change in found.resources:
        for spent, result in ((change.before, before), (change.after, after)):
            assert spent is not None
            counters, unit = result.counters, Unit[change.unit.upper()]
            assert (spent.busy, spent.idle) == (counters.busy[unit], counters.idle[unit])
            assert spent.waiting == sum(counters.stalls[reason][unit] for reason in StallReason)
            if change.unit in ("array", "vector"):
                assert spent.busy + spent.waiting + spent.idle == result.summary.cycles
    assert "unit, shares of the run" in difference_screen(found, Screen(width=120))


def test_tiles_tell_what_their_units_do() -> None:
    work, chip = hwsim.load_workload("tdnnf_7q", precision="w8a8"), hwsim.load_analog_chip("hermes")
    before, after = (
        hwsim.simulate(on, work) for on in (chip, replace(chip, digital=(*chip.digital, "encoder.2.linear")))
    )
    found = hwsim.diff(before, after)
    units = {unit.name: unit for unit in after.units}
    assert found.resources
    for change in found.resources:
        if change.after is not None:
            unit = units[change.unit]
            assert (change.after.servers, change.after.busy, change.after.idle) == (
                unit.servers, unit.busy, unit.idle,
            )  # fmt: skip
    across = hwsim.diff(result_of("int4_array", "tdnnf_7q", "w8a8"), before)
    assert (across.resources, across.plans) == ((), ())


def test_plans_tell_modes_and_splits_of_ops_that_both_have() -> None:
    before, after = result_of("int4_array", "tdnnf_7q", "w8a8"), result_of("int4_array", "tdnnf_7q", "w4a4")
    assert isinstance(before, Result)
    assert isinstance(after, Result)
    modes = [{op.name: op.mode for op in result.ops} for result in (before, after)]
    changed = {name for name, mode in modes[1].items() if name in modes[0] and modes[0][name] != mode}
    found = hwsim.diff(before, after)
    assert changed
    assert {plan.op for plan in found.plans} == changed
    assert {(plan.mode_before, plan.mode_after) for plan in found.plans} == {("int8", "int4")}
    assert f"Plans: {len(changed)} in another mode of the array." in difference_screen(found, Screen(width=200))
    first = next(op for op in after.ops if op.mode is not None)
    split = replace(after, ops=tuple(replace(op, split="4 of n") if op.name == first.name else op for op in after.ops))
    (plan,) = hwsim.diff(after, split).plans
    assert (plan.op, plan.split_before, plan.split_after) == (first.name, None, "4 of n")
    assert "whole → 4 of n" in difference_text(hwsim.diff(after, split), Screen(width=200))


def test_figures_of_nothing_have_no_factor() -> None:
    assert FigureChange.of("host_ms", 0.0, 3.0).factor is None
    assert FigureChange.of("tops", None, 3.0).change is None


def test_what_is_no_result_is_refused() -> None:
    result = result_of("int4_array", "tdnnf_7q")
    with pytest.raises(InvalidValue, match="after = 'str': must be a result"):
        hwsim.diff(result, "b.json")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match=r"ops\.cycles"):
        replace(hwsim.diff(result, result_of("int4_array", "tdnnf_7q", "w8a8")), ops=())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.yaml").write_text(TINY)
    (tmp_path / "chip.yaml").write_text(ARCH.read_text())
    return tmp_path


def test_the_command_compares_what_run_wrote(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "run", "chip.yaml", "work.yaml", "--json", "a.json")
    printed(capsys, "run", "chip.yaml", "work.yaml", "--precision", "w4a4", "--json", "b.json")
    out, err = printed(capsys, "diff", "a.json", "a.json")
    assert (out.startswith("The results are equal: "), err) == (True, "")
    out, err = printed(capsys, "diff", "a.json", "b.json", "--json", "-")
    document = json.loads(out)
    assert (document["before"]["precision"], document["after"]["precision"]) == ("w8a8", "w4a4")
    assert [op["name"] for op in document["ops"]] == ["one"]
    assert err.startswith("Different precision: ")
    out, _ = printed(capsys, "diff", "a.json", "b.json", "--full")
    assert "rests on" in out
    _, err = printed(capsys, "diff", "a.json", "b.json", "--json", "d.json")
    assert err == "hwsim: wrote d.json\n"
    assert complaint(capsys, "diff", "a.json", "b.json", "--json", "b.json").startswith("b.json: is read, and would be")
    assert "give a file that hwsim run --json wrote" in complaint(capsys, "diff", "a.json", "d.json")


def test_a_notebook_shows_the_screen() -> None:
    found: Difference = hwsim.diff(results()[0], results()[1])
    assert "output.states" in found._repr_html_()
    assert repr(found).startswith(
        "<Difference tdnnf_7q in w4a8 on int4_array → tdnnf_7q in w8a8 on int4_array: summary"
    )

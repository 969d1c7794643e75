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
    lists = (found.figures, found.parts, found.ops, found.energy_by_component, found.tensors, found.assumptions)
    assert not any(lists)
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
    figures = {change.name: change for change in found.figures}
    assert figures["latency_ms"].factor == pytest.approx(after.summary.latency_ms / before.summary.latency_ms)


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

"""A result that was written and read back is the same result: all integers, fractions and optional parts of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwsim
from hwsim.errors import FileProblem, InvalidValue
from hwsim.ir.lengths import Lengths, Share
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import RECIPES as CATALOGUE
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.quantities.plain_data import Objective
from hwsim.report.export import to_json
from hwsim.results.measured import Measuring, Sources
from hwsim.results.result import Result
from hwsim.study.simulate import Request, run
from strategies.chips import chip
from strategies.recipes import LISTS, LSTMS, MS, RECIPES, TRANSFORMERS, conformers, rnnts, tdnnfs

POINT = {"slow": {"clock": "500 MHz", "voltage": "0.55 V", "memory_voltage": "0.7 V"}}
"""A supply that is no binary fraction: prices at it have long numerators."""


def held(result: Result) -> None:
    written = to_json(result)
    assert hwsim.load_result(written) == result
    assert to_json(hwsim.load_result(written)) == written


@pytest.mark.slow
@settings(max_examples=40)
@given(RECIPES, st.sampled_from(Objective), st.booleans(), st.data())
def test_every_run_reads_back_as_it_was(
    recipe: AnyRecipe, objective: Objective, slow: bool, data: st.DataObject
) -> None:
    on = hwsim.load_chip("int4_array").with_(operating_points=POINT)
    work = workload(recipe)
    op = data.draw(st.none() | st.sampled_from([placed.op.name for placed in work.program.placed()]))
    request = Request(point="slow" if slow else None, explained=op, objective=objective)
    held(run(on, work, request, files={"a.yaml": "0" * 64}))


KINDS = {
    "rnnt": rnnts(),
    "conformer": conformers(),
    "tdnnf": tdnnfs(),
    "transformer_lm": TRANSFORMERS,
    "lstm_lm": LSTMS,
    "gemms": LISTS,
}


FILES = {"onnx", "tflite", "kaldi", "models"}
"""Kinds that need a file, and are no networks of ours."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(CATALOGUE.keys() - FILES))
def test_values_of_every_kind_of_network_read_back(kind: str) -> None:
    @settings(max_examples=3)
    @given(KINDS[kind])
    def values_read_back(recipe: AnyRecipe) -> None:
        found = run(chip(), workload(recipe, "w8a8"), Request(measuring=Measuring(sources=Sources())), files={})
        assert found.quality is not None
        held(found)

    values_read_back()


def test_lengths_and_a_power_cap_read_back(small: Workload) -> None:
    stated = Lengths(shares=(Share(length=100 * MS, utterances=2), Share(length=300 * MS, utterances=1)))
    recipe: Any = small.recipe
    work = workload(replace(recipe, lengths=stated))
    found = hwsim.simulate(hwsim.load_chip("int4_array"), work, power_cap=Fraction(1, 3))
    assert found.lengths is not None
    assert found.operation.power_cap == Fraction(1, 3)
    held(found)


@pytest.fixture
def small() -> Workload:
    return _small()


@cache
def _small() -> Workload:
    return hwsim.load_workload({"kind": "lstm_lm", "name": "tiny", "audio": "1 s", "symbols_per_second": 10,
                                "model": {"embedding": 3, "cells": 4, "layers": 1}, "outputs": 5})  # fmt: skip


@cache
def _result() -> Result:
    return hwsim.simulate(hwsim.load_chip("int4_array"), _small())


FRACTIONS = st.fractions(min_value=0, max_value=10**40) | st.builds(Fraction, st.integers(0, 9), st.just(3 * 10**30))


@pytest.mark.slow
@given(st.lists(FRACTIONS, min_size=1, max_size=3))
def test_no_fraction_is_lost(prices: list[Fraction]) -> None:
    first = _result().prices[0]
    held(replace(_result(), prices=tuple(replace(first, exact=exact) for exact in prices)))


def test_only_what_no_decimal_holds_is_written_apart() -> None:
    first = _result().prices[0]
    tenth, third = (replace(first, exact=exact) for exact in (Fraction(1, 10), Fraction(1, 3)))
    document = json.loads(to_json(replace(_result(), prices=(tenth, third), energy_lines=())))
    assert {path: text for path, text in document["exact"].items() if path.startswith("prices")} == {
        "prices.1.exact": "1/3"
    }


def test_a_file_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(to_json(_result()))
    assert hwsim.load_result(path) == hwsim.load_result(str(path)) == _result()


def without(key: str) -> Callable[[Any], None]:
    return lambda document: document.pop(key)


def with_(value: Any, *steps: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for step in steps[:-1]:
            document = document[step]
        document[steps[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("ops"), "lacks ops; run it again"),
        (with_(1, "summary", "cycels"), "summary.cycels = 1: unknown field; did you mean cycles? known: chip, "),
        (with_("9", "summary", "cycles"), "summary.cycles = '9': must be a whole number; run it again"),
        (with_(True, "summary", "rtf"), "summary.rtf = True: must be a number; run it again"),
        (with_(7, "summary", "chip"), "summary.chip = 7: must be a text; run it again"),
        (with_("os", "provenance", "engine"), "provenance.engine = 'os': unknown; known: fast, cycle; run it again"),
        (with_(None, "ops"), "ops = None: must be a list; run it again"),
        (with_([], "summary", "products_by_mode"), "summary.products_by_mode = []: must be a mapping; run it again"),
        (with_([], "counters"), "counters = []: must hold "),
        (
            with_(-1, "energy_by_component_aj", "mac"),
            "energy_by_component_aj.mac = -1: must be at least 0; run it again",
        ),
        (with_("x", "operation", "node"), "operation.node = 'x': must be a number; run it again"),
        (with_({"a.b": "1/3"}, "exact"), "exact.a.b = '1/3': belongs to no fraction; run it again"),
        (with_({"operation.node": "1/0"}, "exact"), "operation.node = '1/0': must be a fraction, such as 1/3; run it"),
        (with_({"operation.node": "1/3"}, "exact"), "exact.operation.node = '1/3': must be the fraction behind 7; run"),
        (with_(3, "exact"), "exact = 3: must be a mapping of paths to fractions; run it again"),
        (
            lambda document: (with_("0.0.1", "provenance", "versions", "hwsim")(document), without("area")(document)),
            f"lacks area; run it again with this version, {hwsim.__version__}; the file is of 0.0.1",
        ),
    ],
)
def test_a_document_of_another_shape_is_one_line(change: Callable[[Any], None], message: str) -> None:
    document = json.loads(to_json(_result()))
    change(document)
    with pytest.raises(FileProblem) as caught:
        hwsim.load_result(json.dumps(document))
    assert message in str(caught.value)
    assert str(caught.value).startswith("result: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "result = {}: lacks summary, diagnosis, "),
        ('{"rows": []}', "rows = []: unknown field; known: summary, "),
        ('{"a": 1, "a": 2}', "a = 2: is there twice; write it again with hwsim run --json"),
        ('{"a":' * 10**5, "is nested too deeply; write it again with hwsim run --json"),
        ('{"a": ' + "1" * 5000 + "}", "write it again with hwsim run --json"),
        ("{", "is no whole JSON document: "),
    ],
)
def test_what_is_no_result_is_one_line(text: str, message: str) -> None:
    with pytest.raises(FileProblem) as caught:
        hwsim.load_result(text)
    assert message in str(caught.value)


@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_one_line(share: float) -> None:
    text = to_json(_result())
    with pytest.raises(FileProblem, match=r"^result(:\d+)?: .*hwsim run --json"):
        hwsim.load_result("{" + text[1 : 1 + int(share * (len(text) - 3))])


def test_only_a_path_or_a_text_is_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="result = 'int': must be a path, or the text of a JSON document"):
        hwsim.load_result(3)  # type: ignore[arg-type]
    with pytest.raises(FileProblem, match="cannot be read"):
        hwsim.load_result(tmp_path / "none.json")

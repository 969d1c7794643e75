"""The formats shown in the documentation are files that hwsim takes."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import onnx
import pytest
import yaml
from onnx import helper

from data import ROOT
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.chip import Chip
from hwsim.hardware.dram import DramDevice
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.check import check
from hwsim.inputs.files import Kind
from hwsim.inputs.schema import schema
from hwsim.models.catalogue import RECIPES
from hwsim.quantities.registry import Family
from kaldi_files import factored, written
from onnx_models import model
from three_files import encoder, joiner, predictor

EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "formats.md").read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[text.split("\n")[0] for text in EXAMPLES])
def test_examples_are_valid_files(example: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(example)
    relu = helper.make_node("Relu", ["x"], ["y"], "relu")
    onnx.save(model([relu], {"x": ["frames", 4]}, ["y"]), tmp_path / "recogniser.onnx")
    (tmp_path / "okay_nabu.tflite").symlink_to(ROOT / "tests" / "data" / "tflite" / "okay_nabu.tflite")
    (tmp_path / "final.mdl").write_bytes(written(factored(np.random.default_rng(1))))
    for name, made in (("encoder", encoder()), ("predictor", predictor()), ("joiner", joiner())):
        onnx.save(made, tmp_path / f"{name}.onnx")
    assert check(str(path)).name in example


def test_every_kind_of_file_is_shown() -> None:
    assert set(re.findall(r"^kind: (\w+)$", "\n".join(EXAMPLES), flags=re.MULTILINE)) == set(RECIPES)
    assert len(EXAMPLES) == 25


FILES = (Chip, AnalogChip, PriceTable, DramDevice, *RECIPES.values())


def branches(kind: Any) -> Iterator[Any]:
    """What a type is put together from, the members of its family among them."""
    for member in get_args(kind):
        yield from member.members if isinstance(member, Family) else (member,)


def nouns_in(kind: Any) -> Iterator[Any]:
    """All nouns of which a value of this kind may be made."""
    if isinstance(kind, type) and is_dataclass(kind):
        yield kind
        for hint in get_type_hints(kind, include_extras=True).values():
            yield from nouns_in(hint)
    for member in branches(kind):
        yield from nouns_in(member)


def shown_fields(kind: Any, value: Any) -> Iterator[tuple[str, str]]:
    """Names and kinds of the fields that a document gives to the nouns that it describes."""
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        tag = get_args(hints["kind"]) if get_origin(hints.get("kind")) is Literal else ()
        if isinstance(value, dict) and set(value) <= set(hints) and (value.get("kind") in tag or not tag):
            for name, inner in value.items():
                yield name, str(hints[name])
                yield from shown_fields(hints[name], inner)
    elif get_origin(kind) is tuple:
        entry = get_args(kind)[0]
        entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for inner in entries:
            yield from shown_fields(get_args(entry)[1] if isinstance(value, dict) else entry, inner)
    else:
        for member in branches(kind):
            yield from shown_fields(member, value)


def test_every_field_that_a_file_can_have_is_shown() -> None:
    """Once, where several nouns have a field of the same name and kind."""
    documents = [yaml.safe_load(example) for example in EXAMPLES]
    shown = {field for document in documents for kind in FILES for field in shown_fields(kind, document)}
    for noun in {noun for kind in FILES for noun in nouns_in(kind)}:
        hints = get_type_hints(noun, include_extras=True)
        lacking = [f.name for f in fields(noun) if f.name != "kind" and (f.name, str(hints[f.name])) not in shown]
        assert not lacking, noun.__name__


def test_the_nouns_of_the_files_are_those_of_their_schemas() -> None:
    names = {noun.__name__ for kind in FILES for noun in nouns_in(kind)}
    documents = [schema(kind) for kind in Kind]
    described = {name: said for document in documents for name, said in document["$defs"].items()}
    described |= {document["title"]: document for document in documents if "title" in document}
    assert {name for name, said in described.items() if "properties" in said} == names

"""Sizes and compression come from packed bytes and scales; the generated pages say what the models say."""

from dataclasses import replace
from fractions import Fraction

import pytest

from data import ROOT
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.ir.tensor import Role
from hwsim.models.catalogue import workload
from hwsim.models.conformer import Conformer
from models.test_extractors import hand_count, shipped
from script import script

BITS = {"fp32": 32, "fp16": 16, "w8a8": 8, "w4a8": 4, "w4a16g32": 4}

SCRIPT = script("pages")


@pytest.mark.slow
def test_generated_pages_are_up_to_date() -> None:
    for path, text in SCRIPT.pages().items():
        assert path.read_text() == text, f"{path.name}: run scripts/pages"


@pytest.mark.slow
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_parts_sum_to_the_workload(name: str) -> None:
    recipe = shipped(name)
    parts = SCRIPT.part_sizes(recipe)
    program = workload(recipe, "fp32").program
    assert sum(part.parameters for part in parts) == program.parameters
    audio = Fraction(recipe.audio, 10**12) * workload(recipe).utterances
    assert sum(part.products_per_second for part in parts) * audio == hand_count(recipe)
    for place, policy in enumerate(SCRIPT.POLICIES):
        stored = sum(part.stored_bytes[place] for part in parts)
        assert stored == workload(recipe, policy).program.model_bytes


@pytest.mark.slow
@pytest.mark.parametrize("policy", SCRIPT.POLICIES)
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_bytes_are_packed_weights_and_their_scales(name: str, policy: str) -> None:
    """Each column of a weight is a row of bits, rounded up to bytes once, with a scale of four bytes or one a group."""
    program = workload(shipped(name), policy).program
    bits, group = BITS[policy], 32 if policy.endswith("g32") else None
    for tensor in program.parameter_tensors:
        if tensor.role is not Role.WEIGHT:
            continue
        *groups, k, n = tensor.shape
        columns = n * (groups[0] if groups else 1)
        scales = 0 if policy.startswith("fp") else 1 if group is None else -(-k // group)
        assert tensor.stored_bytes == columns * (-(-k * bits // 8) + 4 * scales), tensor.name


def test_hypotheses_of_a_language_model_are_not_utterances() -> None:
    """Its products for a second of audio are those of all hypotheses; elsewhere a batch is of utterances."""
    (part,) = SCRIPT.part_sizes(shipped("lstm_lm"))
    assert part.products_per_second == 14 * 16 * (2 * 4 * 2048 * 2 * 2048 + 2048 * 46)
    assert (workload(shipped("lstm_lm")).batch, workload(shipped("lstm_lm")).utterances) == (16, 1)
    conformer = shipped("conformer_s")
    assert isinstance(conformer, Conformer)
    assert workload(replace(conformer, batch=2)).utterances == 2


def test_every_workload_is_on_the_page() -> None:
    page = (ROOT / "docs" / "workloads.md").read_text()
    for name in names(Kind.WORKLOAD):
        assert f"## {name}\n" in page
        assert f"{load_workload(name).program.parameters:,}" in page

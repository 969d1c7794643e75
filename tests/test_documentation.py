"""The formats shown in the documentation are files that hwsim takes."""

import re
from pathlib import Path

import pytest

from data import ROOT
from hwsim.inputs.check import check
from hwsim.models.catalogue import RECIPES

EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "formats.md").read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[text.split("\n")[0] for text in EXAMPLES])
def test_examples_are_valid_files(example: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(example)
    assert check(str(path)).name in example


def test_every_kind_of_file_is_shown() -> None:
    assert set(re.findall(r"^kind: (\w+)$", "\n".join(EXAMPLES), flags=re.MULTILINE)) == set(RECIPES)
    assert len(EXAMPLES) == 10

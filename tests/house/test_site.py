"""The site has every page, and its links lead where those of the repository do; what pages show is true."""

import re
from typing import Any

import pytest
import yaml

from data import ROOT
from script import script

CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def in_navigation(entries: Any) -> list[str]:
    """The pages of a navigation."""
    if isinstance(entries, str):
        return [entries]
    inner = entries.values() if isinstance(entries, dict) else entries
    return [page for entry in inner for page in in_navigation(entry)]


def test_every_page_is_in_the_navigation_once() -> None:
    docs = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    studies = [path.relative_to(ROOT).as_posix() for path in (ROOT / "reports").rglob("README.md")]
    assert sorted(in_navigation(CONFIG["nav"])) == sorted(["index.md", *docs, *studies])


@pytest.mark.parametrize(
    ("uri", "link", "turned"),
    [
        ("index.md", "[a](docs/model.md#time)", "[a](model.md#time)"),
        ("index.md", "[a](LICENSE)", "a"),
        ("index.md", "![a](docs/figures/a.svg)", "![a](figures/a.svg)"),
        ("accuracy.md", "[a](../reports/x/README.md)", "[a](reports/x/README.md)"),
        ("decisions/0001.md", "[a](../model.md)", "[a](../model.md)"),
        ("energy.md", "[a](../arch/energy/b.yaml)", "a"),
        ("reports/x/README.md", "![a](figures/b.svg)", "![a](../../reports/x/figures/b.svg)"),
        ("reports/x/README.md", "[a](../../docs/model.md)", "[a](../../model.md)"),
        ("model.md", "[a](https://b/c.md) [b](#c) `[d](e.md)`", "[a](https://b/c.md) [b](#c) `[d](e.md)`"),
    ],
)
def test_links_are_turned_to_where_pages_lie(uri: str, link: str, turned: str) -> None:
    known = {"model.md", "figures/a.svg", "reports/x/README.md", "reports/x/figures/b.svg"}
    assert script("site_hook.py").relinked(link, uri, known.__contains__) == turned


@pytest.mark.slow
def test_the_cookbook_shows_what_commands_print() -> None:
    pages = script("pages")
    text = pages.COOKBOOK.read_text()
    assert pages.printed(text) == text
    assert len(re.findall(r"^\$ hwsim", text, flags=re.MULTILINE)) == 4

"""The site has every page, and its links lead where those of the repository do; what pages show is true."""

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copy, copytree
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
        ("decisions/0001.md", "[a](../modle.md)", "[a](../modle.md)"),
        ("model.md", "[a](https://b/c.md) [b](#c) `[d](e.md)`", "[a](https://b/c.md) [b](#c) `[d](e.md)`"),
    ],
)
def test_links_are_turned_to_where_pages_lie(uri: str, link: str, turned: str) -> None:
    site = {"model.md", "figures/a.svg", "reports/x/README.md", "reports/x/figures/b.svg"}
    beside = {"LICENSE", "arch/energy/b.yaml"}
    assert script("site_hook.py").relinked(link, uri, site.__contains__, beside.__contains__) == turned


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What `--what-if` prints", "what---what-if-prints"),
        ("4.16 Banks of a scratchpad", "416-banks-of-a-scratchpad"),
        ("Rows × columns, and more", "rows--columns-and-more"),
        ("bank_width", "bank_width"),
    ],
)
def test_headings_have_the_anchors_that_hosts_of_code_give_them(heading: str, anchor: str) -> None:
    assert script("site_hook.py").anchor(heading, "-") == anchor


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "text", "found"),
    [
        ("docs/model.md", "", ""),
        ("docs/decisions/0063-the-site.md", "[a](../modle.md)", "'../modle.md'"),
        ("reports/silicon/README.md", "[a](../../docs/modle.md)", "'../../docs/modle.md'"),
        ("docs/energy.md", "[a](model.md#no-such-heading)", "'#no-such-heading'"),
        ("docs/left_out.md", "A page.", "left_out.md"),
    ],
)
def test_the_check_builds_the_site_and_refuses_what_leads_nowhere(
    page: str, text: str, found: str, tmp_path: Path
) -> None:
    for folder in ("docs", "reports", "scripts"):
        copytree(ROOT / folder, tmp_path / folder)
    for beside in ("arch", "workloads", "tests", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"):
        (tmp_path / beside).symlink_to(ROOT / beside)
    for name in ("README.md", "mkdocs.yml"):
        copy(ROOT / name, tmp_path)
    with (tmp_path / page).open("a") as file:
        file.write(f"\n{text}\n")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["bash", str(tmp_path / "scripts" / "check"), "site"]
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == bool(found), done.stderr
    assert found in done.stderr


@pytest.mark.slow
def test_the_cookbook_shows_what_commands_print(tmp_path: Path) -> None:
    """In a folder of its own, since studies are written where they lie."""
    copytree(ROOT / "examples" / "arrays", tmp_path / "examples" / "arrays")
    pages = script("pages")
    text = pages.COOKBOOK.read_text()
    assert pages.printed(text, folder=tmp_path) == text
    assert len(re.findall(r"^\$ hwsim", text, flags=re.MULTILINE)) == 7

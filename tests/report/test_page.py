"""A report is one page that needs no other: it says what the result says, names are text, and it can be used."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import hwsim
from browser import Browser, browser, problem
from command import complaint, printed
from data import ARCH, TINY
from hwsim.report.page import comparison
from hwsim.report.page.ops import ops_listing
from tools import require

NAME = "</script><script>document.title='taken'</script><b>&\"'"
HOSTILE = f"""
name: {json.dumps(NAME)}
kind: gemms
audio: 1 s
precision: w8a8
products:
  - {{name: {json.dumps("a." + NAME)}, m: 2, k: 3, n: 4}}
  - {{name: "b.0.$x$", m: 2, k: 30, n: 4}}
  - {{name: "b.1.$x$", m: 2, k: 30, n: 4}}
"""
MOST = 3 * 2**20


class Page(HTMLParser):
    """The tags of a page with their attributes, and its texts outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.within = tag

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, data: str) -> None:
        if self.within not in ("script", "style"):
            self.texts.append(data)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page of each command, and the results beside them."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "hostile.yaml").write_text(HOSTILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        from hwsim.cli.main import main

        for args in (
            f"run {ARCH} hostile.yaml --html run.html --json run.json",
            f"compare {ARCH} hostile.yaml --precisions fp16,w4a4 --html compare.html --json compare.json",
            "trace hostile.yaml --html trace.html --json trace.json",
        ):
            assert main(args.split()) == 0
    return folder


@pytest.mark.parametrize("name", ["run", "compare", "trace"])
def test_a_page_stands_alone_and_takes_names_for_text(pages: Path, name: str) -> None:
    text = (pages / f"{name}.html").read_text()
    assert len(text.encode()) < MOST
    page = Page(text)
    assert NAME in "".join(page.texts)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not {tag for tag, _ in page.tags} & {"b", "link", "img", "iframe", "object", "embed", "image"}
    followed = [
        value
        for _, attributes in page.tags
        for key, value in attributes.items()
        if key in ("href", "src", "xlink:href")
    ]
    assert all((value or "").startswith("#") for value in followed)
    assert not re.search(r"url\((?!#)|@import", text)
    (policy,) = [attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes and tag == "meta"]
    assert (policy or "").startswith("default-src 'none'")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in followed if value} <= set(ids)


def test_a_page_says_what_the_result_says(pages: Path) -> None:
    text, result = (pages / "run.html").read_text(), json.loads((pages / "run.json").read_text())
    page = "".join(Page(text).texts)
    assert f"hwsim run {ARCH} hostile.yaml --html run.html --json run.json" in page
    assert f"{result['summary']['cycles']:,} cycles" in page
    for price in result["prices"]:
        assert price["action"] in page
        assert all(source in page for source in price["sources"])
    for field, source in result["provenance"]["sources"].items():
        assert field in page
        assert source in page
    assert all(value in page for value in result["provenance"]["inputs"].values())


def test_ops_fold_into_groups_and_parts_whose_lines_are_their_sums(
    pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = hwsim.load_result((pages / "run.json").read_text())
    lines = ops_listing(result).lines
    assert [line.level for line in lines] == [0, 1, 0, 1, 2, 2]
    for place, line in enumerate(lines):
        inner = [other for other in lines if other.parent == place]
        assert bool(inner) == line.folds
        for cell, cells in zip(line.cells, zip(*(other.cells for other in inner), strict=True), strict=bool(inner)):
            assert cell.value is None or cell.value == pytest.approx(sum(one.value for one in cells))
    assert sum(line.cells[2].value or 0 for line in lines if line.level == 0) == result.summary.cycles
    monkeypatch.setattr("hwsim.report.page.ops.MOST", 2)
    assert [line.level for line in ops_listing(result).lines] == [0, 1, 0, 1]


def test_compared_ops_fold_into_groups_whose_lines_are_their_sums(pages: Path) -> None:
    work = hwsim.load_workload(str(pages / "hostile.yaml"))
    found = hwsim.compare(hwsim.load_chip(ARCH), work, ["fp16", "w4a4"])
    lines = comparison.ops_listing(found).lines
    assert [line.level for line in lines] == [0, 0, 1, 1]
    assert [line.parent for line in lines] == [None, None, 1, 1]
    group, *inner = lines[1:]
    for column in (1, 2, 6, 7):
        assert group.cells[column].value == pytest.approx(sum(line.cells[column].value or 0 for line in inner))
    before, after = (sum(line.cells[column].value or 0 for line in lines if line.level == 0) for column in (1, 2))
    assert (before, after) == (found.rows[0].cycles, found.rows[-1].cycles)


def test_a_page_with_values_says_its_first_screen_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("work.yaml").write_text(TINY)
    from hwsim.cli.main import main

    assert main(["run", "int4_array", "work.yaml", "--values", "--html", "run.html"]) == 0
    page = "".join(Page(Path("run.html").read_text()).texts)
    assert page.count("energy goes to") == page.count("Values of") == 2, "once for wide windows, once for narrow ones"


def test_same_command_same_page(pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pages)
    before = Path("trace.html").read_bytes()
    from hwsim.cli.main import main

    assert main(["trace", "hostile.yaml", "--html", "trace.html", "--json", "trace.json"]) == 0
    assert Path("trace.html").read_bytes() == before


def test_a_page_is_not_written_over_what_is_read_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("work.yaml").write_text(TINY)
    line = complaint(capsys, "run", "int4_array", "work.yaml", "--html", "work.yaml")
    assert line == "work.yaml: is read, and would be written over for --html; write to another file"
    line = complaint(capsys, "run", "int4_array", "work.yaml", "--html", "x", "--json", "x")
    assert line == "x: would be written for --html and --json; name another file for one of them"
    line = complaint(capsys, "run", "int4_array", "work.yaml", "--html", "new/roofline.svg", "--out", "new")
    assert line.endswith("would be written for --html and --out; name another file for one of them")
    assert "work.yaml" not in printed(capsys, "run", "int4_array", "work.yaml", "--html", "ok.html")[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ok.html", "work.yaml"]


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require("chromium", problem())
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


VISIBLE = """
return [...document.querySelectorAll("#ops-table tbody tr")].filter((row) => row.offsetParent !== null)
  .map((row) => row.cells[0].textContent);
"""
FIGURE = """
const figure = document.querySelector("#figure-time_groups");
const drawing = [...figure.querySelectorAll("svg")].find((one) => one.getBoundingClientRect().width > 0);
const marks = [...drawing.querySelectorAll(".mark")].filter((one) => one.getBoundingClientRect().width > 0);
const box = drawing.getBoundingClientRect();
return {titles: marks.map((one) => one.querySelector("title").textContent), width: box.width, right: box.right,
  across: document.documentElement.scrollWidth, inner: window.innerWidth};
"""
DOWN = "\ue015"


@pytest.mark.slow
def test_a_page_sorts_filters_folds_and_tells_its_numbers(pages: Path, window: Browser) -> None:
    result = json.loads((pages / "run.json").read_text())
    cycles = {op["name"]: op["cycles"] for op in result["ops"]}
    window.resize(1280, 900)
    window.open(pages / "run.html")
    assert window.run("return document.title") == f"{NAME} in w8a8 on int4_array"
    assert not [entry for entry in window.ask("POST", "/se/log", type="browser") if entry["level"] == "SEVERE"]

    hostile, twins = f"a.{NAME}", "b.*.$x$ ×2"
    folded: Any = window.run(VISIBLE)
    assert folded == ["a (1 ops)", hostile, "b (2 ops)", twins]
    window.click("#ops .tools button[data-depth='2']")
    assert window.run(VISIBLE) == [*folded, "b.0.$x$", "b.1.$x$"]
    window.click("#ops .tools button[data-depth='0']")
    assert window.run(VISIBLE) == ["a (1 ops)", "b (2 ops)"]
    window.click("#ops-table .level0 .fold")
    assert window.run(VISIBLE) == ["a (1 ops)", hostile, "b (2 ops)"]

    window.click("#ops-table thead th:nth-child(3) .sort")
    sort = "return document.querySelector('#ops-table thead th:nth-child(3)').getAttribute('aria-sort')"
    assert window.run(sort) == "descending"
    first = "b (2 ops)" if cycles["b.0.$x$"] + cycles["b.1.$x$"] > cycles[hostile] else "a (1 ops)"
    assert window.run(VISIBLE)[0] == first
    window.click("#ops-table thead th:nth-child(3) .sort")
    assert window.run(sort) == "ascending"
    assert window.run(VISIBLE)[0] != first

    window.type("#ops input", "b.1")
    assert [name for name in window.run(VISIBLE) if name.startswith("b.")] == [twins, "b.1.$x$"]
    assert window.run("return document.querySelector('#ops .tools output').textContent") == "1 of 3"

    shown: Any = window.run(FIGURE)
    assert len(shown["titles"]) == sum(1 for op in ("a", "b")) == 2
    assert any(title.startswith(f"{twins}: ") for title in shown["titles"])
    window.type("#figure-time_groups .wide svg", DOWN)
    assert window.run("return document.querySelector('#figure-time_groups output').textContent") == shown["titles"][0]


@pytest.mark.slow
def test_a_page_fits_narrow_windows(pages: Path, window: Browser) -> None:
    for name in ("run", "compare", "trace"):
        for width in (500, 1280):  # no window of this browser is narrower
            window.resize(width, 900)
            window.open(pages / f"{name}.html")
            across = window.run("return [document.documentElement.scrollWidth, window.innerWidth]")
            assert across[0] <= across[1]
    window.resize(500, 900)
    window.open(pages / "run.html")
    narrow: Any = window.run(FIGURE)
    assert narrow["right"] <= narrow["inner"]
    assert narrow["titles"]
    displayed = "return getComputedStyle(document.querySelector('#figure-time_groups .wide')).display"
    assert window.run(displayed) == "none"

"""The table of a paper says in every format what runs of its rows say."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from data import ROOT
from hwsim.errors import InvalidValue, Unsupported
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.report import paper_table as paper
from hwsim.report.tables import Screen
from hwsim.results.paper_columns import COLUMNS
from hwsim.results.paper_table import PaperRow, PaperTable
from hwsim.results.result import Result
from hwsim.study.paper_table import table
from hwsim.study.simulate import simulate

PRODUCTS = [{"name": "a.first", "m": 40, "k": 64, "n": 96}, {"name": "b", "m": 40, "k": 96, "n": 10}]
ONE = {"kind": "gemms", "name": "two_products", "audio": "1 s", "products": PRODUCTS}
OTHER = {"kind": "gemms", "name": "other", "audio": "2 s", "batch": 3, "products": PRODUCTS[:1]}
PRECISIONS = ("fp16", "w8a8", "w4a4")
ALL = tuple(COLUMNS)


@pytest.fixture(scope="module")
def made() -> PaperTable:
    chips = [load_chip("int4_array"), load_chip("rapid")]
    return table(chips, [load_workload(ONE), load_workload(OTHER)], PRECISIONS, columns=ALL)


def rows_of(made: PaperTable) -> list[tuple[str, str, str]]:
    return [(row.chip, row.workload, row.precision) for row in made.rows]


def test_each_row_is_a_run_of_its_own(made: PaperTable) -> None:
    found = rows_of(made)
    assert found == [
        (chip, work, precision)
        for chip in ("int4_array", "rapid")
        for work in ("two_products", "other")
        for precision in PRECISIONS
    ]
    first: dict[tuple[str, str], Result] = {}
    for row in made.rows:
        if row.figures is None:
            continue
        work = load_workload(ONE if row.workload == "two_products" else OTHER, row.precision)
        result = simulate(load_chip(row.chip), work)
        summary, before = result.summary, first.setdefault((row.chip, row.workload), result).summary
        values = {key: column.value(row) for key, column in COLUMNS.items()}
        assert values["latency"] == summary.latency_ms
        assert values["rtf"] == summary.rtf
        assert values["energy"] == summary.energy_mj
        assert values["dram"] == (summary.dram_read_bytes + summary.dram_write_bytes) / 1e6
        assert values["speedup"] == pytest.approx(before.latency_ms / summary.latency_ms, rel=1e-12)
        assert values["energy_gain"] == pytest.approx(before.energy_mj / summary.energy_mj, rel=1e-12)
        seconds = summary.latency_ms / 1e3
        assert values["power"] == pytest.approx(summary.energy_mj / 1e3 / seconds, rel=1e-12)
        assert values["tops"] == pytest.approx(2 * summary.macs / seconds / 1e12, rel=1e-12)
        assert values["tops_per_watt"] == pytest.approx(2 * summary.macs / 1e12 / (summary.energy_mj / 1e3), rel=1e-12)
        assert values["energy_per_second"] == pytest.approx(result.efficiency.energy_per_audio_second_mj, rel=1e-12)


def test_what_a_chip_refuses_has_a_row_and_a_footnote(made: PaperTable) -> None:
    refused = [row for row in made.rows if row.figures is None]
    assert {(row.chip, row.precision) for row in refused} == {("rapid", "w8a8")}
    assert all("multiplies no int8 by int8" in str(row.refused) for row in refused)
    later = next(row for row in made.rows if (row.chip, row.precision) == ("rapid", "w4a4"))
    assert later.figures is not None
    assert later.figures.speedup > 1
    text = paper.terminal(made, Screen(width=200))
    assert "w8a8 (a)" in text
    assert "(a) Refused: a.first on rapid: the array multiplies no int8 by int8" in text
    with pytest.raises(Unsupported, match="every run is refused, the first one thus: a"):
        table([load_chip("rapid")], [load_workload(ONE)], ["w8a8"])


def cells(text: str, kind: str) -> list[list[str]]:
    """The body of a table as text: the cells of each row."""
    if kind == "csv":
        return [row[3:-1] for row in list(csv.reader(io.StringIO(text)))[1:]]
    lines = text.split("\n")
    if kind == "latex":
        body = lines[lines.index("    \\midrule") + 1 : lines.index("    \\bottomrule")]
        rows = [re.split(r"(?<!\\)&", line.removesuffix("\\\\")) for line in body if "midrule" not in line]
        return [[cell.strip() for cell in row[3:]] for row in rows]
    body = [line for line in lines if line.startswith("| ")][1:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]][3:] for line in body]


@pytest.mark.parametrize("kind", paper.FORMATTED)
def test_every_format_has_every_cell(made: PaperTable, kind: str) -> None:
    found = cells(paper.FORMATTED[kind](made), kind)
    assert len(found) == len(made.rows)
    for row, said in zip(made.rows, found, strict=True):
        assert len(said) == len(ALL)
        for column, cell in zip(COLUMNS.values(), said, strict=True):
            check_cell(column.value(row), cell, exact=kind == "csv")


def check_cell(value: float | str | None, cell: str, *, exact: bool) -> None:
    """A cell says a value, with all of its digits or with four."""
    if value is None:
        assert cell in ("", "–", "--")
    elif isinstance(value, str):
        assert cell == value
    elif exact:
        assert float(cell) == value
    else:
        number = cell.replace(",", "").removesuffix("$\\times$").removesuffix("×").strip()
        assert float(number) == pytest.approx(value, rel=5.001e-4)
        assert len(number.replace(".", "").lstrip("0")) >= 4


def test_names_of_all_rows_stand_in_the_caption_and_others_once_a_group(made: PaperTable) -> None:
    alone = replace(made, rows=made.rows[:3], columns=("rtf",))
    assert paper.markdown(alone).startswith("**two\\_products on int4\\_array**\n\n| Precision | RTF |\n|---|---:|\n")
    whole = paper.latex(replace(made, columns=("rtf",)))
    assert "\\caption{Workloads on chips}" in whole
    assert whole.count("int4\\_array &") == 1
    assert whole.count("\\midrule") == 4
    assert whole.count("{") == whole.count("}")
    narrow = paper.terminal(made, Screen(width=60))
    assert max(map(len, narrow.split("\n"))) <= 60


def test_names_cannot_write_marks_of_a_format(made: PaperTable) -> None:
    row = made.rows[0]
    odd = replace(made, rows=(with_name(row, "a|b_$%&#{}<i>\\"), row), columns=("mode",))
    assert "| a\\|b\\_$%&amp;\\#{}&lt;i&gt;\\\\ |" in paper.markdown(odd)
    assert "a|b\\_\\$\\%\\&\\#\\{\\}\\textless{}i\\textgreater{}\\textbackslash{} &" in paper.latex(odd)
    assert paper.csv(odd).split("\n")[1].startswith("int4_array,a|b_$%&#{}<i>\\,fp16,fp16,")


def with_name(row: PaperRow, name: str) -> PaperRow:
    return replace(row, workload=name)


def test_every_column_is_explained_in_their_order() -> None:
    page = (ROOT / "docs/report.md").read_text()
    section = page[page.index("## The table of a paper") :].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == list(COLUMNS)


@pytest.mark.slow
def test_hypotheses_of_one_utterance_are_heard_once() -> None:
    work = load_workload("transformer_lm")
    made = table([load_chip("int4_array")], [work], ["w4a4"], columns=["energy_per_second"])
    result = simulate(load_chip("int4_array"), load_workload("transformer_lm", "w4a4"))
    assert work.batch > work.utterances
    value = COLUMNS["energy_per_second"].value(made.rows[0])
    assert value == pytest.approx(result.efficiency.energy_per_audio_second_mj, rel=1e-12)


def test_marks_go_on_behind_z() -> None:
    notes: Sequence[str] = [paper._letters(place) for place in (0, 25, 26, 27, 51, 52, 701, 702)]
    assert notes == ["a", "z", "aa", "ab", "az", "ba", "zz", "aaa"]


def test_what_a_table_cannot_show_is_refused() -> None:
    on, work = load_chip("int4_array"), load_workload(ONE)
    calls: tuple[tuple[str, Callable[[], object]], ...] = (
        ("columns = 'rft': is no column; there are latency", lambda: table([on], [work], ["fp16"], columns=["rft"])),
        ("precisions = 'fp16': is there twice", lambda: table([on], [work], ["fp16", "fp16"])),
        ("workloads = 'two_products': is there twice", lambda: table([on], [work, work], ["fp16"])),
        ("chips = 'int4_array': is there twice", lambda: table([on, on], [work], ["fp16"])),
        ("chips = <Chip", lambda: table(on, [work], ["fp16"])),  # type: ignore[arg-type]
        ("columns = []: must list at least one", lambda: table([on], [work], ["fp16"], columns=[])),
    )
    for problem, call in calls:
        with pytest.raises(InvalidValue, match=re.escape(problem)):
            call()

"""The table of a paper as text for a terminal, Markdown, LaTeX (booktabs) or CSV, from one definition of its columns.

Names that are the same in all rows stand in the caption. A figure has four significant digits, but in CSV all of its
digits.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from rich.text import Text

from hwsim.dataclass import dataclass
from hwsim.report.export import to_csv
from hwsim.report.numbers import percent
from hwsim.report.tables import INDENT, Screen, new_table, render
from hwsim.report.written_table import LATEX_RULE, cell, in_latex, in_markdown, latex_row, latex_table
from hwsim.results.paper_columns import COLUMNS, PaperColumn
from hwsim.results.paper_table import PaperRow, PaperTable

NAMES = ("chip", "workload", "precision")


@dataclass(frozen=True)
class Paper:
    """A table as all of its texts show it: which names head a row, cells as text, and footnotes."""

    table: PaperTable

    @cached_property
    def columns(self) -> list[PaperColumn]:
        return [COLUMNS[key] for key in self.table.columns]

    @cached_property
    def names(self) -> list[str]:
        """The names that differ between rows; the precision always heads a row."""
        rows = self.table.rows
        return [name for name in NAMES if name == "precision" or len({getattr(row, name) for row in rows}) > 1]

    @property
    def caption(self) -> str:
        """The names that all rows share."""
        first, shared = self.table.rows[0], set(NAMES) - set(self.names)
        workload = first.workload if "workload" in shared else "Workloads"
        return f"{workload} on {first.chip if 'chip' in shared else 'chips'}"

    @property
    def heads(self) -> list[str]:
        """The header of each column."""
        units = (f" ({column.unit})" if column.unit else "" for column in self.columns)
        return [name.capitalize() for name in self.names] + [
            column.label + unit for column, unit in zip(self.columns, units, strict=True)
        ]

    @cached_property
    def marks(self) -> dict[str, str]:
        """The mark of each footnote that some rows have, in the order of the rows."""
        notes = dict.fromkeys(note for row in self.table.rows for note in notes_of(row))
        return {note: _letters(place) for place, note in enumerate(notes)}

    def marks_of(self, row: PaperRow) -> str:
        """The marks of a row's footnotes, as one word."""
        return ",".join(self.marks[note] for note in notes_of(row))

    @property
    def remarks(self) -> list[str]:
        """What holds for the whole table: what gains are relative to, and how sure its constants are."""
        said = []
        if {"speedup", "energy_gain"} & set(self.table.columns):
            said.append("Gains are relative to the first precision that the chip runs.")
        for doubt in self.table.doubts:
            parameters = f"{doubt.parameters_without} of {doubt.parameters} parameters"
            prices = f"{doubt.prices_without} of {doubt.prices} prices"
            said.append(f"{doubt.chip}: {parameters} and {prices} have no source that was read.")
        return said

    def names_of(self, row: PaperRow, before: PaperRow | None) -> list[str]:
        """The names that head a row, those of the row before left out, but for the precision."""
        shown, same = [], before is not None
        for name in self.names:
            same = same and name != "precision" and getattr(row, name) == getattr(before, name)
            shown.append("" if same else getattr(row, name))
        return shown

    def begins_a_group(self, row: PaperRow, before: PaperRow | None) -> bool:
        """Whether a row is of another chip or workload than the one before."""
        return before is not None and (row.chip, row.workload) != (before.chip, before.workload)


def notes_of(row: PaperRow) -> list[str]:
    """A row's footnotes: why there are no figures, and products in a mode that is wider than both operands."""
    if row.figures is None:
        return [f"Refused: {row.refused}."]
    figures = row.figures
    if not figures.widened_macs:
        return []
    return [f"{percent(figures.widened_macs, row.macs)} of the products are made in a mode wider than both operands."]


def _letters(place: int) -> str:
    """a, b, …, z, aa, ab, …

    >>> _letters(0), _letters(25), _letters(26)
    ('a', 'z', 'aa')
    """
    letters = ""
    while place >= 0:
        letters = chr(ord("a") + place % 26) + letters
        place = place // 26 - 1
    return letters


class Line(NamedTuple):
    """A row as texts: the names that head it, empty where the row before has the same, its marks and its cells; whether
    another chip or workload begins with it."""

    names: list[str]
    marks: str
    cells: list[str]
    begins_a_group: bool

    def written(self, escaped: Callable[[str], str], mark: str) -> list[str]:
        """All of it as cells of a format, in which marks stand so."""
        *names, precision = map(escaped, self.names)
        return [*names, precision + (mark.format(self.marks) if self.marks else ""), *map(escaped, self.cells)]


def _lines(paper: Paper) -> Iterator[Line]:
    """Each row as a line."""
    for before, row in pairwise((None, *paper.table.rows)):
        assert row is not None
        cells = [cell(column.value(row), ratio=column.ratio) for column in paper.columns]
        yield Line(paper.names_of(row, before), paper.marks_of(row), cells, paper.begins_a_group(row, before))


def _notes(paper: Paper, escaped: Callable[[str], str], mark: str) -> list[str]:
    """Footnotes and remarks in a format, in which marks stand so."""
    notes = [f"{mark.format(letters)} {escaped(note)}" for note, letters in paper.marks.items()]
    return [*notes, *map(escaped, paper.remarks)]


def terminal(table: PaperTable, screen: Screen) -> str:
    """The table for a terminal."""
    paper = Paper(table)
    depth_of_rows = len(paper.names) - 1
    shown = new_table(*paper.heads[depth_of_rows:], title=paper.caption)
    for line in _lines(paper):
        *names, precision = line.written(str, " ({})")[: len(paper.names)]
        # A name a line: a table that is broken for a narrow terminal repeats its first column alone.
        for depth, name in enumerate(names):
            if name:
                shown.add_row(INDENT * depth + name)
        shown.add_row(INDENT * depth_of_rows + precision, *line.cells)
    return render([shown, *map(Text, _notes(paper, str, "({})"))], screen)


def markdown(table: PaperTable) -> str:
    """The table as Markdown, the footnotes below it."""
    paper = Paper(table)
    lines = [f"**{in_markdown(paper.caption)}**", ""]
    heads = [in_markdown(head) for head in paper.heads]
    lines.append(f"| {' | '.join(heads)} |")
    lines.append(f"|{'---|' * len(paper.names)}{'---:|' * len(paper.columns)}")
    mark = "<sup>{}</sup>"
    lines += [f"| {' | '.join(line.written(in_markdown, mark))} |" for line in _lines(paper)]
    return "\n".join([*lines, *(f"\n{note}" for note in _notes(paper, in_markdown, mark))]) + "\n"


def latex(table: PaperTable) -> str:
    """The table as LaTeX, for a document that loads booktabs; the footnotes stand below it."""
    paper, mark, lines = Paper(table), "\\textsuperscript{{{}}}", []
    for line in _lines(paper):
        if line.begins_a_group:
            lines.append(LATEX_RULE)
        lines.append(latex_row(line.written(in_latex, mark)))
    sides = "l" * len(paper.names) + "r" * len(paper.columns)
    return latex_table(paper.caption, sides, paper.heads, lines, _notes(paper, in_latex, mark))


def csv(table: PaperTable) -> str:
    """The table as CSV: names in every row, values with all of their digits, units in the headers."""
    heads = {key: f"{key} ({COLUMNS[key].unit})" if COLUMNS[key].unit else key for key in table.columns}
    return to_csv(
        [
            {
                **{name: getattr(row, name) for name in NAMES},
                **{heads[key]: COLUMNS[key].value(row) for key in table.columns},
                "note": " ".join(notes_of(row)),
            }
            for row in table.rows
        ]
    )


FORMATTED = {"markdown": markdown, "latex": latex, "csv": csv}
"""The texts for files by their formats; a terminal has its own, as wide as it is."""

"""What a study found out, for a terminal: predictions beside what was published."""

from rich.table import Table
from rich.text import Text

from hwsim.report.study_tables import CLAIMS, COUNTERFACTUALS, study_tables
from hwsim.report.tables import Screen, new_table, render
from hwsim.report.written_table import WrittenTable
from hwsim.results.study_outcome import StudyOutcome

SOURCE = 4
"""The column of sources, for which a page has room."""


def study_text(outcome: StudyOutcome, screen: Screen) -> str:
    """The study in a few lines: of a study that holds nothing against published figures its own first table."""
    tables = dict(study_tables(outcome))
    blocks: list[Text | Table] = [Text(outcome.file.title, style="bold")]
    if CLAIMS in tables:
        blocks.append(_shown(tables[CLAIMS], leave_out=SOURCE))
    else:
        blocks.append(_shown(next(iter(tables.values()))))
    if COUNTERFACTUALS in tables:
        blocks.append(_shown(tables[COUNTERFACTUALS], title=tables[COUNTERFACTUALS].caption))
    return render(blocks, screen)


def _shown(table: WrittenTable, *, leave_out: int | None = None, title: str | None = None) -> Table:
    places = [place for place in range(len(table.heads)) if place != leave_out]
    shown = new_table(*(_as_heads_are(table.heads[place].text) for place in places), title=title)
    for place, column in zip(places, shown.columns, strict=True):
        if table.heads[place].words:
            column.justify, column.no_wrap = "left", False
    for cells in table.cells:
        shown.add_row(*(cells[place].replace("`", "") for place in places))
    return shown


def _as_heads_are(text: str) -> str:
    """A head as tables for terminals have it: small letters, but for units and what is written in capitals.

    >>> _as_heads_are("Energy (mJ)"), _as_heads_are("RTF"), _as_heads_are("")
    ('energy (mJ)', 'RTF', '')
    """
    return text[:1].lower() + text[1:] if text[1:2].islower() else text

"""A sweep for a terminal: the answer first, then the points near it, what moves figures, and what was refused."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.headline_words import headline_text
from hwsim.report.numbers import figure as written
from hwsim.report.tables import Screen, new_table, render
from hwsim.results.sweep import Sensitivity, Status, SweepOutcome, SweepRow, value_of
from hwsim.results.sweep_file import FIGURES, SQNR, more_is_better

MOST_ROWS = 10
"""Points that are shown of a list."""
MOST_ERRORS = 3
NO_EFFECT = 1.0005
"""An axis that moves a figure by less than this factor moves nothing."""
USUAL = ("latency", "rtf", "energy", "area")
"""Figures that are shown beside those that are asked for."""


def sweep_text(outcome: SweepOutcome, screen: Screen) -> str:
    """The whole sweep."""
    blocks: list[Text | Table] = [_head(outcome)]
    blocks += [Text(text) for text in answer_texts(outcome)]
    if not outcome.answers and not outcome.open:
        blocks.append(Text(_no_answer(outcome)))
    several = len(outcome.best) > 1
    near = [outcome.row(number) for number in outcome.front] if several else _nearest(outcome)
    if near:
        blocks.append(_rows(outcome, near, several=several))
    blocks += list(_sensitivity(outcome))
    refused = [row for row in outcome.rows if row.status is Status.REFUSED]
    if refused:
        blocks.append(_refused(refused))
    return render(blocks, screen)


def _head(outcome: SweepOutcome) -> Text:
    counts = [f"{outcome.size:,} point{'s' * (outcome.size != 1)}"]
    counts += [f"{outcome.open:,} open"] * bool(outcome.open)
    counts += [f"{outcome.refused:,} refused"] * bool(outcome.refused)
    if outcome.where:
        counts.append(f"{outcome.fitting:,} with {' and '.join(outcome.where)}")
    return Text.assemble((outcome.title, "bold"), f"\n{', '.join(counts)}")


def _no_answer(outcome: SweepOutcome) -> str:
    if not outcome.done:
        return "Every point was refused."
    return "No point satisfies all conditions."


def answer_texts(outcome: SweepOutcome) -> Iterator[str]:
    """Each of the best points in a sentence."""
    for number in dict.fromkeys(answer.row.number for answer in outcome.answers):
        row, names = outcome.row(number), [one.figure for one in outcome.answers if one.row.number == number]
        sought = [f"the {_most(name)} {label_of(name)}: {figure_text(row, name)}" for name in names]
        others = [name for name in ("energy", "rtf", "latency") if name not in names][:2]
        also = ", ".join(f"{label_of(name)} {figure_text(row, name)}" for name in others)
        yield f"{point_text(outcome, row)} has {' and '.join(sought)} ({also}; row {number})"


def _most(name: str) -> str:
    return "most" if more_is_better(name) else "least"


def point_text(outcome: SweepOutcome, row: SweepRow) -> str:
    """What a point varies, with its chip and its workload where there are several."""
    parts = [assigned(path, value) for path, value in row.axes if value is not None]
    chips, works = {one.chip for one in outcome.rows}, {one.workload for one in outcome.rows}
    named = " on ".join([row.workload] * (len(works) > 1) + [row.chip] * (len(chips) > 1))
    return " with ".join(part for part in (named, ", ".join(parts)) if part) or f"{row.workload} on {row.chip}"


def assigned(axis: str, value: str) -> str:
    """The value of an axis; that of several fields together is said of all of them.

    >>> assigned("array.rows, array.cols", "32"), assigned("array.rows, array.cols", "32, 64")
    ('array.rows = array.cols = 32', 'array.rows, array.cols = 32, 64')
    """
    return f"{axis if ', ' in value else axis.replace(', ', ' = ')} = {value}"


def label_of(name: str) -> str:
    """A figure as texts call it."""
    return FIGURES[name].label if name in FIGURES else "SQNR" if name == SQNR else name


def figure_text(row: SweepRow, name: str) -> str:
    """A figure of a point with its unit."""
    if name in FIGURES:
        value = dict(row.figures).get(FIGURES[name])
        return "" if value is None else headline_text(FIGURES[name], value)
    value = dict(row.measured).get(name)
    return "" if value is None else f"{written(value)} dB" if name == SQNR else written(value)


def _nearest(outcome: SweepOutcome) -> list[SweepRow]:
    """The points that come next to the best one, and this first."""
    (name,) = outcome.best
    sign = -1 if more_is_better(name) else 1
    values = [(sign * value, row) for row in outcome.rows if row.fits and (value := value_of(row, name)) is not None]
    return [row for _, row in sorted(values, key=lambda entry: (entry[0], entry[1].number))]


def _rows(outcome: SweepOutcome, rows: Sequence[SweepRow], *, several: bool) -> Table:
    more = f", the first {MOST_ROWS} of {len(rows):,}" if len(rows) > MOST_ROWS else ""
    what = "Points of which none is better in all of " + ", ".join(map(label_of, outcome.best)) if several else "Points"
    names = list(dict.fromkeys([*outcome.best, *USUAL]))
    chips, works = {row.chip for row in outcome.rows}, {row.workload for row in outcome.rows}
    heads = ["row", *["chip"] * (len(chips) > 1), *["workload"] * (len(works) > 1)]
    shown = new_table(*heads, *outcome.axes, *map(label_of, names), title=what + more)
    for row in rows[:MOST_ROWS]:
        named = [row.chip] * (len(chips) > 1) + [row.workload] * (len(works) > 1)
        axes = ["–" if value is None else value for _, value in row.axes]
        shown.add_row(str(row.number), *named, *axes, *(figure_text(row, name) for name in names))
    return shown


def _sensitivity(outcome: SweepOutcome) -> Iterator[Table]:
    for name in outcome.best:
        found = [one for one in outcome.sensitivity if one.figure == name]
        if not found:
            continue
        title = f"What moves {label_of(name)}"
        table = new_table("axis", "factor", "least at", "most at", title=title)
        for one in found:
            if one.reach < NO_EFFECT:
                table.add_row(one.axis, "none", "", "")
            else:
                table.add_row(one.axis, f"{written(one.reach)} ×", *_ends(one))
        yield table


def _ends(one: Sensitivity) -> tuple[str, str]:
    """The values of an axis with the least and the most of a figure."""
    levels = sorted(one.levels, key=lambda level: level.factor)
    return levels[0].value, levels[-1].value


def _refused(rows: Sequence[SweepRow]) -> Text:
    counts = Counter(row.error or "" for row in rows)
    lines = [f"{count:,} refused: {error}" for error, count in counts.most_common(MOST_ERRORS)]
    rest = len(rows) - sum(count for _, count in counts.most_common(MOST_ERRORS))
    return Text("\n".join([*lines, *([f"{rest:,} refused for other reasons"] if rest else [])]))

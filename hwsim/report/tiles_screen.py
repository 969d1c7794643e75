"""What `run` prints of a chip of analog tiles: one screen, or the tables that were asked for instead."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.around import around_texts
from hwsim.report.asked import Asked
from hwsim.report.energy import energy_text
from hwsim.report.headline import chips_time, headline_table, in_one_line, title
from hwsim.report.numbers import (
    component_table,
    costliest,
    doubt,
    groups,
    joules,
    percent,
    sources_text,
    spent,
    without_a_source,
)
from hwsim.report.quality import quality_text
from hwsim.report.shares import bars_table, parts_table
from hwsim.report.tables import Screen, first_that_fits, new_table, render
from hwsim.report.tiles_explanation import explanation_text
from hwsim.report.tiles_headline import place_of, tiles_diagnosis, tiles_headline, waited
from hwsim.report.tiles_placement import digital_table, matrices_table, units_table
from hwsim.results.tiles_result import PLACE_NAMES, TilesOpResult, TilesResult

_MORE = "More: --full, --tensors, --explain-energy, --explain OP"
_ROOMS = ((7, 4, 5), (5, 4, 5), (4, 3, 4), (3, 2, 3), (2, 2, 2), (2, 2, 1))
"""Lines of parts, bars and ops, from the roomiest screen to the shortest."""


def tiles_run_text(result: TilesResult, asked: Asked, screen: Screen) -> str:
    """All that was asked for, one after another; beside an explanation no values."""
    texts = []
    if result.explained is not None:
        texts.append(explanation_text(result, result.explained, screen))
    if asked.full:
        texts.append(_full(result, screen))
    if asked.tensors:
        texts.append(render((matrices_table(result.placement, joined=False), *digital_table(result.placement)), screen))
    if asked.sources:
        texts.append(sources_text(result, screen))
    if asked.energy:
        texts.append(energy_text(result, screen))
    texts += around_texts(result, screen, full=asked.full)
    texts = texts or [_screen(result, screen)]
    if result.quality is not None and result.explained is None:
        summary = result.summary
        texts.append(quality_text(f"Values of {summary.workload} on {summary.chip}", result.quality, screen))
    return "\n".join(texts)


def _screen(result: TilesResult, screen: Screen) -> str:
    return first_that_fits((tuple(_blocks(result, screen, *room)) for room in _ROOMS), screen)


def _blocks(result: TilesResult, screen: Screen, parts: int, bars: int, ops: int) -> Iterable[Text | Table]:
    lines = tiles_headline(result)
    yield title(result.summary)
    yield Text(tiles_diagnosis(result))
    yield headline_table(lines if parts > 3 else in_one_line(lines, screen.width))
    if len(result.parts) > 1:
        yield parts_table(result.parts, result.summary, parts)
    yield bars_table(waited(result), spent(result.energy_by_component_aj), screen, bars)
    yield _ops(result, ops, wide=screen.width >= 80)
    cells = "" if result.cells_measured else "; the cells' energy is that of typical inputs: --values"
    yield Text(f"{doubt(result)}: --sources{cells}\n{_MORE}")


def _ops(result: TilesResult, most: int, *, wide: bool) -> Table:
    """The groups of equal ops that the run waits for most, and the others together."""
    cycles, energy = result.summary.cycles, result.summary.energy_aj
    top, rest = costliest(groups(result.ops, lambda op: op.name), lambda op: op.cycles, most)
    runs = ("rows",) if wide else ()
    table = new_table("ops waited for, layers joined", *runs, chips_time(result.summary), "where", "energy")

    def row(name: str, ops: Sequence[TilesOpResult], where: str) -> None:
        rows = (f"{sum(op.rows for op in ops):,}",) if wide else ()
        shares = percent(sum(op.cycles for op in ops), cycles), where, percent(sum(op.energy_aj for op in ops), energy)
        table.add_row(name, *rows, *shares)

    for group in top:
        row(group.title, group.members, place_of(max(group.members, key=lambda op: op.cycles)))
    if rest:
        others = [op for group in rest for op in group.members]
        row(f"{len(others)} others", others, "")
    return table


def _full(result: TilesResult, screen: Screen) -> str:
    summary = result.summary
    tables = (
        headline_table(tiles_headline(result)),
        parts_table(result.parts, summary, len(result.parts)),
        _all_ops(result),
        units_table(result),
        component_table(result.energy_by_component_aj, "Where the energy goes"),
        matrices_table(result.placement, joined=True),
        *digital_table(result.placement),
    )
    return render((title(summary), Text(tiles_diagnosis(result)), *tables, without_a_source(result)), screen)


def _all_ops(result: TilesResult) -> Table:
    clock = result.operation.clock
    table = new_table("op", "where", "chip", "rows", "cycles", "time", "first to last", "energy", title="Ops")
    for op in sorted(result.ops, key=lambda op: -op.cycles):
        table.add_row(
            op.name,
            PLACE_NAMES[op.place],
            str(op.chip),
            f"{op.rows:,}",
            f"{op.cycles:,}",
            percent(op.cycles, result.summary.cycles),
            f"{op.first_start * 10**6 // clock:,} to {op.last_end * 10**6 // clock:,} µs",
            joules(op.energy_aj),
        )
    return table

"""What `run` prints: one screen that says what binds a run, its headline figures, and where its time and energy go."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from hwsim.dataclass import dataclass
from hwsim.report.around import around_texts
from hwsim.report.asked import Asked
from hwsim.report.energy import energy_text
from hwsim.report.explanation import explanation_text
from hwsim.report.full import full_text
from hwsim.report.headline import chips_time, diagnosis_text, headline_table, in_one_line, short_headline, title
from hwsim.report.numbers import costliest, doubt, groups, percent, sources_text, spent
from hwsim.report.quality import quality_text
from hwsim.report.residency import tensors_text
from hwsim.report.shares import bars_table, parts_table
from hwsim.report.tables import Screen, first_that_fits, limit_text, new_table, usual_limit
from hwsim.results.result import OpResult, Result
from hwsim.schedule.unit_table import Limit

if TYPE_CHECKING:
    from hwsim.results.tiles_result import TilesResult

GROUPS = 5
_MORE = "More: --full, --tensors, --explain-energy, --explain OP"


@dataclass(frozen=True, slots=True)
class _Room:
    """How many lines the tables may have, and how much of the headline there is.

    If `short`, each line of the headline takes one line of the screen, and its remark is cut. If `bare`, lines that
    not every run has are left out.
    """

    parts: int
    bars: int
    groups: int = GROUPS
    short: bool = False
    bare: bool = False


_ROOMS = (
    _Room(7, 4), _Room(6, 4), _Room(5, 3), _Room(4, 3), _Room(3, 2), _Room(2, 2),
    _Room(3, 2, short=True), _Room(2, 2, short=True), _Room(2, 2, 4, short=True), _Room(2, 2, 3, short=True),
    _Room(2, 2, 3, short=True, bare=True), _Room(2, 2, 1, short=True, bare=True),
    _Room(0, 2, 1, short=True, bare=True),
)  # fmt: skip


def screen_text(result: Result, clock: int, screen: Screen) -> str:
    """The first screen of one run on a chip of that clock: as much as has room in 40 lines."""
    return first_that_fits((tuple(_blocks(result, clock, screen, room)) for room in _ROOMS), screen)


def _blocks(result: Result, clock: int, screen: Screen, room: _Room) -> Iterable[Text | Table]:
    yield title(result.summary)
    yield Text(diagnosis_text(result.diagnosis, result.summary))
    lines = short_headline(result, clock, bare=room.bare)
    yield headline_table(in_one_line(lines, screen.width) if room.short else lines)
    if len(result.parts) > 1 and room.parts:
        yield parts_table(result.parts, result.summary, room.parts)
    yield bars_table(_time(result, clock), spent(result.energy_by_component_aj), screen, room.bars)
    yield _groups(result, room.groups, wide=screen.width >= 80)
    yield Text(f"{doubt(result)}: --sources\n{_MORE}")


def _time(result: Result, clock: int) -> list[tuple[str, int]]:
    """The latency by what binds its ops, host and launch included."""
    limits: Counter[Limit] = Counter()
    for op in result.ops:
        limits[op.limit] += op.cycles
    host, launch = (round(ms * clock / 1000) for ms in (result.summary.host_ms, result.summary.launch_ms))
    on_chip = ((limit_text(limit), cycles) for limit, cycles in limits.items())
    return [*on_chip, ("host", host), *([("launch", launch)] if launch else [])]


def _groups(result: Result, most: int, *, wide: bool) -> Table:
    """The groups of equal ops that take most cycles, and the others together."""
    cycles, energy = result.summary.cycles, result.summary.energy_aj
    top, rest = costliest(groups(result.ops, lambda op: op.name), lambda op: op.cycles, most)
    table = new_table(
        "costliest ops, layers joined", *(("runs",) if wide else ()), chips_time(result.summary), "bound by", "energy"
    )

    def row(name: str, ops: Sequence[OpResult], bound: str, runs: str) -> None:
        table.add_row(
            name,
            *((runs,) if wide else ()),
            percent(sum(op.cycles for op in ops), cycles),
            bound,
            percent(sum(op.energy_aj for op in ops), energy),
        )

    for group in top:
        row(
            group.title,
            group.members,
            usual_limit((op.limit, op.cycles) for op in group.members),
            f"{sum(op.times for op in group.members):,}",
        )
    if rest:
        others = [op for group in rest for op in group.members]
        row(f"{len(others)} others", others, "", "")
    return table


def run_text(result: "Result | TilesResult", asked: Asked, screen: Screen) -> str:
    """All that was asked for, one after another; beside an explanation no values."""
    if not isinstance(result, Result):
        from hwsim.report.tiles_screen import tiles_run_text  # few runs are on tiles

        return tiles_run_text(result, asked, screen)
    clock = result.operation.clock
    texts = []
    if result.explanation is not None:
        texts.append(explanation_text(result, clock, screen))
    if asked.full:
        texts.append(full_text(result, clock, screen))
    if asked.tensors:
        texts.append(tensors_text(result, screen))
    if asked.sources:
        texts.append(sources_text(result, screen))
    if asked.energy:
        texts.append(energy_text(result, screen))
    texts += around_texts(result, screen, full=asked.full)
    texts = texts or [screen_text(result, clock, screen)]
    if result.dram_banks is not None:
        from hwsim.report.dram_banks import dram_banks_text  # few runs are replayed

        texts.append(dram_banks_text(result.dram_banks, screen))
    if result.quality is not None and result.explanation is None:
        summary = result.summary
        texts.append(quality_text(f"Values of {summary.workload} in {summary.precision}", result.quality, screen))
    return "\n".join(texts)

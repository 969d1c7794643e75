"""What `run` prints: one screen that says what binds a run, its headline figures, and where its time and energy go."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.table import Table
from rich.text import Text

from hwsim.report.energy import energy_text
from hwsim.report.explanation import explanation_text
from hwsim.report.full import full_text
from hwsim.report.headline import chips_time, diagnosis_text, headline_table, in_one_line, short_headline, title
from hwsim.report.numbers import bar, costliest, doubt, groups, percent, roughly, scaled, sources_text, spent
from hwsim.report.quality import quality_text
from hwsim.report.residency import tensors_text
from hwsim.report.tables import Screen, first_that_fits, limit_text, new_table, usual_limit
from hwsim.results.result import OpResult, PartResult, Result
from hwsim.schedule.unit_table import Limit

GROUPS = 5
_MORE = "More: --full, --tensors, --explain-energy, --explain OP"
_LONGEST_BAR = 20


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
        yield _parts(result, room.parts)
    yield _bars(result, clock, screen, room.bars)
    yield _groups(result, room.groups, wide=screen.width >= 80)
    yield Text(f"{doubt(result)}: --sources\n{_MORE}")


def _parts(result: Result, most: int) -> Table:
    """The parts that take most time, in the order in which they run, and the others together."""
    summary = result.summary
    kept = sorted(result.parts, key=lambda part: -part.cycles)
    kept = kept if len(kept) <= most else kept[: most - 1]
    rest = [part for part in result.parts if part not in kept]
    table = new_table("part", "parameters", "products", chips_time(summary), "DRAM", "energy")

    def row(name: str, parts: Sequence[PartResult]) -> None:
        table.add_row(
            name,
            f"{sum(part.parameters for part in parts):,}",
            scaled(sum(part.macs for part in parts), "MAC"),
            percent(sum(part.cycles for part in parts), summary.cycles),
            scaled(sum(part.dram_read_bytes + part.dram_write_bytes for part in parts), "B"),
            percent(sum(part.energy_aj for part in parts), summary.energy_aj),
        )

    for part in result.parts:
        if part in kept:
            row(part.name, [part])
    if rest:
        row(f"{len(rest)} others", rest)
    return table


def _bars(result: Result, clock: int, screen: Screen, most: int) -> Table:
    """Side by side, the latency by what binds its ops, host included, and the energy by component."""
    limits: Counter[Limit] = Counter()
    for op in result.ops:
        limits[op.limit] += op.cycles
    host = round(result.summary.host_ms * clock / 1000)
    time = [*((limit_text(limit), cycles) for limit, cycles in limits.items()), ("host", host)]
    shares = _shares(time, most), _shares(spent(result.energy_by_component_aj), most)
    wholes = result.summary.cycles + host, result.summary.energy_aj
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header in ("time goes with", "energy goes to"):
        table.add_column(header, header_style="dim", no_wrap=True)
        table.add_column("", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
    names = sum(max(14, *(len(name) for name, _ in side)) for side in shares)
    figures = sum(
        max((len(roughly(size, whole)) for _, size in side), default=0)
        for side, whole in zip(shares, wholes, strict=True)
    )
    width = min(_LONGEST_BAR, (screen.width - names - figures - 5 * 2) // 2)
    for pair in zip_longest(*shares):
        cells: list[str] = []
        for entry, whole in zip(pair, wholes, strict=True):
            name, size = entry or ("", 0)
            share = roughly(size, whole) if name else ""
            cells += [name, share, bar(size / max(1, whole), width, blocks=screen.blocks)]
        table.add_row(*cells)
    return table


def _shares(sizes: Sequence[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """The largest sizes, and the others together."""
    ordered = sorted((entry for entry in sizes if entry[1]), key=lambda entry: -entry[1])
    if len(ordered) <= most:
        return ordered
    rest = ordered[most - 1 :]
    return [*ordered[: most - 1], (f"{len(rest)} others", sum(size for _, size in rest))]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The reports that are printed in place of the screen; an explanation in the result is always printed."""

    full: bool = False
    tensors: bool = False
    sources: bool = False
    energy: bool = False


def run_text(result: Result, asked: Asked, screen: Screen) -> str:
    """All that was asked for, one after another; beside an explanation no values."""
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
    texts = texts or [screen_text(result, clock, screen)]
    if result.quality is not None and result.explanation is None:
        summary = result.summary
        texts.append(quality_text(f"Values of {summary.workload} in {summary.precision}", result.quality, screen))
    return "\n".join(texts)

"""The table of ops on a page: parts of the network, into which groups of equal ops fold, into which ops fold."""

from collections.abc import Sequence

from hwsim.dataclass import dataclass
from hwsim.quantities.plain_data import ATTOJOULES_PER_MILLIJOULE
from hwsim.report.numbers import groups, joules, percent, scaled
from hwsim.report.page.sheet import Cell, Line, Listing
from hwsim.report.plots.ops import Seen, joined, seen, usual_bound
from hwsim.results.result import Result
from hwsim.results.tiles_result import TilesResult

MOST = 2000
"""Ops that are listed; of more, groups alone, so that pages stay small."""

_COLUMNS = ("op", "products", "cycles", "time", "bound by", "DRAM", "scratchpad", "energy", "energy share")


@dataclass(frozen=True, slots=True)
class _Whole:
    cycles: int
    energy_aj: int


def ops_listing(result: Result | TilesResult) -> Listing:
    """All ops of a run, folded into groups, and these into parts."""
    ops = seen(result)
    whole = _Whole(max(1, result.summary.cycles), max(1, result.summary.energy_aj))
    by_part: dict[str, list[Seen]] = {}
    for op in ops:
        by_part.setdefault(op.part, []).append(op)
    lines: list[Line] = []
    for part, members in by_part.items():
        place = len(lines)
        lines.append(_line(f"{part} ({len(members):,} ops)", members, whole, folds=True))
        for group in groups(members, lambda op: op.name):
            several = len(group.members) > 1
            inner = len(lines)
            name = joined(group.name, len(group.members))
            folds = several and len(ops) <= MOST
            lines.append(_line(name, group.members, whole, level=1, parent=place, folds=folds))
            if folds:
                lines += [_line(op.name, [op], whole, level=2, parent=inner) for op in group.members]
    more = f" {len(ops):,} ops: equal ones are listed together." if len(ops) > MOST else ""
    return Listing(
        name="ops",
        short="Ops",
        title="Ops",
        note=f"Time is that by which an op moves the end of the run.{more}",
        columns=_COLUMNS,
        lines=lines,
        open=1,
        depths=((0, "Parts"), (1, "Groups"), *(() if more else ((2, "Ops"),))),
    )


def _line(
    name: str, ops: Sequence[Seen], whole: _Whole, *, level: int = 0, parent: int | None = None, folds: bool = False
) -> Line:
    macs, cycles = sum(op.macs for op in ops), sum(op.cycles for op in ops)
    dram = sum(op.dram_read_bytes + op.dram_write_bytes for op in ops)
    scratchpad = sum(op.scratchpad_read_bytes + op.scratchpad_write_bytes for op in ops)
    energy = sum(op.energy.total for op in ops)
    cells = (
        Cell(name),
        Cell(scaled(macs, "MAC") if macs else "", macs),
        Cell(f"{cycles:,}", cycles),
        Cell(percent(cycles, whole.cycles), cycles),
        Cell(usual_bound(ops)),
        Cell(scaled(dram, "B"), dram),
        Cell(scaled(scratchpad, "B"), scratchpad),
        Cell(joules(energy), energy / ATTOJOULES_PER_MILLIJOULE),
        Cell(percent(energy, whole.energy_aj), energy / ATTOJOULES_PER_MILLIJOULE),
    )
    return Line(cells, level, parent, folds)

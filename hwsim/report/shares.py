"""Tables of a first screen: the parts of a network, and where time and energy go, as bars."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.table import Table

from hwsim.report.headline import chips_time
from hwsim.report.numbers import bar, percent, roughly, scaled
from hwsim.report.tables import Screen, new_table
from hwsim.results.result import PartResult, Summary

Shares = Sequence[tuple[str, int]]
"""Names, and how much of a whole each has."""

_LONGEST_BAR = 20


def parts_table(parts: Sequence[PartResult], summary: Summary, most: int) -> Table:
    """The parts that take most time, in the order in which they run, and the others together."""
    kept = sorted(parts, key=lambda part: -part.cycles)
    kept = kept if len(kept) <= most else kept[: most - 1]
    rest = [part for part in parts if part not in kept]
    table = new_table("part", "parameters", "products", chips_time(summary), "DRAM", "energy")

    def row(name: str, members: Sequence[PartResult]) -> None:
        table.add_row(
            name,
            f"{sum(part.parameters for part in members):,}",
            scaled(sum(part.macs for part in members), "MAC"),
            percent(sum(part.cycles for part in members), summary.cycles),
            scaled(sum(part.dram_read_bytes + part.dram_write_bytes for part in members), "B"),
            percent(sum(part.energy_aj for part in members), summary.energy_aj),
        )

    for part in parts:
        if part in kept:
            row(part.name, [part])
    if rest:
        row(f"{len(rest)} others", rest)
    return table


def bars_table(time: Shares, energy: Shares, screen: Screen, most: int) -> Table:
    """Side by side, what the time goes with and what the energy goes to."""
    shares = shares_of(time, most), shares_of(energy, most)
    wholes = sum(size for _, size in time), sum(size for _, size in energy)
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


def shares_of(sizes: Sequence[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """The largest sizes, and the others together."""
    ordered = sorted((entry for entry in sizes if entry[1]), key=lambda entry: -entry[1])
    if len(ordered) <= most:
        return ordered
    rest = ordered[most - 1 :]
    return [*ordered[: most - 1], (f"{len(rest)} others", sum(size for _, size in rest))]

"""What `run --explain-energy` prints, action by action, and the split of what one precision saves against another."""

from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from hwsim.hardware.prices import Component
from hwsim.report.numbers import component_name, figure, joules, percent
from hwsim.report.tables import Screen, new_table, render
from hwsim.results.figures import Areas, Efficiency, EnergyGroups, EnergyLine
from hwsim.results.result import Comparison, Result

if TYPE_CHECKING:  # few runs are on tiles
    from hwsim.results.tiles_result import TilesEfficiency, TilesResult

GROUP_TITLES = {
    "mac": component_name("mac"),
    "movement": "movement on chip",
    "vector": "vector unit",
    "control": "clock and control",
    "dram": component_name("dram"),
    "leakage": "leakage and idle",
}


def energy_text(result: "Result | TilesResult", screen: Screen) -> str:
    """Every action of a run with its count, its price, the rounding of the price, and its source."""
    lines = [line for line in result.energy_lines if line.count]
    sources = list(dict.fromkeys(source for line in lines for source in line.sources))
    counts = _counts(lines, result.efficiency)
    return render((counts, _origins(lines, sources), _sources(lines, sources), _silicon(result)), screen)


def split_tables(comparison: Comparison) -> list[Table]:
    """Where each precision's energy goes, and where its saving against the first comes from."""
    first = comparison.energy_split[0].precision
    table = new_table("energy", *(GROUP_TITLES[f.name] for f in fields(EnergyGroups)), "in all", title="Energy")
    for split in comparison.energy_split:
        spent = [getattr(split.energy_aj, f.name) for f in fields(EnergyGroups)]
        table.add_row(split.precision, *map(joules, spent), joules(sum(spent)))
    for split in comparison.energy_split[1:]:
        saved = dict(split.saved_aj)
        total = sum(saved.values())
        shares = [percent(saved[f.name], total) for f in fields(EnergyGroups)]
        table.add_row(f"{first} to {split.precision}: share of what is saved", *shares, joules(total))
    return [table]


def _counts(lines: list[EnergyLine], efficiency: "Efficiency | TilesEfficiency") -> Table:
    table = new_table(
        "action",
        "count",
        "price, pJ",
        "rounded by, aJ",
        "energy",
        title="The energy, action by action: count · rounded price",
    )
    for component in Component:
        of_it = [line for line in lines if line.component is component]
        if not of_it:
            continue
        table.add_row(
            Text(component_name(component.value), style="bold"),
            "",
            "",
            "",
            joules(sum(line.energy_aj for line in of_it)),
        )
        for line in of_it:
            table.add_row(
                f"  {line.action}",
                f"{line.count:,}",
                f"{Decimal(line.unit_aj).scaleb(-6):,f}",
                f"{float(line.unit_aj - line.exact_unit_aj):+.3f}",
                joules(line.energy_aj),
            )
    total = sum(line.energy_aj for line in lines)
    table.add_row(Text("in all", style="bold"), "", "", "", joules(total))
    shares = sum(line.energy_aj for line in lines if line.component in (Component.CLOCK, Component.CONTROL))
    if shares:
        table.add_row("without clock, control", "", "", "", joules(total - shares))
    if isinstance(efficiency, Efficiency):
        bounds = (("lowest", efficiency.energy_low_mj), ("highest", efficiency.energy_high_mj))
        for which, millijoules in bounds:
            if millijoules is not None:
                table.add_row(f"at the {which} DRAM price", "", "", "", joules(millijoules * 1e15))
    return table


def _origins(lines: list[EnergyLine], sources: list[str]) -> Table:
    table = new_table(title="What the prices are made of")
    for column in ("action", "entries of the price table", "how sure", "from"):
        table.add_column(column, header_style="dim", overflow="fold")
    for line in lines:
        sure = line.sure.value + (", overridden" if line.overridden else "")
        places = ", ".join(str(sources.index(source) + 1) for source in line.sources)
        table.add_row(line.action, line.basis, sure, places)
    return table


def _sources(lines: list[EnergyLine], sources: list[str]) -> Text:
    numbered = "\n".join(f"{place}  {source}" for place, source in enumerate(sources, 1))
    others = dict.fromkeys(other for line in lines for other in line.others)
    disputed = "\n".join(("", "Other sources say, and are not used:", *others)) if others else ""
    return Text.assemble(("Sources\n", "bold"), numbered, disputed)


def _silicon(result: "Result | TilesResult") -> Text:
    area = result.area
    of_tiles = {} if isinstance(area, Areas) else {f.name: getattr(area.tiles, f.name) for f in fields(area.tiles)}
    of_tiles.pop("total_mm2", None)
    sizes = of_tiles | {f.name: getattr(area, f.name) for f in fields(area) if f.name != "tiles"}
    parts = {name.removesuffix("_mm2"): size for name, size in sizes.items()}
    total, placed, by = parts.pop("total"), parts.pop("placed", None), parts.pop("placed_by", None)
    listed = ", ".join(f"{name} {figure(size)}" for name, size in parts.items())
    chip = "" if placed is None else f"\na chip with these parts: {figure(placed)} ({by})"
    return Text.assemble(("Silicon, mm²\n", "bold"), f"{figure(total)} of these parts alone: {listed}{chip}")

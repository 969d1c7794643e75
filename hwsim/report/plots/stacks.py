"""The figures of energy and traffic: parts of the network, one below another, each as a stack."""

from dataclasses import fields

from matplotlib.axes import Axes

from hwsim.quantities.plain_data import ATTOJOULES_PER_MILLIJOULE
from hwsim.report.energy import GROUP_TITLES
from hwsim.report.numbers import figure as written
from hwsim.report.numbers import joules, percent, scaled
from hwsim.report.plots.axes import (
    areas_legend,
    bars,
    beside,
    from_nothing,
    height_of,
    in_order,
    lines_of,
    name_lines,
    scale_of,
)
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLUE, ENERGY, GREEN, ORANGE, VERMILLION, Look
from hwsim.report.plots.ops import Seen, seen, shown_parts
from hwsim.results.figures import EnergyGroups
from hwsim.results.result import Comparison, Result
from hwsim.results.tiles_result import TilesResult
from hwsim.study.efficiency import groups

ENERGY_COLUMNS = ("part", "group", "energy_aj", "share")
ENERGY_CAPTION = "Energy of each part of the network, by what it goes to."
TRAFFIC_COLUMNS = ("part", "memory", "direction", "bytes")
TRAFFIC_CAPTION = "Bytes that pass the DRAM and the scratchpad for each part of the network."
PRECISIONS_COLUMNS = ("precision", "group", "energy_aj", "latency_ms")
PRECISIONS_CAPTION = "Latency and energy in each precision, the energy by what it goes to."

_FLOWS = {
    ("DRAM", "read"): Look(BLUE), ("DRAM", "written"): Look(VERMILLION, "///"),
    ("scratchpad", "read"): Look(ORANGE), ("scratchpad", "written"): Look(GREEN, "///"),
}  # fmt: skip


def energy_rows(result: Result | TilesResult) -> Rows:
    """A row a part and group."""
    total = max(1, result.summary.energy_aj)
    found: list[Row] = []
    for part, ops in shown_parts(seen(result), lambda op: op.energy.total):
        split = [groups(op.energy) for op in ops]
        for field in fields(EnergyGroups):
            spent = sum(getattr(one, field.name) for one in split)
            found.append({"part": part, "group": GROUP_TITLES[field.name], "energy_aj": spent, "share": spent / total})
    return found


def traffic_rows(result: Result | TilesResult) -> Rows:
    """A row a part, memory and direction."""

    def bytes_of(op: Seen, memory: str, direction: str) -> int:
        size: int = getattr(op, f"{memory.lower()}_{'read' if direction == 'read' else 'write'}_bytes")
        return size

    def moved(op: Seen) -> int:
        return sum(bytes_of(op, *flow) for flow in _FLOWS)

    return [
        {
            "part": part,
            "memory": memory,
            "direction": direction,
            "bytes": sum(bytes_of(op, memory, direction) for op in ops),
        }
        for part, ops in shown_parts(seen(result), moved)
        for memory, direction in _FLOWS
    ]


def precision_rows(comparison: Comparison) -> Rows:
    """A row a precision and group."""
    return [
        {
            "precision": row.precision,
            "group": GROUP_TITLES[field.name],
            "energy_aj": getattr(split.energy_aj, field.name),
            "latency_ms": row.latency_ms,
        }
        for row, split in zip(comparison.rows, comparison.energy_split, strict=True)
        for field in fields(EnergyGroups)
    ]


def draw_energy(rows: Rows, canvas: Canvas) -> None:
    """Stacks of energy, with shares of the whole beside them."""
    parts, looks = _names(rows, "part"), in_order([row["group"] for row in rows if row["energy_aj"]], ENERGY)
    legend = lines_of(len(looks), 6, wide=canvas.wide)
    canvas.size(height_of(len(parts), canvas, legend=legend))
    ax = canvas.axes()
    _energy_stacks(ax, rows, "part", canvas)
    for place, part in enumerate(parts):
        mine = [row for row in rows if row["part"] == part]
        end = sum(row["energy_aj"] for row in mine) / ATTOJOULES_PER_MILLIJOULE
        beside(ax, end, place, percent(sum(row["share"] for row in mine)), canvas)
    from_nothing(ax, 0.12 if canvas.wide else 0.2)
    areas_legend(canvas, looks, across=6)


def _energy_stacks(ax: Axes, rows: Rows, key: str, canvas: Canvas) -> None:
    for place, name in enumerate(_names(rows, key)):
        pieces = [
            (
                row["energy_aj"] / ATTOJOULES_PER_MILLIJOULE,
                ENERGY[row["group"]],
                f"{name}, {row['group']}: {joules(row['energy_aj'])}",
            )
            for row in rows
            if row[key] == name
        ]
        bars(ax, place, pieces, canvas)
    name_lines(ax, _names(rows, key), canvas)
    ax.set_xlabel("energy [mJ]")


def draw_traffic(rows: Rows, canvas: Canvas) -> None:
    """Stacks of bytes, the DRAM's on one side, the scratchpad's on the other."""
    parts = _names(rows, "part")
    looks = {f"{memory} {direction}": look for (memory, direction), look in _FLOWS.items()}
    high = height_of(len(parts), canvas, legend=1)
    canvas.size(high, narrow=2 * high + 0.3)
    for ax, memory in zip(canvas.grid(2, 2), ("DRAM", "scratchpad"), strict=True):
        totals = [sum(row["bytes"] for row in rows if (row["part"], row["memory"]) == (part, memory)) for part in parts]
        factor, prefix = scale_of(max(totals, default=0))
        for place, part in enumerate(parts):
            pieces = [
                (
                    row["bytes"] / factor,
                    _FLOWS[memory, row["direction"]],
                    f"{part}, {memory} {row['direction']}: {scaled(row['bytes'], 'B')}",
                )
                for row in rows
                if (row["part"], row["memory"]) == (part, memory)
            ]
            end = bars(ax, place, pieces, canvas)
            beside(ax, end, place, scaled(totals[place], "B"), canvas)
        name_lines(ax, parts, canvas)
        from_nothing(ax, 0.2)
        ax.set_title(memory)
        ax.set_xlabel(f"bytes [{prefix}B]")
    areas_legend(canvas, looks, across=4)


def draw_precisions(rows: Rows, canvas: Canvas) -> None:
    """Latency on one side, stacks of energy on the other."""
    names, looks = _names(rows, "precision"), in_order([row["group"] for row in rows if row["energy_aj"]], ENERGY)
    high = height_of(len(names), canvas, legend=lines_of(len(looks), 6, wide=canvas.wide))
    canvas.size(high, narrow=2 * high)
    time, energy = canvas.grid(2, 2)
    for place, name in enumerate(names):
        latency = next(row["latency_ms"] for row in rows if row["precision"] == name)
        end = bars(time, place, [(latency, Look(BLUE), f"{name}: {written(latency)} ms")], canvas)
        beside(time, end, place, written(latency), canvas)
    name_lines(time, names, canvas)
    from_nothing(time, 0.15)
    time.set_xlabel("latency [ms]")
    _energy_stacks(energy, rows, "precision", canvas)
    for place, name in enumerate(names):
        spent = sum(row["energy_aj"] for row in rows if row["precision"] == name)
        beside(energy, spent / ATTOJOULES_PER_MILLIJOULE, place, joules(spent), canvas)
    from_nothing(energy, 0.2)
    areas_legend(canvas, looks, across=6)


def _names(rows: Rows, key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows))

"""SCALE-Sim's report as people, spreadsheets and its own users' scripts read it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from rich.text import Text

from hwsim.quantities.plain_data import flat, plain
from hwsim.report.export import to_csv, to_json
from hwsim.report.numbers import figure, joules, percent, scaled
from hwsim.report.tables import Screen, new_table, render
from hwsim.scalesim.nouns import LayerReport, Physical, ScaleSimReport

NOT_AVAILABLE = "n/a"

# SCALE-Sim's three files: the names of their columns, and the field of `LayerReport` for each.
COMPUTE = {
    "Total Cycles (incl. prefetch)": "total_cycles_incl_prefetch",
    "Total Cycles": "total_cycles",
    "Stall Cycles": "stall_cycles",
    "Overall Util %": "overall_util_pct",
    "Mapping Efficiency %": "mapping_eff_pct",
    "Compute Util %": "compute_util_pct",
}
BANDWIDTH = {
    "Avg IFMAP SRAM BW": "avg_ifmap_sram_bw",
    "Avg FILTER SRAM BW": "avg_filter_sram_bw",
    "Avg OFMAP SRAM BW": "avg_ofmap_sram_bw",
    "Avg IFMAP DRAM BW": "avg_ifmap_dram_bw",
    "Avg FILTER DRAM BW": "avg_filter_dram_bw",
    "Avg OFMAP DRAM BW": "avg_ofmap_dram_bw",
}
ACCESS = {
    "SRAM IFMAP Start Cycle": "sram_ifmap_start",
    "SRAM IFMAP Stop Cycle": "sram_ifmap_stop",
    "SRAM IFMAP Reads": "sram_ifmap_reads",
    "SRAM Filter Start Cycle": "sram_filter_start",
    "SRAM Filter Stop Cycle": "sram_filter_stop",
    "SRAM Filter Reads": "sram_filter_reads",
    "SRAM OFMAP Start Cycle": "sram_ofmap_start",
    "SRAM OFMAP Stop Cycle": "sram_ofmap_stop",
    "SRAM OFMAP Writes": "sram_ofmap_writes",
    "DRAM IFMAP Start Cycle": "dram_ifmap_start",
    "DRAM IFMAP Stop Cycle": "dram_ifmap_stop",
    "DRAM IFMAP Reads": "dram_ifmap_reads",
    "DRAM Filter Start Cycle": "dram_filter_start",
    "DRAM Filter Stop Cycle": "dram_filter_stop",
    "DRAM Filter Reads": "dram_filter_reads",
    "DRAM OFMAP Start Cycle": "dram_ofmap_start",
    "DRAM OFMAP Stop Cycle": "dram_ofmap_stop",
    "DRAM OFMAP Writes": "dram_ofmap_writes",
}
REPORTS = {"COMPUTE_REPORT.csv": COMPUTE, "BANDWIDTH_REPORT.csv": BANDWIDTH, "DETAILED_ACCESS_REPORT.csv": ACCESS}
FILES = ("result.json", *REPORTS, "PHYSICAL_REPORT.csv")

# The columns that the terminal shows.
_CYCLES = ("Total Cycles", "Stall Cycles", "Overall Util %", "Mapping Efficiency %", "Compute Util %")
_READS = ("SRAM IFMAP Reads", "SRAM Filter Reads", "SRAM OFMAP Writes", "DRAM IFMAP Reads", "DRAM Filter Reads")


def scalesim_files(report: ScaleSimReport) -> dict[str, str]:
    """SCALE-Sim's report files by name, our figures, and all of it as JSON."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in REPORTS}
    for layer in report.layers:
        row = plain(layer)
        for name, columns in REPORTS.items():
            tables[name].append({title: _cell(row[key]) for title, key in columns.items()})
    tables["PHYSICAL_REPORT.csv"] = _physical_rows(report.layers)
    return {"result.json": to_json(report), **{n: to_csv(_numbered(report.layers, t)) for n, t in tables.items()}}


def _numbered(layers: Sequence[LayerReport], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with SCALE-Sim's numbers of the layers; equal layers have that of the first. Their count stands last,
    and only where a layer has equals, because SCALE-Sim has no such column."""
    numbers = accumulate((layer.times for layer in layers[:-1]), initial=0)
    counted = any(layer.times > 1 for layer in layers)
    return [
        {"LayerID": number, **row, **({"Layers": layer.times} if counted else {})}
        for number, layer, row in zip(numbers, layers, rows, strict=True)
    ]


def _cell(value: Any) -> Any:
    return NOT_AVAILABLE if value is None else value


def _physical_rows(layers: Sequence[LayerReport]) -> list[dict[str, Any]]:
    """Our figures, with the names of the layers; a layer without any has n/a throughout."""
    rows = [{} if layer.physical is None else flat(layer.physical) for layer in layers]
    keys = dict.fromkeys(key for figures in rows for key in figures)
    return [
        {"layer": layer.layer} | {key: _cell(figures.get(key)) for key in keys}
        for layer, figures in zip(layers, rows, strict=True)
    ]


def scalesim_text(report: ScaleSimReport, topology: str, screen: Screen) -> str:
    """The columns that people look at, ours beside them, and all in sum. Equal layers share a row."""
    config = report.config
    title = Text.assemble(
        (topology, "bold"),
        " on ",
        (config.name, "bold"),
        f"\n{config.rows} × {config.cols} {config.dataflow.value}, {config.interface.value} mode, "
        f"{config.ifmap_sram_kb}, {config.filter_sram_kb} and {config.ofmap_sram_kb} kB, "
        f"{config.bandwidth} words a cycle",
    )
    cycles = new_table("layer", "×", *map(_in_two_lines, _CYCLES), title="As SCALE-Sim reports it")
    reads = new_table("layer", "×", *map(_in_two_lines, _READS))
    ours = ("array", "with memory", "stalls", "utilization", "sums read back", "DRAM", "energy")
    physical = new_table("layer", "×", *ours, title="As hardware, each layer")
    first: dict[LayerReport, str] = {}
    times: Counter[LayerReport] = Counter()
    for layer in report.layers:
        first.setdefault(_nameless(layer), layer.layer)
        times[_nameless(layer)] += layer.times
    for layer, name in first.items():
        row, count = plain(layer), f"{times[layer]}"
        cycles.add_row(name, count, *(_shown(row[COMPUTE[title]]) for title in _CYCLES))
        reads.add_row(name, count, *(_shown(row[ACCESS[title]]) for title in _READS))
        physical.add_row(name, count, *_physical_cells(layer.physical))
    return render((title, cycles, reads, physical, _sums(report), _notes(report)), screen)


def _in_two_lines(title: str) -> str:
    return title.replace(" ", "\n", 1)


def _nameless(layer: LayerReport) -> LayerReport:
    return replace(layer, layer="layer", times=1)


def _shown(value: int | float | None) -> str:
    if value is None:
        return NOT_AVAILABLE
    return figure(value, digits=4) if isinstance(value, float) else f"{value:,}"


def _physical_cells(physical: Physical | None) -> list[str]:
    if physical is None:
        return [NOT_AVAILABLE] * 7
    return [
        f"{physical.array_cycles:,}",
        f"{physical.cycles:,}",
        f"{physical.stall_cycles:,}",
        percent(physical.utilization),
        f"{physical.partial_sum_reads:,}",
        scaled(physical.dram_read_bytes + physical.dram_write_bytes, "B"),
        joules(physical.energy_aj),
    ]


def _sums(report: ScaleSimReport) -> Text:
    """All layers one after another, as far as their figures are known."""
    layers = report.layers
    reported = sum(layer.times * layer.total_cycles for layer in layers if layer.total_cycles is not None)
    ours = [(layer.times, layer.physical) for layer in layers if layer.physical is not None]
    left = sum(layer.times for layer in layers) - sum(times for times, _ in ours)
    omission = f", {left} layers without figures left out" if left else ""
    cycles, energy = sum(t * p.cycles for t, p in ours), sum(t * p.energy_aj for t, p in ours)
    return Text.assemble(
        ("In sum\n", "bold"),
        f"SCALE-Sim  {reported:,} cycles\n",
        f"hardware   {cycles:,} cycles, {joules(energy)}{omission}",
    )


def _notes(report: ScaleSimReport) -> Text:
    """What is not reproduced, and what was taken for granted."""
    absent = (
        "n/a: total cycles with prefetch, start and stop cycles, DRAM OFMAP writes, average DRAM bandwidths; "
        "docs/scalesim.md says why"
    )
    return Text.assemble(("Remarks\n", "bold"), "\n".join((absent, *report.remarks)))

"""A topology on SCALE-Sim's array: its columns, and beside them what the same array takes as hardware."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version

from hwsim.errors import Unsupported
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.load import load_prices
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Progress, fingerprint, no_progress
from hwsim.results.result import Engine, Provenance
from hwsim.scalesim.counts import LayerCounts, layer_counts
from hwsim.scalesim.hardware import physical_chip, physical_figures
from hwsim.scalesim.nouns import Interface, LayerReport, Physical, ScaleSimConfig, ScaleSimLayer, ScaleSimReport

PRICES = "generic_7nm"


def run_scalesim(
    config: ScaleSimConfig,
    layers: Sequence[ScaleSimLayer],
    *,
    files: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> ScaleSimReport:
    """Every layer by itself, as SCALE-Sim runs it; equal layers are worked out once."""
    table = load_prices(PRICES)
    chip = physical_chip(config, table)
    report_of_shape: dict[ScaleSimLayer, LayerReport] = {}
    remarks: dict[str, None] = dict.fromkeys(config.remarks)
    for done, layer in enumerate(layers, 1):
        shape = _nameless(layer)
        if shape not in report_of_shape:
            counts = layer_counts(config, layer)  # first, as it refuses, by the layer's name, what would take too long
            try:
                physical = physical_figures(chip, shape, table)
            except Unsupported as error:
                physical = None
                remarks[f"{layer.name}: no physical figures: {str(error).partition(': ')[2]}"] = None
            report_of_shape[shape] = _report(config, shape, counts, physical)
        progress(done, len(layers))
    reports = tuple(replace(report_of_shape[_nameless(layer)], layer=layer.name, times=layer.times) for layer in layers)
    return ScaleSimReport(
        layers=reports,
        config=config,
        remarks=tuple(remarks),
        provenance=_provenance(config, layers, table, files or {}),
    )


def _nameless(layer: ScaleSimLayer) -> ScaleSimLayer:
    return replace(layer, name="layer", times=1)


def _report(
    config: ScaleSimConfig, layer: ScaleSimLayer, counts: LayerCounts, physical: Physical | None
) -> LayerReport:
    """SCALE-Sim's columns. In USER mode the stalls are those of our timeline; without a timeline they are unknown."""
    stalls: int | None = 0
    if config.interface is Interface.USER:
        stalls = None if physical is None else physical.stall_cycles
    total = None if stalls is None else counts.cycles + stalls
    return LayerReport(
        layer=layer.name,
        total_cycles=total,
        stall_cycles=stalls,
        overall_util_pct=_ratio(100 * layer.macs, total, config.rows * config.cols),
        mapping_eff_pct=counts.mapping_eff_pct,
        compute_util_pct=counts.compute_util_pct,
        avg_ifmap_sram_bw=_ratio(counts.sram_ifmap_reads, total),
        avg_filter_sram_bw=_ratio(counts.sram_filter_reads, total),
        avg_ofmap_sram_bw=_ratio(counts.sram_ofmap_writes, total),
        sram_ifmap_reads=counts.sram_ifmap_reads,
        sram_filter_reads=counts.sram_filter_reads,
        sram_ofmap_writes=counts.sram_ofmap_writes,
        dram_ifmap_reads=counts.dram_ifmap_reads,
        dram_filter_reads=counts.dram_filter_reads,
        physical=physical,
    )


def _ratio(part: int, cycles: int | None, places: int = 1) -> float | None:
    """A part of what all places could do in the cycles; SCALE-Sim counts none for a fold of one cycle."""
    return part / (cycles * places) if cycles else None


def _provenance(
    config: ScaleSimConfig, layers: Sequence[ScaleSimLayer], table: PriceTable, files: Mapping[str, str]
) -> Provenance:
    versions = {package: version(package) for package in ("hwsim", "numpy", "numba")}
    inputs = {"config": fingerprint(config), "layers": fingerprint(tuple(layers)), "prices": fingerprint(table)}
    return Provenance(
        versions=sorted_pairs({**versions, "python": platform.python_version()}),
        inputs=sorted_pairs(inputs),
        files=sorted_pairs(files),
        sources=(),
        engine=Engine.FAST,
        seed=None,
    )

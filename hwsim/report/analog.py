"""What `mvm` prints: the counts of a product on analog tiles, its time, its energy and where that goes."""

from hwsim.report.numbers import figure, joules, percent, scaled, seconds, spent
from hwsim.report.tables import Screen, plain_table, render
from hwsim.results.analog import AnalogFigures

Row = tuple[str, str, str]


def analog_text(counts: AnalogFigures, screen: Screen) -> str:
    """The counts and costs of a product on analog tiles."""
    table = plain_table()
    share = f"{percent(counts.clipped / counts.conversions)} of conversions" if counts.conversions else ""
    rows: list[Row] = [
        ("vectors", f"{counts.vectors:,}", f"{counts.retries:,} times computed again with half the input"),
        ("tiles", f"{counts.tiles:,}", f"{counts.passes:,} passes of the input each"),
        ("cells", f"{counts.cells:,}", ""),
        ("conversions", f"{counts.conversions:,}", ""),
        ("clipped", f"{counts.clipped:,}", share),
        *_time(counts),
        *_energy(counts),
    ]
    for row in rows:
        table.add_row(*row)
    return render((table,), screen)


def _time(counts: AnalogFigures) -> list[Row]:
    if counts.latency_ns is None or counts.vector_latency_ns is None or counts.interval_ns is None:
        return [("latency", "none", "the tile has no phases")]
    one, interval = seconds(counts.vector_latency_ns * 1e-9), seconds(counts.interval_ns * 1e-9)
    assert counts.tops is not None, "what takes time has a rate"
    return [
        ("latency", seconds(counts.latency_ns * 1e-9), f"of all vectors; {one} of one, the next after {interval}"),
        ("rate", scaled(counts.tops * 1e12, "OPS"), "two operations a weight and vector"),
    ]


def _energy(counts: AnalogFigures) -> list[Row]:
    if counts.energy_aj is None or counts.energy is None:
        return [("energy", "none", "name a chip, whose price table says what its tiles take")]
    parts = ", ".join(
        f"{_NAMES.get(name, name)} {percent(attojoules, counts.energy_aj)}" for name, attojoules in spent(counts.energy)
    )
    rows = [("energy", joules(counts.energy_aj / counts.vectors), f"a vector, tiles alone: {parts}")]
    if counts.tops_per_watt is not None:
        rows.append(("efficiency", f"{figure(counts.tops_per_watt)} TOPS/W", ""))
    if counts.area is not None:
        share = percent(counts.area.converters_mm2, counts.area.total_mm2)
        rows.append(("area", f"{figure(counts.area.total_mm2)} mm²", f"of these tiles, {share} of it converters"))
    return rows


_NAMES = {"products": "cells", "converters": "drivers and converters", "accumulators": "additions"}
"""What components are called where tiles are all there is."""

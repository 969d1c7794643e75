"""What a study of drift prints: quality by age and compensation, and the ops that time hurts most."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.numbers import joules, percent, seconds
from hwsim.report.tables import Screen, new_table, render
from hwsim.results.drift import Drift, DriftPoint
from hwsim.results.quality import Origin

TOP = 10


def drift_text(drift: Drift, screen: Screen) -> str:
    """The headline figures over time, and the worst ops of the oldest run with each compensation."""
    blocks: list[Text | Table] = [Text(drift_title(drift)), _what(drift), _over_time(drift)]
    return render([*blocks, _worst(drift)] if drift.on_tiles else blocks, screen)


def drift_title(drift: Drift) -> str:
    """What was run, and what its figures are worth."""
    title = f"{drift.workload} in {drift.precision} on {drift.chip}"
    if drift.weights_from is Origin.FILE:
        return title
    return f"{title}, weights drawn at random (seed {drift.seed}), never trained: no measure of accuracy"


def labelled(compensation: str) -> str:
    """A compensation in words."""
    return "no compensation" if compensation == "none" else f"{compensation} compensation"


def _what(drift: Drift) -> Text:
    exact = f"SQNR {_db(drift.exact_sqnr_db)}" if drift.exact_sqnr_db is not None else "no noise"
    top1 = "" if drift.exact_top1 is None else f", top 1 {percent(drift.exact_top1)}"
    symbols = "" if drift.exact_symbols is None else f", {drift.exact_symbols:,} symbols"
    reading = ""
    if drift.readout_us is not None and any(point.compensation != "none" for point in drift.points):
        cost = f"{seconds(drift.readout_us / 1e6)} and {joules(drift.readout_aj or 0)}"
        reading = f" To compensate, all weights are read once, row by row: {cost}."
    return Text(
        f"{len(drift.on_tiles):,} ops stand on tiles; all others are exact. The output is "
        f"{drift.output}; exact integers against single precision: {exact}{top1}{symbols}."
        f"{reading}"
    )


def _over_time(drift: Drift) -> Table:
    ranked = any(point.top1 is not None for point in drift.points)
    searched = any(point.symbol_agreement is not None for point in drift.points)
    columns = ["age", "compensation", "SQNR", *(["top 1"] if ranked else []), *(["symbols"] if searched else [])]
    table = new_table(*columns, "floats", "clipped", title="Against exact integers; SQNR against floats beside it")
    for point in drift.points:
        table.add_row(
            point.age,
            point.compensation,
            _db(point.sqnr_db),
            *([_share(point.top1)] if ranked else []),
            *([_share(point.symbol_agreement)] if searched else []),
            _db(point.floats_sqnr_db),
            f"{point.clipped:,}",
        )
    return table


def _worst(drift: Drift) -> Table:
    """The ops on tiles of least SQNR in the oldest runs."""
    oldest = [point for point in drift.points if point.seconds == max(other.seconds for other in drift.points)]
    levels = [_levels(point, drift.on_tiles) for point in oldest]
    table = new_table("op", *(point.compensation for point in oldest), title=f"SQNR after {oldest[0].age}, worst first")
    for name in sorted(levels[0], key=lambda name: levels[0][name])[:TOP]:
        table.add_row(name, *(_db(each.get(name)) for each in levels))
    return table


def _levels(point: DriftPoint, names: Sequence[str]) -> dict[str, float]:
    return {op.name: op.sqnr_db for op in point.ops if op.name in names and op.sqnr_db is not None}


def _db(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} dB"


def _share(value: float | None) -> str:
    return "" if value is None else percent(value)

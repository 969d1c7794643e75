"""The tables of a study, as people and programs read them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from hwsim.report.numbers import figure
from hwsim.report.recognition import front_of
from hwsim.report.written_table import DIGITS, Head, WrittenTable
from hwsim.results.paper_columns import Value
from hwsim.results.study_outcome import BandOutcome, ClaimOutcome, HeardInStudy, RunNote, StudyOutcome, TableOutcome

CLAIMS, COUNTERFACTUALS, RUNS = "claims", "counterfactuals", "runs"
"""Names of tables that each study may have beside its own."""


def difference(predicted: float, published: float) -> str:
    """How far off a prediction is; what rounds to nothing has no sign.

    >>> difference(3.94, 3.4), difference(0.025, 0.06), difference(63.07, 63.1), difference(200, 9.76)
    ('+16 %', '−58 %', '0 %', '+1,949 %')
    """
    percent = round(100 * (predicted / published - 1))
    return f"{percent:+,} %".replace("-", "−") if percent else "0 %"


def claims_table(outcomes: Sequence[ClaimOutcome]) -> WrittenTable:
    """Published figures beside predicted ones."""
    heads = (
        Head("What", words=True), Head("Published"), Head("Predicted"), Head("Difference"), Head("Source", words=True)
    )  # fmt: skip
    rows = [
        (
            one.claim.what,
            _with_unit(one.claim.published, one.claim.unit),
            _with_unit(one.predicted, one.claim.unit),
            difference(one.predicted, one.claim.published),
            one.claim.source,
        )
        for one in outcomes
    ]
    return WrittenTable("Published and predicted", heads, rows)


def _with_unit(value: float, unit: str | None) -> str:
    """A figure with its unit: as it was published, without powers of ten beside figures that have none; or with four
    digits."""
    text = f"{Decimal(f'{value:g}'):f}" if value == float(f"{value:.3g}") else figure(value, DIGITS)
    return text if unit is None else f"{text} {unit}"


def counterfactuals_table(outcomes: Sequence[ClaimOutcome]) -> WrittenTable | None:
    """What would bring predictions nearer; None, if nothing was tried."""
    rows = [
        (
            one.claim.what,
            tried.says,
            _with_unit(tried.predicted, one.claim.unit),
            difference(tried.predicted, one.claim.published),
        )
        for one in outcomes
        for tried in one.counterfactuals
    ]
    heads = (Head("What", words=True), Head("If", words=True), Head("Predicted then"), Head("Difference"))
    return WrittenTable("What would close a miss", heads, rows) if rows else None


def band_table(band: BandOutcome) -> WrittenTable:
    """What each axis alone makes of both figures, then the ends of the whole band."""
    heads = (
        Head("Changed", words=True), Head("To", words=True), Head(band.x.label, band.x.unit or ""),
        Head(band.y.label, band.y.unit or ""),
    )  # fmt: skip
    nominal = band.points[0]
    rows = [("as it is", "", nominal.x, nominal.y)]
    rows += [(point.ends[0][0], point.ends[0][1], point.x, point.y) for point in band.alone]
    for what, pick in (("least of all points", min), ("most of all points", max)):
        rows.append((what, "", pick(point.x for point in band.points), pick(point.y for point in band.points)))
    return WrittenTable(band.title, heads, rows)


def own_table(table: TableOutcome) -> WrittenTable:
    """A table that the study's file describes."""
    heads = (Head(table.first, words=True), *(Head(one.head, "×" if one.ratio else one.unit) for one in table.columns))
    return WrittenTable(table.title, heads, [(row.name, *row.figures) for row in table.rows])


def heard_table(heard: HeardInStudy) -> WrittenTable:
    """The runs of a recognition in the order of `--open N`: errors with their interval, and what audio costs."""
    found = heard.found
    timed, drawn = any(run.cost is not None for run in found.runs), any(run.draws for run in found.runs)
    best = front_of(found)
    heads = [Head("N"), Head("Run", words=True), Head(f"{found.runs[0].token} errors".capitalize(), "%")]
    heads += [Head("95 % from", "%"), Head("95 % to", "%")]
    heads += [Head("Devices from", "%"), Head("Devices to", "%")] if drawn else []
    heads += [Head("Energy per second of audio", "µJ"), Head("RTF"), Head("Model", "MB")] if timed else []
    heads += [Head("Front", words=True)] if timed else []
    rows = []
    for number, run in enumerate(found.runs, 1):
        shares = [draw.rate for draw in run.draws]
        cells: list[Value] = [
            str(number),
            run.label,
            *(100 * rate for rate in (run.rate.rate, run.rate.low, run.rate.high)),
        ]
        if drawn:
            cells += [100 * min(shares), 100 * max(shares)] if shares else [None, None]
        if timed and run.cost is None:
            cells += [None, None, None, ""]
        elif run.cost is not None:
            cells += [1000 * run.cost.energy_per_audio_second_mj, run.cost.rtf, run.cost.model_bytes / 10**6]
            cells += ["yes" if run.label in best else ""]
        rows.append(tuple(cells))
    return WrittenTable(heard.title, tuple(heads), rows)


def runs_table(runs: Sequence[RunNote]) -> WrittenTable:
    """What each run is of, and how many constants behind it have no source that was read."""
    heads = (
        Head("Run", words=True), Head("Chip", words=True), Head("Workload", words=True), Head("Precision", words=True),
        Head("Changed", words=True), Head("Without a source that was read", words=True),
    )  # fmt: skip
    rows = [
        (
            run.name,
            run.chip,
            run.workload or "",
            run.precision or "",
            ", ".join(f"{path}: {value}" for path, value in run.changed),
            f"{run.parameters_without} of {run.parameters} parameters, {run.prices_without} of {run.prices} prices"
            if run.parameters
            else "",
        )
        for run in runs
    ]
    return WrittenTable("Runs", heads, rows)


def study_tables(outcome: StudyOutcome) -> Iterator[tuple[str, WrittenTable]]:
    """All tables of a study by name, in the order of its page."""
    if outcome.claims:
        yield CLAIMS, claims_table(outcome.claims)
    closing = counterfactuals_table(outcome.claims)
    if closing is not None:
        yield COUNTERFACTUALS, closing
    for band in outcome.bands:
        yield band.name, band_table(band)
    for heard in outcome.recognitions:
        yield heard.name, heard_table(heard)
    for table in outcome.tables:
        yield table.name, own_table(table)
    yield RUNS, runs_table(outcome.runs)

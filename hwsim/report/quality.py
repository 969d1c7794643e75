"""What a run of values prints: how close the quantised model is to the float one, and which ops lose most."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.numbers import figure, percent
from hwsim.report.tables import Screen, new_table, plain_table, render
from hwsim.results.quality import OpQuality, Origin, Quality

TOP = 12


def quality_text(title: str, quality: Quality, screen: Screen) -> str:
    """The headline figures and the ops that lose most, under a title that says where the weights come from."""
    return render((Text(f"{title}{weights_remark(quality)}"), _headline(quality), _losing(quality)), screen)


def weights_remark(quality: Quality) -> str:
    """The remark of a title where no file gave the weights, or the input."""
    if quality.weights_from is Origin.FILE:
        drawn = quality.input_from is Origin.DRAWN
        return f", input drawn at random (seed {quality.seed}): noise" if drawn else ""
    return f", weights drawn at random (seed {quality.seed}), never trained: no measure of accuracy"


def losing_most(ops: Sequence[OpQuality], count: int) -> list[OpQuality]:
    """The ops at which most signal to noise is lost, the worst first."""
    with_loss = [op for op in ops if op.lost_db is not None]
    return sorted(with_loss, key=lambda op: -(op.lost_db or 0.0))[:count]


def _headline(quality: Quality) -> Table:
    rows = [
        ("SQNR", _db(quality.sqnr_db), f"of {quality.output}, against the same model in single precision"),
        ("cosine", _number(quality.cosine), ""),
    ]
    if quality.top1 is not None:
        rows.append(("top 1", percent(quality.top1), "of the rows have the same largest entry"))
    rows.append(("clipped", f"{quality.clipped:,}", "integer results beyond their range"))
    rows.append(("saturated", f"{quality.saturations:,}", _what_saturates(quality.accumulators)))
    decoded, floats = quality.decoded, quality.decoded_in_floats
    if decoded is not None and floats is not None:
        symbols = sum(map(len, decoded.symbols))
        agreed = "" if quality.symbol_agreement is None else f", {percent(quality.symbol_agreement)} as in floats"
        steps = f"in {decoded.steps:,} steps, {decoded.expansions:,} expansions and {decoded.predictions:,} predictions"
        rows.append(("symbols", f"{symbols:,}", f"{steps}{agreed}"))
    table = plain_table()
    for row in rows:
        table.add_row(*row)
    return table


def _what_saturates(accumulators: str) -> str:
    """What is cut off in accumulators, or where currents are added."""
    if accumulators.startswith("analog tiles"):
        return f"currents beyond the converters of {accumulators}"
    return f"additions in {accumulators} accumulators"


def _losing(quality: Quality) -> Table:
    table = new_table("op", "SQNR", "lost", "cosine", "top 1", "clipped", "saturated", title="Ops that lose most")
    for op in losing_most(quality.ops, TOP):
        table.add_row(
            op.name,
            _db(op.sqnr_db),
            _db(op.lost_db),
            _number(op.cosine),
            "" if op.top1 is None else percent(op.top1),
            percent(op.clipped_share) if op.results else "",
            f"{op.saturations:,}" if op.saturations else "",
        )
    return table


def _db(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} dB"


def _number(value: float | None) -> str:
    return "" if value is None else figure(value, 4)

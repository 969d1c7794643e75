"""The figure of error rates over a field of the chip: a line for each precision and each value of all other fields."""

import re
from fractions import Fraction

from matplotlib.axes import Axes

from hwsim.quantities.fields import AGE
from hwsim.report.plots.axes import empty, points_legend
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import looks_of
from hwsim.results.recognition import CHIP, COMPENSATION, DRIFT, Recognitions

COLUMNS = (
    "field", "value", "line", "token", "rate", "low", "high", "devices", "devices_low", "devices_high",
    "energy_per_audio_second_mj", "area_mm2",
)  # fmt: skip
CAPTION = (
    "Errors for each token that was said over fields of the chip, with intervals of 95 %; where several devices were "
    "drawn, means over them, and thick the lowest to the highest rate of one of them."
)

MOST_PERCENT = 110.0
"""What the axis shows at most: above it everything is wrong."""

_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?(?![0-9])")


def rows(found: Recognitions) -> list[Row]:
    """A row for each run and each of its fields that holds a number."""
    found_rows: list[Row] = []
    for run in found.runs:
        for field, written in run.varied:
            number = None if field in (CHIP, COMPENSATION) else _NUMBER.match(written)
            if number is None or not run.rates:
                continue
            others = [value for name, value in run.varied if name != field]
            found_rows.append(
                {
                    "field": field,
                    "value": float(number[0]),
                    "line": ", ".join([run.precision, *others]),
                    "token": run.token,
                    "rate": run.rate.rate,
                    "low": run.rate.low,
                    "high": run.rate.high,
                    "devices": max(1, len(run.draws)),
                    "devices_low": min((draw.rate for draw in run.draws), default=None),
                    "devices_high": max((draw.rate for draw in run.draws), default=None),
                    "energy_per_audio_second_mj": None if run.cost is None else run.cost.energy_per_audio_second_mj,
                    "area_mm2": None if run.cost is None else run.cost.area_mm2,
                }
            )
    return found_rows


def draw(rows: Rows, canvas: Canvas) -> None:
    """Axes for each field."""
    fields = list(dict.fromkeys(row["field"] for row in rows))
    canvas.size(3.4 * -(-max(1, len(fields)) // 2), narrow=3.4 * max(1, len(fields)))
    places = canvas.grid(max(1, len(fields)), 2)
    if not rows:
        empty(places[0], "no field that holds a number was varied")
        return
    looks = looks_of([row["line"] for row in rows])
    for field, ax in zip(fields, places, strict=True):
        for line, look in looks.items():
            mine = sorted(
                (row for row in rows if row["field"] == field and row["line"] == line), key=lambda row: row["value"]
            )
            ax.plot([row["value"] for row in mine], [_shown(row["rate"]) for row in mine], color=look.colour)
            for row in mine:
                value = row["value"]
                ax.plot([value, value], [_shown(row["low"]), _shown(row["high"])], color=look.colour, linewidth=0.8)
                if row["devices_low"] is not None:
                    ends = [_shown(row["devices_low"]), _shown(row["devices_high"])]
                    ax.plot([value, value], ends, color=look.colour, linewidth=3, solid_capstyle="butt")
                (mark,) = ax.plot(
                    value, _shown(row["rate"]), linestyle="", marker=look.marker, color=look.colour,
                    markeredgecolor="black",
                )  # fmt: skip
                devices = f", mean of {row['devices']} devices" if row["devices"] > 1 else ""
                canvas.note(mark, f"{line}, {field} {value:g}: {100 * row['rate']:.1f} %{devices}")
        ax.set_ylim(0, max(10.0, *(1.1 * _shown(row["high"]) for row in rows)))
        _scale(ax, field, [row["value"] for row in rows if row["field"] == field])
        ax.set_xlabel(field)
        ax.set_ylabel(f"{rows[0]['token']} errors [%]")
        ax.grid()
    points_legend(canvas, looks)


WIDE_RANGE = 50.0
"""Values that differ by more than this factor are drawn in powers of ten, with room for 0."""


MOST_TICKS = 8


def _scale(ax: Axes, field: str, values: list[float]) -> None:
    """Powers of ten below values that are far apart, which are written beneath it themselves."""
    above = [value for value in values if value > 0]
    if not above or min(values) < 0 or max(above) <= WIDE_RANGE * min(above):
        return
    ax.set_xscale("symlog", linthresh=min(above))
    ax.set_xlim(left=min(values))
    shown = sorted(set(values))
    shown = shown if len(shown) <= MOST_TICKS else shown[:: -(-len(shown) // MOST_TICKS)]
    ax.set_xticks(shown, [_written(field, value) for value in shown])
    ax.set_xticks([], minor=True)


def _written(field: str, value: float) -> str:
    """A value on the axis.

    >>> _written(DRIFT, 604800.0), _written("array.rows", 64.0)
    ('1 w', '64')
    """
    if field == DRIFT:
        return AGE.written(Fraction(value)) if value else "0"
    return f"{value:g}"


def _shown(rate: float) -> float:
    """A rate as the axis shows it."""
    return min(100 * rate, MOST_PERCENT)

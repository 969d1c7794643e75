"""The figure of a study of drift: signal to noise and agreement over time, with and without compensation."""

from io import BytesIO
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hwsim.report.drift import drift_title, labelled
from hwsim.results.drift import Drift, DriftPoint

_MARKS = ("o", "s", "^")
_SOLID: Literal["-"] = "-"
_DASHED: Literal["--"] = "--"
_LARGEST, _SYMBOLS = "largest entry, along one search", "symbols of its own search"


def drift_png(drift: Drift) -> bytes:
    """The figure as a PNG file."""
    sheet = Figure(figsize=(11, 4.8), layout="constrained")
    levels, shares = sheet.subplots(1, 2)
    draw_levels(drift, levels)
    draw_agreement(drift, shares)
    sheet.suptitle(drift_title(drift))
    data = BytesIO()
    sheet.savefig(data, format="png", dpi=120, metadata={"Software": None})
    return data.getvalue()


def draw_levels(drift: Drift, ax: Axes) -> None:
    """SQNR of the output over time, each compensation a line; beside them what quantisation alone costs."""
    places = _axis(drift, ax)
    for number, (compensation, points) in enumerate(_lines(drift).items()):
        heard = [point for point in points if point.sqnr_db is not None]
        ax.plot(
            [places[point.seconds] for point in heard],
            [point.sqnr_db or 0.0 for point in heard],
            color=f"C{number}",
            marker=_MARKS[number],
            label=labelled(compensation),
        )
    if drift.exact_sqnr_db is not None:
        ax.axhline(drift.exact_sqnr_db, color="0.5", linestyle=":", label="exact integers against floats")
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.set_ylabel("signal to noise [dB]")
    ax.set_title(f"{drift.output} against exact integers", fontsize=10)
    ax.legend(frameon=False, fontsize=9)


def draw_agreement(drift: Drift, ax: Axes) -> None:
    """The shares of equal largest entries (solid) and of equal symbols (dashed) over time."""
    places = _axis(drift, ax)
    named: dict[str, Line2D] = {}
    for number, points in enumerate(_lines(drift).values()):
        for what, style, filled, values in (
            (_LARGEST, _SOLID, True, [point.top1 for point in points]),
            (_SYMBOLS, _DASHED, False, [point.symbol_agreement for point in points]),
        ):
            known = [(places[p.seconds], 100 * v) for p, v in zip(points, values, strict=True) if v is not None]
            if known:
                face = f"C{number}" if filled else "white"
                ax.plot(
                    *zip(*known, strict=True),
                    color=f"C{number}",
                    marker=_MARKS[number],
                    markerfacecolor=face,
                    linestyle=style,
                )
                named[what] = Line2D([], [], color="0.2", linestyle=style)
    ax.set_ylim(-3, 103)
    ax.set_ylabel("equal [%]")
    ax.set_title("agreement with exact integers", fontsize=10)
    if named:
        ax.legend(named.values(), named, frameon=False, fontsize=9)
    else:
        ax.text(0.5, 0.5, "nothing is ranked or decoded", ha="center", va="center", transform=ax.transAxes)


def _lines(drift: Drift) -> dict[str, list[DriftPoint]]:
    """The points of each compensation, by age."""
    found: dict[str, list[DriftPoint]] = {}
    for point in sorted(drift.points, key=lambda point: point.seconds):
        found.setdefault(point.compensation, []).append(point)
    return found


def _axis(drift: Drift, ax: Axes) -> dict[object, float]:
    """A logarithmic axis of time with a mark for each age; where ages lie on it, 0 s a decade before the others."""
    ages = {point.seconds: point.age for point in drift.points}
    later = [float(age) for age in ages if age > 0]
    fresh = min(later, default=10.0) / 10
    places: dict[object, float] = {age: float(age) if age > 0 else fresh for age in ages}
    ax.set_xscale("log")
    ax.set_xticks(list(places.values()), list(ages.values()))
    ax.set_xticks([], minor=True)
    ax.set_xlabel("time since programming")
    ax.grid(alpha=0.3)
    return places

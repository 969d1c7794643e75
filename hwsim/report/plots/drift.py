"""The figure of a study of drift: signal to noise and agreement over time, with and without compensation."""

from fractions import Fraction

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hwsim.quantities.plain_data import flat
from hwsim.report.drift import labelled
from hwsim.report.plots.axes import empty, legend
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import LineStyle, Look, looks_of
from hwsim.results.drift import Drift

COLUMNS = ("seconds", "age", "compensation", "sqnr_db", "top1", "symbol_agreement", "output", "exact_sqnr_db")
CAPTION = "Signal to noise and agreement with exact integers as the cells of analog tiles age."

_SHARES: tuple[tuple[str, LineStyle, bool, str], ...] = (
    ("top1", "-", True, "largest entry"),
    ("symbol_agreement", "--", False, "symbols"),
)


def rows(drift: Drift) -> list[Row]:
    """A row a point."""
    beside = {"output": drift.output, "exact_sqnr_db": drift.exact_sqnr_db}
    return [
        {key: value for key, value in flat(point).items() if key != "ops"} | {"age": point.age} | beside
        for point in drift.points
    ]


def draw(rows: Rows, canvas: Canvas) -> None:
    """Levels on one side, shares on the other."""
    canvas.size(3.9, narrow=6.6)
    levels, shares = canvas.grid(2, 2)
    looks = looks_of([row["compensation"] for row in rows])
    exact = draw_levels(rows, levels, looks, canvas)
    found = draw_agreement(rows, shares, looks, canvas)
    handles = [Line2D([], [], color=look.colour, marker=look.marker) for look in looks.values()]
    names = [labelled(name) for name in looks]
    lines: list[tuple[bool, LineStyle, bool, str]] = [(exact, ":", True, "exact integers against floats")]
    lines += [(what in found, style, filled, f"{name} equal") for what, style, filled, name in _SHARES]
    for there, style, filled, name in lines:
        if there:
            face, marker = "0.3" if filled else "white", "" if style == ":" else "o"
            handles.append(Line2D([], [], color="0.3", linestyle=style, marker=marker, markerfacecolor=face))
            names.append(name)
    legend(canvas, handles, names, across=3)


def draw_levels(rows: Rows, ax: Axes, looks: dict[str, Look], canvas: Canvas) -> bool:
    """SQNR of the output over time, each compensation a line; whether what quantisation alone costs stands beside."""
    places = _axis(rows, ax)
    for name, look in looks.items():
        points = [
            (places[row["seconds"]], row["sqnr_db"], row) for row in _of(rows, name) if row["sqnr_db"] is not None
        ]
        ax.plot([x for x, *_ in points], [y for _, y, _ in points], color=look.colour)
        for x, y, row in points:
            (mark,) = ax.plot(x, y, linestyle="", marker=look.marker, color=look.colour)
            canvas.note(mark, f"{labelled(name)}, {row['age']}: {y:.1f} dB")
    exact = next((row["exact_sqnr_db"] for row in rows), None)
    if exact is not None:
        ax.axhline(exact, color="0.3", linestyle=":")
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.set_ylabel("signal to noise [dB]")
    ax.set_title(f"{rows[0]['output']} against exact integers")
    return exact is not None


def draw_agreement(rows: Rows, ax: Axes, looks: dict[str, Look], canvas: Canvas) -> set[str]:
    """The shares of equal largest entries (solid) and of equal symbols (dashed) over time; which of them there are."""
    places, found = _axis(rows, ax), set[str]()
    for name, look in looks.items():
        for what, style, filled, said in _SHARES:
            points = [
                (places[row["seconds"]], 100 * row[what], row) for row in _of(rows, name) if row[what] is not None
            ]
            if not points:
                continue
            found.add(what)
            ax.plot([x for x, *_ in points], [y for _, y, _ in points], color=look.colour, linestyle=style)
            for x, y, row in points:
                face = look.colour if filled else "white"
                (mark,) = ax.plot(x, y, linestyle="", marker=look.marker, color=look.colour, markerfacecolor=face)
                canvas.note(mark, f"{labelled(name)}, {row['age']}: {y:.4g} % of {said} equal")
    ax.set_ylim(-3, 103)
    ax.set_ylabel("equal [%]")
    ax.set_title("agreement with exact integers")
    if not found:
        empty(ax, "nothing is ranked or decoded")
    return found


def _of(rows: Rows, compensation: str) -> list[Row]:
    return sorted((row for row in rows if row["compensation"] == compensation), key=lambda row: row["seconds"])


def _axis(rows: Rows, ax: Axes) -> dict[object, float]:
    """A logarithmic axis of time with a mark for each age; where ages lie on it, 0 s a decade before the others."""
    ages: dict[Fraction, str] = {row["seconds"]: row["age"] for row in rows}
    later = [float(age) for age in ages if age > 0]
    fresh = min(later, default=10.0) / 10
    places: dict[object, float] = {age: float(age) if age > 0 else fresh for age in ages}
    ax.set_xscale("log")
    ax.set_xticks(list(places.values()), list(ages.values()))
    ax.set_xticks([], minor=True)
    ax.set_xlabel("time since programming")
    ax.grid()
    return places

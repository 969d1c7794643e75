"""A sheet on which a figure is drawn, in a wide or a narrow layout, and its file, byte for byte the same each time.

Figures are drawn by functions of rows: they look nothing up and work nothing out, so that what a figure shows is what
its rows say. Texts in SVG stay texts. What is pointed at says its numbers: a mark is a group with a title.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from html import escape
from io import BytesIO, StringIO
from typing import Any

import matplotlib
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsim.dataclass import dataclass
from hwsim.errors import printable
from hwsim.report.tables import wrapped

Row = Mapping[str, Any]
Rows = Sequence[Row]

WIDE, NARROW = 8.6, 4.3
"""Inches; on a screen of 96 dots an inch the narrow one is as wide as that of a phone."""

_OURS = {
    "svg.hashsalt": "hwsim",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "figure.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.alpha": 0.35,
    "hatch.linewidth": 0.6,
    "path.simplify": True,
    "text.parse_math": False,
}
_NOT_STYLE = ("backend", "interactive", "toolbar", "webagg", "tk.", "timezone", "date.epoch", "savefig.directory")
_FALLBACK = "'DejaVu Sans', Verdana, sans-serif"
"""Verdana is about as wide as DejaVu Sans, where that is not installed."""


def style() -> Any:
    """What figures are drawn with, whatever the settings of the machine are."""
    plain = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith(_NOT_STYLE)}
    return plain | _OURS


@dataclass
class Canvas:
    """A sheet of one figure: its layout, and what its marks say."""

    name: str
    wide: bool = True
    figure: Figure = field(default_factory=lambda: Figure(layout="constrained"))
    notes: dict[str, str] = field(default_factory=dict)

    def size(self, height: float, *, narrow: float | None = None) -> None:
        """How high the sheet is in inches, and in the narrow layout."""
        self.figure.set_size_inches(WIDE if self.wide else NARROW, height if self.wide or narrow is None else narrow)

    def axes(self) -> Axes:
        """One pair of axes."""
        return self.figure.subplots()

    def grid(self, count: int, across: int) -> list[Axes]:
        """Pairs of axes side by side, so many in a line; in the narrow layout one below another."""
        across = min(across, count) if self.wide else 1
        lines = -(-count // across)
        places: list[Axes] = list(self.figure.subplots(lines, across, squeeze=False).flat)
        for ax in places[count:]:
            ax.set_axis_off()
        return places[:count]

    def entitle(self, title: str) -> None:
        """What the figure is of, in lines as wide as the sheet."""
        self.figure.suptitle(
            "\n".join(wrapped(printable(title), 100 if self.wide else 48)), fontsize=9.5 if self.wide else 8.5
        )

    def note(self, artist: Artist, text: str) -> None:
        """What a mark says when somebody points at it."""
        mark = f"{self.name}-{'wide' if self.wide else 'narrow'}-{len(self.notes)}"
        artist.set_gid(mark)
        artist.set_in_layout(False)  # which asks every artist how far it goes: what is pointed at lies inside the axes
        self.notes[mark] = printable(text)


def svg_of(canvas: Canvas) -> str:
    """The sheet as an SVG document."""
    text = StringIO()
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    canvas.figure.savefig(text, format="svg", metadata=metadata)
    return _with_notes(text.getvalue(), canvas)


def pdf_of(canvas: Canvas) -> bytes:
    """The sheet as a PDF document."""
    data = BytesIO()
    metadata = {"Creator": None, "Producer": None, "CreationDate": None}
    canvas.figure.savefig(data, format="pdf", metadata=metadata)
    return data.getvalue()


def png_of(canvas: Canvas, *, dots: int = 110) -> bytes:
    """The sheet as an image."""
    data = BytesIO()
    canvas.figure.savefig(data, format="png", dpi=dots, metadata={"Software": None})
    return data.getvalue()


def _with_notes(text: str, canvas: Canvas) -> str:
    """The document in which marks have titles, and nothing else a name: several figures may stand in one page."""

    def named(found: "re.Match[str]") -> str:
        note = canvas.notes.get(found[1])
        return "<g>" if note is None else f'<g id="{found[1]}" class="mark"><title>{escape(note)}</title>'

    text = re.sub(r'<g id="([^"]*)">', named, text)
    text = re.sub(r' (?:d|x|y|transform)="[^"]*"', lambda found: re.sub(r"-?\d+\.\d{3,}", _short, found[0]), text)
    return text.replace("'DejaVu Sans', sans-serif", _FALLBACK)


def _short(number: "re.Match[str]") -> str:
    """A coordinate to a hundredth of a point, which nobody sees."""
    return f"{float(number[0]):.2f}"


@contextmanager
def drawn_with() -> Iterator[None]:
    """The settings with which figures are drawn and written; letters that the font lacks are left to the viewer's."""
    with rc_context(style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield

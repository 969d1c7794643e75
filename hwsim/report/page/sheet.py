"""A report as one page of HTML: what stands in it, and the page that is made of that.

Everything that comes from files is text: templates escape it. Figures alone are put in as they are, from SVG that this
package has drawn.
"""

import json
import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from hwsim.dataclass import dataclass
from hwsim.errors import printable
from hwsim.report.plots.registry import Drawing

FEW = 40
"""A figure of at most so many rows has its numbers beside it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a table says in a place, and the number by which it sorts, if it is one."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table, which may fold into the line of that number; `folds` says whether others fold into it."""

    cells: tuple[Cell, ...]
    level: int = 0
    parent: int | None = None
    folds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A table that sorts and filters. At first the lines down to the level `open` are shown; `depths` are the levels
    that can be asked for, each with what a button says."""

    name: str
    short: str
    title: str
    note: str = ""
    columns: tuple[str, ...]
    lines: Sequence[Line]
    open: int = 0
    depths: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure in both layouts, and its numbers where they are few."""

    name: str
    caption: str
    wide: Markup
    narrow: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    @classmethod
    def of(cls, drawing: Drawing, own: str | None = None, drawn: str | None = None) -> "Shown":
        """The figure as a page has it, under a name of its `own`, where a page may have several of a kind; `drawn` is
        its wide SVG document, if somebody has it already."""
        name = own or drawing.name
        columns = drawing.plot.columns
        few = len(drawing.rows) <= FEW
        rows = [[_written(row[column]) for column in columns] for row in drawing.rows] if few else []
        wide = _inline(drawing, drawing.svg() if drawn is None else drawn, f"{name}-w-")
        narrow = _inline(drawing, drawing.svg(wide=False), f"{name}-n-")
        return cls(name, drawing.plot.caption, wide, narrow, columns, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """The lines of a listing as points by two of its columns, which can be chosen."""

    listing: str
    x: str
    y: str
    units: Sequence[tuple[str, str]] = ()

    @property
    def units_text(self) -> str:
        """The unit of each column that has one, as the script reads it."""
        return json.dumps(list(self.units), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A report: the command that made it, texts for wide and narrow screens, figures, tables, provenance."""

    title: str
    command: str
    texts: Sequence[tuple[str, str]]
    figures: Sequence[Shown]
    listings: Sequence[Listing]
    provenance: Sequence[tuple[str, str]] = ()
    scatter: Scatter | None = None

    @property
    def version(self) -> str:
        """That of the program."""
        return version("hwsim")

    def html(self) -> str:
        """The page."""
        return environment().get_template("page.html.j2").render(page=self)


def environment() -> Environment:
    """What templates are read and filled with."""
    found = Environment(
        loader=PackageLoader("hwsim.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    found.filters["at_dots"] = _at_dots
    return found


def _at_dots(name: str) -> Markup:
    """A name that narrow windows break behind its dots before they break it within words."""
    return Markup(escape(_shown(name)).replace(".", Markup(".<wbr>")))


def _shown(value: Any) -> Any:
    """Texts whose characters all show: names from files may hold what moves cursors or turns a line around."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return "\n".join(map(printable, value.split("\n")))
    return value


def _written(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _inline(drawing: Drawing, text: str, own: str) -> Markup:
    """A figure's SVG as a part of a page: as wide as there is room, its `own` names unlike those of all others."""
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{own}", text[text.index("<svg") :])
    root = re.sub(r' (width|height)="[^"]*"', "", text[: text.index(">")])
    label = f'role="img" tabindex="0" aria-label="{escape(drawing.title)}: {escape(drawing.plot.caption)}"'
    return Markup(f"{root} {label}{text[text.index('>') :]}")  # drawn here, its texts escaped

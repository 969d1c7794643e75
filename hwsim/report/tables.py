"""Tables and texts of figures for a terminal, whatever they tell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from hwsim.core.counters import Limit
from hwsim.errors import printable


@dataclass(frozen=True, slots=True)
class Screen:
    """What the text is for: how wide it may be, and whether it may carry colours."""

    width: int = 100
    colours: bool = False


def render(blocks: Sequence[Text | Table], screen: Screen) -> str:
    """The blocks with an empty line between each two, without blanks at the ends of lines."""
    text = StringIO()
    console = Console(
        file=text, width=screen.width, force_terminal=screen.colours, highlight=False, markup=False, emoji=False
    )
    for block in blocks:
        console.print(_Printable(block))
        console.print()
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().split("\n")) + "\n"


@dataclass(frozen=True, slots=True)
class _Printable:
    """A block whose words reach a terminal as letters alone: names come from files, and may hold what moves cursors."""

    block: Text | Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self.block, options):
            lines = segment.text.split("\n")
            yield Segment("\n".join(printable(line) for line in lines), segment.style, segment.control)


def limit_text(limit: Limit) -> str:
    """What binds an op, as people read it."""
    return limit.value.replace("_", " ").replace("dram", "DRAM")


TEXTS = ("bound by", "before", "after", "why", "place", "block", "")


def new_table(*columns: str, title: str | None = None) -> Table:
    """A table: the first column is a name, those called as in `TEXTS` are words, all others are figures."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        left = place == 0 or column in TEXTS
        # A long name or reason is folded, a figure never.
        table.add_column(
            column,
            justify="left" if left else "right",
            header_style="dim",
            overflow="fold",
            no_wrap=place > 0 and column != "why",
        )
    return table

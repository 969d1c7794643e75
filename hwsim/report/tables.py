"""Tables and texts of figures for a terminal, whatever they tell."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from hwsim.errors import printable
from hwsim.report.fitted import fitted, wrapped
from hwsim.schedule.counters import Limit

TIE = "\u00a0"
"""A blank at which no line ends; it is printed as any other."""

MOST_LINES = 40
"""The length of one screen."""

LEAST_WIDTH = 60
"""What is narrower is treated as if it were so wide."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What the text is for: how wide it may be, whether it may carry colours, and bars made of blocks."""

    width: int = 80
    colours: bool = False
    blocks: bool = True


def render(blocks: Sequence[Text | Table], screen: Screen) -> str:
    """The blocks with an empty line between each two, without blanks at the ends of lines."""
    text = StringIO()
    console = Console(
        file=text, width=screen.width, force_terminal=screen.colours, highlight=False, markup=False, emoji=False
    )
    for block in blocks:
        for piece in fitted(block, screen.width) if isinstance(block, Table) else [_broken(block, screen.width)]:
            console.print(_Printable(piece))
            console.print()
    lines = text.getvalue().rstrip().split("\n")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def first_that_fits(attempts: Iterable[Sequence[Text | Table]], screen: Screen) -> str:
    """The first of the attempts that is at most one screen long; they end with the shortest."""
    text = ""
    for blocks in attempts:
        text = render(blocks, screen)
        if text.count("\n") <= MOST_LINES:
            break
    return text


def _broken(text: Text, width: int) -> Text:
    """The text; if it has ties, or words wider than the screen, in lines that keep these and break those.

    A style at the beginning of a text stays there.
    """
    if TIE not in text.plain and max(map(cell_len, text.plain.split()), default=0) <= width:
        return text
    return Text("\n".join(wrapped(text.plain, width)), spans=[span for span in text.spans if span.start == 0])


@dataclass(frozen=True, slots=True)
class _Printable:
    """A block whose words reach a terminal as letters alone: names come from files, and may hold what moves cursors.

    Its lines are broken by then, so that ties are blanks as any other.
    """

    block: Text | Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self.block, options):
            lines = segment.text.replace(TIE, " ").split("\n")
            yield Segment("\n".join(printable(line) for line in lines), segment.style, segment.control)


def limit_text(limit: Limit) -> str:
    """What binds an op, as people read it."""
    return "waits between steps" if limit is Limit.LATENCY else limit.value.replace("_", " ").replace("dram", "DRAM")


def usual_limit(limits: Iterable[tuple[Limit, int]]) -> str:
    """The limit with which most cycles go, of ops with their cycles."""
    cycles: Counter[Limit] = Counter()
    for limit, count in limits:
        cycles[limit] += count
    return limit_text(max(cycles, key=lambda limit: cycles[limit]))


TEXTS = ("bound by", "how sure", "before", "after", "why", "place", "block", "")


def plain_table() -> Table:
    """A table without header: a name, a figure, a remark."""
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))


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
            no_wrap=place > 0 and column not in ("why", ""),
        )
    return table

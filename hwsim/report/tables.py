"""Layout of tables and texts for a terminal of any width.

Words are never split. A name with dots is broken after one of them if there is no other way.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import StringIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from hwsim.dataclass import dataclass
from hwsim.errors import printable
from hwsim.schedule.unit_table import Limit

GAP = 2
"""Blanks between columns."""

INDENT = "  "
"""Before the rest of a broken name."""

FULL_BLOCK, EIGHTHS_OF_A_BLOCK = "█", " ▏▎▍▌▋▊▉"
TIE = "\u00a0"
"""A blank at which no line ends; it is printed as any other."""

MOST_LINES = 40
"""The length of one screen."""

LEAST_WIDTH = 60
"""A narrower terminal is treated as if it had this width."""

TEXTS = ("bound by", "how sure", "before", "after", "why", "place", "block", "")
"""The columns whose cells are words."""


def fitted(table: Table, width: int) -> list[Table]:
    """The table, or as few tables as needed, none wider than that, the first column in each of them."""
    columns = [_Column.of(column) for column in table.columns]
    if _total([column.width for column in columns]) <= width:
        return [table]
    for attempt in (_headers_wrapped, _names_broken):
        widths = attempt(columns, width)
        if widths is not None:
            return [_table(table, columns, widths, title=True, caption=True)]
    return _split(table, columns, width)


@dataclass(frozen=True, slots=True)
class _Column:
    """What a column says, and how narrow it can be: with its header in lines, with its texts, with broken names."""

    like: Column
    header: str
    cells: tuple[str | Text, ...]

    @classmethod
    def of(cls, column: Column) -> "_Column":
        cells = tuple(cell if isinstance(cell, Text) else str(cell) for cell in column.cells)
        return cls(column, str(column.header), cells)

    @property
    def texts(self) -> list[str]:
        return [cell.plain if isinstance(cell, Text) else cell for cell in self.cells]

    @property
    def width(self) -> int:
        return max((cell_len(line) for text in (self.header, *self.texts) for line in text.split("\n")), default=0)

    def least(self, *, broken: bool) -> int:
        """The least width, if words stay whole, and names do unless they may be `broken`."""
        headers = max((cell_len(word) for word in self.header.split()), default=0)
        if self.like.no_wrap:
            return max(headers, max((cell_len(text) for text in self.texts), default=0))
        texts = (_least(line, broken=broken) for text in self.texts for line in text.split("\n"))
        return min(self.width, max(headers, max(texts, default=0)))


def _least(line: str, *, broken: bool) -> int:
    """The longest word of a line, behind the blanks at its beginning."""
    before = len(line) - len(line.lstrip(" ")) + broken * len(INDENT)
    return max((before + cell_len(word) for word in _words(line, broken=broken)), default=0)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _headers_wrapped(columns: Sequence[_Column], width: int) -> list[int] | None:
    return _shrunk(columns, [column.least(broken=False) for column in columns], width)


def _names_broken(columns: Sequence[_Column], width: int) -> list[int] | None:
    return _shrunk(columns, [column.least(broken=True) for column in columns], width)


def _shrunk(columns: Sequence[_Column], least: Sequence[int], width: int) -> list[int] | None:
    """Widths that fit, the widest columns narrowed first; None if the least ones do not."""
    if _total(least) > width:
        return None
    widths = [column.width for column in columns]
    while _total(widths) > width:
        place = max((p for p in range(len(widths)) if widths[p] > least[p]), key=lambda p: widths[p])
        widths[place] -= 1
    return widths


def _split(table: Table, columns: Sequence[_Column], width: int) -> list[Table]:
    """Several tables, each with the first column and as many others as fit."""
    name, tables, at = columns[0], [], 1
    while at < len(columns):
        end = at + 1
        while end < len(columns) and _fits([name, *columns[at : end + 1]], width):
            end += 1
        shown = [name, *columns[at:end]]
        widths = _headers_wrapped(shown, width) or _names_broken(shown, width)
        tables.append(
            _table(
                table, shown, widths or [column.width for column in shown], title=at == 1, caption=end == len(columns)
            )
        )
        at = end
    return tables


def _fits(columns: Sequence[_Column], width: int) -> bool:
    return _headers_wrapped(columns, width) is not None or _names_broken(columns, width) is not None


def _table(table: Table, columns: Sequence[_Column], widths: Sequence[int], *, title: bool, caption: bool) -> Table:
    """These columns, in lines of these widths."""
    shown = Table(
        title=table.title if title else None, title_justify=table.title_justify, title_style=table.title_style,
        caption=table.caption if caption else None, caption_justify=table.caption_justify,
        caption_style=table.caption_style,
        box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=table.show_header,
    )  # fmt: skip
    headers = [wrapped(column.header, size) for column, size in zip(columns, widths, strict=True)]
    deepest = max(map(len, headers))
    for column, header in zip(columns, headers, strict=True):
        lines = [""] * (deepest - len(header)) + header
        like = replace(column.like, header="\n".join(lines), footer="", _cells=[], no_wrap=True)
        shown.columns.append(replace(like, _index=len(shown.columns)))
    cells = [[_in_lines(cell, size) for cell in column.cells] for column, size in zip(columns, widths, strict=True)]
    for row in zip(*cells, strict=True):
        shown.add_row(*row)
    return shown


def _in_lines(cell: str | Text, width: int) -> str | Text:
    if isinstance(cell, Text):
        return Text("\n".join(wrapped(cell.plain, width)), style=cell.style)
    return "\n".join(wrapped(cell, width))


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of that width, words whole; one that is wider is broken after dots and slashes.

    >>> wrapped("encoder.subsampling.convolution and more", 22)
    ['encoder.subsampling.', '  convolution and more']
    """
    lines: list[str] = []
    for line in text.split("\n"):
        lead = line[: len(line) - len(line.lstrip(" "))]
        pieces = [lead]
        for word in _words(line):
            _put(pieces, word, width, lead)
        lines += [piece for piece in pieces if piece.strip()] or [""]
    return lines


def _put(lines: list[str], word: str, width: int, lead: str) -> None:
    """Set a word behind the last line, or in lines of its own."""
    blank = " " if lines[-1].strip() else ""
    if cell_len(lines[-1]) + len(blank) + cell_len(word) <= width:
        lines[-1] += blank + word
    elif cell_len(lead) + cell_len(word) <= width:
        lines.append(lead + word)
    else:
        for place, piece in enumerate(_words(word, broken=True)):
            if not place and lines[-1].strip():
                lines.append(lead + piece)
            elif cell_len(lines[-1]) + cell_len(piece) <= width:
                lines[-1] += piece
            else:
                lines.append(lead + INDENT + piece)


def _words(text: str, *, broken: bool = False) -> list[str]:
    """The words of a text; of one with dots or slashes, if it may be broken, what stands up to each."""
    words = re.findall(r"[^ \n]+", text)
    return [piece for word in words for piece in re.findall(r"[^./]*[./]+|[^./]+", word)] if broken else words


@dataclass(frozen=True, slots=True)
class Screen:
    """What a terminal can show: the width of the text, whether it may have colours, and bars made of blocks."""

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
    return limit.label if limit is Limit.LATENCY else limit.value.replace("_", " ").replace("dram", "DRAM")


def usual_limit(limits: Iterable[tuple[Limit, int]]) -> str:
    """The limit with which most cycles go, of ops with their cycles."""
    cycles: Counter[Limit] = Counter()
    for limit, count in limits:
        cycles[limit] += count
    return limit_text(max(cycles, key=lambda limit: cycles[limit]))


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


def can_show_blocks(encoding: str | None) -> bool:
    """Whether text in that encoding may hold bars made of blocks.

    >>> can_show_blocks("utf-8"), can_show_blocks("latin-1"), can_show_blocks("ascii")
    (True, False, False)
    """
    try:
        (EIGHTHS_OF_A_BLOCK + FULL_BLOCK).encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True

"""Tables on a screen that is narrower than they are: texts in several lines, then columns in several tables.

Words are never split. A name with dots is broken after one of them if there is no other way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.table import Column, Table
from rich.text import Text

GAP = 2
"""Blanks between columns."""

INDENT = "  "
"""Before what follows of a broken name."""


def fitted(table: Table, width: int) -> list[Table]:
    """The table, or as few as it takes, each no wider than that, the first column in each of them."""
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
    name, found, at = columns[0], [], 1
    while at < len(columns):
        end = at + 1
        while end < len(columns) and _fits([name, *columns[at : end + 1]], width):
            end += 1
        shown = [name, *columns[at:end]]
        widths = _headers_wrapped(shown, width) or _names_broken(shown, width)
        found.append(
            _table(
                table, shown, widths or [column.width for column in shown], title=at == 1, caption=end == len(columns)
            )
        )
        at = end
    return found


def _fits(columns: Sequence[_Column], width: int) -> bool:
    return _headers_wrapped(columns, width) is not None or _names_broken(columns, width) is not None


def _table(table: Table, columns: Sequence[_Column], widths: Sequence[int], *, title: bool, caption: bool) -> Table:
    """These columns, in lines of these widths."""
    made = Table(
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
        made.columns.append(replace(like, _index=len(made.columns)))
    cells = [[_in_lines(cell, size) for cell in column.cells] for column, size in zip(columns, widths, strict=True)]
    for row in zip(*cells, strict=True):
        made.add_row(*row)
    return made


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
        found = [lead]
        for word in _words(line):
            _put(found, word, width, lead)
        lines += [one for one in found if one.strip()] or [""]
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

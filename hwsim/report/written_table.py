"""A table as Markdown, LaTeX (booktabs) and CSV, from one definition of its cells."""

import re
from collections.abc import Iterable, Sequence

from hwsim.dataclass import dataclass
from hwsim.errors import printable
from hwsim.report.export import to_csv
from hwsim.report.numbers import figure
from hwsim.results.paper_columns import Value

DIGITS = 4
NONE = "–"
"""What stands where a row has no value."""


def cell(value: Value, *, ratio: bool = False) -> str:
    """A value as tables for people show it, with four significant digits.

    >>> cell(3.94234, ratio=True), cell(None), cell("int4")
    ('3.942 ×', '–', 'int4')
    """
    if value is None:
        return NONE
    return value if isinstance(value, str) else figure(value, DIGITS) + (" ×" if ratio else "")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column: its label, its unit, and whether its cells are words, between backticks words of a file."""

    label: str
    unit: str = ""
    words: bool = False

    @property
    def text(self) -> str:
        """What stands over the column; a sign of multiplication stands behind each figure instead.

        >>> Head("Latency", "ms").text, Head("Speed-up", "×").text
        ('Latency (ms)', 'Speed-up')
        """
        return f"{self.label} ({self.unit})" if self.unit and self.unit != "×" else self.label


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table: rows of values under heads, a caption, and remarks below it."""

    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Value]]
    remarks: Sequence[str] = ()

    @property
    def cells(self) -> list[list[str]]:
        """The cells as people read them."""
        return [
            [cell(value, ratio=head.unit == "×") for head, value in zip(self.heads, row, strict=True)]
            for row in self.rows
        ]

    def markdown(self) -> str:
        """As Markdown, without the caption: a heading says that."""
        lines = [
            f"| {' | '.join(in_markdown(head.text) for head in self.heads)} |",
            f"|{''.join('---|' if head.words else '---:|' for head in self.heads)}",
            *(f"| {' | '.join(map(words_in_markdown, cells))} |" for cells in self.cells),
        ]
        return "\n".join([*lines, *(f"\n{in_markdown(remark)}" for remark in self.remarks)]) + "\n"

    def latex(self) -> str:
        """As LaTeX, for a document that loads booktabs."""
        sides = "".join("l" if head.words else "r" for head in self.heads)
        lines = [latex_row(map(words_in_latex, cells)) for cells in self.cells]
        notes = [in_latex(remark) for remark in self.remarks]
        return latex_table(self.caption, sides, [head.text for head in self.heads], lines, notes)

    def csv(self) -> str:
        """As CSV: values with all of their digits, units in the heads."""
        heads = [f"{head.label} ({head.unit})" if head.unit else head.label for head in self.heads]
        assert len(set(heads)) == len(heads), "columns of a CSV file are told apart by their heads"
        return to_csv([dict(zip(heads, row, strict=True)) for row in self.rows], columns=heads)


LATEX_RULE = "    \\midrule"
"""A line between groups of rows."""


def latex_row(cells: Iterable[str]) -> str:
    """A row of cells that LaTeX can set."""
    return f"    {' & '.join(cells)} \\\\"


def latex_table(caption: str, sides: str, heads: Iterable[str], lines: Sequence[str], notes: Sequence[str]) -> str:
    """A table for a document that loads booktabs: to which side the cells of each column stand, lines of rows, and
    notes below it; lines and notes are such as LaTeX can set."""
    whole = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        f"  \\caption{{{in_latex(caption)}}}",
        "  \\centering",
        f"  \\begin{{tabular}}{{{sides}}}",
        "    \\toprule",
        latex_row(map(in_latex, heads)),
        LATEX_RULE,
        *lines,
        "    \\bottomrule",
        "  \\end{tabular}",
    ]
    if notes:
        breaks = " \\\\\n    ".join(notes)
        whole += [
            "  \\par\\smallskip",
            "  \\begin{minipage}{\\linewidth}\\footnotesize",
            f"    {breaks}",
            "  \\end{minipage}",
        ]
    return "\n".join([*whole, "\\end{table}"]) + "\n"


def _pieces(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it stood between backticks; a single backtick is one of the text's."""
    parts = re.split(r"`([^`]+)`", text)
    return [(part, place % 2 == 1) for place, part in enumerate(parts) if part]


def words_in_markdown(text: str) -> str:
    r"""Words in a cell, what stands between backticks as code.

    >>> print(words_in_markdown("a_b, `c_d`"))
    a\_b, `c_d`
    """
    return "".join(
        f"`{printable(piece)}`".replace("|", r"\|") if code else in_markdown(piece) for piece, code in _pieces(text)
    )


def words_in_latex(text: str) -> str:
    r"""Words as LaTeX sets them, what stands between backticks as code.

    >>> print(words_in_latex("a_b, `c_d`"))
    a\_b, \texttt{c\_d}
    """
    return "".join(rf"\texttt{{{in_latex(piece)}}}" if code else in_latex(piece) for piece, code in _pieces(text))


def in_markdown(text: str) -> str:
    r"""A text in a cell: what Markdown would read as marks is escaped.

    >>> print(in_markdown("a|b_c<i>"))
    a\|b\_c&lt;i&gt;
    """
    text = re.sub(r"([\\`*_\[\]|#~])", r"\\\1", printable(text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "[": "{[}", "]": "{]}", "−": "$-$", "≤": r"$\leq$", "≥": r"$\geq$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "×": r"$\times$", "⁶": r"$^{6}$", "²": r"$^{2}$", "µ": r"\textmu{}", NONE: "--", "…": r"\dots{}",
}  # fmt: skip


def in_latex(text: str) -> str:
    r"""A text as LaTeX sets it.

    >>> print(in_latex("5 % of a_b"))
    5 \% of a\_b
    """
    return "".join(_LATEX.get(one, one) for one in printable(text))

"""Tables on narrow screens: nothing is lost, nothing is split but names at their dots."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from hwsim.report.tables import Screen, new_table, render

NAMES = st.from_regex(r"( {2})?[a-z]{1,8}(\.[a-z]{1,8}){0,4}( [a-z]{1,6}){0,3}", fullmatch=True)
FIGURES = st.from_regex(r"[0-9]{1,9} (kB|%|mJ)", fullmatch=True)
HEADERS = st.lists(st.from_regex(r"[a-z]{1,9}( [a-z]{1,9})?", fullmatch=True), min_size=1, max_size=9, unique=True)


def words(text: str) -> list[str]:
    return re.findall(r"[^\s.]+", text)


@pytest.mark.slow
@settings(max_examples=100)
@given(HEADERS, st.data())
def test_every_word_is_whole_and_every_figure_there(headers: list[str], data: st.DataObject) -> None:
    width = data.draw(st.integers(40, 120))
    rows = data.draw(st.lists(st.tuples(NAMES, *[FIGURES] * len(headers)), min_size=1, max_size=4))
    table = new_table("name", *headers)
    for row in rows:
        table.add_row(*row)
    text = render((table,), Screen(width=width))
    assert max(map(cell_len, text.splitlines())) <= width
    shown = words(text)
    for row in rows:
        for word in words(" ".join(row)):
            assert word in shown
    assert set(shown) <= {word for row in rows for word in words(" ".join(row))} | set(words(" ".join(headers))) | {
        "name"
    }


def test_a_footnote_stands_below_the_last_of_the_tables() -> None:
    table = new_table("precision", "latency", "energy", "model")
    table.add_row("w4a4", "132 milliseconds", "377 millijoules", "29.1 megabytes")
    table.caption, table.caption_justify = "* operands are narrower", "left"
    for width in (200, 60, 40):
        text = render((table,), Screen(width=width))
        assert text.endswith("* operands are narrower\n")
        assert text.count("narrower") == 1

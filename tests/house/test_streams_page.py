"""The table of docs/streams.md holds what its script computes."""

import pytest

from data import ROOT
from script import script


@pytest.mark.slow
def test_a_row_of_the_table_is_computed_anew() -> None:
    """The cheapest of them; the others are its alike, and the most streams take minutes."""
    made = script("streams")
    page = (ROOT / "docs" / "streams.md").read_text()
    chunk, precision = made.CHUNKS[-1], made.PRECISIONS[-1]
    point = made.study(chunk, precision, most=False).points[0]
    assert f"| {' | '.join(made.row_of_one(chunk, precision, point))} |" in page
    for chunk in made.CHUNKS:
        for precision in made.PRECISIONS:
            assert page.count(f"\n| {chunk} | {precision} | ") == 2

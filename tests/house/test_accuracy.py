"""The figures of the page on accuracy are those that the benchmark prints."""

import re
import runpy

import pytest

from data import ROOT

BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "efficiency.py"))
PAGE = (ROOT / "docs" / "accuracy.md").read_text()


@pytest.mark.parametrize("point", BENCHMARK["POINTS"], ids=str)
def test_peaks_are_on_the_page(point: object) -> None:
    assert BENCHMARK["peak_row"](point) in PAGE


def test_products_make_up_what_the_page_says() -> None:
    """At RaPiD's supplies a product takes an eighth of its published 121 fJ, and all of it 2.7 times less."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| generic_7nm, 7 nm, 0.55") and "**45.1**" in line]
    total, product = (float(cell) for cell in re.findall(r"\| ([\d.]+) ", row)[:2])
    assert round(121 / total, 1) == 2.7
    assert round(121 / product) == 8


def test_gating_half_of_the_products_gains_what_the_page_says() -> None:
    assert f"{100 * BENCHMARK['zero_gating_gain']():.1f} %" in PAGE

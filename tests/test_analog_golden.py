"""Analog tiles make the codes and the results that two peers made, and the currents that nodal analysis gives.

Each golden's own `config` says which tile is meant. `HWSIM_ANALOG_CASES=DIR` names another folder of such files.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analog_cases import FOLDER, Case, cases, ranges_of, tile_of
from data import ROOT
from hwsim.hardware.analog.weights import OffsetGain
from hwsim.tensor.analog.product import AnalogProduct, multiply
from hwsim.tensor.analog.programmed import program

CASES = cases()
TIE = 1e-9
"""Of a step: where a current lies as near to the middle between two codes, either is right."""


def _run(case: Case) -> AnalogProduct:
    return multiply(program(tile_of(case), case.weight), case.inputs, ranges=ranges_of(case))


@pytest.mark.parametrize("case", [case for case in CASES if case.codes], ids=lambda case: case.name)
def test_codes_are_those_of_the_peer(case: Case) -> None:
    made = _run(case)
    currents = [case.arrays[name].T for name in sorted(case.arrays) if name.startswith("adc_in")]
    assert len(made.adc_codes) == len(case.codes)
    for number, (ours, theirs) in enumerate(zip(made.adc_codes, case.codes, strict=True)):
        other = ours != theirs
        if other.any():
            assert np.abs(ours.astype(int) - theirs)[other].max() == 1, f"conversion {number}"
            assert _at_ties(case, currents[number], theirs)[other].all(), f"conversion {number}"


def _at_ties(case: Case, currents: NDArray[Any], codes: NDArray[Any]) -> NDArray[Any]:
    """Where a current lies in the middle between two codes, as far as can be told: steps from the codes themselves."""
    inside = (codes > codes.min()) & (codes < codes.max())
    slope, start = np.polyfit(codes[inside], currents[inside], 1)
    place = (currents - start) / slope
    return np.asarray(np.abs(np.abs(place - np.rint(place)) - 0.5) < max(TIE, 1e-6))


@pytest.mark.parametrize("case", [case for case in CASES if case.peer == "crosssim"], ids=lambda case: case.name)
def test_results_are_those_of_the_peer(case: Case) -> None:
    if not any(name in case.arrays for name in ("Y", "Y_nodal")) and "row_terminal" in case.name:
        pytest.skip("the peer puts the terminal of rows on the wrong axis, and no nodal analysis stands beside it")
    out = _run(case).out
    np.testing.assert_allclose(out, case.out, rtol=0, atol=1e-12 * np.abs(case.out).max())


@pytest.mark.parametrize("case", [case for case in CASES if case.peer == "aihwkit"], ids=lambda case: case.name)
def test_codes_are_those_of_the_peer_in_single_precision(case: Case) -> None:
    """Its results are multiples of a step of the converter, in float32."""
    largest = np.abs(case.inputs).max(axis=1, keepdims=True) if case.config.get("nm") != "NONE" else 1.0
    step = 2 * case.config["ob"] / (2 ** case.config["outb"] - 2)
    made, middle = _run(case), 2 ** (case.config["outb"] - 1) - 1
    inputs = tile_of(case).input
    worths = [1]
    for bits in inputs.widths[:-1] if inputs.passes > 1 else ():
        worths.append(worths[-1] * 2**bits)
    codes = sum(worth * (codes - middle) for worth, codes in zip(worths, made.adc_codes, strict=True))
    theirs = np.rint(case.out / largest / step)
    tied = np.zeros(theirs.shape, bool)
    if inputs.passes == 1:  # counted charges may lie on ties exactly, which single precision breaks
        unconverted = multiply(program(replace(tile_of(case), adc=None), case.weight), case.inputs).out / largest / step
        tied = np.abs(np.abs(unconverted - np.rint(unconverted)) - 0.5) < TIE
    np.testing.assert_array_equal(codes[~tied], theirs[~tied])
    assert (np.abs(codes - theirs)[tied] <= 1).all()
    assert tied.mean() < 0.02
    np.testing.assert_allclose(made.out[~tied], case.out[~tied], rtol=0, atol=1e-6 * np.abs(case.out).max())


@pytest.mark.skipif(FOLDER != ROOT / "tests" / "data" / "analog", reason="another folder has its own cases")
def test_every_golden_is_held() -> None:
    assert len(CASES) == 30
    marked = [
        case.name
        for case in CASES
        if case.peer == "crosssim"
        and case.config["style"] == "OFFSET"
        and case.config.get("cell_bits")
        and tile_of(case).weights.offset_gain is OffsetGain.CROSSSIM
    ]
    assert marked == ["15_offset_unitcolumn_cell5"]

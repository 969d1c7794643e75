"""Wires that lose voltage: currents are those of nodal analysis, whatever the resistances."""

import tracemalloc
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwsim.errors import OutOfRange
from hwsim.hardware.analog.conversion import InputConversion
from hwsim.hardware.analog.device import Device
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import WeightMapping
from hwsim.hardware.analog.wires import Circuit, ClosedForm, Sense
from hwsim.tensor.analog.circuit import currents, network
from hwsim.tensor.analog.product import multiply
from hwsim.tensor.analog.programmed import program, transposed
from nodal import nodal_currents

Array = NDArray[Any]

TIGHT = 1e-12
OHMS = st.sampled_from([Fraction(1, 2), Fraction(3), Fraction(40), Fraction(1000), Fraction(50_000)])
ENDS = st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(100), Fraction(20_000)])


def _crossbar(rows: int, cols: int, seed: int, signs: int = 1) -> tuple[list[Array], Array]:
    rng = np.random.default_rng(seed)
    arrays = [np.clip(rng.normal(0.1, 0.3, (rows, cols)), 0, 1) for _ in range(signs)]
    return arrays, rng.uniform(-1, 1, (3, rows))


def _solved(wires: Circuit, arrays: list[Array], x: Array) -> Array:
    return currents(network(wires, 1e-4, arrays), wires, x)


def _nodal(wires: Circuit, arrays: list[Array], x: Array) -> Array:
    row, col, row_end, col_end = (
        float(one) * 1e-4 for one in (wires.row, wires.col, wires.row_terminal, wires.col_terminal)
    )
    return nodal_currents(arrays, x, row=row, col=col, row_end=row_end, col_end=col_end)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)), row=OHMS, col=OHMS, row_end=ENDS, col_end=ENDS,
    interleaved=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_currents_are_those_of_nodal_analysis(
    shape: tuple[int, int], row: Fraction, col: Fraction, row_end: Fraction, col_end: Fraction, interleaved: bool,
    seed: int,
) -> None:  # fmt: skip
    wires = Circuit(row=row, col=col, row_terminal=row_end, col_terminal=col_end, tolerance=TIGHT)
    arrays, x = _crossbar(*shape, seed, 2 if interleaved else 1)
    ours, theirs = _solved(wires, arrays, x), _nodal(wires, arrays, x)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * np.abs(theirs).max(initial=1e-30))


@pytest.mark.parametrize(("rows", "cols"), [(64, 64), (64, 17), (5, 64)])
@pytest.mark.parametrize("ohms", ["0.5", "5", "200"])
def test_currents_of_64_by_64(rows: int, cols: int, ohms: str) -> None:
    wires = Circuit(row=Fraction(ohms), col=Fraction(ohms), row_terminal=Fraction(90), col_terminal=Fraction(30),
                    tolerance=TIGHT)  # fmt: skip
    arrays, x = _crossbar(rows, cols, 1)
    ours, theirs = _solved(wires, arrays, x), _nodal(wires, arrays, x)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * np.abs(theirs).max())


@pytest.mark.slow
def test_currents_of_a_large_tile() -> None:
    """With 1 Ohm between cells of 10 kOhm: three quarters of the voltage are lost."""
    wires = Circuit(row=Fraction(1), col=Fraction(1), tolerance=1e-8)
    arrays, x = _crossbar(512, 2048, 1)
    ours, theirs = _solved(wires, arrays, x[:1]), _nodal(wires, arrays, x[:1])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())


@given(shape=st.tuples(st.integers(1, 6), st.integers(1, 6)), seed=st.integers(0, 99), which=st.integers(1, 15))
@settings(max_examples=60, deadline=None)
def test_resistances_of_nothing_are_those_of_next_to_nothing(shape: tuple[int, int], seed: int, which: int) -> None:
    names = ("row", "col", "row_terminal", "col_terminal")
    given_: dict[str, Any] = {name: Fraction(50 if which >> place & 1 else 0) for place, name in enumerate(names)}
    arrays, x = _crossbar(*shape, seed)
    ours = _solved(Circuit(**given_, tolerance=TIGHT), arrays, x)
    next_to_nothing: dict[str, Any] = {name: value or Fraction(1, 10**6) for name, value in given_.items()}
    tiny = Circuit(**next_to_nothing, tolerance=TIGHT)
    np.testing.assert_allclose(ours, _nodal(tiny, arrays, x), rtol=0, atol=1e-7)


def test_without_resistance_currents_are_sums() -> None:
    arrays, x = _crossbar(6, 5, 3)
    np.testing.assert_allclose(_solved(Circuit(), arrays, x), x @ arrays[0], rtol=0, atol=1e-12)


def test_reading_near_the_first_row_turns_the_crossbar() -> None:
    arrays, x = _crossbar(7, 5, 3)
    given_: dict[str, Any] = {
        "row": Fraction(30),
        "col": Fraction(20),
        "col_terminal": Fraction(10),
        "tolerance": TIGHT,
    }
    near = _solved(Circuit(**given_, sense=Sense.NEAR), arrays, x)
    far = _solved(Circuit(**given_), [arrays[0][::-1].copy()], x[:, ::-1].copy())
    np.testing.assert_allclose(near, far, rtol=0, atol=1e-12)


def test_neighbours_in_a_block_change_no_bit() -> None:
    """Each vector ends when it is done itself, also where one beside it takes longer."""
    wires = Circuit(row=Fraction(300), col=Fraction(300), row_terminal=Fraction(5000), tolerance=1e-5)
    arrays, x = _crossbar(20, 24, 5)
    x = np.concatenate([x, np.zeros((1, 20)), np.eye(20)])
    whole = _solved(wires, arrays, x)
    for m in range(len(x)):
        np.testing.assert_array_equal(_solved(wires, arrays, x[m : m + 1])[0], whole[m])


def test_too_few_sweeps_are_refused() -> None:
    wires = Circuit(row=Fraction(50_000), col=Fraction(50_000), tolerance=1e-12, sweeps=3)
    with pytest.raises(OutOfRange, match="allow more sweeps"):
        _solved(wires, *_crossbar(9, 9, 1))


def test_memory_does_not_depend_on_the_batch() -> None:
    tile = AnalogTile(wires=Circuit(row=Fraction(1), col=Fraction(1), tolerance=1e-3), input=InputConversion(bits=None))
    rng = np.random.default_rng(0)
    matrix = program(tile, rng.normal(size=(40, 30)))

    def peak(vectors: int) -> int:
        x = rng.uniform(-1, 1, (vectors, 40))
        multiply(matrix, x)
        tracemalloc.start()
        multiply(matrix, x)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most - 8 * vectors * (40 + 3 * 30) * 2  # inputs and results, which are as many as there are vectors

    assert peak(1024) < 2 * peak(256)


def test_products_through_wires_are_rows_by_columns() -> None:
    """A product with the transposed matrix drives columns and reads rows of the same cells, square or not."""
    wires = Circuit(row=Fraction(15), col=Fraction(40), tolerance=TIGHT)
    device, ideal = Device(g_max=Fraction(1, 10_000)), InputConversion(bits=None)
    tile = AnalogTile(rows=9, cols=12, device=device, wires=wires, input=ideal, weights=WeightMapping(limit=1.0))
    rng = np.random.default_rng(4)
    for shape in ((9, 12), (9, 9), (3, 7)):
        weight, x = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, (4, shape[1]))
        out = multiply(transposed(program(tile, weight)), x).out
        plus, minus = np.maximum(weight, 0).T, np.maximum(-weight, 0).T
        sides = [nodal_currents([one], x, row=40e-4, col=15e-4) for one in (plus, minus)]
        np.testing.assert_allclose(out, sides[0] - sides[1], rtol=0, atol=1e-9)
        no_wires = multiply(transposed(program(AnalogTile(input=ideal), weight)), x).out
        np.testing.assert_allclose(no_wires, x @ weight.T, rtol=0, atol=1e-12)


def test_noise_under_wires_is_drawn_a_cell_and_vector() -> None:
    from hwsim.hardware.analog.device import DeviceModel

    device = Device(g_max=Fraction(1, 10_000), custom=DeviceModel(white=0.1))
    wires = Circuit(row=Fraction(1, 1000), col=Fraction(1, 1000), tolerance=1e-9)
    tile = AnalogTile(device=device, wires=wires, input=InputConversion(bits=None))
    out = multiply(program(tile, np.ones((20, 1))), np.ones((400, 20))).out[:, 0]
    assert abs(out.std() - 0.1 * np.sqrt(20)) < 0.05
    assert abs(out.mean() - 20) < 0.1


def test_the_closed_form_loses_what_its_equation_says() -> None:
    tile = AnalogTile(
        weights=WeightMapping(limit=1.0), input=InputConversion(bits=None), wires=ClosedForm(strength=2.0, ratio=100.0)
    )
    w, x = np.array([[0.5], [-0.25], [1.0]]), np.array([[1.0, 0.5, -0.5]])
    a = 3 / 100 * (np.abs(x) @ np.abs(w))
    c = a * (a * (0.05 * a - 0.2) + 0.5)
    expected = x @ w - 2 * c * ((x * (1 - (1 - np.arange(3) / 3) ** 2)) @ w)
    np.testing.assert_allclose(multiply(program(tile, w), x).out, expected, rtol=0, atol=1e-14)

"""Closed forms and order of additions agree with arrays at register-transfer level, live and as recorded."""

from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from data import ROOT
from hwsim.arrays.systolic import closed_form as systolic
from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain
from hwsim.hardware.summation import Overflow
from hwsim.quantities.precision import Precision
from rtl.case import Case
from rtl.compare import differences
from rtl.expected import expected_cycles, expected_values
from rtl.grid import MODES, PRECISIONS, Mode, full_grid, mixed_lengths, small_grid, square_grid
from rtl.lcg import Lcg
from rtl.mutant import Mutant
from rtl.mutants import MUTANTS
from rtl.simulators import Simulator, lint, missing
from rtl.trace import traced
from rtl.workbench import RtlResult, Workbench
from tools import require
from witnesses.rtl_vectors import Vector, digest, plain_vectors, record, vectors


@pytest.fixture
def icarus() -> Simulator:
    require("rtl", missing(Simulator.ICARUS))
    return Simulator.ICARUS


@pytest.fixture
def verilator() -> Simulator:
    require("rtl", missing(Simulator.VERILATOR))
    return Simulator.VERILATOR


# Live


@pytest.mark.slow
def test_arrays_of_all_small_sizes_do_what_the_definitions_say(icarus: Simulator, tmp_path: Path) -> None:
    found = differences(Workbench(tmp_path, icarus), small_grid(110))
    assert not found, found[0].message


def test_tiles_of_different_lengths_follow_each_other_as_soon_as_drains_allow(
    icarus: Simulator, tmp_path: Path
) -> None:
    found = differences(Workbench(tmp_path, icarus), mixed_lengths())
    assert not found, found[0].message


@pytest.mark.slow
def test_a_second_simulator_agrees(verilator: Simulator, tmp_path: Path) -> None:
    found = differences(Workbench(tmp_path, verilator), square_grid(66))
    assert not found, found[0].message


@pytest.mark.parametrize("top", ["ws_core", "os_core"])
@pytest.mark.parametrize(("rows", "cols", "packed"), [(1, 1, 1), (2, 3, 2), (4, 1, 1)])
def test_hardware_is_lint_clean(verilator: Simulator, top: str, rows: int, cols: int, packed: int) -> None:
    assert lint(top, R=rows, C=cols, PKMAX=packed, QMAX=packed) == ""


# Faults


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_faults_are_caught(icarus: Simulator, mutant: Mutant, tmp_path: Path) -> None:
    found = mutant.differences(tmp_path)
    assert found
    # No interval could be shorter: a tile that starts one cycle early breaks a value.
    assert not mutant.early or any(one.values for one in found)


INTERVALS = [
    (mode, by_stream)
    for mode in MODES
    for by_stream in (False, True)
    if not by_stream or (mode.shadow_weights and mode.drain is Drain.SEPARATE)
]
"""Each way to pipeline tiles; those that take the maximum of two intervals twice, by which of them it is."""


@pytest.mark.parametrize("shift", [-1, 1])
@pytest.mark.parametrize(("mode", "by_stream"), INTERVALS)
def test_a_closed_form_off_by_one_is_caught(
    mode: Mode, by_stream: bool, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = systolic.interval

    def wrong(array: SystolicArray, stream: int) -> int:
        cycles = right(array, stream)
        return cycles + shift * (Mode.of(array) == mode and (cycles == stream) == by_stream)

    monkeypatch.setattr(systolic, "interval", wrong)
    assert any(expected_cycles(vector.case) != cycles(vector) for vector in plain_vectors())


# Recorded


def cycles(vector: Vector) -> tuple[int, int]:
    return vector.mac_cycles, vector.out_cycles


def test_recorded_cycles_are_those_of_the_closed_forms() -> None:
    assert [vector.case for vector in vectors() if expected_cycles(vector.case) != cycles(vector)] == []


@pytest.mark.slow
def test_recorded_values_are_added_up_in_the_defined_order() -> None:
    assert [vector.case for vector in vectors() if digest(expected_values(vector.case)) != vector.digest] == []


def test_the_recorded_grid_is_the_one_that_runs_live() -> None:
    assert [vector.case for vector in vectors()] == full_grid()


def test_the_recorded_grid_covers_all_options() -> None:
    cases = [vector.case for vector in vectors()]
    sides = {1, 2, 3, 4, 8, 16}
    assert {(Mode.of(case.array), case.rows, case.cols) for case in cases} >= set(product(MODES, sides, sides))
    assert {(case.act, case.weight) for case in cases} == set(product(PRECISIONS, PRECISIONS))
    assert {case.bits for case in cases} == set(range(8, 33))
    assert {(case.packed_k, case.packed_n) for case in cases} >= {(1, 1), (2, 1), (1, 2), (2, 2), (4, 4), (8, 1)}
    assert {(case.dataflow, case.overflow, case.chunk is None) for case in cases} == set(
        product(Dataflow, Overflow, (False, True))
    )
    assert {case.m_chunk is None for case in cases} == {False, True}
    assert max(case.m for case in cases) == max(case.k for case in cases) == max(case.n for case in cases) == 70


def test_in_many_recorded_cases_a_register_overflows() -> None:
    overflown = [vector for vector in plain_vectors() if vector.digest != digest(exact_product(vector.case))]
    assert len(overflown) > 100
    assert {vector.case.overflow for vector in overflown} == set(Overflow)


def exact_product(case: Case) -> npt.NDArray[np.int64]:
    act, weight = case.operands()
    return np.array(act, dtype=np.int64) @ np.array(weight, dtype=np.int64)


def test_a_recording_reads_back(tmp_path: Path) -> None:
    one = Case(rows=2, cols=2, dataflow=Dataflow.OS, drain=Drain.SHARED, m=1, k=1, n=2, lengths=(1,))
    result = RtlResult(np.array([[-3, 4]]), mac_cycles=3, out_cycles=5, writes=2, printed="")
    record(tmp_path / "vectors", [one], [result])
    vector = Vector(case=one, mac_cycles=3, out_cycles=5, digest=digest(result.out), first=-3, last=4)
    assert vectors(tmp_path / "vectors") == (vector,)


def test_operands_never_change() -> None:
    lcg = Lcg(2026)
    assert [lcg.below(1000) for _ in range(6)] == [119, 796, 218, 734, 295, 74]
    case = Case(rows=1, cols=1, dataflow=Dataflow.WS, m=1, k=3, n=2, act=Precision.INT4, weight=Precision.INT2, seed=3)
    assert case.operands() == ([[3, -3, 1]], [[-1, 0], [-1, 0], [0, 1]])


# Documented


def test_the_documented_trace_is_what_the_array_does(icarus: Simulator, tmp_path: Path) -> None:
    assert f"```\n{traced(tmp_path)}\n```" in (ROOT / "docs" / "rtl.md").read_text()

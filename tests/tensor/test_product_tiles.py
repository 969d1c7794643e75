"""Compiled tiles keep to their place in memory, and to the instructions that the processor has."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import processor
from hwsim.hardware.summation import Register
from hwsim.kernels.cpu import ByteDot
from hwsim.kernels.tile import KEEP, SETTLE, TIGHT
from hwsim.oracle import sums as oracle
from hwsim.tensor import tiles
from hwsim.tensor.tiles import Order
from hwsim.tensor.weights import Weights
from strategies import matrices
from strategies.products import INT8


class Framed:
    """A product of some rows whose results stand inside a larger array, which must keep what it holds."""

    def __init__(self, rows: int, bits: int) -> None:
        register = Register(bits=bits)
        self.bits = bits
        self.limits = np.array([register.lowest, register.highest] * 2, np.int64)
        self.act = matrices.random(rows, 13, INT8).astype(np.int8)
        self.weight = matrices.random(13, 130, INT8)
        self.made = Weights.of(self.weight, INT8)
        self.frame = np.full((rows + 20, 130), 77, np.int32)
        self.inside = self.frame[8 : rows + 8]

    def holds(self, group: int = 1) -> bool:
        expected = oracle.output_stationary(self.act, self.weight, oracle.Width(self.bits), packed=group)
        outside = np.concatenate([self.frame[:8], self.frame[len(self.act) + 8 :]])
        return bool((self.inside == expected).all() and (outside == 77).all())


@pytest.mark.parametrize("rows", range(1, 14))
@pytest.mark.parametrize("fits", ["nothing settles", "settles", "tight"])
def test_tiles_of_single_products_write_their_own_results_and_nothing_else(rows: int, fits: str) -> None:
    processor.need_compiled_kernels()
    case = Framed(rows, {"settles": 14, "tight": 16}.get(fits, 30))
    lanes = np.int32 if fits == "nothing settles" else np.int16
    rule = {"nothing settles": KEEP, "settles": SETTLE, "tight": TIGHT}[fits]
    tiles.multiply_steps(case.act, case.made, Order(rule=rule), case.limits, lanes, case.inside, 1)
    assert case.holds()


@pytest.mark.parametrize("rows", range(1, 14))
@pytest.mark.parametrize("group", [1, 8])
@pytest.mark.parametrize("dot", ByteDot)
def test_tiles_of_bytes_write_their_own_results_and_nothing_else(
    rows: int, group: int, dot: ByteDot, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.byte_dot(request, monkeypatch, dot)
    case = Framed(rows, 30 if group == 1 else 16)
    order = Order(rule=SETTLE if group > 1 else KEEP, group=group)
    tiles.multiply_bytes(case.act, case.made, dot, order, case.limits, case.inside, 1)
    assert case.holds(group)


@pytest.mark.parametrize("rows", range(1, 14))
def test_tiles_of_pairs_write_their_own_results_and_nothing_else(
    rows: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.pair_dot(request, monkeypatch)
    case = Framed(rows, 30)
    tiles.multiply_pairs(case.act, case.made, case.inside, 1)
    assert case.holds()


ANY_PROCESSOR = """
import numpy as np
from hwsim.quantities.precision import Precision
from hwsim.hardware.summation import Register, Summation
from hwsim.kernels.cpu import byte_dot
from hwsim.tensor.gemm import matmul
act, weight = np.full((7, 9), -128), np.full((9, 70), -128)
for summation in (None, Summation(register=Register(bits=16)), Summation(packed=4, register=Register(bits=16))):
    sums = matmul(act, weight, act_precision=Precision.INT8, weight_precision=Precision.INT8, summation=summation)
    print(byte_dot(), np.unique(sums.out).tolist(), sums.saturations)
"""


@pytest.mark.slow
def test_kernels_compiled_for_any_processor_do_without_special_instructions(tmp_path: Path) -> None:
    processor.need_compiled_kernels()
    done = subprocess.run(
        [sys.executable, "-c", ANY_PROCESSOR],
        env={**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    exact, single, packed = done.stdout.splitlines()
    assert exact == f"None [{9 * 2**14}] 0"
    assert single == f"None [32767] {7 * 70 * 8}"
    assert packed == f"None [32767] {7 * 70 * 3}"

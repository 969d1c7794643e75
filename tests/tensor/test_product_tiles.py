"""Compiled tiles keep to their place in memory, and to the instructions that the processor has."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import processor
from hwsim.hardware.summation import Register
from hwsim.kernels.tile import KEEP, SETTLE, TIGHT
from hwsim.oracle import sums as oracle
from hwsim.tensor import tiles
from hwsim.tensor.tiles import Order
from hwsim.tensor.weights import Weights
from strategies import matrices
from strategies.products import INT8


@pytest.mark.parametrize("rows", range(1, 14))
@pytest.mark.parametrize("fits", ["nothing settles", "settles", "tight", "pairs", "bytes", "bytes settle"])
def test_tiles_write_their_own_results_and_nothing_else(
    rows: int, fits: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results stand inside a larger array, which must keep what it holds."""
    processor.need_compiled_kernels()
    if "bytes" in fits:
        processor.byte_dot(request, monkeypatch)
    if fits == "pairs":
        processor.pair_dot(request, monkeypatch)
    bits = {"settles": 14, "tight": 16, "bytes settle": 16}.get(fits, 30)
    register = Register(bits=bits)
    limits = np.array([register.lowest, register.highest] * 2, np.int64)
    act, weight = matrices.random(rows, 13, INT8).astype(np.int8), matrices.random(13, 130, INT8)
    made = Weights.of(weight, INT8)
    frame = np.full((rows + 20, 130), 77, np.int32)
    inside = frame[8 : rows + 8]
    if "bytes" in fits:
        group = 8 if fits == "bytes settle" else 1
        tiles.multiply_bytes(act, made, Order(rule=SETTLE if group > 1 else KEEP, group=group), limits, inside, 1)
    elif fits == "pairs":
        group = 1
        tiles.multiply_pairs(act, made, inside, 1)
    else:
        group, lanes = 1, np.int32 if fits == "nothing settles" else np.int16
        rule = {"nothing settles": KEEP, "settles": SETTLE, "tight": TIGHT}[fits]
        tiles.multiply_steps(act, made, Order(rule=rule, group=group), limits, lanes, inside, 1)
    expected = oracle.output_stationary(act, weight, oracle.Width(bits), packed=group)
    assert (inside == expected).all()
    assert (frame[:8] == 77).all()
    assert (frame[rows + 8 :] == 77).all()


ANY_PROCESSOR = """
import numpy as np
from hwsim.quantities.precision import Precision
from hwsim.hardware.summation import Register, Summation
from hwsim.kernels.cpu import has_byte_dot
from hwsim.tensor.gemm import matmul
act, weight = np.full((7, 9), -128), np.full((9, 70), -128)
for summation in (None, Summation(register=Register(bits=16)), Summation(packed=4, register=Register(bits=16))):
    sums = matmul(act, weight, act_precision=Precision.INT8, weight_precision=Precision.INT8, summation=summation)
    print(has_byte_dot(), np.unique(sums.out).tolist(), sums.saturations)
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
    assert exact == f"False [{9 * 2**14}] 0"
    assert single == f"False [32767] {7 * 70 * 8}"
    assert packed == f"False [32767] {7 * 70 * 3}"

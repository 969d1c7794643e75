"""No path of a product is lost where the processor lacks its instruction: it is emulated, and the end says so."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from llvmlite import ir

import processor
from data import ROOT
from hwsim.hardware.summation import Register, Summation
from hwsim.kernels import cpu
from strategies import matrices
from strategies.matrices import Array
from strategies.products import INT4, INT8, UINT8, product, witnessed

KEPT, BYTES = (("stage", "kept"),), (processor.EMULATED,)


@pytest.fixture
def emulated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    processor.need_compiled_kernels()
    monkeypatch.setattr(cpu, "features", lambda: frozenset({"avx2"}))
    processor.byte_dot(request, monkeypatch)


def agrees(fill: Callable[..., Array]) -> bool:
    """Whether products of bytes, plain and in registers that saturate after each four, are the oracle's."""
    act, weight = fill(7, 41, INT8), fill(41, 66, INT8)
    summation = Summation(packed=4, register=Register(bits=16))
    found, expected = product(act, weight, (INT8, INT8), summation=summation), witnessed(act, weight, summation)
    plain = (product(act, weight, (INT8, INT8))[0] == act @ weight).all()
    return bool(plain and (found[0] == expected[0]).all()) and found[1] == expected[1]


@pytest.mark.slow
@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("fill", matrices.FILLS)
def test_an_emulated_product_is_that_of_the_oracle(fill: Callable[..., Array]) -> None:
    assert agrees(fill)
    for formats in ((UINT8, INT8), (INT8, UINT8), (UINT8, UINT8), (INT4, INT8)):
        act, weight = fill(7, 41, formats[0]), fill(41, 66, formats[1])
        assert (product(act, weight, formats)[0] == act @ weight).all()


@pytest.mark.slow
@pytest.mark.usefixtures("emulated")
def test_a_mistaken_emulation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights taken for unsigned bytes."""

    def mistaken(tile: Any, before: Any, act: Any, weights: Any) -> Any:
        low = ir.Constant(tile.vector, [0x7F7F7F7F] * tile.lanes.count)
        return right(tile, before, act, tile.builder.and_(weights, low))

    right = processor.emulated_dot
    monkeypatch.setattr(processor, "emulated_dot", mistaken)
    multiply = processor.multiply_by_emulation.__wrapped__()
    monkeypatch.setattr("hwsim.tensor.tiles.multiply", multiply)
    assert not agrees(matrices.random)


@pytest.mark.slow
def test_an_emulated_dot_product_is_the_processors(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.need_compiled_kernels()
    if not cpu.has_byte_dot():
        pytest.skip("there is none to hold it against: the oracle's laws stand alone")
    for seed in range(20):
        act, weight = matrices.random(13, 90, INT8, seed), matrices.random(90, 130, INT8, seed + 1)
        own = product(act, weight, (INT8, INT8))[0]
        with monkeypatch.context() as patch:
            patch.setattr(cpu, "features", lambda: frozenset[str]())
            processor.byte_dot(request, patch)
            assert (product(act, weight, (INT8, INT8))[0] == own).all()
    assert np.ptp(own) > 0


@pytest.mark.slow
@pytest.mark.parametrize("fill", matrices.FILLS)
def test_an_emulated_product_of_pairs_is_that_of_the_oracle_and_of_the_processor(
    fill: Callable[..., Array], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for formats in ((INT8, INT8), (UINT8, INT8), (INT8, UINT8), (UINT8, UINT8), (INT4, INT8)):
        act, weight = fill(13, 91, formats[0]), fill(91, 66, formats[1])
        for features in (cpu.features(), frozenset[str]()):
            with monkeypatch.context() as patch:
                patch.setattr(cpu, "features", lambda features=features: features)
                processor.pair_dot(request, patch)
                assert (product(act, weight, formats)[0] == act @ weight).all()


@pytest.mark.slow
def test_a_mistaken_emulation_of_pairs_is_caught(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the second product of each pair left out."""

    def mistaken(tile: Any, act: Any, weights: Any) -> Any:
        first = ir.Constant(tile.vector, [0xFFFF] * tile.lanes.count)
        return right(tile, tile.builder.and_(act, first), weights)

    right = processor.emulated_pair_dot
    monkeypatch.setattr(processor, "emulated_pair_dot", mistaken)
    monkeypatch.setattr(processor, "multiply_by_emulation", processor.multiply_by_emulation.__wrapped__)
    monkeypatch.setattr(cpu, "features", lambda: frozenset[str]())
    processor.pair_dot(request, monkeypatch)
    act, weight = matrices.random(7, 41, INT8), matrices.random(41, 66, INT8)
    assert (product(act, weight, (INT8, INT8))[0] != act @ weight).any()


@pytest.mark.parametrize(
    ("features", "line"),
    [
        ({"avx2", "avx512f", "avx512vnni"}, "AVX-512 with VNNI; its paths ran as they are"),
        ({"avx2", "avx512f"}, "AVX-512 without VNNI; the paths that it lacks were held by emulation (2 tests)"),
        ({"avx2"}, "AVX2 only; the paths that it lacks were held by emulation (2 tests)"),
        ({"neon"}, "neither AVX2 nor AVX-512; the paths that it lacks were held by emulation (2 tests)"),
    ],
)
def test_the_end_names_the_processor_and_counts_what_was_emulated(
    features: set[str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.need_compiled_kernels()
    monkeypatch.setattr(cpu, "features", lambda: frozenset(features))
    assert processor.processor_line((BYTES, KEPT, BYTES, ()), ()) == f"processor: {line}"


def test_the_end_says_that_kernels_were_compiled_for_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    processor.need_compiled_kernels()
    monkeypatch.setattr(cpu, "features", lambda: frozenset({cpu.BYTE_DOT}))
    monkeypatch.setattr("numba.config.CPU_NAME", "generic")
    line = "another one, for which numba was told to compile; the paths that it lacks were held by emulation (1 tests)"
    assert processor.processor_line((BYTES, KEPT), ()) == f"processor: {line}"


def test_the_end_counts_what_interpreted_kernels_leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "compiles", lambda: False)
    line = processor.processor_line((), (processor.NOT_COMPILED, "rtl: iverilog is not installed"))
    assert line == "processor: kernels were interpreted; 1 tests of compiled ones did not run"


TEST = "tests/tensor/test_products.py"
CHOSEN = "layout and (strided or backward)"


@pytest.mark.slow
def test_without_the_instruction_no_test_is_skipped_and_workers_report_the_emulated_ones() -> None:
    """Of a test in two variants on three paths, given to two workers."""
    processor.need_compiled_kernels()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "-k", CHOSEN, TEST],
        env={**os.environ, "HWSIM_WITHOUT": cpu.BYTE_DOT},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"^=+ 6 passed in", done.stdout, flags=re.MULTILINE), done.stdout
    assert re.search(
        r"processor: .*; the paths that it lacks were held by emulation \(2 tests\)$", done.stdout, flags=re.MULTILINE
    )

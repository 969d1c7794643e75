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
from hwsim.kernels.cpu import ByteDot
from strategies import matrices
from strategies.matrices import Array
from strategies.products import INT4, INT8, UINT8, product, witnessed

KEPT, ARM, WIDE = (("stage", "kept"),), ((processor.EMULATED, "dotprod"),), ((processor.EMULATED, "avx512vnni"),)


@pytest.fixture(params=ByteDot)
def emulated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ByteDot:
    processor.need_compiled_kernels()
    monkeypatch.setattr(cpu, "features", lambda: frozenset({"avx2"}))
    dot: ByteDot = request.param
    processor.byte_dot(request, monkeypatch, dot)
    return dot


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
@pytest.mark.parametrize("dot", ByteDot)
def test_an_emulated_dot_product_is_the_processors(
    dot: ByteDot, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.need_compiled_kernels()
    if not processor.runs(dot.value):
        pytest.skip("there is none to hold it against: the oracle's laws stand alone")
    for seed in range(20):
        act, weight = matrices.random(13, 90, INT8, seed), matrices.random(90, 130, INT8, seed + 1)
        with monkeypatch.context() as patch:
            processor.byte_dot(request, patch, dot)
            own = product(act, weight, (INT8, INT8))[0]
        with monkeypatch.context() as patch:
            patch.setattr(cpu, "features", lambda: frozenset[str]())
            processor.byte_dot(request, patch, dot)
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
    ("features", "named", "own"),
    [
        ({"avx2", "avx512f", "avx512vl", "avx512vnni"}, "AVX-512 with VNNI", "avx512vnni, avxvnni, avx2"),
        ({"avx2", "avx512f", "avx512vl"}, "AVX-512 without VNNI", "avx2"),
        ({"avx2", "avxvnni"}, "AVX2 with VNNI", "avxvnni, avx2"),
        ({"avx2"}, "AVX2 only", "avx2"),
        ({"neon", "dotprod"}, "ARM with dot products", "dotprod"),
        ({"neon"}, "no vectors that products of bytes use", "none"),
    ],
)
def test_the_end_names_the_processor_what_ran_and_what_was_emulated(
    features: set[str], named: str, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.need_compiled_kernels()
    monkeypatch.setattr(cpu, "features", lambda: frozenset(features))
    said = f"processor: {named}; instructions of products that ran: {own}; held by emulation: "
    assert processor.processor_line((KEPT, ()), ()) == said + "none"
    assert processor.processor_line((ARM, KEPT, WIDE, ARM), ()) == said + "avx512vnni (1 tests), dotprod (2 tests)"


def test_the_end_says_that_kernels_were_compiled_for_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    processor.need_compiled_kernels()
    monkeypatch.setattr(cpu, "features", lambda: frozenset({ByteDot.WIDE.value}))
    monkeypatch.setattr("numba.config.CPU_NAME", "generic")
    line = "another one, for which numba was told to compile; instructions of products that ran: none"
    assert processor.processor_line((WIDE, KEPT), ()).startswith(f"processor: {line}; held by emulation: avx512vnni (1")


@pytest.mark.parametrize(
    ("features", "dot", "pairs"),
    [
        ({"avx2", "avx512vnni", "avxvnni"}, ByteDot.WIDE, True),
        ({"avx2", "avxvnni"}, ByteDot.NARROW, True),
        ({"neon", "dotprod"}, ByteDot.SIGNED, False),
        ({"avx2", "avx512f"}, None, True),
        ({"neon"}, None, False),
    ],
)
def test_a_processor_multiplies_bytes_by_the_best_that_it_has(
    features: set[str], dot: ByteDot | None, pairs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.need_compiled_kernels()
    monkeypatch.setattr(cpu, "features", lambda: frozenset(features))
    assert cpu.byte_dot() is dot
    assert cpu.has_pair_dot() is pairs
    monkeypatch.setattr("numba.config.CPU_NAME", "generic")
    assert cpu.byte_dot() is None
    monkeypatch.setattr("numba.config.CPU_FEATURES", "+avxvnni,+avx2")
    assert cpu.byte_dot() is ByteDot.NARROW


def test_the_end_says_that_the_code_of_arm_did_not_run() -> None:
    processor.need_compiled_kernels()
    line = processor.processor_line((), (f"arm: {processor.NO_ARM_EMULATOR}", "rtl: iverilog is not installed"))
    assert line.endswith("; 1 tests of ARM's code did not run: the emulator unicorn is not installed")


def test_the_end_counts_what_interpreted_kernels_leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "compiles", lambda: False)
    line = processor.processor_line((), (processor.NOT_COMPILED, "rtl: iverilog is not installed"))
    assert line == "processor: kernels were interpreted; 1 tests of compiled ones did not run"


TEST = "tests/tensor/test_products.py"
CHOSEN = "layout and (strided or backward)"


@pytest.mark.slow
def test_without_the_instruction_no_test_is_skipped_and_workers_report_the_emulated_ones() -> None:
    """Of a test in two variants on five paths, given to two workers."""
    processor.need_compiled_kernels()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "-k", CHOSEN, TEST],
        env={**os.environ, "HWSIM_WITHOUT": ",".join(processor.INSTRUCTIONS)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"^=+ 10 passed in", done.stdout, flags=re.MULTILINE), done.stdout
    held = ", ".join(rf"{feature} \(2 tests\)" for feature in processor.INSTRUCTIONS)
    said = f"^processor: .*; instructions of products that ran: none; held by emulation: {held}$"
    assert re.search(said, done.stdout, flags=re.MULTILINE), done.stdout

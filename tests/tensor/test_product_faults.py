"""The faults that must not pass: kernels of matrix products with one rule broken no longer agree with the oracle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hwsim.kernels.products
import hwsim.kernels.sums
import hwsim.kernels.tile
import processor
from hwsim.hardware.summation import Register, Summation
from hwsim.oracle import sums as oracle
from hwsim.quantities.precision import Precision
from hwsim.tensor import exact, ordered, tiles
from hwsim.tensor.gemm import matmul
from strategies import matrices

INT8 = Precision.INT8

CASES = [
    (fill, Summation(packed=packed, tile=tile, register=Register(bits=bits)))
    for fill in (matrices.lowest, matrices.swelling, matrices.random)
    for packed, tile, bits in ((1, 8, 9), (1, None, 16), (4, 8, 16), (1, None, 20))
]


def agrees(case: Any) -> bool:
    """Whether a product is the oracle's."""
    fill, summation = case
    act, weight = fill(7, 64, INT8), fill(64, 66, INT8)
    register, packed, tile = oracle.Width(summation.register.bits), summation.packed, summation.tile
    if tile is None:
        expected = oracle.output_stationary(act, weight, register, packed=packed)
    else:
        expected = oracle.weight_stationary(act, weight, register, rows=tile // packed, packed=packed)
    found = matmul(act, weight, act_precision=INT8, weight_precision=INT8, summation=summation)
    return bool((found.out == expected).all()) and found.saturations == register.clamped


@dataclass(frozen=True)
class Fault:
    """A rule broken in the source of a kernel; it shows in registers of that many bits."""

    name: str
    old: str
    new: str
    bits: int = 16


LOOPS = [
    Fault("no saturation", "sums[n] = settle(total, low, high, wraps)", "sums[n] = total"),
    Fault("highest sum one too low", "settle(total, low, high, wraps)", "settle(total, low, high - 1, wraps)"),
    Fault("weight zero-extended", "a * weights[n]", "a * np.uint8(weights[n])"),
    Fault("product clamped first", "a * weights[n]", "min(max(a * weights[n], limits[0]), limits[1])", bits=9),
    Fault("tile one group late", "(g + 1) % tile_groups != 0", "g % tile_groups != 0", bits=9),
]

TILES = [
    Fault(
        "no saturation", "self._count(self.builder.icmp", "settled = fitting\n        self._count(self.builder.icmp", 9
    ),
    Fault("operands zero-extended", "self.builder.sext(narrow", "self.builder.zext(narrow", bits=20),
    Fault(
        "product clamped first",
        "added = builder.add(before, product)",
        "clip = lambda name, a, b: self._call(f'llvm.{name}.{self.lanes.kind}', a, b)\n"
        "                    if self.rule != KEEP:\n"
        "                        product = clip('smax', clip('smin', product, self.high), self.low)\n"
        "                    added = builder.add(before, product)",
        bits=9,
    ),
    Fault(
        "wraps where it should saturate",
        'self._call(f"llvm.sadd.sat.{kind}", before, product) if tight',
        "added if tight",
    ),
]


def showing(fault: Fault) -> list[Any]:
    return [case for case in CASES if case[1].register.bits == fault.bits]


def broken(module: Any, fault: Fault) -> dict[str, Any]:
    """What a module defines once the fault is in its source."""
    assert module.__file__ is not None
    source = Path(module.__file__).read_text()
    assert source.count(fault.old) >= 1
    found: dict[str, Any] = {"__name__": "broken"}
    exec(compile(source.replace(fault.old, fault.new), f"<{fault.name}>", "exec"), found)
    return found


@pytest.fixture(params=["loops", "tiles"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for module in (exact, ordered):
        monkeypatch.setattr(module, "byte_dot", lambda: None)
    if request.param == "loops":
        monkeypatch.setattr(ordered, "compiles", lambda: False)
    else:
        processor.need_compiled_kernels()
    return str(request.param)


def test_kernels_as_they_are_agree(kernels: str) -> None:
    assert all(agrees(case) for case in CASES)


@pytest.mark.parametrize("fault", LOOPS, ids=[fault.name for fault in LOOPS])
def test_faults_of_the_loops_are_caught(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "byte_dot", lambda: None)
    monkeypatch.setattr(ordered, "compiles", lambda: False)
    monkeypatch.setattr(ordered, "sum_in_order", broken(hwsim.kernels.sums, fault)["sum_in_order"])
    assert not all(agrees(case) for case in showing(fault))


@pytest.mark.slow
@pytest.mark.parametrize("fault", TILES, ids=[fault.name for fault in TILES])
def test_faults_of_the_tiles_are_caught(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    processor.need_compiled_kernels()
    tile = broken(hwsim.kernels.tile, fault)["multiply_tile"]
    monkeypatch.setattr(hwsim.kernels.tile, "multiply_tile", tile)
    monkeypatch.setattr(ordered, "byte_dot", lambda: None)
    monkeypatch.setattr(
        tiles, "multiply", broken(hwsim.kernels.products, Fault("", "ROWS = 6", "ROWS = 6"))["multiply"]
    )
    assert not all(agrees(case) for case in showing(fault) if case[1].packed == 1)


def test_a_sum_of_bytes_without_its_correction_is_caught(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed activations are moved up to be unsigned bytes; what that adds must be taken away again."""
    processor.byte_dot(request, monkeypatch)
    share = tiles._share

    def uncorrected(act: Any, panels: Any, extra: Any, *rest: Any) -> int:
        return share(act, panels, np.zeros_like(extra), *rest)

    packed = [case for case in CASES if case[1].packed == 4]
    assert all(agrees(case) for case in packed)
    monkeypatch.setattr(tiles, "_share", uncorrected)
    assert not all(agrees(case) for case in packed)

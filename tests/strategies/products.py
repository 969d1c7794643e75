"""Products for tests on every path that they can take, and the oracle's sums to hold them against."""

from typing import Any

import pytest

import processor
from hwsim.hardware.summation import Overflow, Summation
from hwsim.kernels.cpu import ByteDot
from hwsim.oracle import sums as oracle
from hwsim.quantities.precision import Precision
from hwsim.tensor import ordered
from hwsim.tensor.gemm import matmul
from strategies.matrices import Array

INT8, UINT8, INT4 = Precision.INT8, Precision.UINT8, Precision.INT4


PATHS = {
    "byte dot": ByteDot.WIDE,
    "narrow byte dot": ByteDot.NARROW,
    "signed byte dot": ByteDot.SIGNED,
    "pairs": None,
    "not compiled": None,
}


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The arithmetic that is used: for bytes `vpdpbusd` on 512 or 256 bits, ARM's `sdot`, or `vpmaddwd`, tiles of one
    product a step for others; or loops and BLAS."""
    name = str(request.param)
    dot = PATHS[name]
    if dot is not None:
        processor.byte_dot(request, monkeypatch, dot)
    elif name == "pairs":
        processor.pair_dot(request, monkeypatch)
    else:
        processor.no_dot(monkeypatch)
        monkeypatch.setattr(ordered, "compiles", lambda: False)
    return name


def product(act: Array, weight: Array, formats: tuple[Precision, Precision], **options: Any) -> tuple[Array, int]:
    found = matmul(act, weight, act_precision=formats[0], weight_precision=formats[1], **options)
    assert found.out.flags.c_contiguous
    return found.out, found.saturations


def witnessed(act: Array, weight: Array, summation: Summation) -> tuple[Array, int]:
    """The oracle's sums, and how many additions it clamped."""
    register, beyond = summation.register, summation.outer
    inner = oracle.Width(register.bits, register.overflow is Overflow.SATURATE)
    outer = oracle.Width(beyond.bits, beyond.overflow is Overflow.SATURATE) if beyond else None
    packed, tile, chunk = summation.packed, summation.tile, summation.chunk
    if tile is None:
        out = oracle.output_stationary(act, weight, inner, packed=packed, chunk=chunk, outer=outer)
    else:
        tiles_of_chunk = chunk // tile if chunk else None
        out = oracle.weight_stationary(
            act, weight, inner, rows=tile // packed, packed=packed, tiles_of_chunk=tiles_of_chunk, outer=outer
        )
    return out, inner.clamped + (outer.clamped if outer else 0)

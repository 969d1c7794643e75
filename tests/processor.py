"""What this processor has, for tests: a path that it lacks is run with its instruction emulated, and said at the end.

With HWSIM_WITHOUT=avx512vnni,avx2 tests see a processor without these features, whatever it has.
"""

from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from llvmlite import ir

from hwsim.kernels import cpu
from hwsim.tensor import exact, ordered, tiles

EMULATED = ("processor", "emulated")
"""The property of a test, as it travels from worker to worker, whose dot product was emulated."""

NOT_COMPILED = "kernels are not compiled here"

WIDEST = (("avx512f", "AVX-512 without VNNI"), ("avx2", "AVX2 only"))
"""What a processor without the byte dot product is called, by the first of these features that it has."""


def hide(names: str) -> None:
    """From now on this process sees a processor without these features, a list with commas."""
    left = cpu.features() - frozenset(names.split(","))
    cpu.features = lambda: left  # type: ignore[assignment]


def need_compiled_kernels() -> None:
    """Skips a test of instructions where kernels are interpreted: no interpreter knows vector registers."""
    if not cpu.compiles():
        pytest.skip(NOT_COMPILED)


def byte_dot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of bytes go by `vpdpbusd` in this test: by the processor's, or by an emulated one, which is noted."""
    need_compiled_kernels()
    if cpu.has_byte_dot():
        return
    _emulate(request, monkeypatch)
    for module in (exact, ordered):
        monkeypatch.setattr(module, "has_byte_dot", lambda: True)


def pair_dot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact products of bytes go by `vpmaddwd` in this test: the processor's, or an emulated one, which is noted."""
    need_compiled_kernels()
    for module in (exact, ordered):
        monkeypatch.setattr(module, "has_byte_dot", lambda: False)
    if cpu.has_pair_dot():
        return
    _emulate(request, monkeypatch)
    monkeypatch.setattr(exact, "has_pair_dot", lambda: True)


def _emulate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    request.node.user_properties.append(EMULATED)
    monkeypatch.setattr(tiles, "multiply", multiply_by_emulation())


@cache
def multiply_by_emulation() -> Callable[..., int]:
    """`kernels.products.multiply` with emulated dot products, kept out of all caches on disk."""
    tile = executed("hwsim.kernels.tile")
    tile["_Tile"] = type("_Emulated", (tile["_Tile"],), {"_dot": emulated_dot, "_pair_dot": emulated_pair_dot})
    products = executed("hwsim.kernels.products")
    products["multiply_tile"] = tile["multiply_tile"]
    multiply: Callable[..., int] = products["multiply"]
    return multiply


def emulated_dot(tile: Any, before: Any, act: Any, weights: Any) -> Any:
    """`vpdpbusd` in the instructions of any processor: byte by byte, the activation's unsigned, the weight's signed."""
    builder, total = tile.builder, before
    for byte in range(4):
        low, up, down = (ir.Constant(tile.vector, [bits] * tile.lanes.count) for bits in (8 * byte, 24 - 8 * byte, 24))
        unsigned = builder.lshr(builder.shl(act, up), down)
        signed = builder.ashr(builder.shl(builder.lshr(weights, low), down), down)
        total = builder.add(total, builder.mul(unsigned, signed))
    return total


def emulated_pair_dot(tile: Any, act: Any, weights: Any) -> Any:
    """`vpmaddwd` in the instructions of any processor: of both halves of a lane, sign-extended, the sum of products."""
    builder, weights = tile.builder, tile.builder.bitcast(weights, tile.vector)
    sixteen = ir.Constant(tile.vector, [16] * tile.lanes.count)
    high = builder.mul(builder.ashr(act, sixteen), builder.ashr(weights, sixteen))
    low = (builder.ashr(builder.shl(half, sixteen), sixteen) for half in (act, weights))
    return builder.add(high, builder.mul(*low))


def executed(module: str) -> dict[str, Any]:
    """What the source of a module defines when it is run anew, apart from the module itself."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    names: dict[str, Any] = {"__name__": "apart"}
    exec(compile(Path(spec.origin).read_text(), f"<{module}>", "exec"), names)
    return names


def processor_line(properties: Iterable[Iterable[tuple[str, object]]], skips: Iterable[str]) -> str:
    """What the end of a run says of the processor, given the properties of the tests that ran and reasons of skips."""
    if not cpu.compiles():
        left = sum(NOT_COMPILED in reason for reason in skips)
        return f"processor: kernels were interpreted; {left} tests of compiled ones did not run"
    if cpu.has_byte_dot():
        return "processor: AVX-512 with VNNI; its paths ran as they are"
    widest = next((said for feature, said in WIDEST if feature in cpu.features()), "neither AVX2 nor AVX-512")
    name = "another one, for which numba was told to compile" if cpu.BYTE_DOT in cpu.features() else widest
    emulated = sum(EMULATED in map(tuple, own) for own in properties)
    return f"processor: {name}; the paths that it lacks were held by emulation ({emulated} tests)"

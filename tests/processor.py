"""What this processor has, for tests: a path that it lacks is run with its instruction emulated, and said at the end.

With HWSIM_WITHOUT=avx512vnni,avxvnni,avx2,dotprod tests see a processor without these features, whatever it has.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numba
import pytest
from llvmlite import ir

from hwsim.kernels import cpu, products
from hwsim.kernels.cpu import ByteDot
from hwsim.kernels.lanes import LANES
from hwsim.tensor import exact, ordered, tiles
from tools import require

EMULATED = "emulated"
"""The property of a test, as it travels from worker to worker, that names an instruction that was emulated in it."""

NO_ARM_EMULATOR = "the emulator unicorn is not installed"

NOT_COMPILED = "kernels are not compiled here"

CALLED = (
    (ByteDot.WIDE.value, "AVX-512 with VNNI"),
    ("avx512f", "AVX-512 without VNNI"),
    (ByteDot.NARROW.value, "AVX2 with VNNI"),
    ("avx2", "AVX2 only"),
    (ByteDot.SIGNED.value, "ARM with dot products"),
)
"""What a processor is called, by the first of these features that it has."""

INSTRUCTIONS = (*(dot.value for dot in ByteDot), cpu.PAIR_DOT)
"""What paths of products need, as LLVM names it."""


def hide(names: str) -> None:
    """From now on this process sees a processor without these features, a list with commas."""
    left = cpu.features() - frozenset(names.split(","))
    cpu.features = lambda: left  # type: ignore[assignment]


def need_compiled_kernels() -> None:
    """Skips a test of instructions where kernels are interpreted: no interpreter knows vector registers."""
    if not cpu.compiles():
        pytest.skip(NOT_COMPILED)


def need_arm_emulator() -> None:
    """Skips a test that runs the code for ARM where nothing can; it fails where HWSIM_REQUIRE names `arm`."""
    require("arm", None if find_spec("unicorn") else NO_ARM_EMULATOR)


def byte_dot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, dot: ByteDot = ByteDot.WIDE) -> None:
    """Products of bytes go by this instruction in this test: the processor's, or an emulated one, which is noted."""
    need_compiled_kernels()
    _choose(monkeypatch, dot)
    if not runs(dot.value):
        _emulate(request, monkeypatch, dot.value)


def pair_dot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact products of bytes go by `vpmaddwd` in this test: the processor's, or an emulated one, which is noted."""
    need_compiled_kernels()
    _choose(monkeypatch, None)
    monkeypatch.setattr(exact, "has_pair_dot", lambda: True)
    if not runs(cpu.PAIR_DOT):
        _emulate(request, monkeypatch, cpu.PAIR_DOT)


def no_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of bytes go by no instruction of their own in this test."""
    _choose(monkeypatch, None)
    monkeypatch.setattr(exact, "has_pair_dot", lambda: False)


def runs(feature: str) -> bool:
    """Whether this processor has the instruction, be it in another encoding: AVX-512 has that of 256 bits as well."""
    wide = cpu.has(ByteDot.WIDE.value) and cpu.has("avx512vl")
    return cpu.has(feature) or (feature == ByteDot.NARROW.value and wide)


def _choose(monkeypatch: pytest.MonkeyPatch, dot: ByteDot | None) -> None:
    for module in (exact, ordered):
        monkeypatch.setattr(module, "byte_dot", lambda: dot)


def _emulate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, feature: str) -> None:
    request.node.user_properties.append((EMULATED, feature))
    emulated, own = multiply_by_emulation(), products.multiply

    def multiply(act: Any, panels: Any, extra: Any, *rest: Any) -> int:
        """Products of other types have nothing to emulate; of these the compiled kernel is kept on disk."""
        lanes = LANES[tuple(numba.from_dtype(array.dtype) for array in (act, panels, extra))]
        made = emulated if lanes.dot or lanes.pair else own
        return int(made(act, panels, extra, *rest))

    monkeypatch.setattr(tiles, "multiply", multiply)


@cache
def multiply_by_emulation() -> Callable[..., int]:
    """`kernels.products.multiply` with emulated dot products, kept out of all caches on disk."""
    tile = executed("hwsim.kernels.tile")
    tile["_Tile"] = type("_Emulated", (tile["_Tile"],), {"_dot": emulated_dot, "_pair_dot": emulated_pair_dot})
    source = executed("hwsim.kernels.products")
    source["multiply_tile"] = tile["multiply_tile"]
    multiply: Callable[..., int] = source["multiply"]
    return multiply


def emulated_dot(tile: Any, before: Any, act: Any, weights: Any) -> Any:
    """`vpdpbusd` or `sdot` in the instructions of any processor: byte by byte, the activation's unsigned (`sdot`:
    signed), the weight's signed."""
    builder, total = tile.builder, before
    for byte in range(4):
        up, down = (ir.Constant(tile.vector, [bits] * tile.lanes.count) for bits in (24 - 8 * byte, 24))
        widened = builder.ashr if tile.lanes.signed else builder.lshr
        factors = widened(builder.shl(act, up), down), builder.ashr(builder.shl(weights, up), down)
        total = builder.add(total, builder.mul(*factors))
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
    skips = tuple(skips)
    left = sum(NO_ARM_EMULATOR in reason for reason in skips)
    unsaid = f"; {left} tests of ARM's code did not run: {NO_ARM_EMULATOR}" if left else ""
    if not cpu.compiles():
        left = sum(NOT_COMPILED in reason for reason in skips)
        return f"processor: kernels were interpreted; {left} tests of compiled ones did not run{unsaid}"
    emulated = Counter(value for own in properties for name, value in own if name == EMULATED)
    name = next((said for feature, said in CALLED if cpu.has(feature)), "no vectors that products of bytes use")
    config: Any = numba.config
    if config.CPU_NAME or config.CPU_FEATURES:
        name = "another one, for which numba was told to compile"
    own = ", ".join(feature for feature in INSTRUCTIONS if runs(feature)) or "none"
    held = ", ".join(f"{feature} ({emulated[feature]} tests)" for feature in INSTRUCTIONS if emulated[feature])
    return f"processor: {name}; instructions of products that ran: {own}; held by emulation: {held or 'none'}{unsaid}"

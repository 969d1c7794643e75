"""What the processor could do at best: instructions on registers alone, as many at a time as there is room for."""

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from benchmarks.measure import seconds
from hwsim.kernels import cpu
from hwsim.kernels.cpu import ByteDot

STEPS = 200_000
CHAINS = 24
FEW_CHAINS = 12
"""For vectors of 256 bits, of which there may be 16 registers."""

_I32, _I64, _F32 = ir.IntType(32), ir.IntType(64), ir.FloatType()


@cache
def peaks() -> dict[str, float]:
    """Products per second: of bytes by `vpdpbusd` on 512 and 256 bits (0 without it), of float32 by multiply-add."""
    loops: dict[str, Callable[[], object]] = {"fma": lambda: _fma(STEPS)}
    if cpu.has(ByteDot.WIDE.value):
        loops["vnni"] = lambda: _vnni(STEPS)
    if cpu.has(ByteDot.NARROW.value) or (cpu.has(ByteDot.WIDE.value) and cpu.has("avx512vl")):
        loops["narrow vnni"] = lambda: _narrow_vnni(STEPS)
    taken = seconds(loops)
    of_a_step = {"fma": 16 * CHAINS, "vnni": 64 * CHAINS, "narrow vnni": 32 * FEW_CHAINS}
    return {name: STEPS * products / taken[name] if name in taken else 0.0 for name, products in of_a_step.items()}


def _loop(lane: Any, one: Any, step: Callable[[Any, Any, Any], Any], lanes: int = 16, chains: int = CHAINS) -> Any:
    """Many chains of one instruction, each waiting for its own last result only."""

    @intrinsic
    def run(typing: Any, steps: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector = ir.VectorType(lane, lanes)
            sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, [one(i)] * lanes)) for i in range(chains)]
            # A value that the compiler cannot know.
            hidden = builder.trunc(arguments[0], _I32)
            hidden = builder.sitofp(hidden, lane) if lane is _F32 else hidden
            some = builder.insert_element(ir.Constant(vector, [one(1)] * lanes), hidden, _I32(0))
            with cgutils.for_range(builder, arguments[0]):
                for total in sums:
                    builder.store(step(builder, builder.load(total), some), total)
            result = builder.load(sums[0])
            for total in sums[1:]:
                add = builder.fadd if lane is _F32 else builder.add
                result = add(result, builder.load(total))
            first = builder.extract_element(result, _I32(0))
            return builder.fptosi(first, _I64) if lane is _F32 else builder.sext(first, _I64)

        return types.int64(types.int64), generate

    return run


def _call(name: str) -> Callable[[Any, Any, Any], Any]:
    def step(builder: Any, total: Any, some: Any) -> Any:
        kind = ir.FunctionType(total.type, [total.type] * 3)
        called = cgutils.get_or_insert_function(builder.module, kind, name)
        places = (some, total, some) if "fma" in name else (total, some, some)
        return builder.call(called, places)

    return step


_vnni_loop = _loop(_I32, int, _call("llvm.x86.avx512.vpdpbusd.512"))
_narrow_vnni_loop = _loop(_I32, int, _call("llvm.x86.avx512.vpdpbusd.256"), 8, FEW_CHAINS)
_fma_loop = _loop(_F32, float, _call("llvm.fma.v16f32"))


@njit
def _vnni(steps: Any) -> Any:
    return _vnni_loop(steps)


@njit
def _narrow_vnni(steps: Any) -> Any:
    return _narrow_vnni_loop(steps)


@njit
def _fma(steps: Any) -> Any:
    return _fma_loop(steps)

"""What the processor can do beyond the ordinary, and whether compiled code may use it."""

from functools import cache
from typing import Any

import llvmlite.binding
import numba

BYTE_DOT = "avx512vnni"
"""The instruction `vpdpbusd` on 512 bits: four products of an unsigned and a signed byte onto an int32, exactly."""

PAIR_DOT = "avx2"
"""The instruction `vpmaddwd` on 256 bits: two products of 16 bits onto an int32, exactly for operands of 9 bits."""


def compiles() -> bool:
    """Whether kernels are compiled at all; hand-written instructions cannot be interpreted."""
    config: Any = numba.config
    return not config.DISABLE_JIT


def has_byte_dot() -> bool:
    """Whether kernels may use `vpdpbusd`: compiled for this processor, and it has it."""
    return _has(BYTE_DOT)


def has_pair_dot() -> bool:
    """Whether kernels may use `vpmaddwd`: compiled for this processor, and it has it."""
    return _has(PAIR_DOT)


def _has(feature: str) -> bool:
    config: Any = numba.config
    if not compiles():
        return False
    if config.CPU_NAME or config.CPU_FEATURES:  # somebody chose another target
        return f"+{feature}" in (config.CPU_FEATURES or "")
    return feature in features()


@cache
def features() -> frozenset[str]:
    """What this processor has, as LLVM names it."""
    return frozenset(name for name, there in llvmlite.binding.get_host_cpu_features().items() if there)

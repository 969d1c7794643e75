"""What the processor can do beyond the ordinary, and whether compiled code may use it."""

from enum import Enum
from functools import cache
from typing import Any

import llvmlite.binding
import numba

from hwsim.kernels.probe import lowers_to_signed_dot


class ByteDot(Enum):
    """Instructions that add four products of bytes onto an int32, by the feature that has them; best first."""

    WIDE = "avx512vnni"
    """`vpdpbusd` on 512 bits: unsigned bytes of activations times signed ones of weights."""

    NARROW = "avxvnni"
    """The same on 256 bits, for processors without AVX-512."""

    SIGNED = "dotprod"
    """`sdot` of ARM on 128 bits: signed bytes times signed ones."""


_DOTS = tuple((dot, dot.value) for dot in ByteDot)

PAIR_DOT = "avx2"
"""The instruction `vpmaddwd` on 256 bits: two products of 16 bits onto an int32, exactly for operands of 9 bits."""


def compiles() -> bool:
    """Whether kernels are compiled at all; hand-written instructions cannot be interpreted."""
    config: Any = numba.config
    return not config.DISABLE_JIT


def byte_dot() -> ByteDot | None:
    """What kernels use for products of bytes: compiled for this processor, and it has it."""
    return next((dot for dot, name in _DOTS if has(name)), None)


def has_pair_dot() -> bool:
    """Whether kernels may use `vpmaddwd`: compiled for this processor, and it has it."""
    return has(PAIR_DOT)


def has(feature: str) -> bool:
    """Whether kernels may use what LLVM calls by that name."""
    config: Any = numba.config
    if not compiles():
        return False
    if config.CPU_NAME or config.CPU_FEATURES:  # somebody chose another target
        return f"+{feature}" in (config.CPU_FEATURES or "").split(",")
    return feature in features()


@cache
def features() -> frozenset[str]:
    """What this processor has, as LLVM names it."""
    binding = llvmlite.binding
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    found = binding.get_host_cpu_features()
    names = {name for name, there in found.items() if there}
    if lowers_to_signed_dot(binding.get_process_triple(), binding.get_host_cpu_name(), found.flatten()):
        names.add(ByteDot.SIGNED.value)
    return frozenset(names)

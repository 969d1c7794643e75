"""The versions of the tile: for each combination of types, what one lane of its vectors does in one step.

| activations | weights | sums | one step | columns |
|---|---|---|---|---|
| uint8 | int8 | int32 | four products of bytes by `vpdpbusd` on 512 bits (`ByteDot.WIDE`) | 64 |
| uint32 | int32 | int32 | the same on 256 bits (`ByteDot.NARROW`), each word the four bytes of a step | 16 |
| int8 | int8 | int32 | four products of bytes by `sdot` on 128 bits (`ByteDot.SIGNED`) | 16 |
| int16 | int8, uint8 | int32 | two products by `vpmaddwd` on 256 bits (`cpu.has_pair_dot`) | 16 |
| int16 | int16 | int16, int32 | one product | 64 |
| float32 | float32 | float32 | one product, and one rounding for its addition | 64 |

Numba tells versions apart by types alone, so the second one has a word for what is four bytes to the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from hwsim.kernels.cpu import ByteDot

COLUMNS = 64
FEW_COLUMNS = 16
"""Columns of a tile where registers are few or short: AVX2 has 16 of 32 bytes, 12 of them for the sums of 6 rows; NEON
has 32 of 16 bytes, 24 of them for as many sums."""

I8, I16, I32, I64, F32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()


@dataclass(frozen=True)
class Lanes:
    """The types of a lane's sum, and of what it takes from memory in one step.

    `dot` names LLVM's instruction where a step makes four products of bytes, `signed` says that the activations' bytes
    have a sign; `pair` names LLVM's widening of the weights to 16 bits where a step makes two products.
    """

    lane: Any
    lane_bytes: int
    operand: Any
    step_bytes: int
    dot: str = ""
    signed: bool = False
    pair: str = ""
    vector_bytes: int = 64
    columns: int = COLUMNS

    @property
    def weight_bytes(self) -> int:
        """Of the weights that a lane takes in one step; of pairs only the activations are widened ahead."""
        return self.step_bytes // 2 if self.pair else self.step_bytes

    @property
    def floating(self) -> bool:
        return self.lane is F32

    @property
    def count(self) -> int:
        """Lanes of one vector."""
        return self.vector_bytes // self.lane_bytes

    @property
    def kind(self) -> str:
        """As LLVM names the vector."""
        return f"v{self.count}i{self.lane_bytes * 8}"


BYTE_LANES: Mapping[ByteDot, Lanes] = {
    ByteDot.WIDE: Lanes(I32, 4, I32, 4, dot="llvm.x86.avx512.vpdpbusd.512"),
    ByteDot.NARROW: Lanes(
        I32, 4, I32, 4, dot="llvm.x86.avx512.vpdpbusd.256", vector_bytes=32, columns=FEW_COLUMNS
    ),
    ByteDot.SIGNED: Lanes(
        I32, 4, I32, 4, dot="llvm.aarch64.neon.sdot.v4i32.v16i8", signed=True, vector_bytes=16, columns=FEW_COLUMNS
    ),
}  # fmt: skip


def pair_lanes(widening: str) -> Lanes:
    """Of pairs whose weights are widened with their sign (`sext`) or without (`zext`)."""
    return Lanes(I32, 4, I32, 4, pair=widening, vector_bytes=32, columns=FEW_COLUMNS)


LANES: Mapping[tuple[Any, Any, Any], Lanes] = {
    (types.uint8, types.int8, types.int32): BYTE_LANES[ByteDot.WIDE],
    (types.uint32, types.int32, types.int32): BYTE_LANES[ByteDot.NARROW],
    (types.int8, types.int8, types.int32): BYTE_LANES[ByteDot.SIGNED],
    (types.int16, types.int8, types.int32): pair_lanes("sext"),
    (types.int16, types.uint8, types.int32): pair_lanes("zext"),
    (types.int16, types.int16, types.int16): Lanes(I16, 2, I16, 2),
    (types.int16, types.int16, types.int32): Lanes(I32, 4, I16, 2),
    (types.float32, types.float32, types.float32): Lanes(F32, 4, F32, 4),
}
"""By the types of activations, weights and sums."""


@dataclass(frozen=True, slots=True)
class ByteOperands:
    """How the tile of a byte dot product wants its operands: the types in which it reads their bytes, whether those of
    activations have a sign, and the columns of a panel of weights."""

    act: type[np.generic]
    weight: type[np.generic]
    signed: bool
    columns: int


BYTE_OPERANDS: Mapping[ByteDot, ByteOperands] = {
    ByteDot.WIDE: ByteOperands(np.uint8, np.int8, signed=False, columns=COLUMNS),
    ByteDot.NARROW: ByteOperands(np.uint32, np.int32, signed=False, columns=FEW_COLUMNS),
    ByteDot.SIGNED: ByteOperands(np.int8, np.int8, signed=True, columns=FEW_COLUMNS),
}

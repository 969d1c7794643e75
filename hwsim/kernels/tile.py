"""The innermost loop of every matrix product: a tile of a few rows and 64 columns, its sums in vector registers.

One template in LLVM's terms, of which numba compiles a version for each combination of types and flags:

| activations | weights | sums | one step |
|---|---|---|---|
| uint8 | int8 | int32 | four products of bytes by `vpdpbusd` (`cpu.has_byte_dot` says whether the processor has it) |
| int16 | int16 | int16, int32 | one product |
| float32 | float32 | float32 | one product, and one rounding for its addition |

What a sum does at the end of a group of steps is the `rule`: KEEP lets it be; SETTLE brings it into low..high, where
exact sums fit the type; TIGHT does so where they may not, for groups of one step. Instructions cannot be interpreted,
so without compilation nothing here runs: `sums.py` is for that.
"""

from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

COLUMNS = 64
KEEP, SETTLE, TIGHT = 0, 1, 2

_I1, _I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
_VECTOR_BITS = 512


@dataclass(frozen=True)
class _Lanes:
    """The types of one version: an element of the sums, what a lane takes from memory of activations and weights."""

    lane: Any
    act: Any
    weight: Any
    bytes_a_step: int

    @classmethod
    def of(cls, act: Any, weight: Any, out: Any) -> "_Lanes | None":
        known = {
            (types.uint8, types.int8, types.int32): cls(_I32, _I32, _I32, 4),
            (types.int16, types.int16, types.int16): cls(_I16, _I16, _I16, 2),
            (types.int16, types.int16, types.int32): cls(_I32, _I16, _I16, 2),
            (types.float32, types.float32, types.float32): cls(ir.FloatType(), ir.FloatType(), ir.FloatType(), 4),
        }
        return known.get((act, weight, out))

    @property
    def dot(self) -> bool:
        return self.act is _I32

    @property
    def floating(self) -> bool:
        return isinstance(self.lane, ir.FloatType)

    @property
    def lane_bytes(self) -> int:
        return 2 if self.lane is _I16 else 4

    @property
    def count(self) -> int:
        """Lanes of one vector."""
        return _VECTOR_BITS // 8 // self.lane_bytes


@intrinsic(prefer_literal=True)
def multiply_tile(typing, rows, rule, act, act_at, act_stride, weight, weight_at, groups, group, start, start_at, out, low, high):  # fmt: skip  # noqa: E501
    """Sums of `rows` × 64 results over groups · group steps into out[rows, 64]; how many additions were clamped.

    `act_at`, `act_stride`: bytes to the first activation, and from row to row. `weight_at`: bytes to the first weight;
    64 columns of one step lie side by side. All rows begin with the 64 sums at start[start_at].
    """
    lanes = _Lanes.of(act.dtype, weight.dtype, out.dtype)
    if lanes is None or not isinstance(rows, types.IntegerLiteral) or not isinstance(rule, types.IntegerLiteral):
        raise TypeError(f"no tile of {act.dtype} times {weight.dtype} in {out.dtype}")
    index = types.int64
    signature = index(rows, rule, act, index, index, weight, index, index, index, start, index, out, index, index)

    def generate(context, builder, called, arguments):
        def address(place, offset):
            data = make_array(called.args[place])(context, builder, arguments[place]).data
            return builder.add(builder.ptrtoint(data, _I64), offset)

        (_, _, _, act_at, act_stride, _, weight_at, groups, group, _, start_at, _, low, high) = arguments
        tile = _Tile(builder, lanes, called.args[0].literal_value, called.args[1].literal_value)
        tile.set_limits(low, high)
        tile.begin(address(9, builder.mul(start_at, _long(lanes.lane_bytes))))
        tile.run(address(2, act_at), act_stride, address(5, weight_at), groups, group)
        tile.end(address(11, _long(0)))
        return builder.load(tile.clamped)

    return signature, generate


def _long(value: int) -> Any:
    return ir.Constant(_I64, value)


class _Tile:
    """Writes the instructions of one version. Sums live in stack slots, which LLVM turns into registers."""

    def __init__(self, builder: Any, lanes: _Lanes, rows: int, rule: int) -> None:
        self.builder, self.lanes, self.rows, self.rule = builder, lanes, rows, rule
        self.vectors = COLUMNS // lanes.count
        self.vector = ir.VectorType(lanes.lane, lanes.count)
        self.sums = [[cgutils.alloca_once(builder, self.vector) for _ in range(self.vectors)] for _ in range(rows)]
        self.clamped = cgutils.alloca_once_value(builder, _long(0))

    def set_limits(self, low: Any, high: Any) -> None:
        if self.rule != KEEP:
            self.low, self.high = (self._everywhere(self.builder.trunc(x, self.lanes.lane)) for x in (low, high))

    def begin(self, start: Any) -> None:
        for v in range(self.vectors):
            first = self._load(start, v * 64, self.vector)
            for row in self.sums:
                self.builder.store(first, row[v])

    def run(self, act: Any, act_stride: Any, weight: Any, groups: Any, group: Any) -> None:
        builder, step_bytes = self.builder, self.lanes.bytes_a_step
        rows = [builder.add(act, builder.mul(act_stride, _long(row))) for row in range(self.rows)]
        weight_bytes = COLUMNS * step_bytes

        def step(k: Any, last: bool) -> None:
            act_at, weight_at = builder.mul(k, _long(step_bytes)), builder.mul(k, _long(weight_bytes))
            self._step([builder.add(row, act_at) for row in rows], builder.add(weight, weight_at), last)

        if self.rule != SETTLE:  # groups of one step
            with cgutils.for_range(builder, groups) as loop:
                step(loop.index, last=True)
            return
        before_last = builder.sub(group, _long(1))
        with cgutils.for_range(builder, groups) as loop:
            first = builder.mul(loop.index, group)
            with cgutils.for_range(builder, before_last) as inner:
                step(builder.add(first, inner.index), last=False)
            step(builder.add(first, before_last), last=True)

    def end(self, out: Any) -> None:
        for r, row in enumerate(self.sums):
            for v, total in enumerate(row):
                place = self.builder.add(out, _long((r * self.vectors + v) * 64))
                self.builder.store(self.builder.load(total), self._pointer(place, self.vector), align=1)

    def _step(self, rows: list[Any], weight: Any, last: bool) -> None:
        weights = [self._weights(weight, v) for v in range(self.vectors)]
        for row, sums in zip(rows, self.sums, strict=True):
            act = self._activation(row)
            for total, weights_here in zip(sums, weights, strict=True):
                before = self.builder.load(total)
                self.builder.store(self._settled(before, act, weights_here, last), total)

    def _settled(self, before: Any, act: Any, weights: Any, last: bool) -> Any:
        builder = self.builder
        if self.lanes.dot:
            return self._call("x86.avx512.vpdpbusd.512", before, act, weights)
        if self.lanes.floating:
            return builder.fadd(before, builder.fmul(act, weights))
        product = builder.mul(act, weights)
        plain = builder.add(before, product)
        if self.rule == KEEP or not last:
            return plain
        kind = f"v{self.lanes.count}i{self.lanes.lane_bytes * 8}"
        fitting = self._call(f"sadd.sat.{kind}", before, product) if self.rule == TIGHT else plain
        settled = self._call(f"smax.{kind}", self._call(f"smin.{kind}", fitting, self.high), self.low)
        self._count(builder.icmp_signed("!=", plain, settled))
        return settled

    def _count(self, changed: Any) -> None:
        """Counts set bits on the scalar side, where there is room."""
        mask = ir.IntType(self.lanes.count)
        kind = ir.FunctionType(mask, [mask])
        count = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.ctpop.i{self.lanes.count}")
        bits = self.builder.call(count, [self.builder.bitcast(changed, mask)])
        total = self.builder.add(self.builder.load(self.clamped), self.builder.zext(bits, _I64))
        self.builder.store(total, self.clamped)

    def _weights(self, weight: Any, v: int) -> Any:
        """The weights of one vector of columns; a lane is at least as wide as a weight."""
        narrow = ir.VectorType(self.lanes.weight, self.lanes.count)
        found = self._load(weight, v * COLUMNS // self.vectors * self.lanes.bytes_a_step, narrow)
        return found if self.lanes.weight is self.lanes.lane or self.lanes.floating else self._widened(found)

    def _activation(self, place: Any) -> Any:
        one = self.builder.load(self._pointer(place, self.lanes.act), align=1)
        if not self.lanes.floating and self.lanes.act is not self.lanes.lane:
            one = self.builder.sext(one, self.lanes.lane)
        return self._everywhere(one)

    def _widened(self, narrow: Any) -> Any:
        return self.builder.sext(narrow, self.vector)

    def _everywhere(self, one: Any) -> Any:
        empty = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(empty, one, ir.Constant(_I32, 0))
        zeros = ir.Constant(ir.VectorType(_I32, self.lanes.count), [0] * self.lanes.count)
        return self.builder.shuffle_vector(single, empty, zeros)

    def _call(self, name: str, *values: Any) -> Any:
        kind = ir.FunctionType(self.vector, [self.vector] * len(values))
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}"), values)

    def _load(self, base: Any, offset: int, kind: Any) -> Any:
        return self.builder.load(self._pointer(self.builder.add(base, _long(offset)), kind), align=1)

    def _pointer(self, place: Any, kind: Any) -> Any:
        return self.builder.inttoptr(place, kind.as_pointer())

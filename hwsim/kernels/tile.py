"""The innermost loop of every matrix product: a tile of a few rows and 64 or 16 columns, its sums in vector registers.

One template in LLVM's terms, of which numba compiles a version for each combination of types (`lanes.py` lists them)
and flags. What a sum does at the end of a group of steps is the `rule`: KEEP lets it be; SETTLE brings it into
low..high, where exact sums fit the type; TIGHT does so where they may not, for groups of one step. Instructions cannot
be interpreted, so without compilation nothing here runs: `sums.py` is for that.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from hwsim.kernels.lanes import I8, I16, I32, I64, LANES, Lanes

KEEP, SETTLE, TIGHT = 0, 1, 2


@intrinsic(prefer_literal=True)
def multiply_tile(typing, rows, rule, act, act_at, act_stride, weight, weight_at, groups, group, extra, extra_at, low, high, out, out_at, out_stride):  # fmt: skip  # noqa: E501
    """Sums of `rows` × 64 (or 16) results over groups · group steps into `out`; how many additions were clamped.

    `…_at` and `…_stride` are bytes to the first number, and from row to row. The weights of all columns lie side by
    side, then those of the next step. `extra`, of the type of the sums, holds a number a column, added in every row:
    with KEEP once; with SETTLE of bytes at the end of each group, those of the next group after them; else they are
    not read. `out` has the type of the sums, or a wider one.
    """
    lanes = LANES.get((act.dtype, weight.dtype, extra.dtype))
    if lanes is None or not isinstance(rows, types.IntegerLiteral) or not isinstance(rule, types.IntegerLiteral):
        raise TypeError(f"no tile of {act.dtype} times {weight.dtype} in {extra.dtype}")
    index = types.int64
    places = (act, index, index, weight, index, index, index, extra, index, index, index, out, index, index)
    out_bytes = out.dtype.bitwidth // 8

    def generate(context, builder, called, arguments):
        def address(place):
            data = make_array(called.args[place])(context, builder, arguments[place]).data
            return builder.add(builder.ptrtoint(data, I64), arguments[place + 1])

        _, _, _, _, act_stride, _, _, groups, group, _, _, low, high, _, _, out_stride = arguments
        tile = _Tile(builder, lanes, called.args[0].literal_value, called.args[1].literal_value)
        tile.begin(address(9), low, high)
        tile.run(address(2), act_stride, address(5), groups, group)
        tile.end(address(13), out_stride, out_bytes)
        return builder.load(tile.clamped)

    return index(rows, rule, *places), generate


def _long(value: int) -> Any:
    return ir.Constant(I64, value)


class _Tile:
    """Writes the instructions of one version. Sums live in stack slots, which LLVM turns into registers."""

    def __init__(self, builder: Any, lanes: Lanes, rows: int, rule: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.rule = KEEP if lanes.floating else rule
        self.vectors = lanes.columns // lanes.count
        self.vector = ir.VectorType(lanes.lane, lanes.count)
        self.sums = [[cgutils.alloca_once(builder, self.vector) for _ in range(self.vectors)] for _ in range(rows)]
        self.clamped = cgutils.alloca_once_value(builder, _long(0))

    def begin(self, extra: Any, low: Any, high: Any) -> None:
        """The first sums, and the limits in all lanes."""
        self.extra = extra
        zeros = ir.Constant(self.vector, None)
        for v in range(self.vectors):
            first = self._load(extra, v * self.lanes.vector_bytes, self.vector) if self.rule == KEEP else zeros
            for row in self.sums:
                self.builder.store(first, row[v])
        if self.rule != KEEP:
            self.low, self.high = (self._everywhere(self.builder.trunc(x, self.lanes.lane)) for x in (low, high))

    def run(self, act: Any, act_stride: Any, weight: Any, groups: Any, group: Any) -> None:
        """All steps. Only SETTLE knows groups of more than one."""
        builder, step_bytes = self.builder, self.lanes.step_bytes
        weight_bytes = self.lanes.columns * self.lanes.weight_bytes
        rows = [builder.add(act, builder.mul(act_stride, _long(row))) for row in range(len(self.sums))]

        def step(k: Any, ends: Any | None) -> None:
            """The step k, which ends the group of that number, or none."""
            act_at, weight_at = builder.mul(k, _long(step_bytes)), builder.mul(k, _long(weight_bytes))
            self._step([builder.add(row, act_at) for row in rows], builder.add(weight, weight_at), ends)

        with cgutils.for_range(builder, groups) as loop:
            if self.rule != SETTLE:
                step(loop.index, loop.index)
                return
            first, before_last = builder.mul(loop.index, group), builder.sub(group, _long(1))
            with cgutils.for_range(builder, before_last) as inner:
                step(builder.add(first, inner.index), None)
            step(builder.add(first, before_last), loop.index)

    def end(self, out: Any, out_stride: Any, out_bytes: int) -> None:
        """The sums into memory, widened if need be."""
        builder, wide = self.builder, ir.VectorType(ir.IntType(out_bytes * 8), self.lanes.count)
        for r, row in enumerate(self.sums):
            for v, total in enumerate(row):
                offset = builder.add(builder.mul(out_stride, _long(r)), _long(v * self.lanes.count * out_bytes))
                found, kind = builder.load(total), self.vector
                if out_bytes > self.lanes.lane_bytes:
                    found, kind = builder.sext(found, wide), wide
                builder.store(found, self._pointer(builder.add(out, offset), kind), align=1)

    def _step(self, rows: list[Any], weight: Any, ends: Any | None) -> None:
        builder, settles = self.builder, ends is not None and self.rule != KEEP
        weights = [self._weights(weight, v) for v in range(self.vectors)]
        extras: list[Any] = [None] * self.vectors
        if settles and self.lanes.dot:
            group = builder.add(self.extra, builder.mul(ends, _long(self.lanes.columns * self.lanes.lane_bytes)))
            extras = [self._load(group, v * self.lanes.vector_bytes, self.vector) for v in range(self.vectors)]
        for row, sums in zip(rows, self.sums, strict=True):
            act = self._activation(row)
            for total, some, extra in zip(sums, weights, extras, strict=True):
                before = builder.load(total)
                if self.lanes.dot:
                    after = self._dot(before, act, some)
                    added = builder.add(after, extra) if settles else after
                    product = None
                elif self.lanes.pair:
                    added, product = builder.add(before, self._pair_dot(act, some)), None
                elif self.lanes.floating:
                    added, product = builder.fadd(before, builder.fmul(act, some)), None
                else:
                    product = builder.mul(act, some)
                    added = builder.add(before, product)
                builder.store(self._settled(before, product, added) if settles else added, total)

    def _dot(self, before: Any, act: Any, weights: Any) -> Any:
        """In each lane, four products of two bytes onto the sum, modulo 2^32; the weight's is signed."""
        if self.lanes.signed:
            octets = ir.VectorType(I8, 4 * self.lanes.count)
            act, weights = (self.builder.bitcast(each, octets) for each in (act, weights))
        return self._call(self.lanes.dot, before, act, weights)

    def _pair_dot(self, act: Any, weights: Any) -> Any:
        """In each lane, the sum of two products of 16-bit integers, exact for operands of at most 9 bits."""
        halves = ir.VectorType(I16, 2 * self.lanes.count)
        return self._call("llvm.x86.avx2.pmadd.wd", self.builder.bitcast(act, halves), weights)

    def _settled(self, before: Any, product: Any, added: Any) -> Any:
        """The sum within its limits. Where it was not, wrapped around or not, `added` is another number."""
        kind = self.lanes.kind
        tight = self.rule == TIGHT and product is not None
        fitting = self._call(f"llvm.sadd.sat.{kind}", before, product) if tight else added
        settled = self._call(f"llvm.smax.{kind}", self._call(f"llvm.smin.{kind}", fitting, self.high), self.low)
        self._count(self.builder.icmp_signed("!=", added, settled))
        return settled

    def _count(self, changed: Any) -> None:
        """Counts set bits on the scalar side, where there is room."""
        mask = ir.IntType(self.lanes.count)
        count = cgutils.get_or_insert_function(
            self.builder.module, ir.FunctionType(mask, [mask]), f"llvm.ctpop.i{self.lanes.count}"
        )
        bits = self.builder.call(count, [self.builder.bitcast(changed, mask)])
        total = self.builder.add(self.builder.load(self.clamped), self.builder.zext(bits, I64))
        self.builder.store(total, self.clamped)

    def _weights(self, weight: Any, v: int) -> Any:
        if self.lanes.pair:
            size = 2 * self.lanes.count
            some = self._load(weight, v * size, ir.VectorType(I8, size))
            return getattr(self.builder, self.lanes.pair)(some, ir.VectorType(I16, size))
        narrow = ir.VectorType(self.lanes.operand, self.lanes.count)
        found = self._load(weight, v * self.lanes.count * self.lanes.step_bytes, narrow)
        return self._widened(found, self.vector)

    def _activation(self, place: Any) -> Any:
        one = self.builder.load(self._pointer(place, self.lanes.operand), align=1)
        return self._everywhere(self._widened(one, self.lanes.lane))

    def _widened(self, narrow: Any, kind: Any) -> Any:
        return narrow if self.lanes.operand is self.lanes.lane else self.builder.sext(narrow, kind)

    def _everywhere(self, one: Any) -> Any:
        empty = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(empty, one, ir.Constant(I32, 0))
        zeros = ir.Constant(ir.VectorType(I32, self.lanes.count), [0] * self.lanes.count)
        return self.builder.shuffle_vector(single, empty, zeros)

    def _call(self, name: str, *values: Any) -> Any:
        kind = ir.FunctionType(self.vector, [value.type for value in values])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), values)

    def _load(self, base: Any, offset: int, kind: Any) -> Any:
        return self.builder.load(self._pointer(self.builder.add(base, _long(offset)), kind), align=1)

    def _pointer(self, place: Any, kind: Any) -> Any:
        return self.builder.inttoptr(place, kind.as_pointer())

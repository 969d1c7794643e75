"""The ops of a program whose scales a file decides: exact sums of integers, and single precision between quantisers.

A file of somebody else's says what its numbers stand for, not how hardware rescales them: sums become real numbers, and
real numbers the nearest integers, as the operators of ONNX do it.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.floats import (
    Seen,
    act_zero,
    chain_elements,
    from_rows,
    matrices,
    nobody,
    rows_of,
    spread,
)
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.ir.op_table import is_depthwise
from hwsim.ir.ops import Conv, Elementwise, Gemm, Op, Reduce, Reduction
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision
from hwsim.tensor.backend import ProductBackend
from hwsim.tensor.batched import signed_bytes
from hwsim.tensor.carried import Carried
from hwsim.tensor.formats import storage
from hwsim.tensor.given_sums import Settler
from hwsim.tensor.quant_params import QuantParams
from hwsim.tensor.reduce import places
from hwsim.tensor.rounding import rounded
from hwsim.tensor.single_rows import singly_reduced, softmaxed
from hwsim.tensor.weights import Weights
from hwsim.tensor.windows import depthwise_results, depthwise_sums, laid_out, windows
from hwsim.tensor.zero_points import centred

Array = NDArray[Any]

_INT32 = (1 << 31) - 1
_SIGNED = {
    Precision.UINT8: Precision.INT8,
    Precision.UINT4: Precision.INT4,
    Precision.UINT3: Precision.INT3,
    Precision.UINT2: Precision.INT2,
}


class GivenOps(IntegerOps):
    """Runs the ops of a program with the numbers and scales of a file."""

    def __init__(
        self, program: Program, carried: Carried, parameters: Mapping[str, Array], products: ProductBackend, *,
        seen: Seen = nobody, like: Self | None = None,
    ) -> None:  # fmt: skip
        self.carried = carried
        self._integers: dict[str, bool] = {} if like is None else like._integers
        self._settlers: dict[tuple[object, ...], Settler | None] = {} if like is None else like._settlers
        self._factors: dict[str, NDArray[np.int64]] = {} if like is None else like._factors
        self._laid_out: dict[tuple[str, int], Weights] = {} if like is None else like._laid_out
        self._of_columns: dict[tuple[str, int], tuple[NDArray[np.float64], NDArray[np.int64]]] = (
            {} if like is None else like._of_columns
        )
        scales = QuantParamsTable(carried.grids, {}) if like is None else like.params_table
        super().__init__(program, parameters, scales, products, seen=seen, like=like)

    def _held(self, name: str, values: NDArray[np.float32]) -> Array:
        tensor = self.tensors[name]
        if tensor.precision.floating or tensor.role is Role.BIAS:
            return rounded(values, tensor.precision) if tensor.precision.floating else values
        numbers = self.carried.numbers[name]
        return numbers.astype(storage(tensor.precision), copy=False) if name not in self.indices else numbers

    def run(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run one op: kinds that neither add nor rescale are those of the house."""
        match op:
            case Gemm():
                self.gemm(op, memory, indices)
            case Conv():
                self.conv(op, memory, indices)
            case Elementwise():
                self.elementwise(op, memory, indices)
            case Reduce():
                self.reduce(op, memory, indices)
            case _:
                super().run(op, memory, indices)

    def gemm(self, op: Gemm, memory: TensorStore, indices: Indices) -> None:
        """A product of integers, or in floats where one operand has none."""
        if not self._both_integers(op):
            rows, _ = matrices(
                op, self._float(op, op.act, memory.read(op.act, indices)), memory.read(op.weight, indices)
            )
            self._float_product(op, rows, memory, indices)
            return
        acts, weights = matrices(op, memory.read(op.act, indices), memory.read(op.weight, indices))
        scale, zero = self._columns(op, len(weights))
        offset = self._offset(op, memory, indices)
        sums = self._centred_sums(op, acts, weights, offset, zero)
        self.seen(op, "/act", acts)
        if not self.tensors[op.weight.tensor].role.parameter:
            self.seen(op, "/weight", weights)
        self.seen(op, "/acc", sums)
        self._keep_sums(op, memory, indices, sums, scale)

    def conv(self, op: Conv, memory: TensorStore, indices: Indices) -> None:
        """A convolution of integers, zeros around them standing for zero."""
        if not self._both_integers(op):
            super().conv(op, memory, indices)
            return
        act, weight = memory.read(op.act, indices), memory.read(op.weight, indices)
        offset, shape = self._offset(op, memory, indices), self.shapes(indices)
        scale, zero = self._columns(op, len(weight))
        if is_depthwise(op, shape):
            if op.name not in self._factors or not self.fixed(op):
                self._factors[op.name] = weight.astype(np.int64) - zero
            sums = self._depthwise_sums(op, act, self._factors[op.name], offset).reshape(shape(op.out))
        else:
            sums = laid_out(op, self._centred_sums(op, windows(op, act, offset), weight, offset, zero), shape(op.out))
        self.seen(op, "/act", act)
        self.seen(op, "/acc", sums)
        scale = np.broadcast_to(scale, (len(weight), 1, weight.shape[-1]))
        self._keep_sums(op, memory, indices, sums, scale.reshape(-1))

    def _depthwise_sums(self, op: Conv, act: Array, weight: NDArray[np.int64], offset: int) -> Array:
        """Sums of each channel, [batch · positions, channels], by a kernel where 32 bits hold them all."""
        precision = self.params_table.tensors[op.act.tensor].precision
        furthest = max(abs(precision.lowest - offset), abs(precision.highest - offset))
        if furthest * int(np.abs(weight).sum(axis=1).max()) <= _INT32:
            return depthwise_results(op, act, offset, weight[:, :, 0].T)
        return depthwise_sums(windows(op, act, offset).astype(np.int64) - offset, weight).T

    def _both_integers(self, op: Gemm | Conv) -> bool:
        if op.name not in self._integers:
            names = (op.act.tensor, op.weight.tensor)
            grids = self.params_table.tensors
            self._integers[op.name] = all(
                name in grids and not self.tensors[name].precision.floating for name in names
            ) and (grids[op.weight.tensor].group is None)
        return self._integers[op.name]

    def _columns(self, op: Gemm | Conv, batch: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The scale and the zero point of each column of the weight, [batch, 1, n]."""
        key = op.name, batch
        if key in self._of_columns:
            return self._of_columns[key]
        params = self.params_table.tensors[op.weight.tensor]
        spread = (
            np.broadcast_to(one, (batch, 1, one.shape[-1] if one.ndim else 1)) for one in (params.scale, params.zero)
        )
        scale, zero = spread
        self._of_columns[key] = scale.astype(np.float64), zero.astype(np.int64)
        return self._of_columns[key]

    def _offset(self, op: Gemm | Conv, memory: TensorStore, indices: Indices) -> int:
        """The integer of the activations that stands for zero."""
        if op.act_zero is not None:
            return int(act_zero(op, memory, indices))
        return self.params_table.tensors[op.act.tensor].offset

    def _centred_sums(
        self, op: Gemm | Conv, acts: Array, weights: Array, offset: int, zero: NDArray[np.int64]
    ) -> Array:
        """Σ (a - za)(w - zw) of acts[b, m, k] and weights[b, k, n]."""
        if len(acts) > 1 and offset == 0 and op.act_zero is None and not self.fixed(op) and not zero.any():
            formats = (self.params_table.tensors[view.tensor].precision for view in (op.act, op.weight))
            together = self.products.together(op.name, acts, weights) if signed_bytes(*formats) else None
            if together is not None:
                return together
        sums = [self._centred(op, b, a, w, offset, zero[b]) for b, (a, w) in enumerate(zip(acts, weights, strict=True))]
        return sums[0][None] if len(sums) == 1 else np.stack(sums)

    def _centred(
        self, op: Gemm | Conv, place: int, act: Array, weight: Array, offset: int, zero: NDArray[np.int64]
    ) -> Array:
        """Σ (a - za)(w - zw) of rows act[m, k] and the weight[k, n] at a place of its batch, by the array's own sums.

        Arrays take signed integers: unsigned ones stand as many lower, and their zero points with them.
        """
        params, weight_params = (self.params_table.tensors[view.tensor] for view in (op.act, op.weight))
        act_format, rows, lowered_zero = _signed(params.precision, act, np.asarray(offset))
        weight_format, columns, weight_zero = _signed(weight_params.precision, weight, zero.reshape(-1))
        narrow = rows.astype(np.int16 if act_format.bits > 8 else np.int8, copy=False)
        ready = self._laid_out.get((op.name, place))
        if ready is None:
            ready = Weights.of(np.ascontiguousarray(columns.astype(storage(weight_format))), weight_format)
            if self.fixed(op):
                self._laid_out[op.name, place] = ready
        product = self.products.product(op.name, narrow, act_format, ready)
        self.clipped[op.name].accumulator += product.saturations
        if op.act_zero is None and int(lowered_zero) == 0 and not weight_zero.any():
            return product.out  # these are the sums already
        shared = int(weight_zero[0]) if weight_zero.size == 1 else weight_zero
        return centred(product.out, rows, columns, int(lowered_zero), shared)

    def _keep_sums(self, op: Gemm | Conv, memory: TensorStore, indices: Indices, sums: Array, scale: Array) -> None:
        """Keep sums: as they are, or what they stand for with the bias."""
        self.clipped[op.name].results += sums.size
        rule = self.carried.rules.get(op.name)
        if rule is not None:
            self.keep(op, op.out, memory, indices, rule(sums).astype(np.int32))
            return
        if self.tensors[op.out.tensor].precision is Precision.INT32:
            self.keep(op, op.out, memory, indices, sums.astype(np.int32))
            return
        settle = self._settler(op, scale, sums.shape[-1])
        if settle is not None and sums.dtype == np.int32:
            self.keep_new(op, op.out, memory, indices, settle(sums))
            return
        factor = self._factor(op, scale)
        reals = np.asarray(sums * factor, np.float32)
        self.keep(op, op.out, memory, indices, self._stored(op, op.out, self._biased(op, reals, Precision.FP32)))

    def _factor(self, op: Gemm | Conv, scale: Array) -> Array:
        """What sums stand for: one of them is this much."""
        return np.asarray(self.params_table.tensors[op.act.tensor].scale.astype(np.float64).reshape(-1)[0] * scale)

    def _settler(self, op: Gemm | Conv, scale: Array, columns: int) -> Settler | None:
        """What makes integers of sums; None if the result has none, or several scales."""
        key = op.name, scale.shape, columns  # of products of activations these depend on the length
        if key not in self._settlers:
            target = self._single_scale(op.out)
            bias = self._biased(op, np.zeros(columns, np.float32), Precision.FP32)
            self._settlers[key] = None if target is None else Settler.of(self._factor(op, scale), bias, target, columns)
        return self._settlers[key]

    def _single_scale(self, view: View) -> QuantParams | None:
        """The parameters of a tensor of integers that has one scale."""
        tensor, params = self.tensors[view.tensor], self.params_table.tensors.get(view.tensor)
        whole = tensor.name not in self.indices and not tensor.precision.floating
        return params if whole and params is not None and params.scale.size == 1 and params.group is None else None

    def elementwise(self, op: Elementwise, memory: TensorStore, indices: Indices) -> None:
        """A chain in floats, whatever it reads and writes, or by its rule."""
        rule = self.carried.rules.get(op.name)
        if rule is None:
            self._float_elementwise(op, memory, indices)
            return
        shape = self.shapes(indices)
        elements = chain_elements(op, shape)
        operands = []
        for _, view in op.reads:
            values = memory.read(view, indices)
            operands.append(spread(op, view, shape, elements, self.real_view(view, values) if rule.reals else values))
        # What is read twice stands in the chain once.
        results = rule(*operands * (rule.operands // len(operands))).astype(np.int32)
        self.clipped[op.name].results += results.size
        self.keep(op, op.writes[0][1], memory, indices, results)

    def reduce(self, op: Reduce, memory: TensorStore, indices: Indices) -> None:
        """A function of whole rows, in floats, or by its rule."""
        values = memory.read(op.read, indices)
        rule = self.carried.rules.get(op.name)
        if rule is not None:
            results = rule(rows_of(op, values)).astype(np.int32)
            self.clipped[op.name].results += results.size
            self.keep(op, op.write, memory, indices, from_rows(op, results, values.shape))
            return
        parameters = tuple(self._parameter(view, memory.read(view, indices).reshape(-1)) for view in op.parameters)
        reals, source = None, self._by_one_scale(op.read)
        if op.reduction is Reduction.SOFTMAX and source is not None:
            reals = softmaxed(rows_of(op, values), source)
        if reals is None:
            rows = rows_of(op, self.real_view(op.read, values))
            if op.reduction in (Reduction.ARGMAX, Reduction.TOP):
                self.keep(op, op.write, memory, indices, places(op.reduction, rows, op.count))
                return
            reals = singly_reduced(op.reduction, rows, parameters, op.epsilon)
        stored = self._stored(op, op.write, reals)
        self.keep_new(op, op.write, memory, indices, from_rows(op, stored, values.shape))


def _signed(precision: Precision, values: Array, zero: Array) -> tuple[Precision, Array, Array]:
    """Unsigned integers as signed ones of the same width, lower by half the range, with their zero points."""
    if precision not in _SIGNED:
        return precision, values, zero
    lower = 1 << (precision.bits - 1)
    return _SIGNED[precision], values.astype(np.int32) - lower, zero - lower

"""The base of a quantised program's ops: formats, scales, counters, and the ops in floating point."""

from collections.abc import Mapping
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.floats import Seen, chain_elements, is_fixed, nobody, spread
from hwsim.engine.values.strange import naming_weight
from hwsim.engine.values.tensor_store import TensorStore, index_tensors
from hwsim.engine.values.views import Indices, read
from hwsim.ir.op_spec import repeated_shape
from hwsim.ir.ops import Conv, Elementwise, Gemm, Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision
from hwsim.tensor.backend import ProductBackend
from hwsim.tensor.chain import float_chain
from hwsim.tensor.formats import storage
from hwsim.tensor.quant_params import QuantParams
from hwsim.tensor.rounding import rounded
from hwsim.tensor.single_chain import Read, SingleChain, integers_by_one_scale, nearest
from hwsim.tensor.weights import Weights
from hwsim.tensor.windows import laid_out

Array = NDArray[Any]

_MANY = 256
"""Numbers for which it is worth to call a kernel."""


@dataclass(slots=True)
class Clipped:
    """How often numbers were cut off: on the way through accumulators, and when they became narrow integers."""

    accumulator: int = 0
    result: int = 0
    results: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _ReadyChain:
    """A chain in floats: its format, its elements, along which shapes it repeats what it reads, and the kernel for it,
    if there is one."""

    op: Elementwise
    precision: Precision
    elements: int
    repeats: tuple[tuple[int, ...] | None, ...]
    chain: SingleChain | None


class FormattedOps:
    """The arrays of a quantised program, and its ops in floating point: rounded to the formats that it names."""

    def __init__(
        self,
        program: Program,
        parameters: Mapping[str, NDArray[np.float32]],
        params_table: QuantParamsTable,
        products: ProductBackend,
        *,
        seen: Seen = nobody,
        like: Self | None = None,
    ) -> None:
        """`like` are ops of the same network at another length, with the very same parameters, scales and products:
        what they have made ready is not made again."""
        self.program, self.trained, self.params_table = program, parameters, params_table
        self.tensors, self.shapes = {tensor.name: tensor for tensor in program.tensors}, program.sizing()
        assert like is None or (like.trained is parameters and like.params_table is params_table)
        refined = {name: values for name, values in params_table.refined.items() if name in parameters}
        self.parameters = {**parameters, **refined} if refined else parameters
        self.like = like
        self.products, self.seen = products, seen
        self.tensors = {tensor.name: tensor for tensor in program.tensors}
        self.shapes = program.sizing()
        self.indices = index_tensors(program)
        self.clipped: dict[str, Clipped] = {placed.op.name: Clipped() for placed in program.placed()}
        self._ready_chains: dict[str, _ReadyChain] = {}
        self._one_scales: dict[str, QuantParams | None] = {} if like is None else like._one_scales
        self._fixed_weights: dict[str, tuple[Weights, ...]] = {} if like is None else like._fixed_weights
        if like is None:
            self.held = {name: self._held(name, values) for name, values in self.parameters.items()}
        else:
            self.held = like.held

    def _held(self, name: str, values: NDArray[np.float32]) -> Array:
        tensor = self.tensors[name]
        if tensor.precision.floating:
            return rounded(values, tensor.precision)
        if name not in self.params_table.tensors:
            return values
        integers = self.params_table.tensors[name].quantised(values)
        # Weights are many: a byte each, if they fit.
        narrow = tensor.role is Role.WEIGHT and tensor.precision.bits <= 8
        return integers.astype(storage(tensor.precision)) if narrow else integers

    def memory(self, inputs: Mapping[str, Array]) -> TensorStore:
        """The arrays before the first op."""
        arrays = dict(self.held)
        for name, values in inputs.items():
            tensor = self.tensors[name]
            if tensor.name in self.indices:
                arrays[name] = np.asarray(values, np.int32)
            elif tensor.precision.floating:
                arrays[name] = rounded(values, tensor.precision)
            else:
                arrays[name] = self.params_table.tensors[name].quantised(values)
        memory = TensorStore(self.program, arrays, integer=True)
        for tensor in self.program.tensors:
            if tensor.role is Role.STATE and tensor.name in self.params_table.tensors:
                memory[tensor.name] += self.params_table.tensors[tensor.name].offset  # the integer for zero
        return memory

    def real(self, name: str, values: Array) -> Array:
        """What the numbers of a tensor stand for."""
        params = self.params_table.tensors.get(name)
        return values if params is None or self.tensors[name].precision.floating else params.real(values)

    def keep(self, op: Op, view: View, memory: TensorStore, indices: Indices, values: Array) -> None:
        """Write a result to its view, and show it in the view's shape."""
        memory.write(view, indices, values)
        self.seen(op, view.tensor, values.reshape(view.shape_in(memory[view.tensor].shape, indices)))

    def keep_new(self, op: Op, view: View, memory: TensorStore, indices: Indices, values: Array) -> None:
        """Keep a result in an array of its own, which nobody else has: it is not copied, unless somebody sees it."""
        if self.seen is nobody and not indices:
            memory.take(view, indices, values)
        else:
            self.keep(op, view, memory, indices, values)

    def _float(self, op: Gemm | Conv, view: View, values: Array) -> Array:
        """An operand in the format in which the op multiplies."""
        real = self.real_view(view, values)
        return rounded(real, self._multiplies_in(op))

    def _multiplies_in(self, op: Gemm | Conv) -> Precision:
        formats = [self.tensors[view.tensor].precision for view in (op.act, op.weight)]
        floating = [precision for precision in formats if precision.floating]
        return max(floating, key=lambda p: p.bits) if floating else Precision.FP32

    def fixed(self, op: Gemm | Conv) -> bool:
        """Whether an op multiplies by the same weights in each run."""
        return is_fixed(op, self.program)

    def _float_weights(self, op: Gemm | Conv, memory: TensorStore, indices: Indices) -> tuple[Weights, ...]:
        """The matrices [k, n] of an op in the format in which it multiplies; kept if they stay the same."""
        if op.name in self._fixed_weights:
            return self._fixed_weights[op.name]
        weight = self._float(op, op.weight, memory.read(op.weight, indices))
        if isinstance(op, Gemm):
            flat = weight.reshape(-1, *weight.shape[-2:])
            weight = flat.swapaxes(1, 2) if op.transposed else flat
        with naming_weight(op, self.parameters.get(op.weight.tensor)):
            weights = tuple(Weights.of(np.ascontiguousarray(matrix), self._multiplies_in(op)) for matrix in weight)
        if self.fixed(op):
            self._fixed_weights[op.name] = weights
        return weights

    def _float_product(self, op: Gemm | Conv, acts: Array, memory: TensorStore, indices: Indices) -> None:
        """Products exact in single precision, each addition rounded to it, in the order of the array."""
        precision = self._multiplies_in(op)
        pairs = zip(acts, self._float_weights(op, memory, indices), strict=True)
        acc = np.stack([self.products.product(op.name, a, precision, w).out for a, w in pairs])
        shape = self.shapes(indices)(op.out)
        sums = laid_out(op, acc, shape) if isinstance(op, Conv) else acc
        results = self._biased(op, sums, precision)
        self.seen(op, "/act", acts)
        self.seen(op, "/acc", acc)
        self.keep(op, op.out, memory, indices, self._stored(op, op.out, results))

    def _biased(self, op: Gemm | Conv, sums: Array, precision: Precision) -> Array:
        """The sums with the bias in its own format, or in that one if it has none."""
        if op.bias is None:
            return sums
        bias = read(self.parameters[op.bias.tensor], op.bias, {}).reshape(-1)
        bias_format = self.tensors[op.bias.tensor].precision
        return np.asarray(sums + rounded(bias, bias_format if bias_format.floating else precision))

    def _stored(self, op: Op, view: View, values: Array) -> Array:
        """Floats in the format of the tensor that keeps them."""
        tensor = self.tensors[view.tensor]
        if tensor.name in self.indices:
            return values.astype(np.int32)
        if tensor.precision.floating:
            return rounded(values, tensor.precision)
        params = self._by_one_scale(view)
        if params is not None and values.size > _MANY:
            return nearest(values, params)
        return self.params_table.tensors[view.tensor].quantised(values)

    def _float_elementwise(self, op: Elementwise, memory: TensorStore, indices: Indices) -> None:
        ready = None if indices else self._ready_chains.get(op.name)
        if ready is None or ready.op is not op:
            ready = self._ready_chain(op, indices)
            if not indices:
                self._ready_chains[op.name] = ready
        if ready.chain is not None:
            self._chained(ready, ready.chain, memory, indices)
            return
        elements, shape = ready.elements, self.shapes(indices)
        reals = {local: self.real_view(view, memory.read(view, indices)) for local, view in op.reads}
        reads = {
            local: spread(op, view, shape, elements, reals[local]).astype(np.float32, copy=False)
            for local, view in op.reads
        }
        values = float_chain(op, reads, ready.precision)
        for local, view in op.writes:
            result = values[local]
            if result.size != elements:
                result = np.broadcast_to(result, (elements,))
            self.keep(op, view, memory, indices, self._stored(op, view, result))

    def _ready_chain(self, op: Elementwise, indices: Indices) -> _ReadyChain:
        views = [view for _, view in (*op.reads, *op.writes)]
        formats = [self.tensors[view.tensor].precision for view in views]
        precision = max((p for p in formats if p.floating), key=lambda p: p.bits, default=Precision.FP32)
        shape = self.shapes(indices)
        elements = chain_elements(op, shape)
        shapes = [shape(view) for _, view in op.reads]
        repeats = [
            None if prod(own) == elements else repeated_shape(op, view, shape)
            for own, (_, view) in zip(shapes, op.reads, strict=True)
        ]
        chain = None
        if precision is Precision.FP32:
            sizes = [prod(whole or own) for own, whole in zip(shapes, repeats, strict=True)]
            scales = [self._by_one_scale(view) for _, view in op.reads]
            reads = [Read(local, size, scale) for (local, _), size, scale in zip(op.reads, sizes, scales, strict=True)]
            writes = [(local, self._by_one_scale(view)) for local, view in op.writes]
            chain = SingleChain.of(op, reads, writes, elements)
        return _ReadyChain(op, precision, elements, tuple(repeats), chain)

    def _chained(self, ready: _ReadyChain, chain: SingleChain, memory: TensorStore, indices: Indices) -> None:
        """A chain in single precision by one call of a kernel."""
        arrays = []
        for (_, view), one, whole in zip(ready.op.reads, chain.reads, ready.repeats, strict=True):
            values = memory.read(view, indices)
            if one.params is None:
                values = self.real_view(view, values)
            arrays.append(values if whole is None else np.broadcast_to(values, whole))
        for (_, view), (_, target), result in zip(ready.op.writes, chain.writes, chain(arrays), strict=True):
            kept = result if target is not None else self._stored(ready.op, view, result)
            self.keep_new(ready.op, view, memory, indices, kept)

    def _by_one_scale(self, view: View) -> QuantParams | None:
        """The parameters of a tensor of integers that a kernel reads and writes; None for any other tensor."""
        name = view.tensor
        if name not in self._one_scales:
            params = self.params_table.tensors.get(name)
            whole = name not in self.indices and not self.tensors[name].precision.floating
            self._one_scales[name] = params if whole and integers_by_one_scale(params) else None
        return self._one_scales[name]

    def _parameter(self, view: View, values: NDArray[np.float32]) -> NDArray[np.float32]:
        precision = self.tensors[view.tensor].precision
        return rounded(values, precision) if precision.floating else values

    def real_view(self, view: View, values: Array) -> Array:
        """What the numbers of a view stand for, as floats."""
        tensor = self.tensors[view.tensor]
        params = self.params_table.tensors.get(view.tensor)
        if tensor.precision.floating or params is None:
            return values
        if params.scale.size == 1:
            return params.real(values)
        tensor_values = params.real(self.held[view.tensor])
        return read(tensor_values, view, {})

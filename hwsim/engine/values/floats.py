"""The ops of a program in floating point: what training meant, and what quantisation is held against."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.ir.op_spec import ShapeOf, repeated_shape
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Reduction, Skew
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision
from hwsim.quantities.registry import KindTable
from hwsim.tensor.backend import ProductBackend
from hwsim.tensor.chain import float_chain
from hwsim.tensor.reduce import places
from hwsim.tensor.single import single_weights
from hwsim.tensor.single_rows import singly_reduced
from hwsim.tensor.weights import Weights
from hwsim.tensor.windows import depthwise_sums, laid_out, windows

Floats = NDArray[np.float32]

OPERANDS = frozenset({"/act", "/act_scale", "/weight", "/acc"})
"""Names under which observers are told of a product's operands and accumulators; no tensor has such a name."""

SeenOne = Callable[[Op, str, NDArray[Any]], None]
"""Told of each result: the op, the name of the tensor or of the local value, the numbers."""


class Seen(Protocol):
    """Told of each result, or of those of several runs, stacked along a new first axis."""

    def __call__(self, op: Op, name: str, values: NDArray[Any], runs: int = 1) -> None: ...


def nobody(op: Op, name: str, values: NDArray[Any], runs: int = 1) -> None:
    """Sees nothing."""


class FloatOps:
    """Runs ops in single precision; products add in the order of k, alike for any batch and number of threads."""

    def __init__(
        self, program: Program, parameters: Mapping[str, Floats], products: ProductBackend, seen: SeenOne = nobody
    ) -> None:
        self.program, self.parameters, self.products, self.seen = program, parameters, products, seen
        self.tensors, self.shapes = {tensor.name: tensor for tensor in program.tensors}, program.sizing()
        self._again = {placed.op.name for placed in program.placed() if placed.loops}
        self._weights: dict[str, tuple[Weights, ...]] = {}

    def memory(self, inputs: Mapping[str, NDArray[Any]]) -> TensorStore:
        """The arrays before the first op."""
        return TensorStore(self.program, {**self.parameters, **inputs}, integer=False)

    def run(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run one op."""
        FLOAT_KINDS.of(op)(self, op, memory, indices)

    def keep(self, op: Op, view: View, memory: TensorStore, indices: Indices, values: NDArray[Any]) -> None:
        """Write a result to its view, and show it."""
        memory.write(view, indices, values)
        self.seen(op, view.tensor, values)

    def gemm(self, op: Gemm, memory: TensorStore, indices: Indices) -> None:
        """A matrix product."""
        zero = act_zero(op, memory, indices)
        act, weight = matrices(op, memory.read(op.act, indices) - zero, memory.read(op.weight, indices))
        self._keep_biased(op, memory, indices, self._product(op, act, weight))

    def _keep_biased(self, op: Gemm | Conv, memory: TensorStore, indices: Indices, out: Floats) -> None:
        if op.bias is not None:
            out = np.asarray(out + memory.read(op.bias, indices).reshape(-1))
        self.keep(op, op.out, memory, indices, out)

    def _product(self, op: Gemm | Conv, act: NDArray[Any], weight: NDArray[Any]) -> Floats:
        """act[b, m, k] @ weight[b, k, n]; parameters that loops read again and again are laid out once."""
        if op.name not in self._again or not is_fixed(op, self.program):
            return self.products.single(act, single_weights(weight))
        if op.name not in self._weights:
            self._weights[op.name] = single_weights(weight)
        return self.products.single(act, self._weights[op.name], often=True)

    def conv(self, op: Conv, memory: TensorStore, indices: Indices) -> None:
        """A convolution, as the product of its windows."""
        act, weight = memory.read(op.act, indices), memory.read(op.weight, indices)
        rows = windows(op, act - act_zero(op, memory, indices), 0)
        depthwise = weight.shape[2] == 1 and act.shape[-1] == op.groups
        sums = depthwise_sums(rows, weight)[:, :, None] if depthwise else self._product(op, rows, weight)
        shape = self.shapes(indices)(op.out)
        self._keep_biased(op, memory, indices, laid_out(op, sums, shape))

    def elementwise(self, op: Elementwise, memory: TensorStore, indices: Indices) -> None:
        """A chain."""
        shape = self.shapes(indices)
        elements = chain_elements(op, shape)
        reads = {
            local: spread(op, view, shape, elements, memory.read(view, indices).astype(np.float32, copy=False))
            for local, view in op.reads
        }
        values = float_chain(op, reads, Precision.FP32, lambda local, result: self.seen(op, local, result))
        for local, view in op.writes:
            self.keep(op, view, memory, indices, np.broadcast_to(values[local], (elements,)))


class SeesOperands(Protocol):
    """Told of the rows that a product reads, act[b, m, k]."""

    def see(self, op: str, act: NDArray[Any]) -> None: ...


class ObservedOps(FloatOps):
    """The same ops, with somebody who is told of what some products read."""

    def __init__(
        self,
        program: Program,
        parameters: Mapping[str, Floats],
        products: ProductBackend,
        seen: SeenOne,
        wanted: frozenset[str],
        observer: SeesOperands,
    ) -> None:
        super().__init__(program, parameters, products, seen)
        self._wanted, self._observer = wanted, observer

    def _product(self, op: Gemm | Conv, act: NDArray[Any], weight: NDArray[Any]) -> Floats:
        if op.name in self._wanted and self.tensors[op.weight.tensor].role.parameter:
            self._observer.see(op.name, act)
        return super()._product(op, act, weight)


def act_zero(op: Gemm | Conv, memory: TensorStore, indices: Indices) -> Any:
    """What of the activations stands for zero, as far as it is known only when the op runs."""
    return 0 if op.act_zero is None else memory.read(op.act_zero, indices).reshape(())


def is_fixed(op: Gemm | Conv, program: Program) -> bool:
    """Whether an op multiplies by the same weights in each run."""
    moving = any(window.start.loops or window.loops for window in op.weight.windows)
    return program.tensor(op.weight.tensor).role.parameter and not moving


def matrices(op: Gemm, act: NDArray[Any], weight: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The operands as act[b, m, k] and weight[b, k, n]."""
    flat = weight.reshape(-1, *weight.shape[-2:])
    turned = flat.swapaxes(1, 2) if op.transposed else flat
    return act.reshape(len(turned), -1, turned.shape[1]), turned


def chain_elements(op: Elementwise, shape: ShapeOf) -> int:
    """Elements of the largest local value."""
    return max(prod(shape(view)) for _, view in (*op.reads, *op.writes))


def repeated(op: Elementwise, view: View, shape: ShapeOf, values: NDArray[Any]) -> NDArray[Any]:
    """What a chain reads of a view, with the entries that it repeats along axes."""
    return along(values, repeated_shape(op, view, shape))


def along(values: NDArray[Any], whole: tuple[int, ...] | None) -> NDArray[Any]:
    """Values with the entries that are repeated along axes of a shape; without one as they are."""
    return values if whole is None else np.broadcast_to(values, whole).reshape(-1)


def spread(op: Elementwise, view: View, shape: ShapeOf, elements: int, values: NDArray[Any]) -> NDArray[Any]:
    """What a chain reads of a view, as many numbers as it has elements: repeated for rows, or along axes."""
    if values.size == elements:
        return values.reshape(-1)
    whole = repeated(op, view, shape, values).reshape(-1)
    return whole if whole.size == elements else np.tile(whole, elements // whole.size)


def rows_of(op: Reduce, values: NDArray[Any]) -> NDArray[Any]:
    """What a reduction works on, as rows."""
    moved = np.moveaxis(values, op.axis, -1)
    return np.ascontiguousarray(moved).reshape(-1, moved.shape[-1])


def from_rows(op: Reduce, rows: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Results of a reduction of an array of that shape, in the order of its elements."""
    if op.reduction.narrows:
        return rows
    moved = list(shape)
    length = moved.pop(op.axis)
    return np.moveaxis(rows.reshape(*moved, length), -1, op.axis)


def reduced_floats(op: Reduce, memory: TensorStore, indices: Indices) -> NDArray[Any]:
    """What a reduction makes of its rows."""
    values = memory.read(op.read, indices)
    rows = rows_of(op, values)
    if op.reduction in (Reduction.ARGMAX, Reduction.TOP):
        return places(op.reduction, rows, op.count)
    parameters = tuple(memory.read(view, indices).reshape(-1) for view in op.parameters)
    return from_rows(op, singly_reduced(op.reduction, rows, parameters, op.epsilon), values.shape)


def looked_up(op: Lookup, memory: TensorStore, indices: Indices) -> NDArray[Any]:
    """The rows that the indices name; past the table's end, as after the last frame of a search, the last row."""
    table = memory.read(op.table, indices)
    rows = table.reshape(-1, table.shape[-1])
    return np.asarray(rows[np.minimum(memory.read(op.index, indices).reshape(-1), len(rows) - 1)])


def skewed(op: Skew, memory: TensorStore, indices: Indices) -> NDArray[Any]:
    """Each row shifted, to begin one entry before the row above it."""
    values = memory.read(op.read, indices)
    rows = values.shape[-2]
    columns = values.shape[-1] - rows + 1
    row = np.arange(rows)[:, None]
    return np.asarray(values[..., row, np.arange(columns) + rows - 1 - row])


def moved(op: Op, memory: TensorStore, indices: Indices) -> NDArray[Any]:
    """What an op's first view reads, as it is."""
    return memory.read(op_spec(op).reads(op)[0], indices)


class Keeps(Protocol):
    """Ops that keep results, in floats or in integers."""

    def keep(self, op: Op, view: View, memory: TensorStore, indices: Indices, values: NDArray[Any]) -> None: ...


def keeping(
    function: Callable[[Any, TensorStore, Indices], NDArray[Any]],
) -> Callable[[Keeps, Any, TensorStore, Indices], None]:
    """The row of a kind whose first result is this function of a memory of floats or of integers."""

    def run(ops: Keeps, op: Op, memory: TensorStore, indices: Indices) -> None:
        ops.keep(op, op_spec(op).writes(op)[0], memory, indices, function(op, memory, indices))

    return run


FLOAT_KINDS = KindTable[Callable[[FloatOps, Any, TensorStore, Indices], None]](
    "values in floats",
    {
        Gemm: FloatOps.gemm,
        Conv: FloatOps.conv,
        Elementwise: FloatOps.elementwise,
        Reduce: keeping(reduced_floats),
        Lookup: keeping(looked_up),
        Move: keeping(moved),
        Skew: keeping(skewed),
        Quantise: keeping(moved),
    },
)
"""What each kind computes in single precision."""

"""The ops of a program in floating point: what training meant, and what quantisation is held against."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Reduction, Skew
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision
from hwsim.tensor.chain import float_chain
from hwsim.tensor.reduce import float_reduced, places
from hwsim.tensor.single import single_products, single_weights
from hwsim.tensor.weights import Weights
from hwsim.tensor.windows import depthwise_sums, laid_out, windows

Floats = NDArray[np.float32]

OPERANDS = frozenset({"/act", "/act_scale", "/weight", "/acc"})
"""By what name those who see results are told of a product's operands and accumulators; no tensor has one of these."""

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
        self, program: Program, parameters: Mapping[str, Floats], seen: SeenOne = nobody, threads: int = 1
    ) -> None:
        self.program, self.parameters, self.seen, self.threads = program, parameters, seen, threads
        self._again = {placed.op.name for placed in program.placed() if placed.loops}
        self._weights: dict[str, tuple[Weights, ...]] = {}

    def memory(self, inputs: Mapping[str, NDArray[Any]]) -> TensorStore:
        """The arrays before the first op."""
        return TensorStore(self.program, {**self.parameters, **inputs}, integer=False)

    def run(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run one op."""
        match op:
            case Gemm():
                self._keep(op, op.out, memory, indices, self._gemm(op, memory, indices))
            case Conv():
                self._keep(op, op.out, memory, indices, self._conv(op, memory, indices))
            case Elementwise():
                self._elementwise(op, memory, indices)
            case Reduce():
                self._keep(op, op.write, memory, indices, _reduce(op, memory, indices))
            case Lookup():
                self._keep(op, op.out, memory, indices, looked_up(op, memory, indices))
            case Move():
                self._keep(op, op.write, memory, indices, memory.read(op.read, indices))
            case Skew():
                self._keep(op, op.write, memory, indices, skewed(op, memory, indices))
            case Quantise():
                self._keep(op, op.write, memory, indices, memory.read(op.read, indices))

    def _keep(self, op: Op, view: View, memory: TensorStore, indices: Indices, values: NDArray[Any]) -> None:
        memory.write(view, indices, values)
        self.seen(op, view.tensor, values)

    def _gemm(self, op: Gemm, memory: TensorStore, indices: Indices) -> Floats:
        act, weight = matrices(op, memory.read(op.act, indices), memory.read(op.weight, indices))
        out = self._product(op, act, weight)
        return out if op.bias is None else np.asarray(out + memory.read(op.bias, indices).reshape(-1))

    def _product(self, op: Gemm | Conv, act: NDArray[Any], weight: NDArray[Any]) -> Floats:
        """act[b, m, k] @ weight[b, k, n]; parameters that loops read again and again are laid out once."""
        if op.name not in self._again or not is_fixed(op, self.program):
            return single_products(act, single_weights(weight), self.threads)
        if op.name not in self._weights:
            self._weights[op.name] = single_weights(weight)
        return single_products(act, self._weights[op.name], self.threads, often=True)

    def _conv(self, op: Conv, memory: TensorStore, indices: Indices) -> Floats:
        act, weight = memory.read(op.act, indices), memory.read(op.weight, indices)
        rows = windows(op, act, 0)
        depthwise = weight.shape[2] == 1 and act.shape[-1] == op.groups
        sums = depthwise_sums(rows, weight)[:, :, None] if depthwise else self._product(op, rows, weight)
        shape = self.program.shapes(indices)(op.out)
        out = laid_out(op, sums, shape)
        return out if op.bias is None else np.asarray(out + memory.read(op.bias, indices).reshape(-1))

    def _elementwise(self, op: Elementwise, memory: TensorStore, indices: Indices) -> None:
        elements = chain_elements(op, self.program, indices)
        reads = {
            local: spread(memory.read(view, indices).astype(np.float32, copy=False), elements)
            for local, view in op.reads
        }
        values = float_chain(op, reads, Precision.FP32, lambda local, found: self.seen(op, local, found))
        for local, view in op.writes:
            self._keep(op, view, memory, indices, np.broadcast_to(values[local], (elements,)))


def is_fixed(op: Gemm | Conv, program: Program) -> bool:
    """Whether an op multiplies by the same weights in each run."""
    moving = any(window.start.loops or window.loops for window in op.weight.windows)
    return program.tensor(op.weight.tensor).role.parameter and not moving


def matrices(op: Gemm, act: NDArray[Any], weight: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The operands as act[b, m, k] and weight[b, k, n]."""
    flat = weight.reshape(-1, *weight.shape[-2:])
    turned = flat.swapaxes(1, 2) if op.transposed else flat
    return act.reshape(len(turned), -1, turned.shape[1]), turned


def chain_elements(op: Elementwise, program: Program, indices: Indices) -> int:
    """Elements of the largest local value."""
    shape = program.shapes(indices)
    return max(prod(shape(view)) for _, view in (*op.reads, *op.writes))


def spread(values: NDArray[Any], elements: int) -> NDArray[Any]:
    """Values of one row repeated for each row."""
    return np.tile(values.reshape(-1), elements // values.size)


def rows_of(op: Reduce, values: NDArray[Any]) -> NDArray[Any]:
    """What a reduction works on, as rows."""
    moved = np.moveaxis(values, op.axis, -1)
    return np.ascontiguousarray(moved).reshape(-1, moved.shape[-1])


def from_rows(op: Reduce, rows: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """What a reduction of something of that shape made, in the order of its elements."""
    if op.reduction.narrows:
        return rows
    moved = list(shape)
    length = moved.pop(op.axis)
    return np.moveaxis(rows.reshape(*moved, length), -1, op.axis)


def _reduce(op: Reduce, memory: TensorStore, indices: Indices) -> NDArray[Any]:
    values = memory.read(op.read, indices)
    rows = rows_of(op, values)
    if op.reduction in (Reduction.ARGMAX, Reduction.TOP):
        return places(op.reduction, rows, op.count)
    parameters = tuple(memory.read(view, indices).reshape(-1) for view in op.parameters)
    made = float_reduced(op.reduction, rows, parameters).astype(np.float32)
    return from_rows(op, made, values.shape)


def looked_up(op: Lookup, memory: TensorStore, indices: Indices) -> NDArray[Any]:
    """The rows that the indices name; one beyond the table is its last row, as for a search past the last frame."""
    table = memory.read(op.table, indices)
    rows = table.reshape(-1, table.shape[-1])
    return np.asarray(rows[np.minimum(memory.read(op.index, indices).reshape(-1), len(rows) - 1)])


def skewed(op: Skew, memory: TensorStore, indices: Indices) -> NDArray[Any]:
    """Each row from one entry before the one above it."""
    values = memory.read(op.read, indices)
    rows = values.shape[-2]
    columns = values.shape[-1] - rows + 1
    row = np.arange(rows)[:, None]
    return np.asarray(values[..., row, np.arange(columns) + rows - 1 - row])

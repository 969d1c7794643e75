"""A slow interpreter of programs in float64: what each op means, by NumPy's own indexing. It shares no code with hwsim.

It computes no formats: a requantisation passes its value on. What is read before it was written is NaN, and refused.
"""

from collections.abc import Callable
from dataclasses import fields
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.nodes import Loop, Node
from hwsim.ir.ops import Conv, Elementwise, Function, Gemm, Lookup, Move, Op, Quantise, Reduce, Reduction, Skew
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import Affine, Share, View

Array = NDArray[np.float64]

FUNCTIONS: dict[Function, Callable[..., Array]] = {
    Function.ADD: np.add,
    Function.SUB: np.subtract,
    Function.MAX: np.maximum,
    Function.EQUAL: lambda x, y: np.equal(x, y).astype(float),
    Function.MUL: np.multiply,
    Function.SIGMOID: lambda x: 1 / (1 + np.exp(-x)),
    Function.TANH: np.tanh,
    Function.EXP: np.exp,
    Function.REQUANTIZE: lambda x: x,
}


def had(share: Share, at: dict[str, int]) -> tuple[int, int]:
    """What all iterations before this one had, and what it has."""
    start, run = (0, share.over) if share.earlier is None else had(share.earlier, at)
    before, own = dealt(share.total, share.over, start), dealt(share.total, share.over, start + run)
    own -= before

    def until(index: int) -> int:
        return (share.first if start + index else 0) + before + dealt(own, run, index)

    index = at[share.loop]
    return until(index), until(index + 1) - until(index)


def dealt(total: int, over: int, first: int) -> int:
    """How many of so many things the first ones got, when each one paid for a part of a thing and got whole ones."""
    given = paid = 0
    for _ in range(first):
        paid += total
        while paid >= over:
            given, paid = given + 1, paid - over
    return given


class Interpreter:
    """The tensors of a program with values, and how many products were made so far."""

    def __init__(self, program: Program, seed: int = 0, watched: tuple[str, ...] = ()) -> None:
        random = np.random.default_rng(seed)
        self.seen: dict[str, list[Array]] = {name: [] for name in watched}
        self.products = 0
        self.program = program
        self.values: dict[str, Array] = {}
        for tensor in program.tensors:
            if tensor.role is Role.STATE or (tensor.role is Role.INPUT and tensor.precision.value == "int32"):
                self.values[tensor.name] = np.zeros(tensor.shape)
            elif tensor.role.given:
                self.values[tensor.name] = random.normal(size=tensor.shape) / 2
            else:
                self.values[tensor.name] = np.full(tensor.shape, np.nan)

    def run(self) -> "Interpreter":
        self._nodes(self.program.body, {})
        return self

    def _nodes(self, nodes: tuple[Node, ...], at: dict[str, int]) -> None:
        for node in nodes:
            if isinstance(node, Loop):
                for i in range(node.times if isinstance(node.times, int) else had(node.times, at)[1]):
                    self._nodes(node.body, {**at, node.name: i})
            else:
                self._op(node, at)

    def read(self, view: View, at: dict[str, int]) -> Array:
        value = self.values[view.tensor][self._entries(view, at)]
        value = value if view.order is None else value.transpose(view.order)
        assert not np.isnan(value).any(), f"{view.tensor} is read before it is written"
        return value

    def write(self, view: View, at: dict[str, int], value: Array) -> None:
        whole = self.values[view.tensor]
        place = self._entries(view, at)
        shape = whole[place].shape
        if view.order is None:
            whole[place] = value.reshape(shape)
        else:
            seen = [shape[axis] for axis in view.order]
            whole[place] = value.reshape(seen).transpose(np.argsort(view.order))
        if view.tensor in self.seen:
            self.seen[view.tensor].append(whole.copy())

    def _entries(self, view: View, at: dict[str, int]) -> tuple[NDArray[np.intp], ...]:
        """Indices along each axis of the tensor: start, start + every, …, beyond the end from the beginning."""
        axes = [np.arange(size) for size in self.values[view.tensor].shape]
        for w in view.windows:
            start = w.start.base + sum(c * at[loop] for loop, c in w.start.terms)
            start += sum(c * had(share, at)[0] for share, c in w.start.shares)
            if isinstance(w.count, Affine):
                count = w.count.base + sum(c * at[x] for x, c in w.count.terms)
            else:
                count = w.count if isinstance(w.count, int) else had(w.count, at)[1]
            places = start + w.every * np.arange(count)
            assert w.wraps or not count or (places[0] >= 0 and places[-1] < len(axes[w.axis]))
            axes[w.axis] = places % len(axes[w.axis])
        return np.ix_(*axes)

    def _op(self, op: Op, at: dict[str, int]) -> None:
        if self._is_empty(op, at):
            return
        match op:
            case Gemm():
                self.write(op.out, at, self._gemm(op, at))
            case Conv():
                self.write(op.out, at, self._conv(op, at))
            case Elementwise():
                self._chain(op, at)
            case Reduce():
                self.write(op.write, at, self._reduce(op, at))
            case Lookup():
                table, index = self.read(op.table, at), self.read(op.index, at)
                rows = table.reshape(-1, table.shape[-1])
                self.write(op.out, at, rows[np.minimum(index.astype(int).ravel(), len(rows) - 1)])
            case Quantise():
                self.write(op.write, at, self.read(op.read, at))
                self.write(op.scales, at, np.ones(self._entries(op.scales, at)[0].shape))
            case Move():
                self.write(op.write, at, self.read(op.read, at))
            case Skew():
                x = self.read(op.read, at)
                rows, columns = x.shape[-2], x.shape[-1] - x.shape[-2] + 1
                parts = [x[..., i, rows - 1 - i : rows - 1 - i + columns] for i in range(rows)]
                self.write(op.write, at, np.stack(parts, axis=-2))

    def _is_empty(self, op: Op, at: dict[str, int]) -> bool:
        """Whether there is nothing to do in this iteration: then all that it writes is empty."""
        views = [getattr(op, f.name) for f in fields(op) if isinstance(getattr(op, f.name), View)]
        if isinstance(op, Elementwise):
            views = [view for _, view in (*op.reads, *op.writes)]
        return any(min((axis.size for axis in self._entries(view, at)), default=1) == 0 for view in views)

    def _gemm(self, op: Gemm, at: dict[str, int]) -> Array:
        weight = self.read(op.weight, at)
        weight = weight.swapaxes(-1, -2) if op.transposed else weight
        weight = weight.reshape(-1, *weight.shape[-2:])
        batch, k, _ = weight.shape
        out: Array = self.read(op.act, at).reshape(batch, -1, k) @ weight
        self.products += out.size * k
        return out if op.bias is None else out + self.read(op.bias, at).ravel()

    def _conv(self, op: Conv, at: dict[str, int]) -> Array:
        act, weight = self.read(op.act, at), self.read(op.weight, at)
        act = np.pad(act, [(0, 0), *((axis.before, axis.after) for axis in op.axes), (0, 0)])
        positions = [
            range(0, size - axis.dilation * (axis.kernel - 1), axis.stride)
            for axis, size in zip(op.axes, act.shape[1:-1], strict=True)
        ]
        channels = act.shape[-1] // op.groups
        out = []
        for place in product(*positions):
            slices = [
                slice(p, p + a.dilation * (a.kernel - 1) + 1, a.dilation) for p, a in zip(place, op.axes, strict=True)
            ]
            seen = act[(slice(None), *slices)].reshape(act.shape[0], -1, op.groups, channels)
            columns = [seen[:, :, g].reshape(act.shape[0], -1) @ weight[g] for g in range(op.groups)]
            out.append(np.concatenate(columns, axis=-1))
        result = np.stack(out, axis=1)
        self.products += result.size * weight.shape[1]
        return result if op.bias is None else result + self.read(op.bias, at).ravel()

    def _chain(self, op: Elementwise, at: dict[str, int]) -> None:
        local = {name: self.read(view, at).ravel() for name, view in op.reads}
        local |= {name: np.array([value]) for name, value in op.constants}
        for step in op.chain:
            args = [local[arg] for arg in step.args]
            size = max(arg.size for arg in args)
            local[step.result] = FUNCTIONS[step.function](*(np.tile(arg, size // arg.size) for arg in args))
        for name, view in op.writes:
            self.write(view, at, local[name])

    def _reduce(self, op: Reduce, at: dict[str, int]) -> Array:
        x = np.moveaxis(self.read(op.read, at), op.axis, -1)
        match op.reduction:
            case Reduction.SOFTMAX:
                shares = np.exp(x - x.max(-1, keepdims=True))
                return np.asarray(shares / shares.sum(-1, keepdims=True))
            case Reduction.LOG_SOFTMAX:
                moved = x - x.max(-1, keepdims=True)
                return np.asarray(moved - np.log(np.exp(moved).sum(-1, keepdims=True)))
            case Reduction.LAYER_NORM:
                gain, offset = [self.read(view, at).ravel() for view in op.parameters] or (1.0, 0.0)
                return np.asarray(
                    (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12) * gain + offset
                )
            case Reduction.TOP | Reduction.ARGMAX:
                return np.argsort(-x, axis=-1, kind="stable")[..., : op.count].astype(float)
            case Reduction.MAX:
                return np.asarray(x.max(-1))
            case Reduction.MIN:
                return np.asarray(x.min(-1))
            case Reduction.SUM:
                return np.asarray(x.sum(-1))
            case Reduction.MEAN:
                return np.asarray(x.mean(-1))


def interpreted(program: Program, seed: int = 0, watched: tuple[str, ...] = ()) -> Interpreter:
    """The program with all values, and its law: the products that were made are those that it declares."""
    done = Interpreter(program, seed, watched).run()
    assert done.products == program.macs
    for tensor in program.tensors:
        assert done.values[tensor.name].shape == tensor.shape
        assert prod(tensor.shape) == tensor.elements
    return done

"""The zero products of each op, those with a factor that is zero, counted from the integers of a trace."""

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.op_table import MatrixSize, is_depthwise, matrix_size
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.price.gating import zero_products

Array = NDArray[Any]


def zero_products_of(program: Program, trace: Mapping[str, Array]) -> dict[str, int]:
    """How many products of each matrix product of a program have a factor that is zero, by the op's name.

    A trace holds `OP/act` and `OP/weight` of every op; several runs are stacked along a new first axis, or lie in one
    row where they have several sizes. The trace must have the program's sizes, so that every product is in it.
    """
    ops: dict[str, tuple[Gemm | Conv, list[_Runs]]] = {}
    for instance in program.instances():
        op = instance.op
        if isinstance(op, (Gemm, Conv)) and not is_depthwise(op, instance.shape):
            size = matrix_size(op, instance.shape)
            acts = _traced_acts(op, size, instance.shape(op.act), program.tensor(op.act.tensor).precision.floating)
            ops.setdefault(op.name, (op, []))[1].append(_Runs(acts, size, instance.times))
    return {name: _zeros(op, runs, trace) for name, (op, runs) in ops.items()}


def _traced_acts(op: Gemm | Conv, size: MatrixSize, act: tuple[int, ...], floats: bool) -> tuple[tuple[int, ...], ...]:
    """The shapes that the activations of a run may have in a trace; the shape of a convolution's windows comes last."""
    if isinstance(op, Gemm):
        return (_batch(size.batch, size.m, size.k),)
    windows = size.batch, size.m, size.k
    # Where both shapes are alike, floats are windows, and integers are the input that the kernel moves over.
    return (act,) if act == windows and not floats else (act, windows)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of an op of one size, and its products in each.

    `acts` are the shapes that its activations may have in a trace: the shape of its rows or, for a convolution in
    integers, the shape of the input that its kernel moves over.
    """

    acts: tuple[tuple[int, ...], ...]
    size: MatrixSize
    times: int


def _zeros(op: Gemm | Conv, runs: list[_Runs], trace: Mapping[str, Array]) -> int:
    act, weight = (_operand(op.name, which, trace) for which in ("act", "weight"))
    pairs = _pairs(op, runs, act, weight)
    products = sum(acts.size * weights.shape[-1] for acts, weights in pairs)
    expected = sum(run.size.macs * run.times for run in runs)
    if products != expected:
        raise InvalidValue(
            op.name, products, f"products are in the trace, {expected} in the workload; trace the same one"
        )
    return sum(zero_products(acts, weights) for acts, weights in pairs)


def _operand(op: str, which: str, trace: Mapping[str, Array]) -> Array:
    key = f"{op}/{which}"
    if key not in trace:
        if f"{key}.packed" in trace:
            law = "holds bytes; write the trace without packing"
            raise InvalidValue(f"{key}.packed", trace[f"{key}.packed"].shape, law)
        raise InvalidValue(key, None, "is missing in the trace; trace the same workload")
    values = trace[key]
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InvalidValue(key, float(values[~np.isfinite(values)][0]), "must be finite; trace the workload again")
    return values


def _pairs(op: Gemm | Conv, runs: list[_Runs], act: Array, weight: Array) -> list[tuple[Array, Array]]:
    """The matrix products of an op's runs: rows of activations, and the weight that multiplies all of them."""
    first = runs[0]
    batch, k, n = first.size.batch, first.size.k, first.size.n
    several = any(run.size != first.size for run in runs)
    if several and weight.shape == (k, n) and act.ndim == 1 and act.size % k == 0:
        return [(act.reshape(-1, k), weight)]
    if several:
        law = "runs of several sizes are in one row; only equal ones are counted"
        raise InvalidValue(f"{op.name}/act", act.shape, law)
    each = next((shape for shape in first.acts if shape in (act.shape, act.shape[1:])), None)
    if batch == 1 and isinstance(op, Gemm) and act.ndim in (2, 3) and act.shape[-1] == k:
        each = act.shape[-2:]  # a search decides how many rows a run has; only their sum is checked
    if each is None:
        law = f"must be {first.acts[0]}, or runs of it; trace the same workload"
        raise InvalidValue(f"{op.name}/act", act.shape, law)
    count, weights = prod(act.shape[: -len(each)]), weight.size // (batch * k * n)
    whole = weight.shape[-2:] == (k, n) and weight.size == weights * batch * k * n
    if not whole or weights not in ({1, count} if isinstance(op, Gemm) else {1}):
        law = f"must be {_batch(batch, k, n)}, once or for each run; trace the same workload"
        raise InvalidValue(f"{op.name}/weight", weight.shape, law)
    if isinstance(op, Conv) and each not in first.acts[1:]:
        return _windows(op, act.reshape(-1, *each[1:]), weight.reshape(batch, k, n))
    act = act.reshape(count, batch, -1, k)
    if weights == count:
        return [(act.reshape(count * batch, -1, k), weight.reshape(-1, k, n))]
    return [(np.moveaxis(act, 0, 1).reshape(batch, -1, k), weight.reshape(batch, k, n))]


def _batch(batch: int, rows: int, columns: int) -> tuple[int, ...]:
    """The shape of a batch of matrices; a single matrix has no axis for the batch."""
    return (rows, columns) if batch == 1 else (batch, rows, columns)


def _windows(op: Conv, act: Array, weight: Array) -> list[tuple[Array, Array]]:
    """A convolution as the products of its windows, one for each group; outside of the input there are zeros."""
    padded = np.pad(act, [(0, 0), *((axis.before, axis.after) for axis in op.axes), (0, 0)])
    columns = []
    for place in product(*(range(axis.kernel) for axis in op.axes)):
        cut = tuple(
            slice(at * axis.dilation, at * axis.dilation + axis.stride * (axis.outputs - 1) + 1, axis.stride)
            for at, axis in zip(place, op.axes, strict=True)
        )
        columns.append(padded[(slice(None), *cut, slice(None))].reshape(-1, act.shape[-1]))
    windows = np.stack(columns, axis=1)  # rows, places of the kernel, channels
    width = windows.shape[-1] // op.groups
    return [
        (windows[:, :, group * width : (group + 1) * width].reshape(len(windows), -1), weight[group])
        for group in range(op.groups)
    ]

"""How many products of each op have a factor that is zero, counted from the integers that a trace holds."""

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.core.laws import is_depthwise, law
from hwsim.core.ops import Conv, Gemm
from hwsim.core.program import Program
from hwsim.errors import InvalidValue
from hwsim.price.gating import zero_products

Array = NDArray[Any]


def zero_products_of(program: Program, trace: Mapping[str, Array]) -> dict[str, int]:
    """Of every matrix product of a program: how many of its products have a factor that is zero.

    A trace holds `OP/act` and `OP/weight` of every op, those of several runs stacked along a new first axis. It must be
    of the same sizes as the program: every product of the program is in it.
    """
    expected: dict[str, int] = {}
    ops: dict[str, Gemm | Conv] = {}
    for instance in program.instances():
        op = instance.op
        if isinstance(op, (Gemm, Conv)) and not is_depthwise(op, instance.shape):
            ops[op.name] = op
            expected[op.name] = expected.get(op.name, 0) + law(op).macs(op, instance.shape) * instance.times
    return {name: _zeros(op, trace, expected[name]) for name, op in ops.items()}


def _zeros(op: Gemm | Conv, trace: Mapping[str, Array], expected: int) -> int:
    act, weight = (_operand(op.name, which, trace) for which in ("act", "weight"))
    found = _pairs(op, act, weight)
    products = sum(prod(one.shape) * two.shape[-1] for one, two in found)
    if products != expected:
        raise InvalidValue(
            op.name, products, f"products are in the trace, {expected} in the workload; trace the same one"
        )
    return sum(zero_products(one, two) for one, two in found)


def _operand(op: str, which: str, trace: Mapping[str, Array]) -> Array:
    key = f"{op}/{which}"
    if key in trace:
        return trace[key]
    if f"{key}.packed" in trace:
        raise InvalidValue(
            f"{key}.packed", trace[f"{key}.packed"].shape, "holds bytes; write the trace without packing"
        )
    raise InvalidValue(key, None, "is missing in the trace; trace the same workload")


def _pairs(op: Gemm | Conv, act: Array, weight: Array) -> list[tuple[Array, Array]]:
    """The matrix products that an op did: rows of activations, and the weight that all of them meet."""
    if isinstance(op, Conv):
        return _windows(op, act, weight)
    if weight.ndim == 2:
        return [(act.reshape(-1, act.shape[-1]), weight)]
    if act.ndim < weight.ndim or act.ndim < 2:
        raise InvalidValue(
            f"{op.name}/act", act.shape, "runs of several sizes are in one row; only equal ones are counted"
        )
    runs = act.reshape(-1, *act.shape[-weight.ndim :])
    return [(run, weight) for run in runs]


def _windows(op: Conv, act: Array, weight: Array) -> list[tuple[Array, Array]]:
    """A convolution as the products of its windows, one for each group; outside of the input there are zeros."""
    spans = len(op.axes)
    act = act.reshape(-1, *act.shape[-spans - 1 :])
    weight = weight.reshape(-1, *weight.shape[-2:])
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

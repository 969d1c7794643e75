"""What a convolution's kernel covers at each position, as rows of a matrix product."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.ops import Conv
from hwsim.kernels import given_sums as kernels


def windows(op: Conv, act: NDArray[Any], filling: int | float) -> NDArray[Any]:
    """act[batch, *axes, channels] as [groups, batch · positions, kernel entries · channels of a group].

    Kernel entries come in the order of the axes, the last one fastest, channels within; `filling` stands for zero in
    what lies outside.
    """
    batch, *_, channels = act.shape
    if op.groups == 1 and all((x.kernel, x.stride, x.before, x.after) == (1, 1, 0, 0) for x in op.axes):
        return np.ascontiguousarray(act).reshape(1, -1, channels)
    edges = [(0, 0), *((axis.before, axis.after) for axis in op.axes), (0, 0)]
    padded = np.pad(act, edges, constant_values=filling)
    stride = padded.strides
    shape = [batch, *(axis.outputs for axis in op.axes), *(axis.kernel for axis in op.axes), channels]
    strides = [
        stride[0],
        *(s * axis.stride for s, axis in zip(stride[1:-1], op.axes, strict=True)),
        *(s * axis.dilation for s, axis in zip(stride[1:-1], op.axes, strict=True)),
        stride[-1],
    ]
    covered = np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False)
    positions = batch * int(np.prod([axis.outputs for axis in op.axes]))
    entries = int(np.prod([axis.kernel for axis in op.axes]))
    grouped = covered.reshape(positions, entries, op.groups, channels // op.groups)
    return np.ascontiguousarray(grouped.transpose(2, 0, 1, 3)).reshape(op.groups, positions, -1)


def depthwise_results(
    op: Conv, act: NDArray[Any], filling: int, weight: NDArray[Any], zero: int | None = None
) -> NDArray[np.int32]:
    """Σ over entries of act[batch, *axes, channels] less a zero, that which it is filled with unless another one is
    given, times weight[entry, channel]: [batch · positions, channels]. Every sum must fit 32 bits."""
    edges = [(0, 0), *((axis.before, axis.after) for axis in op.axes), (0, 0)]
    padded = np.pad(act, edges, constant_values=filling).astype(np.int32, copy=False)
    strides = [stride // padded.itemsize for stride in padded.strides[:-1]]
    starts = np.arange(act.shape[0], dtype=np.int64) * strides[0]
    steps = np.zeros(1, np.int64)
    for axis, stride in zip(op.axes, strides[1:], strict=True):
        starts = np.add.outer(starts, np.arange(axis.outputs) * (axis.stride * stride)).reshape(-1)
        steps = np.add.outer(steps, np.arange(axis.kernel) * (axis.dilation * stride)).reshape(-1)
    out = np.empty((starts.size, act.shape[-1]), np.int32)
    columns = np.ascontiguousarray(weight, np.int32)
    kernels.depthwise(padded.reshape(-1), starts, steps, columns, np.int32(filling if zero is None else zero), out)
    return out


def depthwise_sums(act: NDArray[Any], weight: NDArray[Any]) -> NDArray[Any]:
    """Σ over entries of act[channel, position, entry] · weight[channel, entry, 1]: exact in 64 bits for integers."""
    kind = np.int64 if act.dtype.kind == "i" else act.dtype
    return np.asarray(np.einsum("cpe,ce->cp", act.astype(kind), weight[:, :, 0].astype(kind)))


def laid_out(op: Conv, sums: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Results [groups, batch · positions, outputs of a group] in the shape [batch, *positions, channels].

    Where a result has several sums, [groups, batch · positions, sums, outputs], they stand before its channels.
    """
    sums_shape = sums.shape[2:-1]
    return np.ascontiguousarray(np.moveaxis(sums, 0, -2)).reshape(*shape[:-1], *sums_shape, shape[-1])

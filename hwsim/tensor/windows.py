"""What a convolution's kernel covers at each position, as rows of a matrix product."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.ops import Conv


def windows(op: Conv, act: NDArray[Any], filling: int | float) -> NDArray[Any]:
    """act[batch, *axes, channels] as [groups, batch · positions, kernel entries · channels of a group].

    Kernel entries come in the order of the axes, the last one fastest, channels within; `filling` stands for zero in
    what lies outside.
    """
    batch, *_, channels = act.shape
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

"""Convolutions: plain, strided, dilated, grouped and depthwise."""

from math import prod

from hwsim.ir.ops import Conv, ConvAxis
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View
from hwsim.models.fragment import Fragment, tensor


def convolution(
    name: str,
    act: View,
    channels: int,
    axes: tuple[ConvAxis, ...],
    out: Tensor,
    *,
    groups: int = 1,
    bias: bool = True,
) -> Fragment:
    """act[batch, *axes, channels] → out[batch, *positions, outputs]; makes weight, bias and out."""
    outputs = out.shape[-1]
    taps = prod(axis.kernel for axis in axes)
    shape = (groups, taps * channels // groups, outputs // groups)
    weight = tensor(f"{name}.weight", shape, Role.WEIGHT)
    offset = tensor(f"{name}.bias", (outputs,), Role.BIAS)
    conv = Conv(
        name=name,
        act=act,
        weight=View(tensor=weight.name),
        bias=View(tensor=offset.name) if bias else None,
        out=View(tensor=out.name),
        axes=axes,
        groups=groups,
    )
    return Fragment((out, weight, offset) if bias else (out, weight), (conv,))


def depthwise(name: str, act: View, axis: ConvAxis, out: Tensor) -> Fragment:
    """A kernel of its own for each channel, along one axis."""
    channels = out.shape[-1]
    return convolution(name, act, channels, (axis,), out, groups=channels)

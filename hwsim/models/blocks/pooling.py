"""Fewer frames: the mean or the largest of each group, or all of a group side by side."""

from hwsim.ir.ops import Move, Reduce, Reduction
from hwsim.ir.tensor import Tensor
from hwsim.ir.view import View
from hwsim.models.fragment import Fragment


def pooled(name: str, reduction: Reduction, read: View, out: Tensor) -> Fragment:
    """read[batch, groups, frames of a group, channels] → out[batch, groups, channels]; makes out."""
    assert reduction in (Reduction.MEAN, Reduction.MAX)
    pool = Reduce(name=name, reduction=reduction, read=read, write=View(tensor=out.name), axis=-2)
    return Fragment((out,), (pool,))


def time_stacked(name: str, read: View, out: Tensor) -> Fragment:
    """read[frames, batch, features] → out[frames / factor, batch, factor, features]; makes out.

    Neighbouring frames come to lie side by side, so that the last two axes of `out` are rows of factor · features.
    """
    stack = Move(name=name, read=read, write=View(tensor=out.name, order=(0, 2, 1, 3)))
    return Fragment((out,), (stack,))

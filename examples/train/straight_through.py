"""Gradients through hwsim's quantisers: forwards the numbers that its integers stand for, backwards as if nothing
were rounded.

Backwards is the straight-through estimator (Bengio, Leonard and Courville, arXiv 1308.3432): activations that were
clipped pass nothing on, all other values what they get.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from hwsim.tensor.quant_params import QuantParams

from nearest import nearest, passes

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class Grid:
    """Symmetric parameters as tensors; the scale has the shape that it has in hwsim."""

    scale: Tensor
    highest: int

    @classmethod
    def of(cls, params: QuantParams) -> Self:
        assert not params.zero.any(), "zero points are not trained here"
        assert params.group is None, "groups are not trained here"
        return cls(torch.from_numpy(params.scale), params.highest)

    def nearest(self, values: Tensor) -> Tensor:
        """What the nearest integers stand for."""
        return nearest(values, self.scale, self.highest)

    def passes(self, values: Tensor) -> Tensor:
        """Where nothing is clipped."""
        return passes(values, self.scale, self.highest)


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Grid, clips: bool) -> Tensor:
        ctx.save_for_backward(*([grid.passes(values)] if clips else []))
        return grid.nearest(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        passed = gradients[0]
        for unclipped in ctx.saved_tensors:
            passed = passed * unclipped
        return passed, None, None


def rounded_activations(values: Tensor, grid: Grid | None) -> Tensor:
    """Activations on a grid, or as they are where there is none."""
    return values if grid is None else _StraightThrough.apply(values, grid, True)


def rounded_weights(values: Tensor, grid: Grid | None) -> Tensor:
    """Weights on a grid; clipped ones go on learning, for the range moves with them."""
    return values if grid is None else _StraightThrough.apply(values, grid, False)

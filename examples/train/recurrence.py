"""The loop of an LSTM over frames, with hidden states on a grid, and its gradients.

Written out because a step of 32 utterances is so small that recording each of its operations costs as much as it does:
one backward loop finds the gradients of all sums, and one product for all frames that of the weights.
"""

from typing import Any

import torch

from straight_through import Grid

Tensor = torch.Tensor


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sums: Tensor, weight: Tensor, grid: Grid | None) -> Tensor:
        frames, batch, cells = sums.shape[0], sums.shape[1], weight.shape[0]
        gates = torch.empty_like(sums)
        hidden, cell = (sums.new_zeros(frames + 1, batch, cells) for _ in range(2))
        squashed, passes = torch.empty_like(hidden[1:]), torch.ones_like(hidden[1:])
        for t in range(frames):
            torch.addmm(sums[t], hidden[t], weight, out=gates[t])
            i, f, g, o = gates[t].split(cells, dim=1)
            gates[t, :, : 2 * cells].sigmoid_()
            g.tanh_()
            o.sigmoid_()
            torch.addcmul(i * g, f, cell[t], out=cell[t + 1])
            torch.tanh(cell[t + 1], out=squashed[t])
            wide = o * squashed[t]
            if grid is not None:
                passes[t] = grid.passes(wide)
                wide = grid.nearest(wide)
            hidden[t + 1] = wide
        ctx.save_for_backward(weight, gates, hidden, cell, squashed, passes)
        return hidden[1:].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        weight, gates, hidden, cell, squashed, passes = ctx.saved_tensors
        frames, batch, cells = squashed.shape
        i, f, g, o = gates.split(cells, dim=2)
        # What the gradient of a cell becomes in the sums of gates i, f and g; that of a hidden state in those of o.
        by_cell = torch.stack([g * i * (1 - i), cell[:-1] * f * (1 - f), i * (1 - g * g)], 2)
        by_hidden, into_cell = squashed * o * (1 - o), o * (1 - squashed**2)
        of_sums = gates.new_empty(frames, batch, 4, cells)
        of_hidden, of_cell = (gates.new_zeros(batch, cells) for _ in range(2))
        back = weight.t().contiguous()
        for t in range(frames - 1, -1, -1):
            wide = (of_hidden + gradients[0][t]) * passes[t]
            of_cell = torch.addcmul(of_cell, wide, into_cell[t])
            torch.mul(of_cell[:, None], by_cell[t], out=of_sums[t, :, :3])
            torch.mul(wide, by_hidden[t], out=of_sums[t, :, 3])
            of_cell = of_cell * f[t]
            of_hidden = of_sums[t].view(batch, 4 * cells) @ back
        of_sums = of_sums.view(frames, batch, 4 * cells)
        of_weight = hidden[:-1].reshape(-1, cells).t() @ of_sums.reshape(-1, 4 * cells)
        return of_sums, of_weight, None


def hidden_states(sums: Tensor, weight: Tensor, grid: Grid | None) -> Tensor:
    """Sums of inputs and biases [frames, batch, 4 cells] (gates i, f, g, o) → hidden states [frames, batch, cells]."""
    return _Recurrence.apply(sums, weight, grid)

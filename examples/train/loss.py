"""The loss of a transducer: minus the logarithm of the probability of all alignments (Graves, arXiv 1211.3711)."""

import torch
import torch.nn.functional as F

Tensor = torch.Tensor


def transducer_loss(logs: Tensor, symbols: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
    """Of each utterance; logarithms of probabilities [batch, frames, symbols + 1, outputs], output 0 is the blank.

    One frame after another; within a frame all symbols at once, since log Σ over the ways up to each symbol is a
    cumulative sum once the labels' own logarithms are taken off.
    """
    batch, most, rows, _ = logs.shape
    blank = logs[..., 0]
    wanted = symbols[:, None, :, None].expand(batch, most, rows - 1, 1)
    labels = torch.gather(logs[:, :, :-1], 3, wanted)[..., 0]
    reached = F.pad(torch.cumsum(labels, 2), (1, 0))
    forward = [reached[:, 0]]
    for t in range(1, most):
        stayed = forward[-1] + blank[:, t - 1] - reached[:, t]
        forward.append(reached[:, t] + torch.logcumsumexp(stayed, 1))
    alignments = torch.stack(forward, 1)
    each = torch.arange(batch)
    return -(alignments[each, frames - 1, lengths] + blank[each, frames - 1, lengths])


def passed(logs: Tensor, symbols: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
    """The share of alignments, by their probability, that pass each node [batch, frames, symbols + 1].

    It is the gradient of the logarithm of their sum in those of the steps that leave the node.
    """
    with torch.enable_grad():
        steps = logs.detach().requires_grad_()
        (shares,) = torch.autograd.grad(-transducer_loss(steps, symbols, frames, lengths).sum(), steps)
    return shares.sum(-1)

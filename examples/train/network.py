"""The network of `words_rnnt` in torch: a function of its parameters, which have hwsim's names and shapes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role

from recurrence import hidden_states
from straight_through import Grid, rounded_activations, rounded_weights
from utterances import Batch

Tensor = torch.Tensor
Parameters = Mapping[str, Tensor]
Grids = Mapping[str, Grid]
"""Of weights, and of what products read, by the names of hwsim's tensors; single precision where there is none."""

LAYERS, STACKED_AFTER, FACTOR = 3, 1, 2
EMPTY: Grids = {}


def fresh(program: Program, seed: int) -> dict[str, Tensor]:
    """Parameters that were never trained: as torch draws those of LSTM and Linear, forget gates open by 1."""
    drawn = torch.Generator().manual_seed(seed)
    parameters = {}
    for tensor in program.tensors:
        if tensor.role is Role.TABLE:
            parameters[tensor.name] = torch.randn(tensor.shape, generator=drawn)
        elif tensor.role in (Role.WEIGHT, Role.BIAS):
            lstm = tensor.name.startswith(("encoder.", "prediction.0."))
            inputs = tensor.shape[-1] // 4 if lstm else program.tensor(_weight(tensor.name)).shape[0]
            values = (2 * torch.rand(tensor.shape, generator=drawn) - 1) / math.sqrt(inputs)
            if tensor.name.endswith("input.bias"):
                cells = tensor.shape[0] // 4
                values[cells : 2 * cells] += 1
            parameters[tensor.name] = values
    return parameters


def _weight(name: str) -> str:
    return name.rpartition(".")[0] + ".weight"


def encoded(parameters: Parameters, features: Tensor, grids: Grids = EMPTY) -> Tensor:
    """Features [frames, batch, 240] → the joint network's rows [frames / 2, batch, joint]."""
    x = rounded_activations(features, grids.get("features"))
    for layer in range(LAYERS):
        x = _lstm(parameters, f"encoder.{layer}.forward", x, grids)
        if layer + 1 == STACKED_AFTER:
            frames, batch, size = x.shape
            x = x.reshape(frames // FACTOR, FACTOR, batch, size).transpose(1, 2).reshape(-1, batch, FACTOR * size)
    return _linear(parameters, "joint.encoder", x, grids)


def predicted(parameters: Parameters, symbols: Tensor, grids: Grids = EMPTY) -> Tensor:
    """Symbols [count, batch], the first of them the blank → the joint network's other rows [count, batch, joint]."""
    table = rounded_weights(parameters["prediction.embed.table"], grids.get("prediction.embed.table"))
    x = _lstm(parameters, "prediction.0", F.embedding(symbols, table), grids)
    return _linear(parameters, "joint.prediction", x, grids)


def joined(parameters: Parameters, frames: Tensor, predictions: Tensor, grids: Grids = EMPTY) -> Tensor:
    """Rows of both networks, side by side → scores of the outputs."""
    hidden = rounded_activations(torch.tanh(frames + predictions), grids.get("joint.hidden"))
    return _linear(parameters, "joint.output", hidden, grids)


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """What a network makes of a batch: the encoder's rows, and at each node its outputs' log probabilities."""

    rows: Tensor
    logs: Tensor


def lattice(parameters: Parameters, batch: Batch, grids: Grids = EMPTY) -> Lattice:
    """Rows [batch, frames, joint], logarithms [batch, frames, symbols + 1, outputs]."""
    rows = encoded(parameters, batch.features, grids).transpose(0, 1)
    predictions = predicted(parameters, F.pad(batch.symbols, (1, 0)).t(), grids).transpose(0, 1)
    return Lattice(rows, torch.log_softmax(joined(parameters, rows[:, :, None], predictions[:, None], grids), -1))


def _lstm(parameters: Parameters, name: str, x: Tensor, grids: Grids) -> Tensor:
    sums = _linear(parameters, f"{name}.input", x, grids) + parameters[f"{name}.recurrent.bias"]
    weight = f"{name}.recurrent.weight"
    return hidden_states(sums, rounded_weights(parameters[weight], grids.get(weight)), grids.get(f"{name}.hidden"))


def _linear(parameters: Parameters, name: str, x: Tensor, grids: Grids) -> Tensor:
    weight = rounded_weights(parameters[f"{name}.weight"], grids.get(f"{name}.weight"))
    return x @ weight + parameters[f"{name}.bias"]

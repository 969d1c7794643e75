#!/usr/bin/env python3
"""Trains the network of `words_rnnt`, in single precision or through the quantisers of a policy.

    python train.py DATA --steps 4000 --policy w4a4 --weights weights.safetensors --out weights.w4a4.safetensors

Weights that are written are floats, as hwsim's loader takes them: its quantisers make of them the integers with which
they were trained. All draws come from `--seed`; the same files, seed and steps give the same bytes.
"""

import argparse
import math
import os
import sys
import time
from hashlib import sha256
from pathlib import Path
from random import Random

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file, save_file

from grids import Arrays, Quantisers
from loss import transducer_loss
from network import Grids, encoded, fresh, joined, predicted
from straight_through import Grid
from utterances import Batch, Utterances, batches

Tensor = torch.Tensor
WARM_STEPS, LEAST_RATE = 100, 1e-6
LARGEST_GRADIENT = 5.0
TOLD, VALIDATED, CALIBRATED = 50, 500, 500
"""After how many steps the loss is told, that of the validation set is, and grids of activations are found anew."""


def arrays(parameters: dict[str, Tensor]) -> Arrays:
    return {name: np.ascontiguousarray(values.detach().numpy()) for name, values in parameters.items()}


def loss_of(parameters: dict[str, Tensor], batch: Batch, grids: Grids) -> Tensor:
    """The mean over utterances of the loss for each symbol."""
    frames = encoded(parameters, batch.features, grids).transpose(0, 1)
    predictions = predicted(parameters, F.pad(batch.symbols, (1, 0)).t(), grids).transpose(0, 1)
    scores = joined(parameters, frames[:, :, None], predictions[:, None], grids)
    return (transducer_loss(scores, batch.symbols, batch.frames, batch.lengths) / batch.lengths).mean()


class Rounding:
    """The grids that a network is trained through: none in single precision."""

    def __init__(self, policy: str) -> None:
        self.quantisers = None if policy == "fp32" else Quantisers.of(policy)
        self.activations: Grids = {}

    def calibrate(self, parameters: dict[str, Tensor]) -> None:
        if self.quantisers is not None:
            found = self.quantisers.of_activations(arrays(parameters))
            self.activations = {name: Grid.of(params) for name, params in found.items()}

    def grids(self, parameters: dict[str, Tensor]) -> Grids:
        if self.quantisers is None:
            return {}
        found = self.quantisers.of_weights(arrays(parameters))
        return {**self.activations, **{name: Grid.of(params) for name, params in found.items()}}


def rate_at(step: int, steps: int, highest: float) -> float:
    """Up for a hundred steps, then down half a cosine."""
    return highest * min(1.0, step / WARM_STEPS) * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + LEAST_RATE


def validation_loss(parameters: dict[str, Tensor], data: Utterances, size: int, grids: Grids) -> float:
    rows, total = data.validated_on(), 0.0
    with torch.no_grad():
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            total += len(part) * float(loss_of(parameters, data.batch(part, None), grids))
    return total / len(rows)


def train(data: Utterances, parameters: dict[str, Tensor], rounding: Rounding, asked: argparse.Namespace) -> None:
    """Change parameters where they stand, for so many steps."""
    begun, drawn, mean = time.process_time(), Random(asked.seed), math.nan
    optimiser = torch.optim.AdamW(parameters.values(), betas=(0.9, 0.98), weight_decay=1e-4)
    order = batches(data.trained_on(), asked.batch, drawn)

    def tell(text: str) -> None:
        print(f"{text}, {time.process_time() - begun:.0f} s of processor", flush=True)

    for step in range(asked.steps + 1):
        if step % CALIBRATED == 0 or step == asked.steps:
            rounding.calibrate(parameters)
        grids = rounding.grids(parameters)
        if step % VALIDATED == 0 or step == asked.steps:
            tell(f"step {step}: validation {validation_loss(parameters, data, asked.batch, grids):.4f}")
        if step == asked.steps:
            return
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step + 1, asked.steps, asked.rate)
        loss = loss_of(parameters, data.batch(next(order), drawn), grids)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), LARGEST_GRADIENT)
        optimiser.step()
        mean = float(loss.detach()) if step == 0 else 0.98 * mean + 0.02 * float(loss.detach())
        if (step + 1) % TOLD == 0:
            tell(f"step {step + 1}: loss for a symbol {mean:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that features.py wrote")
    parser.add_argument("--policy", default="fp32", help="fp32, or a policy of integers, such as w4a4")
    parser.add_argument("--weights", type=Path, help="weights to go on from; as if nothing is said, drawn ones")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="a safetensors file")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    print("$ python train.py", *(Path(word).name if "/" in word else word for word in sys.argv[1:]), flush=True)
    if asked.weights is None:
        parameters = fresh(Quantisers.of("fp32").work.trained, asked.seed)
    else:
        parameters = {name: torch.from_numpy(values) for name, values in load_file(asked.weights).items()}
    for values in parameters.values():
        values.requires_grad_()
    train(Utterances.read(asked.data, "train"), parameters, Rounding(asked.policy), asked)
    save_file(dict(arrays(parameters)), asked.out)
    print(f"{asked.out.name}: SHA-256 {sha256(asked.out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Trains the network of `words_rnnt`, in single precision or through the quantisers of a policy.

    python train.py DATA --steps 4000 --policy w4a4 --weights weights.safetensors --out weights.w4a4.safetensors

With `--teacher` it aims at what that network puts out. Weights that are written are floats, as hwsim's loader takes
them: its quantisers make of them the integers with which they were trained. All draws come from `--seed`; the same
files, seed and steps give the same bytes.
"""

import argparse
import math
import os
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from distillation import ROWS, Teacher
from grids import Arrays, Quantisers
from loss import transducer_loss
from network import Grids, Lattice, Parameters, fresh, lattice
from straight_through import Grid
from utterances import Batch, Utterances, batches

Tensor = torch.Tensor
WARM_STEPS, LEAST_RATE = 100, 1e-6
LARGEST_GRADIENT = 5.0
TOLD, VALIDATED, CALIBRATED = 50, 500, 500
"""After how many steps the loss is told, that of the validation set is, and grids of activations are found anew."""


def read(path: Path) -> dict[str, Tensor]:
    return {name: torch.from_numpy(values) for name, values in load_file(path).items()}


def arrays(parameters: dict[str, Tensor]) -> Arrays:
    return {name: np.ascontiguousarray(values.detach().numpy()) for name, values in parameters.items()}


def for_symbol(found: Lattice, batch: Batch) -> Tensor:
    """The mean over utterances of the transducer's loss for each symbol."""
    return (transducer_loss(found.logs, batch.symbols, batch.frames, batch.lengths) / batch.lengths).mean()


@dataclass(frozen=True, eq=False)
class Aim:
    """What is made small: the transducer's loss, or in its stead, by a share, what lies between network and teacher."""

    teacher: Teacher | None
    share: float

    def loss(self, found: Lattice, batch: Batch) -> Tensor:
        if self.teacher is None:
            return for_symbol(found, batch)
        apart, rows = self.teacher.from_student(found, batch)
        taught = apart + ROWS * rows
        return taught if self.share == 1 else (1 - self.share) * for_symbol(found, batch) + self.share * taught

    def told(self, found: Lattice, batch: Batch) -> list[float]:
        """The parts, none of them weighted."""
        apart = () if self.teacher is None else self.teacher.from_student(found, batch)
        return [float(part) for part in (for_symbol(found, batch), *apart)]


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


def validated(parameters: Parameters, data: Utterances, size: int, grids: Grids, aim: Aim) -> str:
    """The transducer's loss on utterances that are not trained on, and how far from a teacher the network is there."""
    rows, total = data.validated_on(), np.zeros(3 if aim.teacher else 1)
    with torch.no_grad():
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            batch = data.batch(part, None)
            total += len(part) * np.array(aim.told(lattice(parameters, batch, grids), batch))
    own, *apart = total / len(rows)
    return f"validation {own:.4f}" + (f", from the teacher {apart[0]:.4f}, rows {apart[1]:.4f}" if apart else "")


def train(
    data: Utterances, parameters: dict[str, Tensor], rounding: Rounding, aim: Aim, asked: argparse.Namespace
) -> None:
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
            tell(f"step {step}: {validated(parameters, data, asked.batch, grids, aim)}")
        if step == asked.steps:
            return
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step + 1, asked.steps, asked.rate)
        batch = data.batch(next(order), drawn, voices=asked.voices)
        loss = aim.loss(lattice(parameters, batch, grids), batch)
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
    parser.add_argument("--teacher", type=Path, help="weights in single precision whose outputs are aimed at")
    parser.add_argument("--share", type=float, default=1.0, help="the teacher's part of the loss")
    parser.add_argument("--voices", action="store_true", help="stretch what is heard, as if other voices said it")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="a safetensors file")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    print("$ python train.py", *(Path(word).name if "/" in word else word for word in sys.argv[1:]), flush=True)
    parameters = read(asked.weights) if asked.weights else fresh(Quantisers.of("fp32").work.trained, asked.seed)
    for values in parameters.values():
        values.requires_grad_()
    aim = Aim(Teacher(read(asked.teacher)) if asked.teacher else None, asked.share)
    train(Utterances.read(asked.data, "train"), parameters, Rounding(asked.policy), aim, asked)
    save_file(dict(arrays(parameters)), asked.out)
    print(f"{asked.out.name}: SHA-256 {sha256(asked.out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()

"""Vectors of numbers to what stands on the rows of a tile, pass by pass."""

from dataclasses import dataclass

import numpy as np

from hwsim.hardware.analog.conversion import Encoding, InputConversion, Scaling
from hwsim.tensor.formats import Array


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """Rows at values / divisor of full scale; the sum of passes takes its reading times `coefficient`."""

    values: Array
    divisor: float
    coefficient: float


@dataclass(frozen=True, slots=True, eq=False)
class Driven:
    """What stands on the rows, in whole steps of `full` if converted; results are divided by scale[m]."""

    steps: Array
    full: float
    scale: Array

    @property
    def totals(self) -> Array:
        """The sum of each vector, in full scales."""
        return self.steps.sum(axis=1) / self.full


def drive(conversion: InputConversion, x: Array, halvings: int = 0) -> Driven:
    """x[m, k] on the rows, divided by 2^halvings."""
    scale = np.full(len(x), conversion.scale * 0.5**halvings)
    if conversion.scaling is Scaling.LARGEST:
        largest = np.abs(x).max(axis=1)
        scale = 0.5**halvings / np.where(largest > 0, largest, 1.0)
    relative = x * scale[:, None]
    if conversion.bits is None:
        return Driven(relative, 1.0, scale)
    if conversion.signed:
        full = 2.0 ** (conversion.bits - 1) - 1
        return Driven(np.rint((np.clip(relative, -1, 1) + 1) * full) - full, full, scale)
    full = 2.0**conversion.bits - 1
    return Driven(np.rint(np.clip(relative, 0, 1) * full), full, scale)


def passes(conversion: InputConversion, driven: Driven) -> list[Pass]:
    """The passes, the lowest digits first."""
    if conversion.encoding is Encoding.PULSE_WIDTH:
        return [Pass(driven.steps, driven.full, 1.0)]
    digits = 2**conversion.slice_bits
    rest, sign, made = np.abs(driven.steps), np.sign(driven.steps), []
    for place in range(conversion.passes):
        coefficient = float(digits) ** place * (digits - 1) / driven.full
        made.append(Pass(rest % digits * sign, digits - 1.0, coefficient))
        rest = rest // digits
    return made

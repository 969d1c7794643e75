"""Vectors of numbers to what stands on the rows of a tile, pass by pass."""

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.conversion import Encoding, InputConversion, Scaling
from hwsim.kernels.crossbar import whole_steps
from hwsim.tensor.analog.room import Room
from hwsim.tensor.formats import Array


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """Rows at values / divisor of full scale; the sum of passes takes its reading times `coefficient`. Values of whole
    steps of at most 8 bits stand in bytes too, with the sum of their magnitudes."""

    values: Array
    divisor: float
    coefficient: float
    small: Array
    magnitudes: Array


@dataclass(frozen=True, slots=True, eq=False)
class Driven:
    """What stands on the rows, in whole steps of `full` if converted; results are divided by scale[m]."""

    steps: Array
    full: float
    scale: Array
    small: Array
    magnitudes: Array

    def totals(self) -> Array:
        """The sum of each vector, in full scales."""
        return np.asarray(self.steps.sum(axis=1) / self.full)

    def on(self, rows: slice) -> "Driven":
        """What stands on some of the rows."""
        if rows == slice(0, self.steps.shape[1]):
            return self
        steps, small = (np.ascontiguousarray(all_[:, rows]) for all_ in (self.steps, self.small))
        return Driven(steps, self.full, self.scale, small, np.abs(steps).sum(axis=1))


def drive(conversion: InputConversion, x: Array, room: Room, halvings: int = 0) -> Driven:
    """x[m, k] on the rows, divided by 2^halvings."""
    scale = np.full(len(x), conversion.scale * 0.5**halvings)
    if conversion.scaling is Scaling.LARGEST:
        largest = np.abs(x).max(axis=1)
        scale = 0.5**halvings / np.where(largest > 0, largest, 1.0)
    if conversion.bits is None:
        relative = x * scale[:, None]
        return Driven(relative, 1.0, scale, _small(conversion, x, room), np.zeros(len(x)))
    full = 2.0 ** (conversion.bits - 1) - 1 if conversion.signed else 2.0**conversion.bits - 1
    steps, magnitudes = room.of("steps", x.shape), np.empty(len(x))
    small = _small(conversion, x, room)
    whole_steps(x, scale, full, conversion.signed, steps, small, magnitudes)
    return Driven(steps, full, scale, small, magnitudes)


def _small(conversion: InputConversion, like: Array, room: Room) -> Array:
    """Room for whole steps in bytes; of more bits none stand there."""
    return room.of("small", like.shape, np.int8 if conversion.signed else np.uint8)


def passes(conversion: InputConversion, driven: Driven) -> list[Pass]:
    """The passes, the lowest digits first."""
    if conversion.encoding is Encoding.PULSE_WIDTH:
        return [Pass(driven.steps, driven.full, 1.0, driven.small, driven.magnitudes)]
    rest, sign, made, worth = np.abs(driven.steps), np.sign(driven.steps), [], 1.0
    for bits in conversion.widths:
        digits = 2**bits
        coefficient = worth * (digits - 1) / driven.full
        worth *= digits
        digit = rest % digits
        values = digit * sign
        small = values.astype(driven.small.dtype) if bits <= 7 else driven.small
        made.append(Pass(values, digits - 1.0, coefficient, small, digit.sum(axis=1)))
        rest = rest // digits
    return made

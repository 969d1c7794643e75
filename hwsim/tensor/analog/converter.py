"""Currents of the columns of a tile to codes, by the converter that the tile has."""

from dataclasses import field

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.conversion import Adc, Imperfection, Rounding
from hwsim.kernels.crossbar import (
    FLOOR,
    HALF_AWAY,
    HALF_EVEN,
    TOWARD_ZERO,
    convert,
    convert_by_chance,
    convert_by_steps,
)
from hwsim.tensor.analog.draws import Purpose, chances, of_cells, of_outputs, word
from hwsim.tensor.formats import Array

RULES = {
    Rounding.HALF_EVEN: HALF_EVEN,
    Rounding.HALF_AWAY: HALF_AWAY,
    Rounding.TOWARD_ZERO: TOWARD_ZERO,
    Rounding.FLOOR: FLOOR,
}


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The gain, offset and ascending thresholds of the converters of some columns, in steps."""

    gain: Array
    offset: Array
    thresholds: Array


def steps_of(imperfect: Imperfection, steps: int, seed: int, tile: int, read: int, columns: int) -> Steps:
    """The converters of a reading, drawn once for a tile."""
    fourth = [word(purpose, array=read) for purpose in (Purpose.GAIN, Purpose.OFFSET)]
    gain, offset = (of_outputs(seed, tile, one, 0, (1, columns))[0] for one in fourth)
    place = np.arange(1, steps + 1)
    part = place / steps
    walk = np.zeros((columns, steps))
    if imperfect.dnl:
        walk = np.cumsum(imperfect.dnl * of_cells(seed, tile, Purpose.STEP, read, (columns, steps)), axis=1)
        walk -= walk[:, -1:] * part  # the ends stay where they are: the rest is gain
    thresholds = place - 0.5 + imperfect.inl * 4 * part * (1 - part) + walk
    return Steps(
        1 + imperfect.gain * gain, imperfect.offset * offset, np.ascontiguousarray(np.maximum.accumulate(thresholds, 1))
    )


@dataclass(slots=True, eq=False)
class Converter:
    """The converters of a matrix's tiles; what is drawn once is kept."""

    adc: Adc
    seed: int
    kept: dict[tuple[int, int], Steps] = field(default_factory=dict)

    def convert(
        self, y: Array, low: Array, high: Array, clipped: Array, *, tile: int, read: int, pass_: int, first: int
    ) -> Array:
        """The codes of currents y[m, n] of vectors first, first + 1, …, which become what the codes stand for."""
        codes = np.empty(y.shape, np.int32)
        adc = self.adc
        if adc.imperfect is not None:
            if (tile, read) not in self.kept:
                self.kept[tile, read] = steps_of(adc.imperfect, adc.steps, self.seed, tile, read, y.shape[1])
            made = self.kept[tile, read]
            convert_by_steps(y, low, high, made.gain, made.offset, made.thresholds, codes, clipped)
        elif adc.rounding is Rounding.STOCHASTIC:
            fourth = word(Purpose.ROUNDING, pass_=pass_, array=read)
            chance = chances(self.seed, tile, fourth, first, y.shape)
            convert_by_chance(y, low, high, adc.steps, chance, codes, clipped)
        else:
            convert(y, low, high, adc.steps, RULES[adc.rounding], codes, clipped)
        return codes

"""Currents to codes, one at a time."""

import math
from typing import Any, NamedTuple

import numpy as np

from hwsim.oracle.analog.draws import Array, chances, line


class Place(NamedTuple):
    """Where a reading is converted: what is drawn for it depends on that."""

    tile: int
    reading: int
    pass_: int
    mvm: int
    seed: int


def convert(adc: Any, y: Array, low: float, high: float, where: Place) -> tuple[Array, Array]:
    """What the codes of a vector's currents stand for, and the codes."""
    steps = 2**adc.bits - 1 - adc.centred
    per_step = steps / (high - low)
    chance = chances(where.mvm, where.tile, 9 << 24 | where.pass_ << 12 | where.reading, where.seed, len(y))
    values, codes = np.zeros(len(y)), np.zeros(len(y), int)
    for column, current in enumerate(y):
        at = (min(max(float(current), low), high) - low) * per_step
        if adc.imperfect is not None:
            codes[column] = _imperfect(adc.imperfect, (float(current) - low) * per_step, steps, column, len(y), where)
        else:
            codes[column] = _rounded(at, steps / 2, adc.rounding.value, chance[column])
        values[column] = codes[column] / per_step + low
    return values, codes


def _imperfect(strays: Any, at: float, steps: int, column: int, columns: int, where: Place) -> int:
    """How many thresholds a place passes, one after the other."""
    gain = 1 + strays.gain * line(0, 0, where.tile, 6 << 24 | where.reading, where.seed, columns)[column]
    offset = strays.offset * line(0, 0, where.tile, 7 << 24 | where.reading, where.seed, columns)[column]
    drawn = strays.dnl * line(column, 0, where.tile, 8 << 24 | where.reading, where.seed, steps)
    walk = np.cumsum(drawn) if strays.dnl else np.zeros(steps)
    at = (at - steps / 2) * gain + steps / 2 + offset
    code, passed = 0, -math.inf
    for step in range(1, steps + 1):
        part = step / steps
        threshold = step - 0.5 + strays.inl * 4 * part * (1 - part) + walk[step - 1] - walk[-1] * part
        passed = max(passed, threshold)
        if at > passed:
            code = step
    return code


def _rounded(at: float, middle: float, rule: str, chance: float) -> int:
    if rule == "half_even":
        return round(at)
    if rule == "floor":
        return math.floor(at)
    if rule == "stochastic":
        return math.floor(at) + (chance < at - math.floor(at))
    if rule == "toward_zero":
        return math.floor(at) if at >= middle else math.ceil(at)
    return math.floor(at + 0.5) if at >= middle else math.ceil(at - 0.5)

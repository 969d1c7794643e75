"""Pulses on a column, step by step: Thévenin's equivalents of its segments at each moment, put in series one by one."""

from typing import Any

import numpy as np

from hwsim.oracle.analog.draws import Array


def charges(tile: Any, plus: Array, minus: Array, values: Array, longest: int) -> Array:
    """The charges of one vector of pulses of at most so many steps, in steps of a cell at Gmax."""
    wires, rows = tile.wires, len(values)
    above = (tile.rows - rows) // 2
    around = (above, tile.rows - rows - above)
    n = np.pad(values, around)
    out = np.zeros(plus.shape[1])
    for column in range(plus.shape[1]):
        up, down = (np.pad(np.asarray(array, float)[:, column], around) for array in (plus, minus))
        pulses = n
        if column % 2:
            pulses, up, down = n[::-1], up[::-1], down[::-1]
        currents = [_current(tile, pulses, up, down, step) for step in range(longest + 1)]
        out[column] = np.trapezoid([currents[0], *currents])
        if wires.count is not None:
            one = wires.count / (float(tile.device.g_max) * 1e6 * float(wires.swing))
            out[column] = np.trunc(out[column] / one) * one
    return out


def _current(tile: Any, pulses: Array, up: Array, down: Array, step: int) -> float:
    """Into the reader, at Gmax and a swing; rest is at 0 V."""
    wires = tile.wires
    each = tile.rows // wires.segments
    wire = float(wires.col) * float(tile.device.g_max) * each
    leak = 1e-12 / (float(tile.device.g_max) * 1e6)
    voltage = resistance = 0.0
    for segment in range(wires.segments):
        conductance, weighed = leak, 0.0
        for row in range(segment * each, (segment + 1) * each):
            on = int(pulses[row] > step) - int(pulses[row] < -step)
            conductance += up[row] + down[row]
            weighed += on * (up[row] - down[row])
        if segment == 0:
            voltage, resistance = weighed / conductance, 1 / conductance
            continue
        before, own = resistance + wire, 1 / conductance
        resistance = before * own / (before + own)
        voltage = (voltage / before + weighed / conductance / own) * resistance
    return float((voltage - wires.offset) / (resistance + wire / 2))

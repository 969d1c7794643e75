"""Charges that pulses leave on columns whose wires lose voltage.

A cell conducts whether its row is at rest or not, so a column is one linear circuit at all times: what a row adds to
the charge is proportional to the steps of its pulse, and time needs no steps. The trapezoidal integral, with its first
value twice, makes half a step more of each pulse that there is.
"""

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.wires import Pulses
from hwsim.kernels.crossbar import add_sums
from hwsim.tensor.formats import Array

_LEAK = 1e-12  # µS of a segment without cells, as aihwkit has it


@dataclass(frozen=True, slots=True, eq=False)
class Pulsed:
    """What a step of a row adds to each column, what a step at rest takes away, and what the oscillator counts: all in
    steps of a cell at Gmax."""

    per_step: Array
    at_rest: Array
    count: float | None


def pulsed(tile: AnalogTile, wires: Pulses, plus: Array, minus: Array) -> Pulsed:
    """The columns of one tile; even ones are read below the last row, odd ones above the first."""
    rows, cols = plus.shape
    above = (tile.rows - rows) // 2
    whole = np.zeros((2, tile.rows, cols))
    whole[:, above : above + rows] = plus - minus, plus.astype(float) + minus
    whole[:, :, 1::2] = whole[:, ::-1, 1::2]
    g_max = float(tile.device.g_max)
    wire = float(wires.col) * g_max * (tile.rows // wires.segments)
    totals = whole[1].reshape(wires.segments, -1, cols).sum(axis=1) + _LEAK / (g_max * 1e6)
    shares = np.zeros((wires.segments, cols))
    shares[0], inner = 1.0, 1 / totals[0]
    for segment in range(1, wires.segments):
        with_wire = inner + wire
        shares[:segment] /= with_wire
        shares[segment] = totals[segment]
        inner = 1 / (1 / with_wire + totals[segment])
        shares[: segment + 1] *= inner
    inner = inner + 0.5 * wire
    per_segment = shares / totals / inner
    per_step = whole[0] * np.repeat(per_segment, tile.rows // wires.segments, axis=0)
    per_step[:, 1::2] = per_step[::-1, 1::2]
    count = None if wires.count is None else wires.count / (g_max * 1e6 * float(wires.swing))
    return Pulsed(np.ascontiguousarray(per_step[above : above + rows]), wires.offset / inner, count)


def charges(column: Pulsed, values: Array, divisor: float) -> Array:
    """The charges of pulses of values[m, row] steps, of `divisor` at most, over that of a cell under the longest."""
    q = np.zeros((len(values), column.per_step.shape[1]))
    add_sums(values + 0.5 * np.sign(values), column.per_step, q)
    q -= column.at_rest * (divisor + 1)
    if column.count is not None:
        q = np.trunc(q / column.count) * column.count
    return np.asarray(q / divisor)

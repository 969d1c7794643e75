"""The energy that the currents of cells take while vectors stand on the rows of tiles."""

import numpy as np

from hwsim.errors import InvalidValue
from hwsim.kernels.crossbar import add_sums
from hwsim.tensor.analog.inputs import drive, passes
from hwsim.tensor.analog.programmed import Programmed, checked_numbers, row_sums
from hwsim.tensor.analog.room import Room
from hwsim.tensor.formats import Array

_ATTO = 1e18
_BLOCK = 128  # vectors at a time, so that memory does not depend on how many there are


def cell_energy(matrix: Programmed, x: object, retries: Array | None = None) -> Array:
    """Attojoules[m] of the cells for x[m, k], each vector driven retries[m] times more with half the input before.

    A row at V for a pulse of n ticks takes n · tick · V² · Gmax · Σ g, with g all cells of the row as they have drifted
    to be. `repeats` of a pass take turns with the signs of the inputs (or of the weights), so each cell conducts in one
    of them. Columns are held at rest and wires lose no voltage. Noise of reading has a mean of zero and is left out.

    A vector's energy is a sum in float64 of rows, tiles and passes, ascending: it does not depend on other vectors.
    """
    phases = matrix.tile.phases
    if phases is None:
        raise InvalidValue("phases", None, "must be given, where a tile has an energy")
    vectors = checked_numbers("input", x)
    if vectors.shape[1] != matrix.shape[0]:
        law = f"must have as many columns as weight has rows, {matrix.shape[0]}"
        raise InvalidValue("input.shape", vectors.shape, law)
    again = np.zeros(len(vectors), np.int64) if retries is None else np.asarray(retries)
    loads = [(part.rows, row_sums(part)) for part in matrix.parts]
    steps, room = np.zeros(len(vectors)), Room()
    for first in range(0, len(vectors), _BLOCK):
        block = slice(first, first + _BLOCK)
        for halvings in range(int(again[block].max()) + 1):
            tried = np.flatnonzero(again[block] >= halvings) + first
            steps[tried] += _steps(matrix, vectors[tried], loads, room, halvings)
    per_step = float(phases.voltage) ** 2 * float(matrix.tile.device.g_max) * phases.tick * 1e-12
    return np.asarray(steps * (per_step * _ATTO))


def _steps(matrix: Programmed, x: Array, loads: list[tuple[slice, Array]], room: Room, halvings: int) -> Array:
    """Steps of pulses times conductances, of all cells; vectors side by side, so that they are added at once."""
    driven = drive(matrix.tile.input, x, room, halvings)
    total = np.zeros((1, len(x)))
    for one in passes(matrix.tile.input, driven):
        pulses = np.ascontiguousarray(np.abs(one.values).T)
        for rows, load in loads:
            add_sums(load, pulses[rows], total)
    return np.asarray(total[0])

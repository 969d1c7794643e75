"""The currents of a crossbar by nodal analysis: Kirchhoff's law at every node, one sparse system, one LU."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

Array = NDArray[Any]


def nodal_currents(
    arrays: list[Array], x: Array, *, row: float, col: float, row_end: float = 0.0, col_end: float = 0.0
) -> Array:
    """Currents [m, col] to virtual ground at the last row; signs' rows driven at x[m, row] and -x share column wires.

    All resistances are above 0 but those at the ends, in units of 1 / Gmax.
    """
    rows, cols = arrays[0].shape
    nodes = rows * cols
    columns = len(arrays) * nodes  # column nodes come after those of all row wires
    entries: list[tuple[int, int, float]] = []
    driven = np.zeros((len(x), (len(arrays) + 1) * nodes))

    def join(a: int, b: int, conductance: float) -> None:
        entries.extend([(a, a, conductance), (b, b, conductance), (a, b, -conductance), (b, a, -conductance)])

    for sign, g in enumerate(arrays):
        for r in range(rows):
            for c in range(cols):
                node = sign * nodes + r * cols + c
                join(node, columns + r * cols + c, float(g[r, c]))
                if c > 0:
                    join(node - 1, node, 1 / row)
            first = sign * nodes + r * cols
            entries.append((first, first, 1 / (row + row_end)))
            driven[:, first] = (1 - 2 * sign) * x[:, r] / (row + row_end)
    for c in range(cols):
        for r in range(1, rows):
            join(columns + (r - 1) * cols + c, columns + r * cols + c, 1 / col)
        last = columns + (rows - 1) * cols + c
        entries.append((last, last, 1 / (col + col_end)))
    i, j, values = zip(*entries, strict=True)
    system = coo_array((values, (i, j)), shape=(driven.shape[1],) * 2).tocsc()
    voltages = splu(system).solve(driven.T)
    ends = columns + (rows - 1) * cols
    return np.asarray(voltages[ends : ends + cols].T / (col + col_end))

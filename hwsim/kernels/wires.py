"""Currents in a crossbar whose wires have resistance, for a few vectors side by side.

Rows and columns are ladders of resistors with a cell at each crossing. With all columns given every row is a
tridiagonal system of its own, and the other way round: both are solved exactly in turn (block Gauss-Seidel, which
converges for any passive network), and where that is slow, by conjugate gradients preconditioned with the columns.
Conductances are in units of Gmax, voltages of full-scale input. v[row, col, lane] are the voltages of column wires.
"""

from hwsim.kernels.jit import inlined, lean

LANES = 8
"""Vectors side by side."""

WIRE, STIFF, IDEAL = 0, 1, 2
"""A ladder; no resistance but that at its end; none at all."""


@lean
def factor(g, segment, first, last, out):
    """The elimination of ladders along the second axis of g[lines, cells]; `first` and `last` lead away at the ends."""
    cells = g.shape[1]
    for i in range(g.shape[0]):
        behind = first  # all that leads away from a node but what comes after it, added up without a difference
        for j in range(cells):
            if j > 0:
                behind = segment * behind / (segment + behind)
            behind += g[i, j]
            out[i, j] = 1.0 / (behind + (last if j == cells - 1 else segment))


@inlined
def row_currents(g, factors, kind, segment, first, drive, x, r, v, u, out, add):
    """out[c, lane] (+)= g[r, c] times the voltage of row wire r, driven at drive * x[r], with v[r] on its cells."""
    cells = g.shape[1]
    if kind == 2:
        for c in range(cells):
            for b in range(LANES):
                u[c, b] = drive * x[r, b]
    elif kind == 1:
        total = first
        for b in range(LANES):
            u[0, b] = first * drive * x[r, b]
        for c in range(cells):
            total += g[r, c]
            for b in range(LANES):
                u[0, b] += g[r, c] * v[r, c, b]
        for b in range(LANES):
            u[0, b] /= total
        for c in range(1, cells):
            for b in range(LANES):
                u[c, b] = u[0, b]
    else:
        for b in range(LANES):
            u[0, b] = (g[r, 0] * v[r, 0, b] + first * drive * x[r, b]) * factors[r, 0]
        for c in range(1, cells):
            cell, pivot = g[r, c], factors[r, c]
            for b in range(LANES):
                u[c, b] = (cell * v[r, c, b] + segment * u[c - 1, b]) * pivot
        for c in range(cells - 2, -1, -1):
            back = segment * factors[r, c]
            for b in range(LANES):
                u[c, b] = u[c, b] + back * u[c + 1, b]
    if add:
        for c in range(cells):
            for b in range(LANES):
                out[c, b] += g[r, c] * u[c, b]
    else:
        for c in range(cells):
            for b in range(LANES):
                out[c, b] = g[r, c] * u[c, b]


@lean
def solve_columns(factors, kind, segment, v):
    """In place: currents into column wires become their voltages."""
    rows, cols = factors.shape
    if kind == 2:
        for r in range(rows):
            for c in range(cols):
                for b in range(LANES):
                    v[r, c, b] = 0.0
        return
    if kind == 1:  # factors[0] has the inverse of all that leads away from a column
        for r in range(1, rows):
            for c in range(cols):
                for b in range(LANES):
                    v[0, c, b] += v[r, c, b]
        for c in range(cols):
            for b in range(LANES):
                v[0, c, b] *= factors[0, c]
        for r in range(1, rows):
            for c in range(cols):
                for b in range(LANES):
                    v[r, c, b] = v[0, c, b]
        return
    for c in range(cols):
        for b in range(LANES):
            v[0, c, b] *= factors[0, c]
    for r in range(1, rows):
        for c in range(cols):
            pivot = factors[r, c]
            for b in range(LANES):
                v[r, c, b] = (v[r, c, b] + segment * v[r - 1, c, b]) * pivot
    for r in range(rows - 2, -1, -1):
        for c in range(cols):
            back = segment * factors[r, c]
            for b in range(LANES):
                v[r, c, b] += back * v[r + 1, c, b]


@lean
def sweep(gs, row_factors, row_kind, row_segment, row_first, col_factors, col_kind, col_segment, x, v, u, line, total):
    """All row wires, then all column wires; gs[sign, row, col] hang on wires driven at x and at -x.

    total[c, lane] are the currents that leave the cells where columns are ideal. u and line[c, lane] are scratch.
    """
    signs, rows, cols = gs.shape
    for c in range(cols):
        for b in range(LANES):
            total[c, b] = 0.0
    for r in range(rows):
        for p in range(signs):
            row_currents(
                gs[p], row_factors[p], row_kind, row_segment, row_first, 1.0 - 2.0 * p, x, r, v, u, line, p > 0
            )
        for c in range(cols):
            for b in range(LANES):
                v[r, c, b] = line[c, b]
                total[c, b] += line[c, b]
    solve_columns(col_factors, col_kind, col_segment, v)


@lean
def apply_network(gs, row_factors, row_kind, row_segment, row_first, col_segment, col_last, x, drive, p, out, u, line):
    """out = what leaves each node of the columns at voltages p, rows eliminated, less what drives them `drive` times;
    columns are ladders."""
    signs, rows, cols = gs.shape
    for r in range(rows):
        for k in range(signs):
            row_currents(
                gs[k],
                row_factors[k],
                row_kind,
                row_segment,
                row_first,
                (1.0 - 2.0 * k) * drive,
                x,
                r,
                p,
                u,
                line,
                k > 0,
            )
        for c in range(cols):
            cell = col_last if r == rows - 1 else 0.0
            for k in range(signs):
                cell += gs[k, r, c]
            for b in range(LANES):
                current = cell * p[r, c, b]
                if r > 0:
                    current += col_segment * (p[r, c, b] - p[r - 1, c, b])
                if r < rows - 1:
                    current += col_segment * (p[r, c, b] - p[r + 1, c, b])
                out[r, c, b] = current - line[c, b]


@lean
def dot_lanes(a, b, out):
    """out[lane] = the sum of a[row, col, lane] * b[row, col, lane]."""
    rows, cols = a.shape[:2]
    for lane in range(LANES):
        out[lane] = 0.0
    for r in range(rows):
        for c in range(cols):
            for lane in range(LANES):
                out[lane] += a[r, c, lane] * b[r, c, lane]


@lean
def add_lanes(scale, a, keep, out):
    """out[row, col, lane] = keep[lane] * out + scale[lane] * a[row, col, lane]."""
    rows, cols = a.shape[:2]
    for r in range(rows):
        for c in range(cols):
            for lane in range(LANES):
                out[r, c, lane] = keep[lane] * out[r, c, lane] + scale[lane] * a[r, c, lane]

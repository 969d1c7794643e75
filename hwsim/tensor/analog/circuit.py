"""Currents in a crossbar whose wires lose voltage."""

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import OutOfRange
from hwsim.hardware.analog.wires import Circuit, ClosedForm, Sense
from hwsim.kernels.crossbar import add_sums
from hwsim.kernels.wires import (
    IDEAL,
    LANES,
    STIFF,
    WIRE,
    add_lanes,
    apply_network,
    dot_lanes,
    factor,
    solve_columns,
    sweep,
)
from hwsim.tensor.formats import Array

_FEW_SWEEPS = 24
"""Sweeps before conjugate gradients take over; realistic wires need three to ten."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A crossbar of conductances g[sign, row, col] relative to Gmax, its ladders eliminated once for all vectors."""

    g: Array
    row_factors: Array
    col_factors: Array
    row_kind: int
    col_kind: int
    row_segment: float
    row_first: float
    col_segment: float
    col_last: float
    tolerance: float
    sweeps: int


def network(wires: Circuit, g_max: float, arrays: list[Array]) -> Network:
    """One circuit of arrays[sign] of conductances; signs hang on row wires of their own and share the column wires."""
    g = np.ascontiguousarray(np.stack([np.asarray(array, float) for array in arrays]))
    if wires.sense is Sense.NEAR:
        g = np.ascontiguousarray(g[:, ::-1])
    row, row_end = float(wires.row) * g_max, float(wires.row_terminal) * g_max
    col, col_end = float(wires.col) * g_max, float(wires.col_terminal) * g_max
    row_kind = WIRE if row else STIFF if row_end else IDEAL
    col_kind = WIRE if col else STIFF if col_end else IDEAL
    row_first = 1 / (row + row_end) if row_kind != IDEAL else 0.0
    col_last = 1 / (col + col_end) if col_kind != IDEAL else 0.0
    row_segment, col_segment = (1 / row if row else 0.0), (1 / col if col else 0.0)
    row_factors = np.zeros(g.shape)
    if row_kind == WIRE:
        for sign in range(len(g)):
            factor(g[sign], row_segment, row_first, 0.0, row_factors[sign])
    both = g.sum(axis=0)
    if col_kind == WIRE:
        turned = np.empty(both.shape[::-1])
        factor(np.ascontiguousarray(both.T), col_segment, 0.0, col_last, turned)
        col_factors = np.ascontiguousarray(turned.T)
    else:
        col_factors = np.zeros(both.shape)
        col_factors[0] = 1 / (both.sum(axis=0) + col_last) if col_kind == STIFF else 0.0
    return Network(
        g, row_factors, col_factors, row_kind, col_kind, row_segment, row_first, col_segment, col_last,
        wires.tolerance, wires.sweeps,
    )  # fmt: skip


def currents(net: Network, wires: Circuit, x: Array) -> Array:
    """The currents [m, col] that leave the columns, for voltages x[m, row]; memory does not depend on m."""
    out = np.empty((len(x), net.g.shape[2]))
    if wires.sense is Sense.NEAR:
        x = x[:, ::-1]
    lanes = np.zeros((x.shape[1], LANES))
    solver = _Solver(net)
    for first in range(0, len(x), LANES):
        block = x[first : first + LANES]
        lanes[:, : len(block)], lanes[:, len(block) :] = block.T, 0.0
        out[first : first + len(block)] = solver.solve(lanes)[:, : len(block)].T
    return out


class _Solver:
    """Room for the voltages of a few vectors, and the two ways to find them."""

    def __init__(self, net: Network) -> None:
        self.net = net
        _, rows, cols = net.g.shape
        self.v = np.zeros((rows, cols, LANES))
        self.u, self.line, self.total = (np.zeros((cols, LANES)) for _ in range(3))

    def solve(self, x: Array) -> Array:
        """Currents [col, lane]; each lane ends on its own, so that neighbours change nothing."""
        net = self.net
        self.v[:] = 0.0
        self._sweep(x)
        out = self._currents()
        if IDEAL in (net.row_kind, net.col_kind):
            return out
        last, change, open_ = out.copy(), np.full(LANES, np.nan), np.ones(LANES, bool)
        few = _FEW_SWEEPS if net.col_kind == WIRE else net.sweeps
        for _ in range(min(few, net.sweeps)):
            self._sweep(x)
            now = self._currents()
            moved, largest = np.abs(now - last).max(axis=0), np.abs(now).max(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                # Errors shrink by a constant factor in the end, and never more slowly than they lately did.
                rate = np.where(moved > 0, moved / change, 0.0)
                left = np.where(rate < 1, moved * rate / (1 - rate), np.inf)
                ended = (left <= net.tolerance * largest) | (moved <= 1e-15 * largest)
            done = open_ & ended
            out[:, done] = now[:, done]
            open_ &= ~done
            if not open_.any():
                return out
            last, change = now.copy(), moved
        if net.col_kind != WIRE or net.sweeps <= few:
            raise self._endless()
        out[:, open_] = self._by_gradients(x)[:, open_]
        return out

    def _sweep(self, x: Array) -> None:
        net = self.net
        sweep(
            net.g, net.row_factors, net.row_kind, net.row_segment, net.row_first, net.col_factors, net.col_kind,
            net.col_segment, x, self.v, self.u, self.line, self.total,
        )  # fmt: skip

    def _currents(self) -> Array:
        """What leaves the columns at their ends."""
        if self.net.col_kind == IDEAL:
            return self.total.copy()
        return np.asarray(self.v[-1] * self.net.col_last)

    def _apply(self, x: Array, drive: float, p: Array, out: Array) -> None:
        net = self.net
        apply_network(
            net.g, net.row_factors, net.row_kind, net.row_segment, net.row_first, net.col_segment, net.col_last,
            x, drive, p, out, self.u, self.line,
        )  # fmt: skip

    def _by_gradients(self, x: Array) -> Array:
        """Conjugate gradients from nothing, which do not depend on how far other lanes had come."""
        net, v = self.net, self.v
        ones, zeros = np.ones(LANES), np.zeros(LANES)
        rest, work, ahead, along = (np.zeros(v.shape) for _ in range(4))
        v[:] = 0.0
        self._apply(x, 1.0, v, rest)
        rest *= -1.0
        ahead[:] = rest
        solve_columns(net.col_factors, net.col_kind, net.col_segment, ahead)
        along[:] = ahead
        norm, before, product = np.empty(LANES), np.empty(LANES), np.empty(LANES)
        dot_lanes(rest, ahead, before)
        goal = before * (net.tolerance * 1e-4) ** 2
        out, open_ = self._currents(), before > 0
        for _ in range(net.sweeps):
            if not open_.any():
                return out
            self._apply(x, 0.0, along, work)
            dot_lanes(along, work, product)
            step = np.where(open_, before / np.where(product > 0, product, 1.0), 0.0)
            add_lanes(step, along, ones, v)
            add_lanes(-step, work, ones, rest)
            ahead[:] = rest
            solve_columns(net.col_factors, net.col_kind, net.col_segment, ahead)
            dot_lanes(rest, ahead, norm)
            now = self._currents()
            ended = open_ & ((norm <= goal) | (product <= 0))
            out[:, ended] = now[:, ended]
            open_ &= ~ended
            add_lanes(ones, ahead, np.where(open_, norm / np.where(before > 0, before, 1.0), zeros), along)
            before, norm = norm, before
        raise self._endless()

    def _endless(self) -> OutOfRange:
        return OutOfRange(
            f"wires: currents are not within {self.net.tolerance:g} after {self.net.sweeps} sweeps; allow more sweeps, "
            f"or a larger tolerance"
        )


def closed_form(wires: ClosedForm, net: Array, span: float, values: Array, divisor: float) -> Array:
    """Currents of values[m, row] / divisor in cells net[row, col], of which the columns lose a part."""
    rows = len(net)
    x, relative = np.ascontiguousarray(values / divisor), net / span
    sums, drop, load = (np.zeros((len(x), net.shape[1])) for _ in range(3))
    add_sums(x, relative, sums)
    add_sums(np.abs(x), np.abs(relative), load)
    profile = 1 - (1 - np.arange(rows) / rows) ** 2
    add_sums(x, np.ascontiguousarray(relative * profile[:, None]), drop)
    a = rows / wires.ratio * load
    return np.asarray((sums - wires.strength * (a * (a * (0.05 * a - 0.2) + 0.5)) * drop) * span)

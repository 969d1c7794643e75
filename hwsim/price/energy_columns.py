"""The energy of all ops of a run at once, as columns: the sums of counts times prices that `price` makes op by op."""

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.hardware.prices import Component, UnitPrice
from hwsim.price.price import Charge, Tariff, check_zeros, energy_line
from hwsim.quantities.precision import Precision
from hwsim.results.figures import Components, EnergyLine
from hwsim.results.measured import Measured
from hwsim.schedule.counters import Work

Ints = NDArray[np.int64]
Counts = NDArray[Any]

_COUNTED = Work.__slots__
_MACS = _COUNTED.index("macs")
_PLACES = {component: place for place, component in enumerate(Component)}
_SAFE = 2.0**62


@dataclass(frozen=True, eq=False)
class Counted:
    """What is priced, in rows: the names of ops, all modes, the place of each op's among them, its work by the counters
    of `Work`, and its cycles."""

    names: Sequence[str]
    modes: tuple[Precision | None, ...]
    mode_of: Ints
    works: Counts
    cycles: Ints


@dataclass(frozen=True, eq=False)
class EnergyColumns:
    """Attojoules by op and component, and what was charged: prices with counts, each action once."""

    tariff: Tariff
    counted: Counted
    zeros: tuple[tuple[int, int], ...]
    """Rows of ops that have products with a factor zero, and how many."""
    of_ops: Counts

    @cached_property
    def components(self) -> Components:
        """The energy of the run."""
        return _components([sum(column) for column in self.of_ops.T.tolist()])

    @property
    def prices(self) -> tuple[UnitPrice, ...]:
        return tuple(unit for unit, _ in self._charges)

    @property
    def lines(self) -> tuple[EnergyLine, ...]:
        """The energy of the run, action by action."""
        return tuple(energy_line(unit, count) for unit, count in self._charges)

    def by_op(self) -> Iterator[Components]:
        """The energy of each op."""
        return map(_components, self.of_ops.tolist())

    @cached_property
    def _charges(self) -> list[Charge]:
        """All charges of the run: charges are linear, so those of a mode's ops are the charges of their sum."""
        charged: dict[str, _Charged] = {}
        for place, mode in enumerate(self.counted.modes):
            rows = np.flatnonzero(self.counted.mode_of == place)
            if len(rows):
                sums = [sum(column) for column in self.counted.works[rows].T.tolist()]
                cycles = sum(self.counted.cycles[rows].tolist())
                gated = [(row, count) for row, count in self.zeros if self.counted.mode_of[row] == place]
                _charge(self.tariff, mode, sums, cycles, int(rows[0]), gated, charged)
        in_order = sorted(charged.values(), key=lambda line: (_PLACES[line.unit.component], line.first))
        return [(line.unit, line.count) for line in in_order]


def energy_columns(counted: Counted, tariff: Tariff, measured: Measured) -> EnergyColumns:
    """The energy of every op, by its counters and by the counts `measured` on its values."""
    zeros, rates = _zeros(counted, measured), rates_of(tariff, counted.modes)
    counts = np.concatenate([counted.works, counted.cycles[:, None]], axis=1)
    bound = float(counts.sum(axis=0).astype(np.float64) @ rates.dearest)
    kind: Any = np.int64 if bound < _SAFE else object
    counts, of_ops = counts.astype(kind, copy=False), np.zeros((len(counts), len(Component)), kind)
    for place, prices in enumerate(rates.words if kind is np.int64 else rates.exact):
        rows = np.flatnonzero(counted.mode_of == place)
        of_ops[rows] = counts[rows] @ prices
    for row, count in zeros:
        _gate(tariff, counted.modes[counted.mode_of[row]], count, of_ops[row])
    return EnergyColumns(tariff, counted, zeros, of_ops)


class Rates(NamedTuple):
    """What one of each counter of an op costs, and one cycle, by component: [mode, counter, component].

    `words` are the `exact` ones in 64 bits, where all of them fit, else the same; `dearest` is what a counter costs at
    most.
    """

    exact: Counts
    words: Counts
    dearest: NDArray[np.float64]


@lru_cache(maxsize=256)
def rates_of(tariff: Tariff, modes: tuple[Precision | None, ...]) -> Rates:
    """The rates of these modes."""
    exact = np.array([_rates(tariff, mode) for mode in modes], object)
    dearest = exact.sum(axis=2).max(axis=0).astype(np.float64)
    return Rates(exact, exact.astype(np.int64) if dearest.max(initial=0) < _SAFE else exact, dearest)


def _rates(tariff: Tariff, mode: Precision | None) -> Counts:
    """Charges are linear: the sum of those of one of each."""
    table = np.zeros((len(_COUNTED) + 1, len(Component)), object)
    ones = [(Work(**{name: 1}), 0) for name in _COUNTED]
    for row, (work, cycles) in zip(table, [*ones, (Work(), 1)], strict=True):
        for unit, count in tariff.charges(mode, work, cycles):
            row[_PLACES[unit.component]] += unit.attojoules * count
    return table


def _zeros(counted: Counted, measured: Measured) -> tuple[tuple[int, int], ...]:
    """The rows of ops that have products with a factor zero, in order, and how many."""
    if not measured.zero_products:
        return ()
    zeros, found = dict(measured.zero_products), []
    for row, name in enumerate(counted.names):
        count, mode = zeros.get(name, 0), counted.modes[counted.mode_of[row]]
        check_zeros(name, count, mode, int(counted.works[row, _MACS]))
        if count and mode is not None:
            found.append((row, count))
    return tuple(found)


def _gate(tariff: Tariff, mode: Precision | None, zeros: int, energy: Counts) -> None:
    """Charge so many products as gated ones."""
    assert mode is not None
    for unit, count in (*tariff.products(mode, -zeros), *tariff.products(mode, zeros, gated=True)):
        energy[_PLACES[unit.component]] += count * unit.attojoules


@dataclass(slots=True)
class _Charged:
    """A price, its count, and where it is first charged: the op, and the place among all charges of the op."""

    unit: UnitPrice
    count: int
    first: tuple[int, int]


def _charge(
    tariff: Tariff,
    mode: Precision | None,
    sums: Sequence[int],
    cycles: int,
    first_op: int,
    gated: Sequence[tuple[int, int]],
    charged: dict[str, _Charged],
) -> None:
    """Add what all ops of a mode are charged, of which the first is `first_op`, and some have gated products."""
    work, zeros = Work(**dict(zip(_COUNTED, sums, strict=True))), sum(count for _, count in gated)
    gated_unit = tariff.mac(mode, gated=True) if mode is not None and zeros else None
    for place, (unit, count) in enumerate(tariff.charges(mode, work, cycles, zeros)):
        first = gated[0][0] if unit is gated_unit else first_op, place
        line = charged.setdefault(unit.action, _Charged(unit, 0, first))
        assert line.unit is unit, "an action has one price"
        line.count += count
        line.first = min(line.first, first)


def _components(attojoules: Sequence[int]) -> Components:
    return Components(**{component.value: count for component, count in zip(Component, attojoules, strict=True)})

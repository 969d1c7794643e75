"""At which clock and supply a chip runs, if it runs at all: operating points, a power cap, what it cannot do."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from hwsim.errors import InvalidValue, UnknownName, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.unit_price import Component
from hwsim.inputs.load import Loaded, prices_of
from hwsim.ir.functions import Function
from hwsim.ir.op_table import op_spec
from hwsim.ir.program import Program
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.results.energy import Energy
from hwsim.schedule.counters import RunCounters

ATTO = 10**18
STEPS = 100
"""A cap lowers the clock by hundredths of what it was."""


def at_point(chip: Chip, name: str | None) -> Chip:
    """The chip at one of its named operating points; as it is, if none is asked for."""
    if name is None:
        return chip
    points = dict(chip.operating_points)
    if not points:
        raise Unsupported(f"{chip.name}: has no operating points, so none is called {name!r}")
    if name not in points:
        raise UnknownName("operating point", name, tuple(points))
    point = points[name]
    return replace(chip, clock=point.clock, voltage=point.voltage, memory_voltage=point.memory_voltage)


def power(energy: Energy, counters: RunCounters, clock: int) -> Fraction:
    """The average power of a run, in watts."""
    return Fraction(energy.components.total * clock, ATTO * counters.total.cycles)


def under_cap(chip: Chip, cap: Fraction, run: Callable[[Chip], tuple[RunCounters, Energy]]) -> Chip:
    """The chip at its own clock if a run keeps within the cap, else at the highest step of it that does.

    If cycles stayed the same, power would be linear in the clock, which says how far to lower it at least. Memory is
    faster in cycles of a slower clock, so that cycles can only fall: then the next round lowers it further.
    """
    if cap <= 0:
        raise InvalidValue("power_cap", float(cap), "must be above 0 W")
    asked = chip.clock
    while True:
        counters, energy = run(chip)
        drawn = power(energy, counters, chip.clock)
        if drawn <= cap:
            return chip
        static = _static(energy, counters, chip.clock)
        if static >= cap:
            raise Unsupported(
                f"{chip.name}: leakage and idle power alone are {float(static):.3g} W, more than the power cap of "
                f"{float(cap):.3g} W; raise the cap, or lower the voltage"
            )
        allowed = chip.clock * (cap - static) / (drawn - static)
        step = int(allowed * STEPS / asked)
        clock = asked * step // STEPS
        if clock < 1:
            raise Unsupported(
                f"{chip.name}: draws more than the power cap of {float(cap):.3g} W even at a hundredth of its clock; "
                "raise the cap"
            )
        chip = replace(chip, clock=clock)


def _static(energy: Energy, counters: RunCounters, clock: int) -> Fraction:
    spent = energy.components
    static = getattr(spent, Component.LEAKAGE.value) + getattr(spent, Component.IDLE.value)
    return Fraction(static * clock, ATTO * counters.total.cycles)


def check_chip(chip: Loaded[Chip]) -> None:
    """Refuse, in the name of its file, a chip on which nothing runs: at its own clock and at each operating point."""
    cores = chip.value.cores
    if cores != 1:
        raise chip.opened.refused("cores", f"cores = {cores}: one core is what hwsim schedules so far")
    for field, one in _operations(chip.value):
        try:
            Tariff.of(PriceBook(one, prices_of(one)))
        except Unsupported as error:
            raise chip.opened.refused(field, f"{field}: {error}") from error


def _operations(chip: Chip) -> Iterator[tuple[str, Chip]]:
    """The chip at its own clock and supply and at each of its operating points, by the field that says so."""
    yield "voltage" if chip.voltage is not None else "energy", chip
    for name, _ in chip.operating_points:
        yield f"operating_points.{name}", at_point(chip, name)


def check_functions(program: Program, chip: Chip) -> None:
    """Refuse a chip whose vector unit lacks functions that a program needs, with all of them."""
    has = dict(chip.vector.cycles)
    lacking: dict[Function, str] = {}
    # Of all sizes that an op has: what one of them does not need, another may.
    for instance in program.instances():
        for function, elements in op_spec(instance.op).vector_work(instance.op, instance.shape).items():
            if elements and function not in has:
                lacking.setdefault(function, instance.op.name)
    if lacking:
        first = next(iter(lacking.values()))
        missing, known = (", ".join(one.value for one in names) for names in (lacking, has))
        raise Unsupported(f"{first} on {chip.name}: the vector unit has no {missing}; it has {known}")

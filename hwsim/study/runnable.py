"""What a chip cannot do, as far as it can be told before anything is planned."""

from collections.abc import Iterator

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.load import Loaded
from hwsim.ir.functions import Function
from hwsim.ir.op_table import op_spec
from hwsim.ir.program import Program
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.study.operating import at_point


def check_chip(chip: Loaded[Chip]) -> None:
    """Refuse, in the name of its file, a chip on which nothing runs: at its own clock and at each operating point."""
    cores = chip.value.cores
    if cores != 1:
        raise chip.opened.refused("cores", f"cores = {cores}: one core is what hwsim schedules so far")
    for field, one in _operations(chip.value):
        assert isinstance(one.energy, PriceTable), "files are read with the price tables that they name"
        try:
            Tariff.of(PriceBook(one, one.energy))
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

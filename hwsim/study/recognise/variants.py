"""The runs of a recognition: each precision on each chip, with each value of the fields that are varied, and on analog
tiles at each time after programming."""

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip
from hwsim.inputs.changed import UnfitValue
from hwsim.inputs.sweep_axes import Level, Levels, levels_of
from hwsim.inputs.varied import chip_with, field_of
from hwsim.ir.workload import Workload
from hwsim.quantities.fields import AGE
from hwsim.results.recognition import CHIP, COMPENSATION, DRIFT
from hwsim.results.sweep_file import SweepAxis
from hwsim.tensor.analog.programmed import COMPENSATIONS

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip

GIVEN = "given for this recognition"
"""The source of a value that is varied."""


@dataclass(frozen=True, slots=True)
class Aged:
    """Times since programming, in seconds, and what brings back what drift took: of chips of analog tiles."""

    ages: tuple[Fraction, ...] = (Fraction(0),)
    compensations: tuple[str, ...] = ("none",)

    def __post_init__(self) -> None:
        for age in self.ages:
            problem = "must not lie before programming" if age < 0 else AGE.broken_by(age)
            if problem is not None:
                raise InvalidValue("--at", f"{float(age):g} s", problem)
        for one in self.compensations:
            if one not in COMPENSATIONS:
                raise InvalidValue("--compensation", one, f"must be one of {', '.join(COMPENSATIONS)}")
        for option, values in (("--at", self.ages), ("--compensation", self.compensations)):
            if not values or len(set(values)) < len(values):
                raise InvalidValue(option, ", ".join(map(str, values)), "must name one or more, each once")


FRESH = Aged()
"""Just programmed."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A precision (None: that of the workload's file), and other values of fields of the chip, as tables write them.

    `place` is that of the chip among those of the recognition; analog tiles are `age` seconds old, and their devices
    are drawn with the seed `devices`.
    """

    precision: str | None
    level: Level = ()
    varied: tuple[tuple[str, str], ...] = ()
    place: int = 0
    age: Fraction = Fraction(0)
    compensation: str = "none"
    devices: int = 0

    def chip(self, chips: "Sequence[AnyChip]", work: Workload) -> "AnyChip":
        """The chip with these values."""
        chip = chips[self.place]
        if not self.level:
            return chip
        fields = {path: field_of(chip, work, path) for path, _ in self.level}
        return chip_with(chip, fields, dict(self.level), GIVEN)


def variants_of(
    chips: "Sequence[AnyChip]",
    work: Workload,
    precisions: Sequence[str | None],
    axes: Sequence[SweepAxis],
    reference: Sequence[bool],
    aged: Aged = FRESH,
    lacking: Collection[tuple[int, str | None]] = (),
) -> list[Variant]:
    """All combinations of values in each precision on each chip; a `reference`, which runs on no chip, once.

    Of several chips each is varied in those fields that it has; `lacking` are places of chips with precisions in which
    they do not run.
    """
    if aged != FRESH and all(isinstance(chip, Chip) for chip in chips):
        raise InvalidValue("--at, --compensation", chips[0].name, "are of analog tiles, of which this chip has none")
    levels = [_levels(chip, work, axes, several=len(chips) > 1) for chip in chips]
    for axis, there in zip(axes, zip(*levels, strict=True), strict=True):
        if not any(each is not None for each in there):
            field_of(chips[0], work, axis.paths[0])  # which says what is nearest
    found = [Variant(precision) for precision, alone in zip(precisions, reference, strict=True) if alone]
    numbered = {precision: number for number, precision in enumerate(precisions)}
    for place, chip in enumerate(chips):
        named = ((CHIP, chip.name),) if len(chips) > 1 else ()
        for precision, alone in zip(precisions, reference, strict=True):
            if not alone and (place, precision) not in lacking:
                found += _on(chip, place, precision, axes, levels[place], aged, named)
    return sorted(found, key=lambda one: (one.place, numbered[one.precision]))


def _levels(chip: "AnyChip", work: Workload, axes: Sequence[SweepAxis], *, several: bool) -> list[Levels | None]:
    """The values of each axis; None where it is a field of another chip."""
    found: list[Levels | None] = []
    for axis in axes:
        try:
            fields = [field_of(chip, work, path) for path in axis.paths]
        except UnfitValue:
            if not several:
                raise
            found.append(None)
            continue
        for field in fields:
            if not field.of_chip:
                law = "is a field of the workload; here fields of the chip are varied"
                raise InvalidValue("--set", field.path, law)
        found.append(levels_of(axis, chip, work))
    return found


def _on(
    chip: "AnyChip",
    place: int,
    precision: str | None,
    axes: Sequence[SweepAxis],
    levels: Sequence[Levels | None],
    aged: Aged,
    named: tuple[tuple[str, str], ...],
) -> Iterator[Variant]:
    """The runs of a precision on one chip."""
    own = [(axis, each) for axis, each in zip(axes, levels, strict=True) if each is not None]
    ages = aged if not isinstance(chip, Chip) else FRESH
    times = list(product(ages.ages, ages.compensations))
    for numbers in product(*(range(len(each.values)) for _, each in own)):
        taken = [(axis, each, number) for (axis, each), number in zip(own, numbers, strict=True)]
        level = tuple(entry for _, each, number in taken for entry in each.values[number])
        varied = [(axis.name, each.written[number]) for axis, each, number in taken]
        for age, compensation in times:
            of_time = ((DRIFT, f"{float(age):.12g} s"), (COMPENSATION, compensation)) if ages != FRESH else ()
            yield Variant(precision, level, tuple(sorted((*named, *varied, *of_time))), place, age, compensation)

"""The runs of a recognition: each precision on the chip as it is, or with each value of the fields that are varied."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip
from hwsim.inputs.sweep_axes import Level, levels_of
from hwsim.inputs.varied import chip_with, field_of
from hwsim.ir.workload import Workload
from hwsim.results.sweep_file import SweepAxis

GIVEN = "given for this recognition"
"""The source of a value that is varied."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A precision (None: that of the workload's file), and other values of fields of the chip, as tables write them."""

    precision: str | None
    level: Level = ()
    varied: tuple[tuple[str, str], ...] = ()

    def chip(self, chip: Chip, work: Workload) -> Chip:
        """The chip with these values."""
        if not self.level:
            return chip
        fields = {path: field_of(chip, work, path) for path, _ in self.level}
        return chip_with(chip, fields, dict(self.level), GIVEN)


def variants_of(
    chip: Chip, work: Workload, precisions: Sequence[str | None], axes: Sequence[SweepAxis], reference: Sequence[bool]
) -> list[Variant]:
    """All combinations of values in each precision; a `reference`, which runs on no chip, once."""
    for axis in axes:
        for path in axis.paths:
            if not field_of(chip, work, path).of_chip:
                raise InvalidValue("--set", path, "is a field of the workload; here fields of the chip are varied")
    levels = [levels_of(axis, chip, work) for axis in axes]
    places = list(product(*(range(len(each.values)) for each in levels)))
    found = []
    for precision, alone in zip(precisions, reference, strict=True):
        if alone or not axes:
            found.append(Variant(precision))
            continue
        for place in places:
            taken = list(zip(axes, levels, place, strict=True))
            level = tuple(entry for _, each, number in taken for entry in each.values[number])
            varied = tuple(sorted((axis.name, each.written[number]) for axis, each, number in taken))
            found.append(Variant(precision, level, varied))
    return found

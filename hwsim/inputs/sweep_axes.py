"""The values of the axes of a sweep: listed as files say them, or ranges in steps, with units."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UserError
from hwsim.inputs.varied import Field, Number, field_of
from hwsim.ir.workload import Workload
from hwsim.quantities.precision import policy
from hwsim.results.sweep_file import PRECISION, SweepAxis

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip

MOST_VALUES = 100_000
"""Values of one axis at most."""

_TIMES = re.compile(r"(.+?)\.\.(.+)\*\s*(\d{1,9}(?:\.\d{1,9})?)\s*")
_EVENLY = re.compile(r"(.+?)\.\.(.+)/\s*(\d{1,9})\s*")
_STEPS = re.compile(r"(.+?)\.\.(.+?)(?<!\d[eE])\+(.+)")
_SHAPES = "must be a range in steps: LOW..HIGH*FACTOR, LOW..HIGH+STEP or LOW..HIGH/COUNT, such as 8 GB/s..64 GB/s*2"

Level = tuple[tuple[str, Any], ...]
"""One value of an axis: the paths of its fields, each with its value."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The values of an axis for one chip and one workload, and how tables write them; no values, if neither has the
    fields."""

    values: tuple[Level, ...]
    written: tuple[str, ...]

    @property
    def there(self) -> bool:
        """Whether the fields are there to be varied."""
        return bool(self.values)


def axis_given(fields: str | tuple[str, ...], values: Any) -> SweepAxis:
    """An axis as callers in Python say it: fields, and a list of values or a range in steps."""
    if isinstance(values, str):
        return SweepAxis(fields=fields, range=values)
    if not isinstance(values, (list, tuple)):
        raise InvalidValue("axes", values, "must be a list of values, or a range such as 16..64*2")
    return SweepAxis(fields=fields, values=tuple(tuple(one) if isinstance(one, list) else one for one in values))


def levels_of(axis: SweepAxis, chip: "AnyChip", work: Workload) -> Levels:
    """All values of an axis, each once, for a chip and a workload."""
    fields: dict[str, Field | None] = {}
    for path in axis.paths:
        fields[path] = None if path == PRECISION else field_of(chip, work, path)
    values = list(dict.fromkeys(_values(axis, fields)))
    if len(values) > MOST_VALUES:
        raise InvalidValue(axis.name, len(values), f"are too many values; an axis has at most {MOST_VALUES:,}")
    return Levels(tuple(values), tuple(_written(fields, level) for level in values))


def _written(fields: "dict[str, Field | None]", level: Level) -> str:
    """A value as a table shows it: that of all fields, or one for each."""
    texts = [str(value) if (field := fields[path]) is None else field.written(value) for path, value in level]
    return texts[0] if len(set(texts)) == 1 else ", ".join(texts)


def _values(axis: SweepAxis, fields: "dict[str, Field | None]") -> Iterator[Level]:
    if axis.range is not None:
        if PRECISION in fields:
            raise InvalidValue(axis.name, axis.range, "precisions have no ranges; list them")
        found = {path: _range(field, axis.range) for path, field in fields.items() if field is not None}
        lengths = {len(values) for values in found.values()}
        if len(lengths) > 1:
            raise InvalidValue(axis.name, axis.range, "has another number of values for each of these fields")
        yield from (tuple(zip(found, together, strict=True)) for together in zip(*found.values(), strict=True))
        return
    for value in axis.values:
        each = value if isinstance(value, tuple) else (value,) * len(fields)
        yield tuple((path, _read(field, one)) for (path, field), one in zip(fields.items(), each, strict=True))


def _read(field: Field | None, given: Any) -> Any:
    if field is None:
        if not isinstance(given, str):
            raise InvalidValue(PRECISION, given, "must be the name of a policy, such as w4a4")
        policy(given)
        return given
    return field.read(given)


def _range(field: Field, text: str) -> list[Number]:
    """The values of a range; steps that are no whole numbers where whole ones are wanted are rounded."""
    like = field.number
    for shape, values in ((_TIMES, _by_factor), (_EVENLY, _evenly), (_STEPS, _by_step)):
        found = shape.fullmatch(text)
        if found is None:
            continue
        try:
            low, high = field.read(found[1].strip()), field.read(found[2].strip())
        except UserError:
            if shape is _STEPS:
                raise
            continue  # the sign may be part of a unit
        if not low < high:
            raise InvalidValue(field.path, text, "must have its low end first")
        exact = values(field, Fraction(str(low)), Fraction(str(high)), found[3])
        return [field.read(field.given(_as(like, value))) for value in exact]
    raise InvalidValue(field.path, text, _SHAPES)


def _as(like: Number, value: Fraction) -> Number:
    """A value as the field holds it."""
    if isinstance(like, float):
        return float(value)
    return value if isinstance(like, Fraction) else round(value)


def _by_factor(field: Field, low: Fraction, high: Fraction, factor: str) -> list[Fraction]:
    times = Fraction(factor)
    if times <= 1 or low <= 0:
        raise InvalidValue(field.path, factor, "must be a factor above 1, from a low end above 0")
    values = [low]
    while values[-1] * times <= high and len(values) <= MOST_VALUES:
        values.append(values[-1] * times)
    return values


def _by_step(field: Field, low: Fraction, high: Fraction, step: str) -> list[Fraction]:
    try:
        by = Fraction(str(field.quantity.parse(step) if field.quantity is not None else Fraction(step.strip())))
    except ValueError as error:
        raise InvalidValue(field.path, step, "must be a step, such as 16") from error
    if by <= 0:
        raise InvalidValue(field.path, step, "must be a step above 0")
    count = min(MOST_VALUES, int((high - low) / by))
    return [low + place * by for place in range(count + 1)]


def _evenly(field: Field, low: Fraction, high: Fraction, count: str) -> list[Fraction]:
    number = int(count)
    if not 2 <= number <= MOST_VALUES:
        raise InvalidValue(field.path, count, f"must be from 2 to {MOST_VALUES:,} values")
    return [low + (high - low) * place / (number - 1) for place in range(number)]

"""Fields of a chip, its price table and a workload by dotted path, as people give them other values: with units, as
multiples of what they are, and as ranges."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, UserError, shown
from hwsim.hardware.chip import Machine
from hwsim.inputs.changed import UnfitValue, changed, changed_recipe
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import recipe_of, workload
from hwsim.passes.precision import in_precision
from hwsim.quantities.fields import Quantity
from hwsim.quantities.noun import FieldLaw, Name, Table
from hwsim.quantities.precision import PrecisionPlan
from hwsim.results.band import Owner

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip

Number = int | float | Fraction
Values = Mapping[str, Any]
"""Values by the paths of their fields, as nouns hold them."""

W = TypeVar("W", bound="AnyChip")

_TIMES = re.compile(r"\s*[x×]\s*(\d{1,40}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,3})?)\s*")
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_NEAR = 3


@dataclass(frozen=True, slots=True)
class Field:
    """A field that has one value: its path, its owner, its value as it is, and the law in its annotation."""

    path: str
    owner: Owner
    value: Any
    laws: tuple[FieldLaw, ...]

    @property
    def quantity(self) -> Quantity | None:
        """The unit of measure of the field."""
        return next((law for law in self.laws if isinstance(law, Quantity)), None)

    @property
    def of_chip(self) -> bool:
        """Whether it is a field of the chip or its price table."""
        return self.owner is not Owner.WORKLOAD

    @property
    def number(self) -> Number:
        """The value of a field that holds a number; InvalidValue, if it does not."""
        if not is_number(self.value):
            raise InvalidValue(self.path, _plain(self.value), "is no number, so it has no range and no multiples")
        number: Number = self.value
        return number

    def written(self, value: Any) -> str:
        """A value as a file would say it.

        >>> Field("clock", Owner.CHIP, 10**9, ()).written(2 * 10**9)
        '2000000000'
        """
        if self.quantity is not None and isinstance(value, (int, Fraction)):
            return _with_unit(self.quantity, value)
        return str(_plain(value))

    def read(self, given: Any) -> Any:
        """A value as a caller gives it: a text with its unit, such as `80 GB/s`, or a multiple of the value as it is,
        such as `x2`; a number stands for itself.

        >>> Field("vector.lanes", Owner.CHIP, 64, ()).read("x0.5")
        32
        """
        times = _TIMES.fullmatch(given) if isinstance(given, str) else None
        if times is not None:
            value = self._multiple(Fraction(times[1]), given)
        elif not is_number(self.value):
            return _word(given)
        else:
            value = self._number(given)
        for law in self.laws:
            problem = law.broken_by(value)
            if problem is not None:
                raise InvalidValue(self.path, given if times is None else self.written(value), problem)
        return value

    def _multiple(self, factor: Fraction, given: str) -> Number:
        now = self.number
        if isinstance(now, float):
            return float(Fraction(repr(now)) * factor)
        value = now * factor
        if isinstance(now, Fraction):
            return value
        if value.denominator != 1:
            what = f"whole number of {self.quantity.base}" if self.quantity is not None else "whole number"
            raise InvalidValue(self.path, given, f"must be a {what}; {self.written(now)} times that is none")
        return int(value)

    def _number(self, given: Any) -> Number:
        if isinstance(given, bool):
            raise InvalidValue(self.path, given, "must be a number")
        if isinstance(given, Fraction):
            return given if isinstance(self.value, Fraction) else float(given)
        if self.quantity is not None:
            try:
                return self.quantity.parse(given)
            except ValueError as error:
                raise InvalidValue(self.path, given, str(error)) from error
        return _bare(self.path, given, whole=isinstance(self.value, int))

    def given(self, value: Any) -> Any:
        """A value as `with_` takes it."""
        return self.written(value) if isinstance(value, int) and self.quantity is not None else value


def _with_unit(quantity: Quantity, value: int | Fraction) -> str:
    """A quantity in the largest unit that gives a whole number, or else in base units as a decimal.

    >>> from hwsim.quantities.fields import NANOMETRES as NM
    >>> _with_unit(NM, Fraction(7)), _with_unit(NM, Fraction(7, 2)), _with_unit(NM, Fraction(0))
    ('7 nm', '3.5 nm', '0 nm')
    """
    written = quantity.written(value) if value else f"0 {quantity.base}"
    return f"{float(value):.12g} {quantity.base}" if "/" in written.partition(" ")[0] else written


def is_number(value: Any) -> bool:
    """Whether a field with that value can have a range."""
    return isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)


def _bare(path: str, given: Any, *, whole: bool) -> int | float:
    """A number without a unit."""
    text = str(given).strip() if isinstance(given, (str, int, float)) else ""
    if whole and re.fullmatch(r"[-+]?\d{1,40}", text):
        return int(text)
    if whole or not re.fullmatch(r"[-+]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][-+]?\d{1,3})?", text):
        raise InvalidValue(path, given, "must be a whole number" if whole else "must be a number")
    return float(text)


def _word(given: Any) -> Any:
    """A value that is no number, as a file would say it."""
    if not isinstance(given, str):
        return given
    text = given.strip()
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if re.fullmatch(r"[-+]?\d{1,40}", text) else text


def _plain(value: Any) -> Any:
    """A value as a text shows it."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Fraction) and value.denominator != 1:
        return float(value)
    return value if is_number(value) or isinstance(value, str) else type(value).__name__


def range_of(field: Field, given: Any) -> tuple[Number, Number]:
    """The ends of a range, a text such as `40 GB/s..80 GB/s` or a pair; InvalidValue, unless the value as it is lies
    between them."""
    if isinstance(given, str):
        ends = given.split("..")
        if len(ends) != 2 or not all(map(str.strip, ends)):
            raise InvalidValue(field.path, given, "must be a range LOW..HIGH, such as 40 GB/s..80 GB/s or x0.5..x2")
    elif isinstance(given, (tuple, list)) and len(given) == 2:
        ends = list(given)
    else:
        raise InvalidValue(field.path, given, "must be a range, LOW..HIGH or a pair")
    nominal = field.number
    low, high = (field.read(end) for end in ends)
    if low > high:
        law = f"must have its low end first; {field.written(low)} is more than {field.written(high)}"
        raise InvalidValue(field.path, given, law)
    if not low <= nominal <= high:
        law = f"must hold the value as it is, {field.written(nominal)}; a band is drawn around a run"
        raise InvalidValue(field.path, given, law)
    return low, high


_UNUSED = "others", "sources"
"""What stands in files and is computed with nowhere."""


def field_of(chip: "AnyChip", work: Workload, path: str) -> Field:
    """The field of that path, of the chip or of the workload; UserError names the nearest one, if there is none."""
    steps = path.split(".")
    owners: tuple[tuple[Any, bool], ...] = (chip, True), (work.recipe, False)
    for noun, of_chip in owners:
        if noun is not None and steps[0] in {each.name for each in fields(noun)} - _TEXTS:
            found = _follow(noun, steps)
            if found is None:
                break
            owner = Owner.WORKLOAD if not of_chip else Owner.PRICES if steps[0] == "energy" else Owner.CHIP
            return Field(path, owner, *found)
    raise UnfitValue(f"unknown field {shown(path)}{_nearest(path, [*number_paths(chip), *number_paths(work.recipe)])}")


_TEXTS = frozenset({"name", "about", "kind", "sources", "precision"})
"""Fields of files that no run depends on, or that another option changes."""


def _nearest(path: str, known: list[str]) -> str:
    """Which numbers could be meant: those of nearly that name, or that end as it does, or that begin as it does."""
    last, first = path.rpartition(".")[2], path.partition(".")[0]
    near = get_close_matches(path, known, n=_NEAR)
    near = near or [name for name in known if name.split(".")[-1] == last][:_NEAR]
    near = near or [name for name in known if name.startswith(f"{first}.")][:_NEAR]
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return "; it is a path of the chip, its price table or the workload, such as dram.read"


def _follow(noun: Any, steps: list[str]) -> tuple[Any, tuple[FieldLaw, ...]] | None:
    """The value at the end of a path of fields, keys of tables and places in lists, and its laws."""
    value, hint = noun, None
    for step in steps:
        found = dict(_parts(value, hint)).get(step)
        if found is None:
            return None
        value, hint = found
    return None if isinstance(value, tuple) or is_dataclass(value) else (value, tuple(_laws(hint)))


def number_paths(noun: Any) -> list[str]:
    """The paths of all numbers of a noun.

    >>> from hwsim.inputs.chips import load_chip
    >>> [path for path in number_paths(load_chip("int4_array")) if path.startswith("scratchpad.")]
    ['scratchpad.size', 'scratchpad.banks', 'scratchpad.read', 'scratchpad.write', 'scratchpad.buffers']
    """
    return [".".join(path) for path in _numbers(noun, None, ())]


def _numbers(value: Any, hint: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if is_number(value):
        yield path
    for name, (part, part_hint) in _parts(value, hint):
        if name not in _UNUSED:
            yield from _numbers(part, part_hint, (*path, name))


def _parts(value: Any, hint: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The parts of a noun, a table or a list of nouns by name, each with its annotation."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = get_type_hints(type(value), include_extras=True)
        for each in fields(value):
            yield each.name, (getattr(value, each.name), hints[each.name])
    elif isinstance(value, tuple) and value and all(map(is_dataclass, value)):
        for place, item in enumerate(value):
            yield str(place), (item, None)
    elif isinstance(value, tuple) and (held := next(_tables(hint), None)) is not None:
        for key, item in value:
            yield str(getattr(key, "value", key)), (item, held)


def _tables(hint: Any) -> Iterator[Any]:
    """The annotations of the values of each table that an annotation allows."""
    if get_origin(hint) is Annotated:
        inner, *laws = get_args(hint)
        if any(isinstance(law, Table) for law in laws):
            yield get_args(get_args(inner)[0])[1]
        else:
            yield from _tables(inner)
    else:
        for member in get_args(hint) if get_origin(hint) is not tuple else ():
            yield from _tables(member)


def _laws(hint: Any) -> Iterator[FieldLaw]:
    """The laws that an annotation carries."""
    if get_origin(hint) is Annotated:
        inner, *laws = get_args(hint)
        yield from (law for law in laws if isinstance(law, FieldLaw) and not isinstance(law, Table))
        yield from _laws(inner)
    elif get_origin(hint) is not tuple:
        for member in get_args(hint):
            yield from _laws(member)


def chip_with(chip: W, known: Mapping[str, Field], values: Values, given: str) -> W:
    """The chip with those of the values that are its own, or its price table's."""
    of_chip = {path: known[path].given(value) for path, value in values.items() if known[path].of_chip}
    assert isinstance(chip, Machine)
    return changed(chip, of_chip, given)


def workload_with(
    work: Workload,
    known: Mapping[str, Field],
    values: Values,
    given: str,
    precision: Name | PrecisionPlan | None = None,
) -> Workload:
    """The workload with those of the values that are its own, in its own precision or in another one."""
    own = {path: known[path].given(value) for path, value in values.items() if not known[path].of_chip}
    plan = work.precision if precision is None else precision
    if not own:
        return work if plan == work.precision else in_precision(work, plan)
    recipe = changed_recipe(recipe_of(work), own, given)
    try:
        return workload(recipe, plan)
    except UserError as error:
        told = ", ".join(f"{path} = {shown(value)}" for path, value in own.items())
        raise FileProblem(work.name, f"{error}, with {told}") from error

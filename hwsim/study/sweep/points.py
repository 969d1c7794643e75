"""The points of a sweep: which there are, what each of them varies, and those that conditions on fields leave out."""

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import islice, product
from math import prod
from typing import Any, NamedTuple

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, Unsupported
from hwsim.inputs.sweeps import OpenedSweep, SweepPair
from hwsim.inputs.varied import field_of
from hwsim.quantities.condition import Condition, Unit
from hwsim.quantities.fields import AREA, BYTES, JOULES, PICOSECONDS, WATTS
from hwsim.quantities.sobol import MOST_DIMENSIONS, sobol
from hwsim.results.headline_figures import Headline
from hwsim.results.sweep_file import FIGURES, MOST_POINTS, PRECISION, SQNR, Method, Sample

CHIP, WORKLOAD = "chip", "workload"
WORDS = (CHIP, WORKLOAD, PRECISION)
TRIES = 64
"""Draws for each point that is wanted, before a sample is as large as it gets."""


class Place(NamedTuple):
    """Where a point lies: the number of its pair of chip and workload, and of its value on each axis."""

    pair: int
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _In:
    """Reads amounts in the unit of a figure, which is a multiple of a quantity's own."""

    quantity: Any
    unit: str

    def parse(self, written: object) -> Any:
        return float(Fraction(self.quantity.parse(written)) / self.quantity.multiples[self.unit])  # figures are floats


UNITS: Mapping[Headline, Unit] = {
    Headline.LATENCY: _In(PICOSECONDS, "ms"),
    Headline.ENERGY: _In(JOULES, "mJ"),
    Headline.ENERGY_PER_SECOND: _In(JOULES, "mJ"),
    Headline.POWER: _In(WATTS, "W"),
    Headline.AREA: _In(AREA, "mm2"),
    Headline.DRAM: _In(BYTES, "B"),
    Headline.MODEL: _In(BYTES, "B"),
}


@dataclass(frozen=True)
class SweepPoints:
    """All points of a sweep, by place; equal definitions have equal points in equal order."""

    sweep: OpenedSweep

    @cached_property
    def size(self) -> int:
        """How many points the grid has before conditions."""
        return sum(prod(self.counts(number)) for number in range(len(self.sweep.pairs)))

    def counts(self, pair: int) -> tuple[int, ...]:
        """How many values each axis has for a pair; one, where the pair lacks its fields."""
        return tuple(max(1, len(levels.values)) for levels in self.sweep.pairs[pair].levels)

    @cached_property
    def conditions(self) -> tuple[tuple[Condition, ...], tuple[Condition, ...]]:
        """The conditions on fields alone, and those with a figure."""
        of_fields: list[Condition] = []
        of_figures: list[Condition] = []
        figures = self.figure_names
        units: dict[str, Unit | None] = {
            name: UNITS.get(FIGURES[name]) if name in FIGURES else None for name in figures
        }
        words = set(WORDS)
        units |= dict.fromkeys(WORDS)
        read = [Condition.read(text) for text in self.sweep.file.where]
        for name in dict.fromkeys(name for condition in read for name in condition.names):
            for pair in self.sweep.pairs if name not in units else ():
                try:
                    found = field_of(pair.chip, pair.workload, name)
                except InvalidValue:
                    continue
                units[name] = found.quantity
                if not isinstance(found.value, (int, float)) and found.quantity is None:
                    words.add(name)
        for condition in read:
            bound = condition.bound(units, words)
            (of_figures if set(condition.names) & figures else of_fields).append(bound)
        return tuple(of_fields), tuple(of_figures)

    @cached_property
    def figure_names(self) -> frozenset[str]:
        """What conditions and objectives may name that only a run gives."""
        measures = self.sweep.measures
        return frozenset(FIGURES) | {SQNR} | frozenset(() if measures is None else measures.names)

    @cached_property
    def _named(self) -> tuple[str, ...]:
        """The fields that conditions name."""
        both = (*self.conditions[0], *self.conditions[1])
        names = dict.fromkeys(name for condition in both for name in condition.names)
        return tuple(name for name in names if name not in self.figure_names)

    def facts(self, place: Place) -> dict[str, Any]:
        """What conditions may ask of a point before it runs: its names, and the values of the fields that they name."""
        pair = self.sweep.pairs[place.pair]
        facts = dict(self._as_it_is[place.pair])
        for levels, number in zip(pair.levels, place.levels, strict=True):
            if levels.values:
                facts.update((path, _plain(value)) for path, value in levels.values[number])
        return facts

    @cached_property
    def _as_it_is(self) -> tuple[dict[str, Any], ...]:
        return tuple(_as_it_is(pair, self._named) for pair in self.sweep.pairs)

    def allowed(self, place: Place) -> bool:
        """Whether a point satisfies all conditions on fields."""
        conditions = self.conditions[0]
        if not conditions:
            return True
        facts = self.facts(place)
        return all(condition.holds(facts) for condition in conditions)

    def written(self, place: Place) -> tuple[str | None, ...]:
        """The value of each axis as a table shows it; None, where the chip or the workload lacks the fields."""
        levels = self.sweep.pairs[place.pair].levels
        return tuple(
            axis.written[number] if axis.values else None for axis, number in zip(levels, place.levels, strict=True)
        )

    def all(self) -> Iterator[Place]:
        """All points of the grid that conditions on fields allow."""
        if self.size > MOST_POINTS:
            law = f"are more points than the {MOST_POINTS:,} that are made one by one; take a sample"
            raise InvalidValue("axes", self.size, law)
        for pair in range(len(self.sweep.pairs)):
            for levels in product(*map(range, self.counts(pair))):
                place = Place(pair, levels)
                if self.allowed(place):
                    yield place

    def chosen(self) -> list[Place]:
        """The points that are run: the whole grid, or the sample that the definition asks for."""
        sample = self.sweep.file.sample
        places = list(self.all()) if sample is None else self._sample(sample)
        if not places:
            told = " and ".join(self.sweep.file.where) or "no axis has a value"
            raise Unsupported(f"the sweep has no points: none of {self.size:,} satisfies {told}")
        return places

    def numbered(self, number: int) -> Place:
        """The point of that number, from 1, as tables and stores have it."""
        if self.sweep.file.sample is not None and self.sweep.file.sample.method is Method.GUIDED:
            raise Unsupported("a guided search numbers its points as it meets them; open one through its store")
        places = self.chosen()
        if not 1 <= number <= len(places):
            raise InvalidValue("row", number, f"must be from 1 to {len(places):,}")
        return places[number - 1]

    def _sample(self, sample: Sample) -> list[Place]:
        if sample.points >= self.size:
            return list(self.all())
        drawn = self._drawn(sample) if sample.method is Method.RANDOM else self._spread(sample)
        tried = islice(drawn, TRIES * sample.points + 4096)
        allowed = dict.fromkeys(place for place in tried if self.allowed(place))
        return list(islice(allowed, sample.points))

    def _drawn(self, sample: Sample) -> Iterator[Place]:
        drawn = random.Random(sample.seed)
        while True:
            yield self.at(drawn.randrange(self.size))

    def at(self, number: int) -> Place:
        """The point of that number in the grid, conditions left aside."""
        for pair in range(len(self.sweep.pairs)):
            counts = self.counts(pair)
            if number < (whole := prod(counts)):
                levels = list[int]()
                for count in reversed(counts):
                    number, level = divmod(number, count)
                    levels.append(level)
                return Place(pair, tuple(reversed(levels)))
            number -= whole
        raise AssertionError("the grid has fewer points")

    def _spread(self, sample: Sample) -> Iterator[Place]:
        """Points by Sobol's sequence, with a dimension for pairs, where there are several, and for each axis."""
        pairs = len(self.sweep.pairs)
        dimensions = len(self.sweep.axes) + (pairs > 1)
        if dimensions > MOST_DIMENSIONS:
            law = f"are more dimensions than Sobol's sequence has here, {MOST_DIMENSIONS}; take a random sample"
            raise InvalidValue("sample.method", dimensions, law)
        for unit in sobol(max(1, dimensions), sample.seed):
            pair = int(unit[0] * pairs) if pairs > 1 else 0
            axes = unit[1:] if pairs > 1 else unit
            counts = self.counts(pair)
            yield Place(pair, tuple(int(at * count) for at, count in zip(axes, counts, strict=False)))


def _as_it_is(pair: SweepPair, names: Sequence[str]) -> dict[str, Any]:
    """The fields that conditions name, as the chip and the workload of a pair have them; None, where they lack one."""
    facts: dict[str, Any] = {
        CHIP: pair.chip.name,
        WORKLOAD: pair.workload.name,
        PRECISION: pair.workload.formats,
    }
    for name in names:
        if name not in WORDS:
            try:
                facts[name] = _plain(field_of(pair.chip, pair.workload, name).value)
            except InvalidValue:
                facts[name] = None
    return facts


def _plain(value: Any) -> Any:
    """A value that compares with numbers and texts."""
    return getattr(value, "value", value)

"""Bands: what a run can come to, if some fields lie anywhere between two ends, and which of them moves it most."""

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip, Machine
from hwsim.inputs.varied import Field, Number, field_of, range_of
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import must_be
from hwsim.quantities.plain_data import Objective, Progress, no_progress
from hwsim.results.band import Band, BandField, BandPoint, Corners, FigureBand, Swing
from hwsim.results.headline_figures import Headline
from hwsim.study.points import Circumstances, Points

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip

MOST_WITH_ALL_CORNERS = 5
"""Of so many fields all corners are run, 32 of five."""
SAMPLED = 32
"""Corners that are drawn where there are more fields: each end of each field in half of them."""

Ends = tuple[int, ...]
"""Where each field is: -1 at its low end, 0 as it is, 1 at its high end."""


def band(
    chip: "AnyChip",
    workload: Workload,
    fields: Mapping[str, Any],
    *,
    point: str | None = None,
    power_cap: Fraction | float | str | None = None,
    objective: Objective | str = Objective.LATENCY,
    seed: int = 0,
    given: str = "caller: band",
    progress: Progress = no_progress,
) -> Band:
    """The bands of all headline figures, with `fields` of the chip, its price table or the workload between two ends.

    `band(chip, work, {"dram.read": "40 GB/s..80 GB/s", "vector.cycles.tanh": (2, 8), "audio": "x0.5..x2"})`: the
    dotted paths of the files, each with a range that holds the value as it is. Every point is a run of its own, planned
    anew: as it is, each field alone at its ends, and all fields at their ends together, in all ways (of more than five
    fields in some: those that the single fields point to, and others that the seed draws). A band is that of these
    points; nothing is said of what lies between them.
    """
    known, ranges = checked_fields(chip, workload, fields)
    levels = _Levels(known, ranges)
    points = Points(chip, workload, known, Circumstances(point=point, power_cap=power_cap, objective=objective), given)
    singles = levels.singles()
    whole = len(fields) <= MOST_WITH_ALL_CORNERS
    first = [*singles, *levels.corners()] if whole else singles
    points.check([levels.values(ends) for ends in [*first, *([] if whole else [*_extremes(len(fields))])]])
    found = _run(points, levels, {}, first, progress)
    if not whole:
        found = _run(points, levels, found, _sampled(levels, found, seed), progress)
    ends = list(found)
    return Band(
        chip=chip.name,
        workload=workload.name,
        precision=workload.formats,
        fields=tuple(
            BandField(
                path=path,
                owner=field.owner,
                nominal=field.written(field.value),
                low=field.written(low),
                high=field.written(high),
            )
            for (path, field), (low, high) in zip(known.items(), ranges, strict=True)
        ),
        corners=Corners.ALL if whole else Corners.SAMPLED,
        seed=None if whole else seed,
        points=tuple(found.values()),
        figures=tuple(_figure(figure, levels, found, ends) for figure in Headline),
    )


def checked_fields(
    chip: "AnyChip", workload: Workload, fields: Mapping[str, Any]
) -> tuple[dict[str, Field], list[tuple[Number, Number]]]:
    """The fields of those paths, and the ends of their ranges; UserError says what is wrong with one."""
    if not isinstance(chip, Machine):
        must_be(Chip, "chip", chip)
    must_be(Workload, "workload", workload)
    if not isinstance(fields, Mapping) or not fields:
        raise InvalidValue("fields", fields, "must map paths of fields to ranges, at least one")
    known = {path: field_of(chip, workload, path) for path in fields}
    return known, [range_of(known[path], written) for path, written in fields.items()]


class _Levels:
    """Points by where each field is; ends that are the value as it is are no points of their own."""

    def __init__(self, known: Mapping[str, Field], ranges: Sequence[tuple[Number, Number]]) -> None:
        self.paths = list(known)
        self.at = [(low, field.number, high) for field, (low, high) in zip(known.values(), ranges, strict=True)]

    def values(self, ends: Ends) -> dict[str, Number]:
        """The values of a point that are not as they are."""
        held = {path: at[end + 1] for path, at, end in zip(self.paths, self.at, ends, strict=True)}
        return {
            path: value for path, value, at in zip(self.paths, held.values(), self.at, strict=True) if value != at[1]
        }

    def same(self, ends: Ends) -> Ends:
        """The same point, with ends that are the value as it is told as such."""
        return tuple(end if at[end + 1] != at[1] else 0 for end, at in zip(ends, self.at, strict=True))

    def single(self, place: int, end: int) -> Ends:
        """One field alone at an end."""
        return self.same(tuple(end if other == place else 0 for other in range(len(self.paths))))

    def singles(self) -> list[Ends]:
        """As it is, and each field alone at its ends."""
        ones = [self.single(place, end) for place in range(len(self.paths)) for end in (-1, 1)]
        return [(0,) * len(self.paths), *ones]

    def corners(self) -> list[Ends]:
        """All fields at their ends, in all ways."""
        return [self.same(ends) for ends in product((-1, 1), repeat=len(self.paths))]


def _extremes(count: int) -> tuple[Ends, Ends]:
    return (-1,) * count, (1,) * count


def _run(
    points: Points, levels: _Levels, found: Mapping[Ends, BandPoint], wanted: Sequence[Ends], progress: Progress
) -> dict[Ends, BandPoint]:
    """The points that were found, and those that are new, each once."""
    new = [ends for ends in dict.fromkeys(wanted) if ends not in found]
    return {**found, **dict(zip(new, points.run([levels.values(ends) for ends in new], progress), strict=True))}


def _sampled(levels: _Levels, found: Mapping[Ends, BandPoint], seed: int) -> list[Ends]:
    """Of more corners than can be run: for each figure the two that single fields point to, and drawn ones, in half of
    which each field is at its low end."""
    count = len(levels.paths)
    corners: list[Ends] = []
    for figure in Headline:
        up = tuple(
            1 if _at(found, levels.single(place, 1), figure) >= _at(found, levels.single(place, -1), figure) else -1
            for place in range(count)
        )
        corners += [up, tuple(-end for end in up)]
    drawn = random.Random(seed)
    columns = [drawn.sample([-1, 1] * (SAMPLED // 2), SAMPLED) for _ in range(count)]
    return [levels.same(ends) for ends in [*corners, *zip(*columns, strict=True)]]


def _at(found: Mapping[Ends, BandPoint], ends: Ends, figure: Headline) -> float:
    return dict(found[ends].figures)[figure]


def _figure(figure: Headline, levels: _Levels, found: Mapping[Ends, BandPoint], ends: Sequence[Ends]) -> FigureBand:
    """The band of a figure over all points, and what each field alone makes of it."""
    values = [_at(found, each, figure) for each in ends]
    nominal = values[0]
    swings = [
        Swing(
            path=path,
            at_low=_at(found, levels.single(place, -1), figure),
            at_high=_at(found, levels.single(place, 1), figure),
        )
        for place, path in enumerate(levels.paths)
    ]
    low, high = min(values), max(values)
    return FigureBand(
        figure=figure,
        nominal=nominal,
        low=low,
        high=high,
        low_at=values.index(low),
        high_at=values.index(high),
        tornado=tuple(sorted(swings, key=lambda swing: -swing.reach(nominal))),
    )

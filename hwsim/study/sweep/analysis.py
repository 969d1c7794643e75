"""What the points of a sweep say together: the best by each figure, the front of several, what moves a figure most."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hwsim.results.headline_figures import Headline
from hwsim.results.sweep import Answer, AxisLevel, Sensitivity, Status, SweepOutcome, SweepRow, value_of
from hwsim.results.sweep_file import FIGURES, SQNR, SweepFile, more_is_better
from hwsim.study.sweep.evaluate import Figures, Refused
from hwsim.study.sweep.points import SweepPoints
from hwsim.study.sweep.quality import key_of, wants_quality
from hwsim.study.sweep.store import Stored, SweepStore

_NAMES = {figure: name for name, figure in FIGURES.items()}
_ORDER = tuple(sorted(Headline, key=lambda figure: figure.value))
"""The order in which a row has its figures."""


def rows_of(points: SweepPoints, store: SweepStore, stored: Iterable[Stored]) -> Iterator[SweepRow]:
    """The points as they are kept, with the names of what they vary."""
    sweep, (_, conditions) = points.sweep, points.conditions
    qualities = store.qualities() if wants_quality(sweep) else None
    for one in stored:
        pair = sweep.pairs[one.place.pair]
        axes = tuple(zip((axis.name for axis in sweep.axes), points.written(one.place), strict=True))
        facts = points.facts(one.place)
        measured = {} if sweep.measures is None else dict(sweep.measures.of(facts["workload"], facts["precision"]))
        if qualities is not None:
            measured[SQNR] = qualities.get(key_of(sweep, one.place))
        counted: dict[str, Any] = {}
        if isinstance(one.found, Figures):
            figures = dict(zip(Headline, one.found.headline, strict=True))
            known = {**facts, **measured, **{_NAMES[figure]: value for figure, value in figures.items()}}
            counted = {
                "cycles": one.found.cycles,
                "energy_aj": one.found.energy_aj,
                "dram_read_bytes": one.found.dram_read_bytes,
                "dram_write_bytes": one.found.dram_write_bytes,
                "figures": tuple((figure, figures[figure]) for figure in _ORDER),
                "fits": all(condition.holds(known) for condition in conditions),
            }
        row = SweepRow(
            number=one.number,
            status=one.status,
            chip=pair.chip.name,
            workload=pair.workload.name,
            axes=axes,
            measured=tuple(measured.items()),
            error=one.found.error if isinstance(one.found, Refused) else None,
            **counted,
        )
        yield row


def cost_of(row: SweepRow, name: str) -> float:
    """The figure, less of which is better: with the other sign, where more of it is."""
    value = value_of(row, name)
    if value is None:
        return math.inf
    return -value if more_is_better(name) else value


def outcome(points: SweepPoints, store: SweepStore) -> SweepOutcome:
    """A sweep as far as it has come."""
    file, told = points.sweep.file, store.told()
    rows = tuple(rows_of(points, store, store.points()))
    fitting = [row for row in rows if row.fits]
    done = [row for row in rows if row.status is Status.DONE]
    names = tuple(axis.name for axis in points.sweep.axes)
    return SweepOutcome(
        title=title_of(file),
        axes=names,
        where=file.where,
        best=file.best,
        done=len(done),
        refused=sum(row.status is Status.REFUSED for row in rows),
        open=sum(row.status is Status.OPEN for row in rows),
        fitting=len(fitting),
        answers=tuple(_answers(file, fitting)),
        front=tuple(row.number for row in front(fitting, file.best)),
        sensitivity=tuple(_sensitivity(done, names, file.best)),
        rows=rows,
        versions=_pairs(told, "version."),
        files=_pairs(told, "file."),
    )


def title_of(file: SweepFile) -> str:
    """What the sweep is called."""
    return file.title or f"{', '.join(file.workloads)} on {', '.join(file.chips)}"


def _pairs(told: dict[str, str], prefix: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key.removeprefix(prefix), value) for key, value in told.items() if key.startswith(prefix)))


def _answers(file: SweepFile, fitting: Sequence[SweepRow]) -> Iterator[Answer]:
    """The best by each figure; of equals the best by the other figures, then the first."""
    for name in file.best:
        others = [other for other in file.best if other != name]
        known = [row for row in fitting if value_of(row, name) is not None]
        if known:
            best = min(known, key=lambda row: [*(cost_of(row, one) for one in (name, *others)), row.number])
            yield Answer(figure=name, row=best)


def front(rows: Sequence[SweepRow], names: Sequence[str]) -> list[SweepRow]:
    """The points of which no other is at least as good in all figures and better in one, best by the first figure
    first; of points that are equal in all of them the first."""
    costs = {row.number: tuple(cost_of(row, name) for name in names) for row in rows}
    ordered = sorted(rows, key=lambda row: (costs[row.number], row.number))
    kept: list[SweepRow] = []
    for row in ordered:
        own = costs[row.number]
        if math.inf in own:
            continue
        if not any(all(a <= b for a, b in zip(costs[other.number], own, strict=True)) for other in kept):
            kept.append(row)
    return kept


def _sensitivity(rows: Sequence[SweepRow], axes: Sequence[str], best: Sequence[str]) -> Iterator[Sensitivity]:
    for name in best:
        values = [(row, value) for row in rows if (value := value_of(row, name)) is not None and value > 0]
        if not values:
            continue
        middle = sum(math.log(value) for _, value in values) / len(values)
        found = []
        logs_of = [(row, math.log(value)) for row, value in values]
        for place, axis in enumerate(axes):
            by_level: dict[str, list[float]] = {}
            for row, log in logs_of:
                level = row.axes[place][1]
                if level is not None:
                    by_level.setdefault(level, []).append(log)
            if len(by_level) < 2:
                continue
            levels = tuple(
                AxisLevel(value=level, points=len(logs), factor=math.exp(sum(logs) / len(logs) - middle))
                for level, logs in by_level.items()
            )
            factors = [level.factor for level in levels]
            found.append(Sensitivity(figure=name, axis=axis, levels=levels, reach=max(factors) / min(factors)))
        yield from sorted(found, key=lambda one: -one.reach)

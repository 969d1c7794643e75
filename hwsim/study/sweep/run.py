"""A sweep from its definition to its store: points are added, run in chunks, and kept chunk by chunk."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.inputs.sweeps import OpenedSweep
from hwsim.quantities.plain_data import Progress, no_progress, plain
from hwsim.results.sweep import SweepOutcome
from hwsim.results.sweep_file import Method
from hwsim.study.provenance import hash_of, versions
from hwsim.study.sweep.analysis import outcome
from hwsim.study.sweep.chunks import Numbered, chunks
from hwsim.study.sweep.evaluate import Evaluator
from hwsim.study.sweep.points import Place, SweepPoints
from hwsim.study.sweep.quality import Qualities, wants_quality
from hwsim.study.sweep.store import SweepStore, in_memory, is_begun, opened
from hwsim.study.sweep.workers import Found, found_by_workers, found_here

SHORT_SECONDS = 3.0
"""A sweep that takes no longer than this alone needs no other processes, which take a second or two to start."""

Finder = Callable[[OpenedSweep, list[list[Numbered]]], Iterator[Found]]
"""What runs chunks elsewhere, and gives what each came to as soon as it is done."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many points there are to run, of how many, in how many groups that share plans, and about how long that
    takes."""

    to_run: int
    points: int
    groups: int
    workers: int
    seconds: float


Tell = Callable[[Estimate], None]


def nobody_asks(estimate: Estimate) -> None:
    """Nobody is told."""


@contextmanager
def store_for(sweep: OpenedSweep, path: Path | None, *, resume: bool = False) -> Iterator[SweepStore]:
    """The store of a sweep: one that nobody keeps, a new one, or, to `resume`, the one that is there."""
    if path is None:
        store = in_memory()
        _begin(sweep, store)
        yield store
        store.close()
        return
    begun = is_begun(path)
    if begun and not resume:
        raise FileProblem(str(path), "is there already; --resume goes on with it, --show shows it")
    with opened(path, fill=True, new=not begun) as kept:
        if begun:
            _check_same(sweep, kept, path)
        else:
            _begin(sweep, kept)
        yield kept


def said(sweep: OpenedSweep) -> dict[str, str]:
    """What a store says of a sweep: its definition, and what its points depend on."""
    inputs = {f"input.chip.{pair.chip.name}": hash_of(pair.chip) for pair in sweep.pairs}
    for pair in sweep.pairs:
        work = pair.workload
        described = work.program if work.recipe is None else work.recipe
        inputs[f"input.workload.{work.name}"] = f"{hash_of(described)} {hash_of(work.precision)}"
    return {
        "definition": json.dumps(plain(sweep.file), sort_keys=True),
        "folder": str(sweep.folder.resolve()),
        **{f"version.{name}": version for name, version in versions()},
        **_files(sweep),
        **inputs,
    }


def _files(sweep: OpenedSweep) -> dict[str, str]:
    """Hashes by names without folders, which depend on where the sweep is looked at from."""
    found: dict[str, str] = {}
    for name, sha256 in sweep.files:
        short = name if name.endswith("(shipped)") else Path(name).name
        same = sum(1 for other in found if other.startswith(f"file.{short}"))
        found[f"file.{short}" + f" ({same + 1})" * bool(same)] = sha256
    return found


def _begin(sweep: OpenedSweep, store: SweepStore) -> None:
    store.begin(said(sweep), [axis.name for axis in sweep.axes])


_FREE = ("folder", "format", "version.python", "filled")
"""What may differ when a sweep goes on."""


def _check_same(sweep: OpenedSweep, store: SweepStore, path: Path) -> None:
    """Refuse to go on with points that would be others today."""
    now, before = said(sweep), store.told()
    for key in sorted({*now, *before}):
        if key in _FREE or now.get(key) == before.get(key):
            continue
        kind, _, name = key.partition(".")
        what = {"definition": "another definition", "version": f"another version of {name}"}.get(kind)
        told = what or f"another {name.partition('.')[0] if kind == 'input' else 'file'} {name.partition('.')[2]}"
        raise FileProblem(str(path), f"was begun with {told.strip()}; give the sweep another store")


def fill(
    sweep: OpenedSweep,
    store: SweepStore,
    *,
    workers: int = 1,
    elsewhere: Finder | None = None,
    tell: Tell = nobody_asks,
    progress: Progress = no_progress,
) -> None:
    """Run all open points of a sweep, in so many processes, or `elsewhere`."""
    if sweep.file.sample is not None and sweep.file.sample.method is Method.GUIDED:
        try:
            from hwsim.study.sweep.guided import fill_guided  # brings a library that few sweeps need
        except ImportError as error:
            raise Unsupported("a guided sample needs optuna: pip install 'hwsim[search]'") from error

        fill_guided(sweep, store, progress)
        return
    points = SweepPoints(sweep)
    _add_points(points, store)
    open_points = [(one.number, one.place) for one in store.points() if one.found is None]
    whole, todo = store.size, chunks(sweep, open_points)
    done, groups = whole - len(open_points), len(todo)

    def keep(found: Found) -> None:
        nonlocal done
        store.write(found)
        done += len(found)
        progress(done, whole)

    progress(done, whole)
    evaluator = Evaluator(sweep)
    alone = _pilot(evaluator, todo, keep)
    seconds = _seconds(alone, todo)
    several = elsewhere is None and workers > 1 and len(todo) > 1 and seconds > SHORT_SECONDS
    here = min(workers, len(todo)) if several else 1
    tell(Estimate(len(open_points), whole, groups, here, seconds / here))
    if elsewhere is not None:
        found_of = elsewhere(sweep, todo)
    elif several:
        found_of = found_by_workers(sweep, todo, here)
    else:
        found_of = (found_here(evaluator, chunk) for chunk in todo)
    for found in found_of if todo else ():
        keep(found)
    if wants_quality(sweep):
        qualities = Qualities(sweep, store, evaluator)
        for place in [one.place for one in store.points()]:
            qualities.find(place)


def _add_points(points: SweepPoints, store: SweepStore) -> None:
    """Add the points of a sweep to its store, unless they are there: all of them, in one transaction."""
    if store.size:
        return
    places = points.chosen()
    pairs = points.sweep.pairs
    names = ((pairs[place.pair].chip.name, pairs[place.pair].workload.name, *points.written(place)) for place in places)
    store.add(places, names)


@dataclass(frozen=True, slots=True)
class _Alone:
    """Seconds of the first point of a group, which plans anew, and of those that follow."""

    first: float
    next: float


def _pilot(evaluator: Evaluator, todo: list[list[Numbered]], keep: Callable[[Found], None]) -> _Alone:
    """Run the first points of the middle chunk, to see how long points take; they are taken off the list."""
    if not todo:
        return _Alone(0.0, 0.0)
    place = len(todo) // 2
    times: list[float] = []
    # The first one also loads kernels, and makes the tables of the workload.
    for warm in (True, False, False):
        if not todo or (warm and len(todo[place]) + len(todo) < 3):
            continue
        chunk = todo[place]
        start = time.perf_counter()
        keep(found_here(evaluator, chunk[:1]))
        if not warm:
            times.append(time.perf_counter() - start)
        if len(chunk) > 1:
            todo[place] = chunk[1:]
        else:
            todo.pop(place)
            place = min(place, len(todo) - 1)
    if not times:
        return _Alone(0.0, 0.0)
    return _Alone(max(times), min(times))


def _seconds(alone: _Alone, todo: list[list[Numbered]]) -> float:
    """About how long the points take that are left, one after another."""
    return sum(alone.first + (len(chunk) - 1) * alone.next for chunk in todo)


def sweep_points(
    sweep: OpenedSweep,
    *,
    store: Path | None = None,
    resume: bool = False,
    workers: int = 1,
    elsewhere: Finder | None = None,
    tell: Tell = nobody_asks,
    progress: Progress = no_progress,
) -> SweepOutcome:
    """Run a sweep, or go on with one, and say what it found out."""
    if workers < 1:
        raise InvalidValue("workers", workers, "must be at least 1")
    with store_for(sweep, store, resume=resume) as kept:
        fill(sweep, kept, workers=workers, elsewhere=elsewhere, tell=tell, progress=progress)
        return outcome(SweepPoints(sweep), kept)


def shown(sweep: OpenedSweep, path: Path) -> SweepOutcome:
    """What is in the store of a sweep, which somebody may be filling."""
    with opened(path, fill=False) as store:
        _check_same(sweep, store, path)
        return outcome(SweepPoints(sweep), store)


def definition_in(path: Path) -> tuple[Mapping[str, object], Path]:
    """The definition that a store holds, and the folder from which its files were named."""
    with opened(path, fill=False) as store:
        told = store.told()
    return json.loads(told["definition"]), Path(told["folder"])


def place_of(sweep: OpenedSweep, path: Path | None, number: int) -> Place:
    """The point of that number: of the store, if there is one, else of the definition."""
    if path is None or not is_begun(path):
        return SweepPoints(sweep).numbered(number)
    with opened(path, fill=False) as store:
        _check_same(sweep, store, path)
        places = {one.number: one.place for one in store.points()}
    if number not in places:
        raise InvalidValue("row", number, f"must be from 1 to {len(places):,}")
    return places[number]

"""How the quality of a network on analog tiles falls with time, with and without compensation."""

import os
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from hwsim.engine.standing import standings
from hwsim.engine.values.beside import Beside, Reference, beside, reference
from hwsim.engine.values.compare import agreement, headline
from hwsim.engine.values.seeded import STATISTICS
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.inputs.chips import prices_of
from hwsim.ir.workload import Workload
from hwsim.mapping.tiles.placement import place
from hwsim.price.book import PriceBook
from hwsim.quantities.fields import AGE
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.results.decoded import Decoded
from hwsim.results.drift import Drift, DriftPoint
from hwsim.results.measured import Sources
from hwsim.results.quality import OpQuality
from hwsim.schedule.tiles import Placement
from hwsim.study.on_tiles import checked_compensation, ops_of
from hwsim.study.readout import Readout, readout
from hwsim.study.values import Prepared, naming_weights, origin, prepared
from hwsim.tensor.analog.network import SampledProducts, TileProducts, Tiles
from hwsim.tensor.backend import ExactProducts

AGES = tuple(Fraction(AGE.parse(age)) for age in ("0s", "1h", "1d", "1w", "1y"))
COMPENSATED = ("none", "global")


def drift(
    chip: AnalogChip,
    work: Workload,
    *,
    at: Sequence[Fraction | int] = AGES,
    compensations: Sequence[str] = COMPENSATED,
    sources: Sources | None = None,
    placed: Collection[str] | None = None,
    progress: Progress = no_progress,
) -> Drift:
    """The values of a workload on the tiles of a chip at these ages in seconds, with each of these compensations.

    The ops in `placed` (those that the chip has room for, unless given) stand on tiles. Each run follows the search of
    the float model, and then searches by itself. The same devices are read at all ages; ranges are those of the exact
    run, measured right after programming.
    """
    for age in at:
        problem = "must not lie before programming" if age < 0 else AGE.broken_by(age)
        if problem is not None:
            raise InvalidValue("at", f"{float(age):g} s", problem)
    _checked("at", [f"{float(age):g} s" for age in at])
    _checked("compensations", compensations)
    for compensation in compensations:
        checked_compensation(compensation)
    sources = sources or Sources()
    ready = prepared(work, sources)
    with TemporaryDirectory(prefix="hwsim-") as folder, naming_weights(sources):
        return _drift(chip, ready, at, compensations, sources, placed, progress, Path(folder))


def _checked(place: str, given: Sequence[object]) -> None:
    if not given or len(set(given)) < len(given):
        raise InvalidValue(place, ", ".join(map(str, given)), "must name one or more, each once")


def _drift(
    chip: AnalogChip,
    ready: Prepared,
    at: Sequence[Fraction | int],
    compensations: Sequence[str],
    sources: Sources,
    placed: Collection[str] | None,
    progress: Progress,
    folder: Path,
) -> Drift:
    work, threads = ready.workload, os.cpu_count() or 1
    read: Readout | None = None
    if placed is None:
        placement = place(work.program, chip)
        placed, read = ops_of(placement), _readout(chip, placement)
    standing = standings(chip, work.program, placed)
    sampled = SampledProducts(standing, threads)
    known = reference(work, ready.given, folder, ExactProducts(threads), sampled)
    output = headline(known.results).name
    exact = _named(known.results, output)
    tiles = Tiles(standing, sources.seed, sampled.samples, 0.0, tuple(compensations))

    def points() -> Iterator[DriftPoint]:
        for age in at:
            late, fresh = tiles.later(float(age)), None
            for compensation in compensations:
                # Right after programming nothing has drifted: there is nothing to bring back.
                run = fresh or beside(known, TileProducts(chip.name, late, compensation, threads))
                fresh = run if not age else None
                yield _point(Fraction(age), compensation, run, known, output)

    made, total = [], len(at) * len(compensations)
    progress(0, total)
    for point in points():
        made.append(point)
        progress(len(made), total)
    given = sources.weights is not None and sources.input is not None
    return Drift(
        chip=chip.name,
        workload=work.name,
        precision=work.formats,
        output=output,
        on_tiles=tuple(standing),
        tiles=sum(each.tiles for each in standing.values()),
        seed=sources.seed,
        drawn=() if given else sorted_pairs(STATISTICS),
        weights_from=origin(sources.weights),
        input_from=origin(sources.input),
        readout_us=None if read is None else read.picoseconds / 1e6,
        readout_aj=None if read is None else read.attojoules,
        exact_sqnr_db=exact.sqnr_db,
        exact_top1=exact.top1,
        exact_symbols=_count(known.decoded),
        points=tuple(made),
    )


def _readout(chip: AnalogChip, placement: Placement) -> Readout | None:
    """What it takes to compensate; None on a chip that lacks a price of that: its values do not need it."""
    try:
        return readout(chip, placement, PriceBook(chip, prices_of(chip)))
    except Unsupported:
        return None


def _point(age: Fraction, compensation: str, run: Beside, known: Reference, output: str) -> DriftPoint:
    best, floats = _named(run.against_exact, output), _named(run.against_floats, output)
    agreed = None
    if run.decoded is not None and known.decoded is not None:
        agreed = agreement(run.decoded.symbols, known.decoded.symbols)
    return DriftPoint(
        seconds=age,
        compensation=compensation,
        sqnr_db=best.sqnr_db,
        cosine=best.cosine,
        top1=best.top1,
        floats_sqnr_db=floats.sqnr_db,
        floats_top1=floats.top1,
        symbols=_count(run.decoded),
        symbol_agreement=agreed,
        clipped=sum(op.saturations for op in run.against_exact),
        ops=run.against_exact,
    )


def _count(decoded: Decoded | None) -> int | None:
    return None if decoded is None else sum(map(len, decoded.symbols))


def _named(results: tuple[OpQuality, ...], name: str) -> OpQuality:
    return next(op for op in results if op.name == name)

"""`hwsim sweep`: many points of chips and workloads, and which of them are best."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli.axes import axis_of
from hwsim.cli.options import HTML, JSON, PDF, listed, objective_option
from hwsim.cli.paths import Command, Reads, Writes, WritesInto, check_outputs, command_line, deliver
from hwsim.cli.terminal import note, tell, tell_written, with_progress
from hwsim.errors import InvalidValue, Unsupported
from hwsim.quantities.plain_data import Objective, Progress

if TYPE_CHECKING:
    from hwsim.inputs.sweeps import OpenedSweep
    from hwsim.results.sweep import SweepOutcome
    from hwsim.study.sweep.run import Estimate

YAML, STORE = (".yaml", ".yml"), ".sqlite"
METHODS = ("random", "sobol", "guided")


def _files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that a sweep writes into a folder."""
    from hwsim.report.export import drawn
    from hwsim.report.sweep_files import SWEEP_FILES

    return (*SWEEP_FILES, *drawn(("sweep_front", "sweep_tornado"), pdf=params["pdf"]))


@click.command(name="sweep", cls=Command)
@click.argument("what", nargs=-1, required=True, metavar="SWEEP.yaml | CHIPS WORKLOADS | STORE.sqlite")
@click.option(
    "--set",
    "axes",
    multiple=True,
    metavar="FIELDS=VALUES",
    help="Vary a field, or several together: dram.read=8 GB/s..64 GB/s*2.",
)
@click.option("--where", multiple=True, metavar="CONDITION", help="Points that will do, such as 'rtf < 0.01'.")
@click.option(
    "--best", metavar="FIGURES", help="What is sought: energy (the default), or several, such as energy,area."
)
@click.option("--measures", type=Reads(), metavar="CSV", help="Figures by precision, such as word error rates.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Run N points alone.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="How the points of --sample are chosen: by Sobol's sequence, if nothing is said.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="N", help="Draws the points of --sample.")
@objective_option
@click.option(
    "--store", type=Writes(), metavar="FILE", help="Keep all points in this file; beside SWEEP.yaml by default."
)
@click.option("--resume", is_flag=True, help="Go on with the store that is there.")
@click.option("--show", is_flag=True, help="Show what the store holds, and run nothing.")
@click.option(
    "--estimate", is_flag=True, help="Say how many points there are, and about how long they take; run nothing more."
)
@click.option("--open", "row", type=click.IntRange(min=1), metavar="ROW", help="Run one point in full, as run does.")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Processes; as many as there are processors, if nothing is said.",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Run on the dask cluster at tcp://HOST:PORT, or of a scheduler file."
)
@click.option("--csv", "csv_file", type=Writes(), metavar="FILE", help="Write all points as CSV.")
@click.option("--parquet", type=Writes(), metavar="FILE", help="Write all points as Parquet; needs pyarrow.")
@click.option(
    "--out", type=WritesInto(_files_of), metavar="DIR", help="Write JSON, CSV and figures (SVG) into this folder."
)
@JSON
@PDF
@HTML
def command(
    what: tuple[str, ...],
    axes: tuple[str, ...],
    where: tuple[str, ...],
    best: str | None,
    measures: str | None,
    sample: int | None,
    method: str | None,
    seed: int | None,
    objective: str,
    store: str | None,
    resume: bool,
    show: bool,
    estimate: bool,
    row: int | None,
    workers: int | None,
    scheduler: str | None,
    csv_file: str | None,
    parquet: str | None,
    out: str | None,
    json_file: str | None,
    pdf: bool,
    html_file: str | None,
) -> None:
    """Run every chip with every workload and all values of the fields that are set, and say which points are best.

    Example: hwsim sweep int4_array conformer_m --set array.rows,array.cols=16,32 --where 'rtf < 0.01' --best energy
    """
    from hwsim.inputs.sweeps import open_sweep
    from hwsim.results.sweep_file import SweepFile

    flags = {"--set": axes, "--where": where, "--best": best, "--measures": measures, "--sample": sample,
             "--method": method, "--seed": seed}  # fmt: skip
    given = [name for name, value in flags.items() if value not in (None, ())]
    path: Path | None = None if store is None else Path(store)
    if len(what) == 1 and what[0].endswith((*YAML, STORE)):
        if given:
            law = "belongs to a sweep that the command line describes; write it into the file"
            raise InvalidValue(given[0], flags[given[0]], law)
        opened, path = _from_file(Path(what[0]), path)
    elif len(what) == 2:
        file = SweepFile(
            chips=tuple(listed(what[0])),
            workloads=tuple(listed(what[1])),
            axes=tuple(map(axis_of, axes)),
            where=where,
            best=tuple(listed(best)) if best is not None else ("energy",),
            sample=_sample(sample, method, seed),
            measures=measures,
            objective=Objective(objective),
        )
        opened = open_sweep(file)
    else:
        law = "must be the file of a sweep, its store, or chips and workloads: CHIP,CHIP WORKLOAD,WORKLOAD"
        raise InvalidValue("arguments", " ".join(what), law)
    _check_asked(path, resume=resume, show=show, row=row, estimate=estimate)
    check_outputs()
    if parquet is not None:
        from hwsim.report.sweep_files import check_parquet

        check_parquet()
    if row is not None:
        _open_row(opened, path, row, json_file)
        return
    if show:
        from hwsim.study.sweep.run import shown

        assert path is not None
        found = shown(opened, path)
    else:
        found_or_none = _run(opened, path, resume, workers, scheduler, estimate)
        if found_or_none is None:
            return
        found = found_or_none
    _deliver(found, json_file, out, csv_file, parquet, html_file, pdf=pdf)


def _from_file(source: Path, store: Path | None) -> "tuple[OpenedSweep, Path]":
    """The sweep of a file, or of the store that holds its definition, and that store."""
    from hwsim.inputs.sweeps import open_sweep_file, sweep_in

    if source.suffix == STORE:
        from hwsim.study.sweep.run import definition_in

        return sweep_in(*definition_in(source), source), source
    return open_sweep_file(source), store or source.with_suffix(STORE)


def _check_asked(path: Path | None, *, resume: bool, show: bool, row: int | None, estimate: bool) -> None:
    for option, asked in (("--resume", resume), ("--show", show)):
        if asked and path is None:
            raise InvalidValue(option, True, "needs a store; name it with --store FILE")
    several = [name for name, given in (("--show", show), ("--open", row), ("--estimate", estimate)) if given]
    if len(several) > 1:
        raise InvalidValue(several[0], True, f"is asked for together with {several[1]}; ask for one of them")


def _sample(points: int | None, method: str | None, seed: int | None) -> Any:
    from hwsim.results.sweep_file import Method, Sample

    if points is None:
        for option, value in (("--method", method), ("--seed", seed)):
            if value is not None:
                raise InvalidValue(option, value, "says how points are chosen; say how many with --sample N")
        return None
    return Sample(method=Method(method or "sobol"), points=points, seed=seed or 0)


def _run(
    opened: "OpenedSweep", path: Path | None, resume: bool, workers: int | None, scheduler: str | None, estimate: bool
) -> "SweepOutcome | None":
    """Run the sweep; None, if only an estimate was asked for."""

    def tell_estimate(told: "Estimate") -> None:
        note(estimate_text(told))
        if estimate:
            raise _Enough

    def job(progress: Progress) -> "SweepOutcome":
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.processors import processors
        from hwsim.study.sweep.run import sweep_points

        elsewhere = None
        if scheduler is not None:
            try:
                from hwsim.study.sweep.cluster import on_cluster  # brings a library that few sweeps need
            except ImportError as error:
                raise Unsupported("--scheduler needs dask.distributed: pip install 'hwsim[cluster]'") from error

            elsewhere = on_cluster(scheduler)
        return sweep_points(
            opened, store=None if estimate else path, resume=resume, workers=workers or processors(),
            elsewhere=elsewhere, tell=tell_estimate, progress=progress,
        )  # fmt: skip

    try:
        return with_progress("sweep", job, unit="points")
    except _Enough:
        return None


class _Enough(Exception):
    """What was asked for has been said."""


def estimate_text(told: "Estimate") -> str:
    """How much there is to run.

    >>> from hwsim.study.sweep.run import Estimate
    >>> estimate_text(Estimate(to_run=400, points=1000, groups=20, workers=2, seconds=95.0))
    '400 points of 1,000 to run, in 20 groups that share plans, on 2 processes: about 2 minutes'
    """
    whole = _counted(told.to_run, "point") + ("" if told.to_run == told.points else f" of {told.points:,}")
    groups = f"in {_counted(told.groups, 'group')} that share{'s' * (told.groups == 1)} plans"
    on = f"on {told.workers} process{'es' * (told.workers > 1)}"
    return f"{whole} to run, {groups}, {on}: about {_time(told.seconds)}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def _open_row(opened: "OpenedSweep", path: Path | None, row: int, json_file: str | None) -> None:
    """Run one point in full."""

    from hwsim.study.sweep.points import SweepPoints
    from hwsim.study.sweep.run import place_of

    points, place = SweepPoints(opened), place_of(opened, path, row)
    from hwsim.report.sweep_screen import assigned

    named = zip((axis.name for axis in opened.axes), points.written(place), strict=True)
    note(f"row {row}: {', '.join(assigned(name, value) for name, value in named if value is not None)}")

    def job(progress: Progress) -> Any:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.sweep.full import full_run

        return full_run(opened, place, progress)

    result = with_progress(f"row {row}", job)

    from hwsim.report.asked import Asked
    from hwsim.report.export import to_json
    from hwsim.report.screen import run_text

    written = deliver(json_file, None, lambda: to_json(result), dict)
    tell(json_file, lambda screen: run_text(result, Asked(), screen))
    tell_written(written)


def _deliver(
    found: "SweepOutcome",
    json_file: str | None,
    out: str | None,
    csv_file: str | None,
    parquet: str | None,
    html_file: str | None,
    *,
    pdf: bool,
) -> None:
    from hwsim.report.export import to_csv, to_json
    from hwsim.report.files import write_file
    from hwsim.report.sweep_files import point_rows, sweep_files, write_parquet
    from hwsim.report.sweep_screen import sweep_text

    def files() -> dict[str, str | bytes]:
        from hwsim.report.plots.sets import drawn_files, sweep_drawings

        return sweep_files(found) | drawn_files(sweep_drawings(found), pdf=pdf)

    def page() -> str:
        from hwsim.report.page.sweep import sweep_page

        return sweep_page(found, command_line())

    written = deliver(json_file, out, lambda: to_json(found), files, (html_file, page))
    if csv_file is not None:
        write_file(Path(csv_file), to_csv(point_rows(found)))
        written.append(Path(csv_file))
    if parquet is not None:
        write_parquet(found, Path(parquet))
        written.append(Path(parquet))
    tell(json_file, partial(sweep_text, found))
    tell_written(written)

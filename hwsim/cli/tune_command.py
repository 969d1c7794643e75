"""`hwsim tune`: what the next doubling of each resource buys."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli.options import (
    ARCH,
    DIMENSIONS,
    HTML,
    JSON,
    PDF,
    PRECISION,
    WORKLOAD,
    dimensions,
    listed,
    objective_option,
)
from hwsim.cli.paths import Command, Writes, WritesInto, check_outputs, command_line, deliver
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.quantities.plain_data import Progress

if TYPE_CHECKING:
    from hwsim.results.tuning import TuningOutcome

FILES = ("tuning.json", "changes.csv")


def _files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that tuning writes into a folder."""
    from hwsim.report.export import drawn

    return (*FILES, *drawn(("tornado",), pdf=params["pdf"]))


@click.command(name="tune", cls=Command)
@click.argument("arch", type=ARCH)
@click.argument("workload", type=WORKLOAD)
@PRECISION
@click.option(
    "--within", metavar="LIMITS", help="Figures that must be kept, with commas: area=4mm2,power=2W; none by default."
)
@click.option("--best", default="latency", show_default=True, metavar="FIGURE", help="What is sought, such as energy.")
@click.option(
    "--changes", type=click.IntRange(1, 4), default=2, show_default=True, metavar="N", help="At most so many at once."
)
@DIMENSIONS
@objective_option
@click.option("--csv", "csv_file", type=Writes(), metavar="FILE", help="Write all changes as CSV.")
@click.option(
    "--out", type=WritesInto(_files_of), metavar="DIR", help="Write JSON, CSV and a figure (SVG) into this folder."
)
@JSON
@PDF
@HTML
def command(
    arch: str,
    workload: str,
    precision: str | None,
    within: str | None,
    best: str,
    changes: int,
    dims: tuple[str, ...],
    objective: str,
    csv_file: str | None,
    out: str | None,
    json_file: str | None,
    pdf: bool,
    html_file: str | None,
) -> None:
    """Say what twice and half of each resource of ARCH make of WORKLOAD, and which few changes are best within limits.

    Example: hwsim tune int4_array conformer_m --within area=4mm2,power=2W
    """
    from hwsim.cli.paths import chip_named, naming, workload_named
    from hwsim.quantities.precision import policy
    from hwsim.study.tuning.bounds import read_bounds

    if precision is not None:
        policy(precision)
    limits = listed(within or "")
    read_bounds(limits)
    chip, work = chip_named(arch), workload_named(workload, precision, dimensions(dims))
    check_outputs()

    def job(progress: Progress) -> "TuningOutcome":
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.tuning.tune import tune

        files = dict(chip.files + work.files)
        with naming(work):
            return tune(
                chip.value, work.value, within=limits, best=best, changes=changes, objective=objective, files=files,
                progress=progress,
            )  # fmt: skip

    outcome = with_progress(f"{work.value.name} on {chip.value.name}", job)

    from hwsim.report.export import to_csv, to_json
    from hwsim.report.files import write_file
    from hwsim.report.tuning_screen import trial_rows, tuning_text

    def files() -> dict[str, str | bytes]:
        from hwsim.report.plots.sets import drawn_files, tuning_drawings

        own = dict(zip(FILES, (to_json(outcome), to_csv(trial_rows(outcome))), strict=True))
        return own | drawn_files(tuning_drawings(outcome), pdf=pdf)

    def page() -> str:
        from hwsim.report.page.tuning import tuning_page

        return tuning_page(outcome, command_line())

    written = deliver(json_file, out, lambda: to_json(outcome), files, (html_file, page))
    if csv_file is not None:
        write_file(Path(csv_file), to_csv(trial_rows(outcome)))
        written.append(Path(csv_file))
    tell(json_file, lambda screen: tuning_text(outcome, screen))
    tell_written(written)

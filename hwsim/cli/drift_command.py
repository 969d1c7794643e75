"""`hwsim drift`: the quality of a network on analog tiles over time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli.axes import ages_of
from hwsim.cli.options import (
    ARCH,
    DIMENSIONS,
    PDF,
    PRECISION,
    WORKLOAD,
    dimensions,
    listed,
    output_options,
    sources_of,
    values_options,
)
from hwsim.cli.paths import Command, check_outputs, deliver
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.quantities.plain_data import Progress

if TYPE_CHECKING:
    from hwsim.results.drift import Drift


def drift_files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that a study of drift writes into a folder."""
    from hwsim.report.export import DRIFT_FILES, drawn

    return (*DRIFT_FILES, *drawn(["drift"], pdf=params["pdf"]))


@click.command(name="drift", cls=Command)
@click.argument("arch", type=ARCH)
@click.argument("workload", type=WORKLOAD)
@click.option(
    "--at",
    default="0s,1h,1d,1w,1y",
    show_default=True,
    metavar="LIST",
    help="Times since programming, in s, min, h, d, w or y.",
)
@click.option(
    "--compensation",
    default="none,global",
    show_default=True,
    metavar="LIST",
    help="What brings back what drift took: none, global, column.",
)
@PRECISION
@DIMENSIONS
@values_options
@output_options(drift_files_of)
@PDF
def command(
    arch: str,
    workload: str,
    at: str,
    compensation: str,
    precision: str | None,
    dims: tuple[str, ...],
    input_file: str | None,
    weights_file: str | None,
    seed: int,
    json_file: str | None,
    out: str | None,
    pdf: bool,
) -> None:
    """Compute WORKLOAD on the analog tiles of ARCH as they are some time after programming, beside exact integers.

    Example: hwsim drift analog_pcm mlperf_rnnt --at 0s,1d,1y --out drift
    """
    from hwsim.cli.paths import analog_chip_named, naming, workload_named
    from hwsim.quantities.precision import policy
    from hwsim.results.drift import Drift

    if precision is not None:
        policy(precision)
    ages, compensations = ages_of(at), listed(compensation)
    chip, work = analog_chip_named(arch), workload_named(workload, precision, dimensions(dims))
    check_outputs()

    def job(progress: Progress) -> Drift:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.drift import drift

        sources = sources_of(input_file, weights_file, seed)
        with naming(chip, work):
            return drift(
                chip.value, work.value, at=ages, compensations=compensations, sources=sources, progress=progress
            )

    study = with_progress(f"{work.value.name} on {chip.value.name}", job)
    written = _written(study, json_file, out, pdf=pdf)

    from hwsim.report.drift import drift_text

    tell(json_file, lambda screen: drift_text(study, screen))
    tell_written(written)


def _written(study: "Drift", json_file: str | None, out: str | None, *, pdf: bool) -> list[Path]:
    """Write the files that were asked for."""
    if json_file is None and out is None:
        return []
    from hwsim.report.export import drift_files, to_json

    def files() -> dict[str, str | bytes]:
        from hwsim.report.plots.sets import drawn_files, drift_drawings

        return drift_files(study) | drawn_files(drift_drawings(study), pdf=pdf)

    return deliver(json_file, out, lambda: to_json(study), files)

"""`hwsim run`: one workload on one chip."""

from dataclasses import replace
from pathlib import Path

import click

from hwsim.cli.options import check_outputs, deliver, dimensions, output_options, tell, values_options
from hwsim.cli.patience import patiently
from hwsim.core.progress import Progress


@click.command(name="run")
@click.argument("arch")
@click.argument("workload")
@click.option("--precision", metavar="POLICY", help="Use this policy for the whole model: fp16, w8a8, w4a8, w4a4, …")
@click.option("--dim", "dims", metavar="NAME=N", multiple=True, help="Another dimension, such as encoder.layers=4.")
@click.option("--values", is_flag=True, help="Also compute the integers, in the chip's accumulators.")
@click.option(
    "--counts",
    type=click.Choice(["declared", "measured"]),
    default="declared",
    show_default=True,
    help="Time the search by the counts of the file, or by what it did with these values.",
)
@values_options
@output_options
def command(
    arch: str,
    workload: str,
    precision: str | None,
    dims: tuple[str, ...],
    values: bool,
    counts: str,
    input_file: str | None,
    weights_file: str | None,
    seed: int,
    json_file: str | None,
    out: str | None,
) -> None:
    """Run WORKLOAD on ARCH; each is a YAML file or a shipped name (see hwsim list).

    Example: hwsim run arch/int4_array.yaml workloads/rnnt.yaml --out results
    """
    from hwsim.core.precision import policy
    from hwsim.core.result import Result
    from hwsim.inputs.load import open_chip, open_workload
    from hwsim.report.files import write_binary

    if precision is not None:
        policy(precision)
    chip, work = open_chip(arch), open_workload(workload, precision, dimensions(dims))
    check_outputs(json_file, out)
    with_values = values or counts == "measured" or input_file is not None or weights_file is not None

    def job(progress: Progress) -> Result:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.simulate import simulate

        files = dict(chip.files + work.files)
        if not with_values:
            return simulate(chip.value, work.value, files=files, progress=progress)
        from hwsim.study.measured import with_counts
        from hwsim.study.values import Sources, prepared, run_values

        sources = Sources(
            input=None if input_file is None else Path(input_file),
            weights=None if weights_file is None else Path(weights_file),
            seed=seed,
        )
        ready = prepared(work.value, sources)
        write = None if out is None else lambda writer: write_binary(Path(out) / "trace.npz", writer)
        quality = run_values(ready, sources, chip=chip.value, write=write, progress=progress)
        timed = with_counts(ready.declared, quality.decoded) if counts == "measured" else ready.declared
        timed_result = simulate(chip.value, timed, files=files | dict(ready.files), progress=progress)
        return replace(timed_result, quality=quality)

    result = patiently(f"{work.value.name} on {chip.value.name}", job)

    from hwsim.report.export import run_files, to_json
    from hwsim.report.quality import run_with_quality_text

    deliver(json_file, out, lambda: to_json(result), lambda: run_files(result))
    if out is not None and result.quality is not None:
        from hwsim.report.quality_figure import quality_png

        png = quality_png(f"{result.summary.workload} in {result.summary.precision}", result.quality)
        write_binary(Path(out) / "quality.png", lambda file: file.write(png))
    tell(json_file, lambda screen: run_with_quality_text(result, chip.value.clock, screen))

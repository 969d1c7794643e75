"""`hwsim trace`: the integers of every op."""

from pathlib import Path

import click

from hwsim.cli.options import check_outputs, deliver, dimensions, tell, values_options
from hwsim.cli.patience import patiently
from hwsim.core.progress import Progress


@click.command(name="trace")
@click.argument("workload")
@click.option("--precision", metavar="POLICY", help="Use this policy for the whole model: w8a8, w4a8, w4a4, …")
@click.option("--dim", "dims", multiple=True, metavar="NAME=N", help="Another dimension, such as encoder.layers=4.")
@values_options
@click.option("--packed", is_flag=True, help="Pack numbers of at most 4 bits into bytes.")
@click.option("--json", "json_file", metavar="FILE", help="Write the quality as JSON; - prints it on standard output.")
@click.option("--out", "out", metavar="T.npz", help="Write the trace into this file.")
def command(
    workload: str,
    precision: str | None,
    dims: tuple[str, ...],
    input_file: str | None,
    weights_file: str | None,
    seed: int,
    packed: bool,
    json_file: str | None,
    out: str | None,
) -> None:
    """Run the quantised WORKLOAD: integers of every op, with exact accumulators, beside the same model in floats.

    Example: hwsim trace rnnt --input speech.wav --out trace.npz
    """
    from hwsim.core.precision import policy
    from hwsim.core.quality import Quality
    from hwsim.inputs.load import open_workload
    from hwsim.report.files import check_target, write_binary

    if precision is not None:
        policy(precision)
    work = open_workload(workload, precision, dimensions(dims))
    check_outputs(json_file, None)
    if out is not None:
        check_target(out)

    def job(progress: Progress) -> Quality:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.values import Sources, prepared, run_values

        sources = Sources(
            input=None if input_file is None else Path(input_file),
            weights=None if weights_file is None else Path(weights_file),
            seed=seed,
            packed=packed,
        )
        write = None if out is None else lambda writer: write_binary(Path(out), writer)
        return run_values(prepared(work.value, sources), sources, write=write, progress=progress)

    quality = patiently(f"values of {work.value.name}", job)

    from hwsim.report.export import quality_files, to_json
    from hwsim.report.quality import quality_text

    deliver(json_file, None, lambda: to_json(quality), lambda: quality_files(quality))
    tell(json_file, lambda screen: quality_text(f"{work.value.name} in {work.value.precision.title}", quality, screen))

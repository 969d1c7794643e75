"""`hwsim trace`: the integers of every op."""

from pathlib import Path

import click

from hwsim.cli.options import DIMENSIONS, HTML, JSON, PRECISION, WORKLOAD, dimensions, sources_of, values_options
from hwsim.cli.paths import Command, Writes, check_outputs, command_line, deliver
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.quantities.plain_data import Progress


@click.command(name="trace", cls=Command)
@click.argument("workload", type=WORKLOAD)
@PRECISION
@DIMENSIONS
@values_options
@click.option("--packed", is_flag=True, help="Pack numbers of at most 4 bits into bytes.")
@JSON
@HTML
@click.option("--out", "out", type=Writes(), metavar="T.npz", help="Write the trace into this file.")
def command(
    workload: str,
    precision: str | None,
    dims: tuple[str, ...],
    input_file: str | None,
    weights_file: str | None,
    seed: int,
    packed: bool,
    json_file: str | None,
    html_file: str | None,
    out: str | None,
) -> None:
    """Run the quantised WORKLOAD: integers of every op, with exact accumulators, beside the same model in floats.

    Example: hwsim trace rnnt --input speech.wav --out trace.npz
    """
    from hwsim.cli.paths import naming, workload_named
    from hwsim.quantities.precision import policy
    from hwsim.report.files import write_binary
    from hwsim.results.quality import Quality

    if precision is not None:
        policy(precision)
    work = workload_named(workload, precision, dimensions(dims), floats="fp32", heard=input_file)
    check_outputs()

    def job(progress: Progress) -> Quality:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.values import prepared, run_values

        sources = sources_of(input_file, weights_file, seed, packed=packed)
        write = None if out is None else lambda writer: write_binary(Path(out), writer)
        with naming(work):
            return run_values(prepared(work.value, sources), sources, write=write, progress=progress)

    quality = with_progress(f"values of {work.value.name}", job)

    from hwsim.report.export import to_json
    from hwsim.report.quality import quality_text

    title = f"{work.value.name} in {work.value.formats}"

    def page() -> str:
        from hwsim.report.page.trace import trace_page

        return trace_page(title, quality, command_line())

    written = deliver(json_file, None, lambda: to_json(quality), dict, (html_file, page))
    tell(json_file, lambda screen: quality_text(title, quality, screen))
    tell_written([*written, *([] if out is None else [Path(out)])])

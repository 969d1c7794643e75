"""`hwsim compare`: one workload on one chip in several precisions."""

import click

from hwsim.cli.options import (
    ARCH,
    DIMENSIONS,
    HTML,
    PDF,
    WORKLOAD,
    Policies,
    comparison_files_of,
    dimensions,
    listed,
    objective_option,
    output_options,
)
from hwsim.cli.paths import Command, check_outputs, command_line, deliver
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.quantities.plain_data import Progress


@click.command(name="compare", cls=Command)
@click.argument("arch", type=ARCH)
@click.argument("workload", type=WORKLOAD)
@click.option(
    "--precisions",
    type=Policies(several=True),
    default="fp16,w4a4",
    show_default=True,
    metavar="LIST",
    help="Policies for the whole model, in place of that of the file and its rules; gains are relative to the first.",
)
@DIMENSIONS
@objective_option
@click.option("--full", is_flag=True, help="Print all tables, instead of the one screen.")
@output_options(comparison_files_of)
@PDF
@HTML
def command(
    arch: str,
    workload: str,
    precisions: str,
    dims: tuple[str, ...],
    objective: str,
    full: bool,
    json_file: str | None,
    out: str | None,
    pdf: bool,
    html_file: str | None,
) -> None:
    """Run WORKLOAD on ARCH in several precisions and show speed-up, energy, traffic and size side by side.

    Example: hwsim compare int4_array rnnt --precisions fp16,w8a8,w4a4
    """
    from hwsim.cli.paths import chip_and_workload, naming
    from hwsim.quantities.precision import policy
    from hwsim.results.result import Comparison

    names = listed(precisions)
    for name in names:
        policy(name)
    chip, work = chip_and_workload(arch, workload, dims=dimensions(dims))
    check_outputs()

    def job(progress: Progress) -> Comparison:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.compare import compare

        files = dict(chip.files + work.files)
        with naming(chip, work):
            return compare(chip.value, work.value, names, objective=objective, files=files, progress=progress)

    comparison = with_progress(f"{work.value.name} on {chip.value.name}", job)

    from hwsim.report.comparison import comparison_text
    from hwsim.report.comparison_screen import comparison_screen
    from hwsim.report.export import comparison_files, to_json

    def files() -> dict[str, str | bytes]:
        from hwsim.report.plots.sets import comparison_drawings, drawn_files

        return comparison_files(comparison) | drawn_files(comparison_drawings(comparison), pdf=pdf)

    def page() -> str:
        from hwsim.report.page.comparison import comparison_page

        return comparison_page(comparison, command_line())

    written = deliver(json_file, out, lambda: to_json(comparison), files, (html_file, page))
    text = comparison_text if full else comparison_screen
    tell(json_file, lambda screen: text(comparison, screen))
    tell_written(written)

"""`hwsim compare`: one workload on one chip in several precisions."""

import click

from hwsim.cli.options import check_outputs, deliver, objective_option, output_options, tell
from hwsim.cli.patience import patiently
from hwsim.core.progress import Progress


@click.command(name="compare")
@click.argument("arch")
@click.argument("workload")
@click.option(
    "--precisions",
    default="fp16,w4a4",
    show_default=True,
    metavar="LIST",
    help="Policies for the whole model, in place of that of the file and its rules; gains are relative to the first.",
)
@objective_option
@output_options
def command(arch: str, workload: str, precisions: str, objective: str, json_file: str | None, out: str | None) -> None:
    """Run WORKLOAD on ARCH in several precisions and show speed-up, energy, traffic and size side by side.

    Example: hwsim compare int4_array rnnt --precisions fp16,w8a8,w4a4
    """
    from hwsim.core.precision import policy
    from hwsim.core.result import Comparison
    from hwsim.inputs.load import open_chip, open_workload

    names = [name.strip() for name in precisions.split(",") if name.strip()]
    for name in names:
        policy(name)
    chip, work = open_chip(arch), open_workload(workload)
    check_outputs(json_file, out)

    def job(progress: Progress) -> Comparison:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.compare import compare

        return compare(
            chip.value, work.value, names, objective=objective, files=dict(chip.files + work.files), progress=progress
        )

    comparison = patiently(f"{work.value.name} on {chip.value.name}", job)

    from hwsim.report.comparison import comparison_text
    from hwsim.report.energy import split_text
    from hwsim.report.export import comparison_files, to_json

    deliver(json_file, out, lambda: to_json(comparison), lambda: comparison_files(comparison))
    tell(json_file, lambda screen: comparison_text(comparison, screen) + "\n" + split_text(comparison, screen))

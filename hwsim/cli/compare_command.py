"""`hwsim compare`: one workload on one chip in several precisions."""

import click

from hwsim.cli.options import deliver, output_options, tell
from hwsim.cli.progress import progress_bar


@click.command(name="compare")
@click.argument("arch")
@click.argument("workload")
@click.option(
    "--precisions",
    default="fp16,w4a4",
    show_default=True,
    metavar="LIST",
    help="Policies; gains are relative to the first.",
)
@output_options
def command(arch: str, workload: str, precisions: str, json_file: str | None, out: str | None) -> None:
    """Run WORKLOAD on ARCH in several precisions and show speed-up, energy, traffic and size side by side.

    Example: hwsim compare int4_array rnnt --precisions fp16,w8a8,w4a4
    """
    from hwsim.inputs.load import chip_from, open_source, workload_from
    from hwsim.inputs.shipped import Kind

    arch_file, workload_file = open_source(Kind.ARCH, arch), open_source(Kind.WORKLOAD, workload)
    chip, work = chip_from(arch_file), workload_from(workload_file)
    names = [name.strip() for name in precisions.split(",") if name.strip()]

    with progress_bar(f"{work.name} on {chip.name}") as progress:
        from hwsim.study.compare import compare

        comparison = compare(chip, work, names, files=dict(arch_file.files + workload_file.files), progress=progress)

    from hwsim.report.export import comparison_files, to_json
    from hwsim.report.terminal import comparison_text

    deliver(json_file, out, lambda: to_json(comparison), lambda: comparison_files(comparison))
    tell(json_file, lambda screen: comparison_text(comparison, screen))

"""`hwsim run`: one workload on one chip."""

import click

from hwsim.cli.options import deliver, output_options, tell
from hwsim.cli.progress import progress_bar


@click.command(name="run")
@click.argument("arch")
@click.argument("workload")
@click.option("--precision", metavar="POLICY", help="Use this policy for the whole model: fp16, w8a8, w4a8, w4a4, …")
@output_options
def command(arch: str, workload: str, precision: str | None, json_file: str | None, out: str | None) -> None:
    """Run WORKLOAD on ARCH; each is a YAML file or a shipped name (see hwsim list).

    Example: hwsim run arch/int4_array.yaml workloads/rnnt.yaml --out results
    """
    from hwsim.inputs.load import chip_from, open_source, workload_from
    from hwsim.inputs.shipped import Kind

    arch_file, workload_file = open_source(Kind.ARCH, arch), open_source(Kind.WORKLOAD, workload)
    chip, work = chip_from(arch_file), workload_from(workload_file, precision)

    with progress_bar(f"{work.name} on {chip.name}") as progress:
        # Imported behind the bar: this is what compiles kernels on the first run after an installation.
        from hwsim.study.simulate import simulate

        result = simulate(chip, work, files=dict(arch_file.files + workload_file.files), progress=progress)

    from hwsim.report.export import run_files, to_json
    from hwsim.report.terminal import run_text

    deliver(json_file, out, lambda: to_json(result), lambda: run_files(result))
    tell(json_file, lambda screen: run_text(result, chip.clock, screen))

"""`hwsim run`: one workload on one chip."""

from pathlib import Path

import click

from hwsim.cli.options import check_outputs, deliver, dimensions, output_options, power_of, tell
from hwsim.cli.patience import patiently
from hwsim.core.progress import Progress


@click.command(name="run")
@click.argument("arch")
@click.argument("workload")
@click.option("--precision", metavar="POLICY", help="Use this policy for the whole model: fp16, w8a8, w4a8, w4a4, …")
@click.option("--explain", "explained", metavar="OP", help="Show why this op runs as it does, instead of the summary.")
@click.option("--dim", "dims", metavar="NAME=N", multiple=True, help="Another dimension, such as encoder.layers=4.")
@click.option("--explain-energy", is_flag=True, help="Print each action's count, price, rounding and source.")
@click.option("--point", metavar="NAME", help="Run at this operating point of the chip.")
@click.option("--power-cap", metavar="POWER", help="Lower the clock until the average power keeps within it: 500 mW.")
@click.option(
    "--zero-gating",
    metavar="TRACE.npz",
    help="Price products with a factor 0 apart, counted in this trace of WORKLOAD.",
)
@output_options
def command(
    arch: str,
    workload: str,
    precision: str | None,
    explained: str | None,
    dims: tuple[str, ...],
    explain_energy: bool,
    point: str | None,
    power_cap: str | None,
    zero_gating: str | None,
    json_file: str | None,
    out: str | None,
) -> None:
    """Run WORKLOAD on ARCH; each is a YAML file or a shipped name (see hwsim list).

    Example: hwsim run arch/int4_array.yaml workloads/rnnt.yaml --out results
    """
    from hwsim.core.precision import policy
    from hwsim.core.result import Result
    from hwsim.inputs.load import open_chip, open_workload

    if precision is not None:
        policy(precision)
    cap = power_of(power_cap)
    chip, work = open_chip(arch), open_workload(workload, precision, dimensions(dims))
    check_outputs(json_file, out)

    def job(progress: Progress) -> Result:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.simulate import simulate

        files, zeros = dict(chip.files + work.files), None
        if zero_gating is not None:
            from hwsim.inputs.trace import TraceFile
            from hwsim.study.zeros import zero_products_of

            trace = TraceFile(Path(zero_gating))
            zeros = zero_products_of(work.value.program, trace)
            files[trace.name] = trace.sha256
        return simulate(
            chip.value,
            work.value,
            point=point,
            power_cap=cap,
            zero_products=zeros,
            explained=explained,
            files=files,
            progress=progress,
        )

    result = patiently(f"{work.value.name} on {chip.value.name}", job)

    from hwsim.report.explanation import explanation_text
    from hwsim.report.export import run_files, to_json
    from hwsim.report.terminal import run_text

    deliver(json_file, out, lambda: to_json(result), lambda: run_files(result))
    text = run_text if explained is None else explanation_text
    tell(json_file, lambda screen: text(result, result.operation.clock, screen))
    if explain_energy:
        from hwsim.report.energy import energy_text

        tell(json_file, lambda screen: "\n" + energy_text(result, screen))

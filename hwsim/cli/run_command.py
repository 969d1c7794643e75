"""`hwsim run`: one workload on one chip."""

from pathlib import Path

import click

from hwsim.cli.options import (
    check_outputs,
    deliver,
    dimensions,
    objective_option,
    output_options,
    power_of,
    tell,
    values_options,
)
from hwsim.cli.patience import patiently
from hwsim.core.objective import Objective
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
@objective_option
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
    explained: str | None,
    dims: tuple[str, ...],
    explain_energy: bool,
    point: str | None,
    power_cap: str | None,
    zero_gating: str | None,
    objective: str,
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

    if precision is not None:
        policy(precision)
    cap = power_of(power_cap)
    chip, work = open_chip(arch), open_workload(workload, precision, dimensions(dims))
    check_outputs(json_file, out)

    def job(progress: Progress) -> Result:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.report.files import write_binary
        from hwsim.study.request import Request, answer
        from hwsim.study.values import Sources

        request = Request(
            point=point,
            power_cap=cap,
            explained=explained,
            objective=Objective(objective),
            zero_gating=None if zero_gating is None else Path(zero_gating),
            values=values or counts == "measured" or input_file is not None or weights_file is not None,
            measured_counts=counts == "measured",
            sources=Sources(
                input=None if input_file is None else Path(input_file),
                weights=None if weights_file is None else Path(weights_file),
                seed=seed,
            ),
        )
        write = None if out is None else lambda writer: write_binary(Path(out) / "trace.npz", writer)
        files = dict(chip.files + work.files)
        return answer(chip.value, work.value, request, files=files, write=write, progress=progress)

    result = patiently(f"{work.value.name} on {chip.value.name}", job)

    from hwsim.report.explanation import explanation_text
    from hwsim.report.export import run_files, to_json
    from hwsim.report.files import write_binary
    from hwsim.report.quality import run_with_quality_text

    deliver(json_file, out, lambda: to_json(result), lambda: run_files(result))
    if out is not None and result.quality is not None:
        from hwsim.report.quality_figure import quality_png

        png = quality_png(f"{result.summary.workload} in {result.summary.precision}", result.quality)
        write_binary(Path(out) / "quality.png", lambda file: file.write(png))
    text = run_with_quality_text if explained is None else explanation_text
    tell(json_file, lambda screen: text(result, result.operation.clock, screen))
    if explain_energy:
        from hwsim.report.energy import energy_text

        tell(json_file, lambda screen: "\n" + energy_text(result, screen))

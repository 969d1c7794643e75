"""`hwsim run`: one workload on one chip."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwsim.cli.around_options import around_options, changes, ranges, refuse_values
from hwsim.cli.options import (
    ARCH,
    DIMENSIONS,
    HTML,
    PDF,
    PRECISION,
    WORKLOAD,
    Ops,
    Points,
    banks_options,
    bursts_of,
    dimensions,
    measuring_of,
    objective_option,
    output_options,
    power_of,
    run_files_of,
    selection_of,
    trace_options,
    values_options,
)
from hwsim.cli.paths import Command, Reads, check_outputs, command_line, deliver
from hwsim.cli.terminal import tell, tell_cut, tell_written, with_progress
from hwsim.quantities.plain_data import Objective, Progress

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip
    from hwsim.ir.workload import Workload
    from hwsim.mapping.planner import Planned
    from hwsim.results.pictured import Pictured
    from hwsim.results.result import Result
    from hwsim.results.tiles_result import TilesResult
    from hwsim.results.traced import Extent, Selection

TRACE = "trace.npz"
"""What `--out` writes of values while they are computed."""


@click.command(name="run", cls=Command)
@click.argument("arch", type=ARCH)
@click.argument("workload", type=WORKLOAD)
@PRECISION
@click.option("--full", is_flag=True, help="Print all tables, instead of the one screen.")
@click.option("--tensors", is_flag=True, help="Print where each tensor lies, instead of the one screen.")
@click.option("--sources", is_flag=True, help="Print which constants have no source, instead of the one screen.")
@click.option("--explain-energy", is_flag=True, help="Print each action's count, price, rounding and source, instead.")
@click.option("--explain", "explained", type=Ops(), metavar="OP", help="Show why this op runs as it does, instead.")
@DIMENSIONS
@click.option("--point", type=Points(), metavar="NAME", help="Run at this operating point of the chip.")
@click.option("--power-cap", metavar="POWER", help="Lower the clock until the average power keeps within it: 500 mW.")
@click.option(
    "--zero-gating",
    type=Reads(),
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
@around_options
@banks_options
@trace_options
@output_options(run_files_of)
@PDF
@HTML
def command(
    arch: str,
    workload: str,
    precision: str | None,
    full: bool,
    tensors: bool,
    sources: bool,
    explain_energy: bool,
    explained: str | None,
    dims: tuple[str, ...],
    point: str | None,
    power_cap: str | None,
    zero_gating: str | None,
    objective: str,
    values: bool,
    counts: str,
    input_file: str | None,
    weights_file: str | None,
    seed: int,
    band: tuple[str, ...],
    what_if: tuple[str, ...],
    dram_banks: bool,
    dram_bursts: int | None,
    trace: str | None,
    trace_op: str | None,
    trace_iterations: int | None,
    trace_events: int | None,
    json_file: str | None,
    out: str | None,
    pdf: bool,
    html_file: str | None,
) -> None:
    """Run WORKLOAD on ARCH; each is a YAML file or a shipped name (see hwsim list).

    Example: hwsim run arch/int4_array.yaml workloads/rnnt.yaml --out results
    """
    from hwsim.cli.paths import chip_and_workload, naming, op_named
    from hwsim.quantities.precision import policy

    if precision is not None:
        policy(precision)
    cap, varied, changed = power_of(power_cap), ranges(band), changes(what_if)
    bursts = bursts_of(dram_banks, dram_bursts)
    selection = selection_of(trace, trace_op, trace_iterations, trace_events)
    chip, work = chip_and_workload(arch, workload, precision, dimensions(dims), heard=input_file)
    check_outputs()
    measuring = measuring_of(values, counts, input_file, weights_file, seed, zero_gating)
    refuse_values(band, what_if, measuring)
    if selection is not None:
        from hwsim.results.traced import check_selection

        check_selection(selection, [placed.op.name for placed in work.value.program.placed()])
    shown: list[Extent] = []
    pictures: list[Pictured] = []

    def watch(chip: "AnyChip", work: "Workload", planned: "Planned | None") -> None:
        if trace is not None and selection is not None:
            shown.append(_traced(chip, work, planned, selection, Path(trace)))
        if out is not None or html_file is not None:
            from hwsim.study.pictured import pictured

            pictures.append(pictured(chip, work, planned))

    def job(progress: Progress) -> "Result | TilesResult":
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.report.files import write_binary
        from hwsim.study.simulate import Request, run

        request = Request(
            point=point,
            power_cap=cap,
            explained=op_named(work.value, explained),
            objective=Objective(objective),
            dram_bursts=bursts,
            measuring=measuring,
        )
        write = None if out is None else lambda writer: write_binary(Path(out) / TRACE, writer)
        files = dict(chip.files + work.files)
        with naming(chip, work):
            if not varied and not changed:
                return run(chip.value, work.value, request, files=files, write=write, progress=progress, watch=watch)
            from hwsim.study.around import Around, run_around

            around = Around(band=varied, changes=tuple(changed), seed=seed)
            return run_around(chip.value, work.value, request, around, files=files, progress=progress, watch=watch)

    result = with_progress(f"{work.value.name} on {chip.value.name}", job)
    written = _written(result, pictures, json_file, out, html_file, pdf=pdf)

    from hwsim.report.asked import Asked
    from hwsim.report.screen import run_text

    asked = Asked(full=full, tensors=tensors, sources=sources, energy=explain_energy)
    tell(json_file, lambda screen: run_text(result, asked, screen))
    tell_written(written if trace is None else [*written, Path(trace)])
    for extent in shown:
        tell_cut(extent)


def _traced(
    chip: "AnyChip", work: "Workload", planned: "Planned | None", selection: "Selection", file: Path
) -> "Extent":
    """Write a timeline, line by line; how much of the run it is."""
    from hwsim.report.files import write_binary
    from hwsim.report.perfetto import perfetto
    from hwsim.study.traced import traced

    timeline = traced(chip, work, planned, selection)
    write_binary(file, lambda part: part.writelines(line.encode() for line in perfetto(timeline)))
    return timeline.extent


def _written(
    result: "Result | TilesResult",
    pictures: "list[Pictured]",
    json_file: str | None,
    out: str | None,
    html_file: str | None,
    *,
    pdf: bool,
) -> list[Path]:
    """Write the files that were asked for; a trace lies in the folder since the values were computed."""
    if json_file is None and not pictures:
        return []
    from hwsim.report.export import run_files, to_json

    def files() -> dict[str, str | bytes]:
        from hwsim.report.plots.sets import drawn_files, run_drawings

        return run_files(result) | drawn_files(run_drawings(result, pictures[0]), pdf=pdf)

    def page() -> str:
        from hwsim.report.page.run import run_page

        return run_page(result, pictures[0], command_line())

    written = deliver(json_file, out, lambda: to_json(result), files, (html_file, page))
    return written if out is None or result.quality is None else [*written, Path(out) / TRACE]

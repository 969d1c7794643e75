"""`hwsim allocate`: a format for each layer within budgets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli.options import (
    ARCH,
    DIMENSIONS,
    HTML,
    JSON,
    PDF,
    WORKLOAD,
    Policies,
    dimensions,
    listed,
    objective_option,
    sources_of,
    values_options,
)
from hwsim.cli.paths import Command, Writes, WritesInto, check_outputs, command_line, deliver
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.errors import InvalidValue
from hwsim.quantities.plain_data import Progress

if TYPE_CHECKING:
    from hwsim.inputs.opened import Loaded
    from hwsim.ir.workload import Workload
    from hwsim.results.allocation import AllocationOutcome, Chosen


def _files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that an allocation writes into a folder."""
    from hwsim.report.allocation_files import ALLOCATION_FILES, workload_files
    from hwsim.report.export import drawn

    workloads = workload_files(len(listed(params["budgets"])))
    return (*ALLOCATION_FILES, *workloads, *drawn(("budget_curve",), pdf=params["pdf"]))


@click.command(name="allocate", cls=Command)
@click.argument("arch", type=ARCH)
@click.argument("workload", type=WORKLOAD)
@click.option(
    "--budget",
    "--budgets",
    "budgets",
    required=True,
    metavar="LIST",
    help="At most so much, or several with commas: 8MB, 13.6x (times smaller than fp32), rtf=0.0002, 2ms, 5mJ.",
)
@click.option(
    "--precisions",
    type=Policies(several=True),
    metavar="LIST",
    help="Policies among which is chosen; weights of 2, 3, 4 and 8 bits, if nothing is said.",
)
@click.option("--bottlenecks", metavar="LIST", help="Also choose widths of a TDNN-F's bottlenecks: 96,128,160.")
@click.option(
    "--sensitivity",
    default="sqnr",
    show_default=True,
    metavar="sqnr|kl|local|FILE",
    help="What is made least: noise at the output, divergence of its softmax, noise of each layer, what a file says.",
)
@click.option(
    "--beside",
    multiple=True,
    metavar="WORKLOAD[:POLICY]",
    help="A network that shares budgets of bytes, such as transformer_lm:w2a8.",
)
@click.option(
    "--heard", default="2 s", show_default=True, metavar="TIME", help="How much audio layers are compared on."
)
@DIMENSIONS
@objective_option
@values_options
@click.option("--full", is_flag=True, help="Print all layers.")
@click.option("--write", type=Writes(), metavar="FILE.yaml", help="Write the workload with what was chosen.")
@click.option("--csv", "csv_file", type=Writes(), metavar="FILE", help="Write all options of all layers as CSV.")
@click.option(
    "--out",
    type=WritesInto(_files_of),
    metavar="DIR",
    help="Write JSON, CSV, a figure (SVG) and a workload for each budget into this folder.",
)
@JSON
@PDF
@HTML
def command(
    arch: str,
    workload: str,
    budgets: str,
    precisions: str | None,
    bottlenecks: str | None,
    sensitivity: str,
    beside: tuple[str, ...],
    heard: str,
    dims: tuple[str, ...],
    objective: str,
    input_file: str | None,
    weights_file: str | None,
    seed: int,
    full: bool,
    write: str | None,
    csv_file: str | None,
    out: str | None,
    json_file: str | None,
    pdf: bool,
    html_file: str | None,
) -> None:
    """Choose a precision for each layer of WORKLOAD, so that least is lost within budgets of bytes, time or energy.

    Example: hwsim allocate int4_array tdnnf_7q --budgets 8MB,11MB,16MB
    """
    from hwsim.cli.paths import chip_named, naming, workload_named
    from hwsim.quantities.fields import PICOSECONDS, whole
    from hwsim.study.allocation.budgets import read_budgets

    asked = listed(budgets)
    read_budgets(asked)
    if write is not None and len(asked) > 1:
        raise InvalidValue("--write", write, "is one workload, and there are several budgets; use --out DIR")
    widths, length = _widths(bottlenecks), whole(PICOSECONDS, "--heard", heard)
    chip, work = chip_named(arch), workload_named(workload, None, dimensions(dims))
    others = [_other(written) for written in beside]
    check_outputs()

    def job(progress: Progress) -> "AllocationOutcome":
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.allocation.allocate import allocate

        files = dict(chip.files + work.files + tuple(file for other in others for file in other.files))
        with naming(work):
            return allocate(
                chip.value, work.value, asked, precisions=listed(precisions or ""), bottlenecks=widths,
                sensitivity=sensitivity, beside=[other.value for other in others],
                sources=sources_of(input_file, weights_file, seed), heard=length, objective=objective, files=files,
                progress=progress,
            )  # fmt: skip

    outcome = with_progress(f"{work.value.name} on {chip.value.name}", job)
    _deliver(outcome, work, write, csv_file, out, json_file, html_file, pdf=pdf)

    from hwsim.report.allocation_screen import allocation_text

    tell(json_file, lambda screen: allocation_text(outcome, screen, full=full))


def _widths(written: str | None) -> list[int]:
    entries = listed(written or "")
    for entry in entries:
        if not entry.isdecimal() or len(entry) > 9:
            raise InvalidValue("--bottlenecks", written, "must be whole numbers with commas, such as 96,128,160")
    return [int(entry) for entry in entries]


def _other(written: str) -> "Loaded[Workload]":
    """A workload, and behind a colon its policy."""
    from hwsim.cli.paths import workload_named
    from hwsim.quantities.precision import policy

    name, colon, precision = written.rpartition(":")
    if not colon:
        return workload_named(written)
    policy(precision)
    return workload_named(name, precision)


def _deliver(
    outcome: "AllocationOutcome",
    work: "Loaded[Workload]",
    write: str | None,
    csv_file: str | None,
    out: str | None,
    json_file: str | None,
    html_file: str | None,
    *,
    pdf: bool,
) -> None:
    from hwsim.report.allocation_files import allocation_files, workload_files
    from hwsim.report.allocation_screen import option_rows
    from hwsim.report.export import to_csv, to_json
    from hwsim.report.files import write_file

    def workload(chosen: "Chosen", folder: Path) -> str:
        from hwsim.inputs.written_workload import written_workload
        from hwsim.study.allocation.formats_of_layers import allocated_plan, allocated_widths

        return written_workload(
            work, allocated_plan(work.value, outcome, chosen), allocated_widths(work.value, outcome, chosen),
            name=f"{work.value.name}_allocated", given=command_line(), folder=folder,
        )  # fmt: skip

    def files() -> dict[str, str | bytes]:
        from hwsim.report.plots.sets import allocation_drawings, drawn_files

        assert out is not None
        names = workload_files(len(outcome.chosen))
        workloads = {name: workload(chosen, Path(out)) for name, chosen in zip(names, outcome.chosen, strict=True)}
        return allocation_files(outcome) | workloads | drawn_files(allocation_drawings(outcome), pdf=pdf)

    def page() -> str:
        from hwsim.report.page.allocation import allocation_page

        return allocation_page(outcome, command_line())

    written = deliver(json_file, out, lambda: to_json(outcome), files, (html_file, page))
    if write is not None:
        write_file(Path(write), workload(outcome.chosen[0], Path(write).parent))
        written.append(Path(write))
    if csv_file is not None:
        write_file(Path(csv_file), to_csv(option_rows(outcome)))
        written.append(Path(csv_file))
    tell_written(written)

"""`hwsim table`: the table of a paper, workloads on chips in several precisions."""

from collections.abc import Iterable
from pathlib import Path

import click

from hwsim.cli.options import ARCH, JSON, CompletedText, Named, Policies, listed, objective_option
from hwsim.cli.paths import Command, Writes, check_outputs, deliver
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.errors import InvalidValue
from hwsim.inputs.files import Kind
from hwsim.quantities.plain_data import Progress

TERMINAL = "terminal"
FORMATS = {"markdown": ".md", "latex": ".tex", "csv": ".csv"}
"""The formats of files, and the ends of names that stand for them."""


class Columns(CompletedText):
    """Columns of the table."""

    def known(self, ctx: click.Context) -> Iterable[str]:
        from hwsim.results.paper_columns import COLUMNS

        return COLUMNS


@click.command(name="table", cls=Command)
@click.argument("chips", type=ARCH, nargs=-1, required=True, metavar="CHIP...")
@click.option(
    "--workloads",
    type=Named(Kind.WORKLOAD, several=True),
    required=True,
    metavar="LIST",
    help="Workloads, with commas between them.",
)
@click.option(
    "--precisions",
    type=Policies(several=True),
    default="fp16,w8a8,w4a4",
    show_default=True,
    metavar="LIST",
    help="Policies for the whole model, in place of that of the file and its rules; gains are relative to the first.",
)
@click.option(
    "--columns",
    type=Columns(several=True),
    metavar="LIST",
    help="What to show, such as rtf,energy,dram.",
)
@click.option(
    "--format",
    "written_as",
    type=click.Choice([TERMINAL, *FORMATS]),
    help="How the table is written; as the name of --out ends, if nothing is said, else for the terminal.",
)
@objective_option
@click.option("--out", type=Writes(), metavar="FILE", help="Write the table into this file: .md, .tex or .csv.")
@JSON
def command(
    chips: tuple[str, ...],
    workloads: str,
    precisions: str,
    columns: str | None,
    written_as: str | None,
    objective: str,
    out: str | None,
    json_file: str | None,
) -> None:
    """Run workloads on chips in several precisions and write the figures as the table of a paper.

    Example: hwsim table int4_array --workloads rnnt,conformer_m --columns rtf,energy,dram --format latex
    """
    from hwsim.cli.paths import chip_and_workload, workload_named
    from hwsim.quantities.precision import policy
    from hwsim.results.paper_columns import USUAL, check_columns
    from hwsim.results.paper_table import PaperTable

    shown = list(USUAL) if columns is None else listed(columns)
    check_columns(shown)
    names = listed(precisions)
    for name in names:
        policy(name)
    kind = format_of(written_as, out)
    asked = listed(workloads)
    for option, entries, said in (
        ("--workloads", asked, workloads),
        ("--precisions", names, precisions),
        ("--columns", shown, columns),
    ):
        if not entries:
            raise InvalidValue(option, said, "must list at least one")
    pairs = [chip_and_workload(chip, asked[0]) for chip in chips]
    on, works = [chip for chip, _ in pairs], [pairs[0][1], *map(workload_named, asked[1:])]
    check_outputs()

    def job(progress: Progress) -> PaperTable:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.paper_table import table

        given = [chip.value for chip in on], [work.value for work in works]
        files = dict(pair for read in (*[chip.files for chip in on], *[work.files for work in works]) for pair in read)
        return table(*given, names, columns=shown, objective=objective, files=files, progress=progress)

    made = with_progress("table", job)

    from hwsim.report.export import to_json
    from hwsim.report.files import write_file
    from hwsim.report.paper_table import FORMATTED, terminal

    text = None if kind == TERMINAL else FORMATTED[kind](made)
    if out is not None and text is not None:
        write_file(Path(out), text)
    written = deliver(json_file, None, lambda: to_json(made), dict)
    tell(json_file, lambda screen: terminal(made, screen) if text is None or out is not None else text)
    tell_written([*written, *([] if out is None else [Path(out)])])


def format_of(written_as: str | None, out: str | None) -> str:
    """How the table is written."""
    ends = {end: name for name, end in FORMATS.items()}
    if out is None:
        return written_as or TERMINAL
    if written_as == TERMINAL:
        raise InvalidValue("--format", written_as, f"is for the screen; a file has {', '.join(FORMATS)}")
    found = written_as or ends.get(Path(out).suffix)
    if found is None:
        raise InvalidValue("--out", out, f"must end in {', '.join(ends)}, unless --format says what it is")
    return found

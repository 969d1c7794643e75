"""`hwsim report`: writes the pages, tables and figures of studies again."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from hwsim.cli.paths import Command
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.errors import InvalidValue
from hwsim.quantities.plain_data import Progress

if TYPE_CHECKING:
    from hwsim.report.study_processes import Made

ALL = "all"


class Studies(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions alone
    """The name of a study, or its folder."""

    name = "study"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from hwsim.inputs.studies import names_of_studies

        return [CompletionItem(name) for name in (ALL, *names_of_studies()) if name.startswith(incomplete)]


@click.command(name="report", cls=Command)
@click.argument("studies", type=Studies(), nargs=-1, required=True, metavar="STUDY...")
@click.option("--out", metavar="DIR", help="Write into DIR/STUDY in place of the study's own folder.")
def command(studies: tuple[str, ...], out: str | None) -> None:
    """Make all runs of a STUDY again, a folder under reports/ with a study.yaml; write its page, tables and figures.

    `all` stands for every study under reports/.

    Example: hwsim report rnnt_int4
    """
    from hwsim.inputs.studies import names_of_studies, open_study

    if out is not None and not out:
        raise InvalidValue("--out", out, "names no folder")
    asked = names_of_studies() if ALL in studies else tuple(dict.fromkeys(studies))
    opened = list({study.folder.resolve(): study for study in map(open_study, asked or (ALL,))}.values())
    names = [study.name for study in opened]
    for name in names:
        if out is not None and names.count(name) > 1:
            raise InvalidValue(
                "--out", out, f"would hold two studies of the name {name}; write each into its own folder"
            )

    def job(progress: Progress) -> "list[Made]":
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.report.study_processes import made

        return list(made(opened, progress))

    found = with_progress("report", job)

    from hwsim.report.study_files import write_study
    from hwsim.report.study_screen import study_text

    for study, (outcome, files) in zip(opened, found, strict=True):
        tell(None, partial(study_text, outcome))
        tell_written(write_study(study.folder if out is None else Path(out) / study.name, files))

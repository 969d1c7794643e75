"""`hwsim diff`: what changed between two results."""

import click

from hwsim.cli.options import JSON
from hwsim.cli.paths import Command, Reads, check_outputs, deliver
from hwsim.cli.terminal import tell, tell_written


@click.command(name="diff", cls=Command)
@click.argument("before", type=Reads(), metavar="RESULT_A")
@click.argument("after", type=Reads(), metavar="RESULT_B")
@click.option("--full", is_flag=True, help="Print all tables, instead of the one screen.")
@JSON
def command(before: str, after: str, full: bool, json_file: str | None) -> None:
    """Show what changed from RESULT_A to RESULT_B, which hwsim run --json wrote.

    Headline figures, parts, ops, energy by component, tensors that lie elsewhere, and what the results rest on.

    Example: hwsim diff before.json after.json
    """
    check_outputs()

    from pathlib import Path

    from hwsim.inputs.result import load_result
    from hwsim.report.difference import difference_text
    from hwsim.report.difference_screen import difference_screen
    from hwsim.report.export import to_json
    from hwsim.study.diff import diff

    found = diff(load_result(Path(before)), load_result(Path(after)))
    written = deliver(json_file, None, lambda: to_json(found), dict)
    text = difference_text if full else difference_screen
    tell(json_file, lambda screen: text(found, screen))
    tell_written(written)

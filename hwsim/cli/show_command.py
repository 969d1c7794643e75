"""`hwsim show`: the file of something that is shipped."""

import sys

import click

from hwsim.cli.options import ANY
from hwsim.cli.paths import Command
from hwsim.cli.terminal import write_stream


@click.command(name="show", cls=Command)
@click.argument("name", type=ANY)
def command(name: str) -> None:
    """Print the file of the shipped chip, workload or price table NAME, to read it or to begin one's own with.

    Example: hwsim show int4_array > mine.yaml
    """
    from hwsim.inputs.files import text

    write_stream(sys.stdout, "standard output", text(name))

"""`hwsim list`: what is shipped."""

import click

from hwsim.cli.command import Command
from hwsim.cli.streams import say


@click.command(name="list", cls=Command)
def command() -> None:
    """List the chips, workloads and price tables that come with hwsim; their names can be used instead of files.

    Example: hwsim list
    """
    from shutil import get_terminal_size
    from textwrap import shorten

    from hwsim.inputs.shipped import Kind, about, names

    longest = max(len(name) for kind in Kind for name in names(kind))
    room = max(get_terminal_size((100, 24)).columns - longest - 4, 30)
    for kind in Kind:
        say(f"{kind.title}s:")
        for name in names(kind):
            say(f"  {name:{longest}}  {shorten(about(kind, name), room, placeholder=' …', break_on_hyphens=False)}")

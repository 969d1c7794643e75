"""`hwsim list`: what is shipped."""

import click

from hwsim.cli.paths import Command
from hwsim.cli.terminal import say, screen_of


@click.command(name="list", cls=Command)
def command() -> None:
    """List what comes with hwsim: chips, workloads, price tables and DRAM devices; names can be used instead of files.

    Example: hwsim list
    """
    import sys
    from textwrap import shorten

    from hwsim.inputs.files import Kind, about, all_names

    longest = max(len(name) for kind in Kind for name in all_names(kind))
    terminal = sys.stdout is not None and sys.stdout.isatty()
    room = screen_of(sys.stdout).width - longest - 4
    for kind in Kind:
        say(f"{kind.title}s:")
        for name in all_names(kind):
            description = " ".join(about(kind, name).split())
            if terminal:  # a program gets whole sentences
                description = shorten(description, room, placeholder=" …", break_on_hyphens=False)
            say(f"  {name:{longest}}  {description}")

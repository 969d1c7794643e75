"""What all commands are: they check their files before any work, and print their help as they print the rest."""

from typing import Any

import click

from hwsim.cli.paths import check_paths
from hwsim.cli.streams import say


def _show_help(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        say(ctx.get_help())
        ctx.exit()


class Helpful(click.Command):
    """A command, or a group of them, whose help goes where the rest goes: also where that is full or closed."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


class Command(Helpful):
    """A command that refuses to lose a file, before it does anything else."""

    def invoke(self, ctx: click.Context) -> Any:
        check_paths(ctx)
        return super().invoke(ctx)

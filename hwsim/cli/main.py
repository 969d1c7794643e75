"""The command line: finds the command, loads only what it needs, and turns errors into one line and an exit code."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

import click

from hwsim.errors import UserError

# Each command lives in a file of its own, which is imported when the command is called.
COMMANDS = {
    "run": "one run: latency, real-time factor, energy, traffic, and where they come from",
    "compare": "the same workload in several precisions, side by side",
    "trace": "the integers of every op of a quantised model, and what quantisation loses",
    "gemm": "one bit-exact matrix product on the chip's array",
    "scalesim": "a configuration and a topology of SCALE-Sim: its columns, and what hardware takes",
    "check": "validate a chip, workload or price file",
    "schema": "the JSON Schema of a kind of file",
    "list": "what is shipped",
}

EXIT_OK, EXIT_DEFECT, EXIT_USER, EXIT_INTERRUPTED = 0, 1, 2, 130


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"hwsim.cli.{cmd_name}_command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hwsim")
def hwsim() -> None:
    """Exact cycles, energy and memory traffic of quantised speech recognisers on accelerators.

    Example: hwsim run int4_array rnnt
    """


def main(args: Sequence[str]) -> int:
    """Run a command; the exit code. Without arguments it helps."""
    try:
        # Not hwsim.main(): that one has its own ideas of exit codes, for a broken pipe above all.
        with hwsim.make_context("hwsim", list(args) or ["--help"]) as context:
            hwsim.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        return _complain(error.format_message())
    except UserError as error:
        return _complain(str(error))
    return EXIT_OK


def run() -> None:
    """The console script."""
    if "_HWSIM_COMPLETE" in os.environ:
        hwsim.main(prog_name="hwsim")  # the shell asks for completions
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show µ still shows the rest
    # A command makes many small values and few cycles: looking for these after every 700 takes a tenth of its time.
    gc.set_threshold(50_000)
    try:
        code = main(sys.argv[1:])
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away, as `| head` does: nothing is wrong, but nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_OK
    sys.exit(code)


def _complain(message: str) -> int:
    if sys.stderr is not None:
        print("hwsim: " + " ".join(message.split()), file=sys.stderr)
    return EXIT_USER

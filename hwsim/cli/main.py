"""The command line: finds the command, loads only what it needs, and turns errors into one line and an exit code."""

import gc
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from types import FrameType

import click

from hwsim.cli.paths import Helpful
from hwsim.cli.terminal import say
from hwsim.errors import UnknownName, UserError, printable

# Each command lives in a file of its own, which is imported when the command is called.
COMMANDS = {
    "run": "one run: latency, real-time factor, energy, traffic, and where they come from",
    "compare": "the same workload in several precisions, side by side",
    "table": "the table of a paper: workloads on chips in precisions, as text, Markdown, LaTeX or CSV",
    "sweep": "many points of chips and workloads: the best of them, and what moves figures",
    "tune": "what the next doubling of each resource of a chip buys, and the best few changes within limits",
    "allocate": "a format for each layer, so that least is lost within budgets of bytes, time or energy",
    "report": "studies: published figures beside predicted ones, with their pages, tables and figures",
    "diff": "what changed between two results: figures, ops, energy, tensors, assumptions",
    "recognise": "what a network on a chip hears of recordings: error rates beside time and energy",
    "trace": "the integers of every op of a quantised model, and what quantisation loses",
    "gemm": "one bit-exact matrix product on the chip's array",
    "mvm": "vectors times a matrix on analog tiles",
    "drift": "a network on analog tiles as they age: signal to noise and agreement beside exact integers",
    "stream": "in real time: when sounds are recognised, how many streams fit, lengths of utterances, a fleet",
    "scalesim": "a configuration and a topology of SCALE-Sim: its columns, and what hardware takes",
    "check": "validate files of chips, workloads, prices and DRAM devices, and whether workloads run on chips",
    "ops": "the ops of a workload: names, shapes, precisions, and what rules match",
    "list": "what is shipped",
    "show": "the file of a shipped chip, workload, price table or DRAM device",
    "schema": "the JSON Schema of a kind of file",
}

EXIT_OK, EXIT_DEFECT, EXIT_USER, EXIT_INTERRUPTED, EXIT_SIGNAL = 0, 1, 2, 130, 128


class _Lazy(Helpful, click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"hwsim.cli.{cmd_name}_command").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise UnknownName("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        # Imported here because it reads metadata as mail is read, with all that this takes.
        from importlib.metadata import version

        say(f"hwsim, version {version('hwsim')}")
        ctx.exit()


@click.group(cls=_Lazy, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def hwsim() -> None:
    """Exact cycles, energy and memory traffic of quantised speech recognisers on accelerators.

    Example: hwsim run int4_array rnnt
    """


def main(args: Sequence[str]) -> int:
    """Run a command; the exit code. Without arguments it helps."""
    try:
        # Not hwsim.main(): that one has its own ideas of exit codes, for a broken pipe above all.
        with hwsim.make_context("hwsim", list(args) or ["--help"], obj=tuple(args)) as context:
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
    # A command makes many small values and few cycles: looking for cycles after every 700 takes a tenth of its time.
    # Most commands are done before they have made so many.
    gc.set_threshold(300_000)
    _end_in_order_when_asked_to()
    code = _without_warnings_beside_a_refusal(sys.argv[1:])
    gc.freeze()  # at its end Python would look for cycles in all that is left
    sys.exit(code)


def _without_warnings_beside_a_refusal(args: Sequence[str]) -> int:
    """The exit code; what libraries warn of is printed afterwards, unless one line has said what is wrong."""
    code, held = EXIT_DEFECT, []
    try:
        with warnings.catch_warnings(record=True) as held:
            code = main(args)
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away, as `| head` does: nothing is wrong, but nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_OK
    finally:
        for warning in held if code != EXIT_USER else ():
            warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    return code


def _end_in_order_when_asked_to() -> None:
    """SIGTERM and SIGHUP end the process as Ctrl-C does, so that it takes back what it has begun to write."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(EXIT_SIGNAL + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _complain(message: str) -> int:
    if sys.stderr is not None:
        print("hwsim: " + printable(" ".join(message.split())), file=sys.stderr)
    return EXIT_USER

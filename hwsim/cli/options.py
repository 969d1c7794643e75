"""Options that several commands share, and what they do with them."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hwsim.report.terminal import Screen

F = TypeVar("F", bound=Callable[..., Any])


def output_options(command: F) -> F:
    """`--json` and `--out`."""
    command = click.option(
        "--json", "json_file", metavar="FILE", help="Write the result as JSON; - prints it alone on standard output."
    )(command)
    return click.option("--out", "out", metavar="DIR", help="Write JSON and CSV files into this folder.")(command)


def deliver(
    json_file: str | None, out: str | None, document: Callable[[], str], files: Callable[[], Mapping[str, str]]
) -> None:
    """Write what the options ask for. Files come first, so that a full disk is told before anything is printed."""
    from hwsim.report.export import write_file, write_files

    if out is not None:
        write_files(Path(out), files())
    if json_file == "-":
        sys.stdout.write(document())
    elif json_file is not None:
        write_file(Path(json_file), document())


def tell(json_file: str | None, text: Callable[["Screen"], str]) -> None:
    """Print what people read, on standard error if a program reads standard output."""
    from hwsim.report.terminal import Screen

    stream = sys.stderr if json_file == "-" else sys.stdout
    terminal = stream.isatty()
    width = get_terminal_size().columns if terminal else Screen().width
    stream.write(text(Screen(width=width, colours=terminal and "NO_COLOR" not in os.environ)))

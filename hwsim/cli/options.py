"""Options that several commands share, and what they do with them."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from hwsim.core.objective import Objective
from hwsim.errors import FileProblem, InvalidValue

if TYPE_CHECKING:
    from hwsim.report.tables import Screen

F = TypeVar("F", bound=Callable[..., Any])


def output_options(command: F) -> F:
    """`--json` and `--out`."""
    command = click.option(
        "--json", "json_file", metavar="FILE", help="Write the result as JSON; - prints it alone on standard output."
    )(command)
    return click.option("--out", "out", metavar="DIR", help="Write JSON and CSV files into this folder.")(command)


def objective_option(command: F) -> F:
    """`--objective`."""
    return click.option(
        "--objective",
        type=click.Choice([one.value for one in Objective]),
        default=Objective.LATENCY.value,
        show_default=True,
        help="What the mapper makes least; of plans about as fast, latency takes the one with least energy.",
    )(command)


def power_of(written: str | None) -> Fraction | None:
    """A power with its unit, as an option gives it."""
    from hwsim.core.units import WATTS
    from hwsim.errors import InvalidValue

    if written is None:
        return None
    try:
        power = WATTS.parse(written)
    except ValueError as error:
        raise InvalidValue("--power-cap", written, str(error)) from error
    problem = WATTS.broken_by(power) or (None if power else "must be above 0 W")
    if problem is not None:
        raise InvalidValue("--power-cap", written, problem)
    return Fraction(power)


def values_options(command: F) -> F:
    """`--input`, `--weights` and `--seed`."""
    command = click.option(
        "--seed", default=0, show_default=True, metavar="N", help="Draws the inputs and weights that no file gives."
    )(command)
    command = click.option(
        "--weights", "weights_file", metavar="FILE", help="Parameters by name, as safetensors or NPZ."
    )(command)
    return click.option(
        "--input", "input_file", metavar="FILE", help="What the model hears: a WAV file, or features as NPZ."
    )(command)


def dimensions(written: Sequence[str]) -> dict[str, int]:
    """What `NAME=N` says, several times."""
    found = {}
    for text in written:
        name, _, number = text.partition("=")
        if not name or not number.isdecimal() or len(number) > 20:
            raise InvalidValue("--dim", text, "must be a name and a whole number, such as encoder.layers=4")
        found[name] = int(number)
    return found


def check_outputs(json_file: str | None, out: str | None) -> None:
    """Refuse, before anything is computed, what could not be written afterwards."""
    from hwsim.report.files import check_target, make_folder

    if out is not None:
        make_folder(Path(out))
    if json_file is not None and json_file != "-":
        check_target(json_file)


def deliver(
    json_file: str | None, out: str | None, document: Callable[[], str], files: Callable[[], Mapping[str, str]]
) -> None:
    """Write what the options ask for. Files come first, so that a full disk is told before anything is printed."""
    from hwsim.report.files import write_file, write_files

    if out is not None:
        write_files(Path(out), files())
    if json_file == "-":
        write_stream(sys.stdout, "standard output", document())
    elif json_file is not None:
        write_file(Path(json_file), document())


def tell(json_file: str | None, text: Callable[["Screen"], str]) -> None:
    """Print what people read, on standard error if a program reads standard output."""
    from hwsim.report.tables import Screen

    stream, name = (sys.stderr, "standard error") if json_file == "-" else (sys.stdout, "standard output")
    terminal = stream is not None and stream.isatty()
    width = get_terminal_size().columns if terminal else 0
    colours = terminal and "NO_COLOR" not in os.environ
    write_stream(stream, name, text(Screen(width=max(width, Screen().width), colours=colours)))


def write_stream(stream: TextIO | None, name: str, text: str) -> None:
    """Write to a standard stream; one that was closed from the start takes everything and keeps nothing."""
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileProblem(name, f"cannot be written: {error.strerror}") from error

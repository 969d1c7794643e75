"""Options that several commands share."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import click

from hwsim.cli.completion import Dimensions, Policies
from hwsim.cli.paths import Reads, Writes, WritesInto
from hwsim.errors import InvalidValue
from hwsim.hardware.objective import Objective

F = TypeVar("F", bound=Callable[..., Any])


PRECISION = click.option(
    "--precision",
    type=Policies(),
    metavar="POLICY",
    help="Use this policy for the whole model: fp16, w8a8, w4a8, w4a4, …",
)
DIMENSIONS = click.option(
    "--dim",
    "dims",
    type=Dimensions(),
    multiple=True,
    metavar="NAME=N",
    help="Another dimension, such as encoder.layers=4.",
)
JSON = click.option(
    "--json",
    "json_file",
    type=Writes(standard_output=True),
    metavar="FILE",
    help="Write the result as JSON; - prints it alone on standard output.",
)


def output_options(files: Callable[[Mapping[str, Any]], Sequence[str]]) -> Callable[[F], F]:
    """`--json` and `--out`, with which a command writes those files."""
    into = click.option(
        "--out", "out", type=WritesInto(files), metavar="DIR", help="Write JSON and CSV files into this folder."
    )
    return lambda command: into(JSON(command))


def wants_values(values: bool, counts: str, input_file: str | None, weights_file: str | None) -> bool:
    """Whether these options of a run need its values."""
    return values or counts == "measured" or input_file is not None or weights_file is not None


def run_files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that a run writes into a folder."""
    from hwsim.report.export import RUN_FILES, VALUES_FILES

    asked = [params[name] for name in ("values", "counts", "input_file", "weights_file")]
    return (*RUN_FILES, *(VALUES_FILES if wants_values(*asked) else ()))


def comparison_files_of(_: Mapping[str, Any]) -> Sequence[str]:
    """The files that a comparison writes into a folder."""
    from hwsim.report.export import COMPARISON_FILES

    return COMPARISON_FILES


def scalesim_files_of(_: Mapping[str, Any]) -> Sequence[str]:
    """The files that a report of SCALE-Sim's layers writes into a folder."""
    from hwsim.scalesim.table import FILES

    return FILES


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
    from hwsim.quantities.units import power_cap

    return None if written is None else power_cap("--power-cap", written)


def values_options(command: F) -> F:
    """`--input`, `--weights` and `--seed`."""
    command = click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Draws the inputs and weights that no file gives.",
    )(command)
    command = click.option(
        "--weights",
        "weights_file",
        type=Reads(),
        metavar="FILE",
        help="Parameters by name, as safetensors or NPZ.",
    )(command)
    return click.option(
        "--input",
        "input_file",
        type=Reads(),
        metavar="FILE",
        help="What the model hears: a WAV file, or features as NPZ.",
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

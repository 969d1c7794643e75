"""The options of `run` that ask for runs around it: `--band` and `--what-if`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from hwsim.cli.options import CompletedText, before
from hwsim.errors import InvalidValue, Unsupported

F = TypeVar("F", bound=Callable[..., Any])


class Fields(CompletedText):
    """A number of the chip, its price table or the workload, with the value or the range that it gets."""

    def known(self, ctx: click.Context) -> Iterable[str]:
        from hwsim.inputs.chips import open_machine
        from hwsim.inputs.load import load_workload
        from hwsim.inputs.varied import number_paths

        nouns = open_machine(before(ctx, "arch")).value, load_workload(before(ctx, "workload")).recipe
        return [f"{path}=" for noun in nouns for path in number_paths(noun)]


def around_options(command: F) -> F:
    """`--band` and `--what-if`."""
    command = click.option(
        "--what-if",
        type=Fields(),
        multiple=True,
        metavar="FIELD=VALUE",
        help="Show what changes with another value of a field: dram.read=x2, or dram.read=80 GB/s,vector.lanes=x2.",
    )(command)
    return click.option(
        "--band",
        type=Fields(),
        multiple=True,
        metavar="FIELD=LOW..HIGH",
        help="Show what figures come to while a field lies anywhere in a range: dram.read=40 GB/s..80 GB/s.",
    )(command)


def ranges(written: Sequence[str]) -> dict[str, str]:
    """What `FIELD=LOW..HIGH` says, several times."""
    return _assigned("--band", written, "a field and its range, such as dram.read=40 GB/s..80 GB/s")


def changes(written: Sequence[str]) -> list[dict[str, str]]:
    """What `FIELD=VALUE,FIELD=VALUE` says, several times: changes that are made together."""
    law = "fields and their values, such as dram.read=x2,vector.lanes=128"
    return [_assigned("--what-if", text.split(","), law) for text in written]


def _assigned(option: str, written: Sequence[str], law: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in written:
        path, equals, value = (part.strip() for part in text.partition("="))
        if not (path and equals and value):
            raise InvalidValue(option, text, f"must be {law}")
        if path in values:
            raise InvalidValue(option, text, f"names {path} a second time")
        values[path] = value
    return values


def refuse_values(band: object, what_if: object, measuring: object) -> None:
    """Refuse bands and changed runs of a run whose values were measured: those are of one chip and one workload."""
    if measuring is not None and (band or what_if):
        option = "--band" if band else "--what-if"
        law = "runs what was not measured; leave out what measures values, such as --values"
        raise Unsupported(f"{option}: {law}")

"""Opens the files that a command names, none of which it may write over, and names them where one is at fault."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from hwsim.cli.paths import keep
from hwsim.errors import FileProblem, Unsupported, UserError, printable
from hwsim.hardware.chip import Chip
from hwsim.inputs.check import kind_named
from hwsim.inputs.load import Loaded, open_chip, open_workload
from hwsim.inputs.shipped import Kind
from hwsim.ir.workload import Workload


@contextmanager
def naming(*loaded: Loaded[Chip] | Loaded[Workload]) -> Iterator[None]:
    """What one of these files cannot do with the other is refused with the names of both; what is shipped is known."""
    try:
        yield
    except Unsupported as error:
        if all(one.opened.shipped for one in loaded):
            raise
        raise Unsupported(f"{', '.join(one.title for one in loaded)}: {error}") from error


def chip_and_workload(
    arch: str, workload: str, precision: str | None = None, dims: Mapping[str, int] | None = None
) -> tuple[Loaded[Chip], Loaded[Workload]]:
    """The chip, on which something must run, and the workload."""
    try:
        chip = chip_named(arch)
    except UserError as error:
        if kind_named(arch) is Kind.WORKLOAD:
            raise FileProblem(printable(arch), "is a workload; the order is ARCH WORKLOAD") from error
        raise
    from hwsim.study.operating import check_chip

    check_chip(chip)
    return chip, workload_named(workload, precision, dims)


def chip_named(arch: str) -> Loaded[Chip]:
    """The chip."""
    chip = open_chip(arch)
    keep(click.get_current_context(), chip.paths)
    return chip


def workload_named(
    workload: str, precision: str | None = None, dims: Mapping[str, int] | None = None
) -> Loaded[Workload]:
    """The workload."""
    work = open_workload(workload, precision, dims)
    keep(click.get_current_context(), work.paths)
    return work

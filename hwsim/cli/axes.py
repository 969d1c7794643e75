"""What `--set FIELDS=VALUES` and `--at LIST` say, for the commands that take them."""

from fractions import Fraction
from typing import TYPE_CHECKING

from hwsim.cli.options import listed
from hwsim.errors import InvalidValue

if TYPE_CHECKING:
    from hwsim.results.sweep_file import SweepAxis


def axis_of(written: str) -> "SweepAxis":
    """An axis as `--set FIELDS=VALUES` says it."""
    from hwsim.results.sweep_file import SweepAxis

    fields, equals, values = (part.strip() for part in written.partition("="))
    paths = tuple(listed(fields))
    if not (paths and equals and values):
        law = "must be fields and their values, such as array.rows,array.cols=16,32 or dram.read=8 GB/s..64 GB/s*2"
        raise InvalidValue("--set", written, law)
    named = paths[0] if len(paths) == 1 else paths
    if ".." in values and "," not in values:
        return SweepAxis(fields=named, range=values)
    entries = [tuple(map(str.strip, value.split(":"))) if len(paths) > 1 else (value,) for value in listed(values)]
    return SweepAxis(fields=named, values=tuple(entry[0] if len(entry) == 1 else entry for entry in entries))


def ages_of(written: str) -> list[Fraction]:
    """The ages that a list names, in seconds."""
    from hwsim.quantities.fields import AGE

    ages = []
    for text in listed(written):
        try:
            ages.append(Fraction(AGE.parse(text)))
        except ValueError as error:
            raise InvalidValue("--at", text, str(error)) from error
    return ages

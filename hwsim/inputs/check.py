"""Which kind of file is this, and is it valid?"""

from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import FileProblem
from hwsim.inputs.load import Opened, chip_from, open_path, prices_from, workload_from
from hwsim.inputs.shipped import Kind

# The field by which a kind of file is known.
_MARKS = {"array": Kind.ARCH, "audio": Kind.WORKLOAD, "multiply": Kind.ENERGY}


@dataclass(frozen=True, slots=True)
class Checked:
    """A valid file: what it describes, and by what name."""

    kind: Kind
    name: str


def check(path: Path) -> Checked:
    """Validate a file; FileProblem says what is wrong with it."""
    opened = open_path(path)
    match _kind(opened):
        case Kind.ARCH:
            return Checked(Kind.ARCH, chip_from(opened).name)
        case Kind.WORKLOAD:
            return Checked(Kind.WORKLOAD, workload_from(opened).name)
        case Kind.ENERGY:
            return Checked(Kind.ENERGY, prices_from(opened).name)


def _kind(opened: Opened) -> Kind:
    entries = opened.document.value
    for mark, kind in _MARKS.items():
        if isinstance(entries, dict) and mark in entries:
            return kind
    marks = ", ".join(f"{mark} ({kind.title})" for mark, kind in _MARKS.items())
    raise FileProblem(opened.name, f"is neither chip, workload nor price table: has none of the fields {marks}")

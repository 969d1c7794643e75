"""Validates a file of any kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, UnknownName, UserError, shown
from hwsim.inputs.chips import machine_from
from hwsim.inputs.files import Kind, Located, all_names, locate
from hwsim.inputs.load import describes, device_from, prices_from, workload_from
from hwsim.inputs.model_files import is_model_file, model_workload
from hwsim.inputs.opened import Loaded, open_located


@dataclass(frozen=True, slots=True)
class Checked:
    """A valid file, and what it describes."""

    kind: Kind
    loaded: Loaded[Any]

    @property
    def name(self) -> str:
        name: str = self.loaded.value.name
        return name


def check(reference: str, dims: Mapping[str, int] | None = None) -> Checked:
    """Validate a file or a shipped name, a workload with these dimensions; FileProblem says what is wrong with it."""
    if is_model_file(reference):
        return Checked(Kind.WORKLOAD, model_workload(reference, dims=dims))
    opened = open_located(_locate(reference))
    kind = describes(opened.document)
    match kind:
        case Kind.ARCH:
            return Checked(kind, machine_from(opened))
        case Kind.WORKLOAD:
            return Checked(kind, workload_from(opened, dimensions=dims))
        case Kind.ENERGY:
            return Checked(kind, prices_from(opened))
        case Kind.DRAM:
            return Checked(kind, device_from(opened))
    raise FileProblem(
        opened.name, "is neither chip, workload, price table nor DRAM device: shares no field with any of them"
    )


def kind_named(reference: str) -> Kind | None:
    """What a file or shipped name describes; None if nothing can be told."""
    if is_model_file(reference):
        return Kind.WORKLOAD
    try:
        return describes(open_located(_locate(reference)).document)
    except UserError:
        return None


def _locate(reference: str) -> Located:
    """A file, or a shipped one of any kind."""
    try:
        is_file = Path(reference).name != reference or Path(reference).suffix or Path(reference).is_file()
    except (OSError, ValueError) as error:  # a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileProblem(shown(reference), f"cannot be read: {reason}") from error
    if is_file:
        return Located(Path(reference), reference)
    for kind in Kind:
        if reference in all_names(kind):
            return locate(kind, reference)
    raise UnknownName("file or shipped name", reference, [name for kind in Kind for name in all_names(kind)])

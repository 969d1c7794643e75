"""Chips, workloads and price tables that come with hwsim, found by name."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hwsim.errors import FileProblem, UnknownName, shown


class Kind(Enum):
    """What a file can describe, with the folder in which such files are shipped."""

    ARCH = "arch"
    WORKLOAD = "workload"
    ENERGY = "energy"

    @property
    def title(self) -> str:
        """What people call it."""
        return {Kind.ARCH: "chip", Kind.WORKLOAD: "workload", Kind.ENERGY: "price table"}[self]

    @property
    def folder(self) -> Path:
        """An installed package carries the folders inside; in a checkout they lie beside it."""
        package = Path(__file__).resolve().parents[1]
        root = package / "shipped" if (package / "shipped").is_dir() else package.parent
        return root / {Kind.ARCH: "arch", Kind.WORKLOAD: "workloads", Kind.ENERGY: "arch/energy"}[self]


@dataclass(frozen=True, slots=True)
class Located:
    """A file, and the name by which results speak of it: that of a shipped one is the same on every machine."""

    path: Path
    label: str


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all shipped files of a kind."""
    return tuple(sorted(path.stem for path in kind.folder.glob("*.yaml")))


def locate(kind: Kind, reference: str, beside: Path | None = None) -> Located:
    """The file that a path or a shipped name means; a file wins over a name.

    A relative path is looked for `beside` the file that it stands in, if it stands in one.
    """
    path = (beside or Path()) / reference
    try:
        if path.is_file():
            return Located(path, str(path))
        is_name = Path(reference).name == reference and not path.suffix
        shipped = kind.folder / f"{reference}.yaml"
        if is_name and shipped.is_file():
            return Located(shipped, f"{kind.value}/{reference} (shipped)")
        exists = path.exists()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileProblem(shown(reference), f"cannot be read: {reason}") from error
    if exists:
        return Located(path, str(path))
    if is_name:
        raise UnknownName(kind.title, reference, names(kind))
    raise FileProblem(shown_path(reference), f"there is no such file; shipped names: {', '.join(names(kind))}")


def shown_path(reference: str) -> str:
    """A path as it was written, unless it would not print."""
    return reference if reference.isprintable() else shown(reference)

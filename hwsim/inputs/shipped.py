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
    shipped: bool = False


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all shipped files of a kind."""
    return tuple(sorted(path.stem for path in kind.folder.glob("*.yaml")))


def about(kind: Kind, name: str) -> str:
    """What the file of a shipped name says about itself."""
    from hwsim.inputs.files import read_text
    from hwsim.inputs.yaml.document import read_document  # what only looks for a file does not wait for a parser

    said = read_document(read_text(kind.folder / f"{name}.yaml")).plain().get("about", "")
    return str(said)


def text(name: str) -> str:
    """The file of a shipped name, whatever its kind."""
    for kind in Kind:
        if name in names(kind):
            return (kind.folder / f"{name}.yaml").read_text(encoding="utf-8")
    raise UnknownName("shipped name", name, [name for kind in Kind for name in names(kind)])


def locate(kind: Kind, reference: str, beside: Path | None = None) -> Located:
    """The file that a path or a shipped name means; a file wins over a name.

    A relative path is looked for `beside` the file that it stands in, if it stands in one.
    """
    path = (beside or Path()) / reference
    if not reference.strip():
        raise FileProblem(shown(reference), f"names no {kind.title}")
    try:
        if path.is_file():
            return Located(path, str(path))
        is_name = Path(reference).name == reference and not path.suffix
        shipped = kind.folder / f"{reference}.yaml"
        if is_name and shipped.is_file():
            return Located(shipped, f"{kind.value}/{reference} (shipped)", shipped=True)
        exists = path.exists()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileProblem(shown(reference), f"cannot be read: {reason}") from error
    if exists:
        return Located(path, str(path))
    if is_name:
        for other in Kind:
            if reference in names(other):
                raise FileProblem(reference, f"is a {other.title}, where a {kind.title} is wanted")
        raise UnknownName(kind.title, reference, names(kind))
    raise FileProblem(shown_path(reference), f"there is no such file; shipped names: {', '.join(names(kind))}")


def shown_path(reference: str) -> str:
    """A path as it was written, unless it would not print."""
    return reference if reference.isprintable() else shown(reference)

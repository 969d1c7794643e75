"""Reading a file that a user named: small, regular, UTF-8; everything else is one clear line."""

from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import FileProblem
from hwsim.inputs.binary import read_bytes

LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's name as the user wrote it, its text, and the hash of its bytes."""

    name: str
    text: str
    sha256: str


def read_text(path: Path) -> TextFile:
    """The text of a file, without a byte order mark."""
    file = read_bytes(path, LARGEST)
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise FileProblem(file.name, f"is not UTF-8: byte {error.object[error.start]:#04x}", line=line) from error
    return TextFile(file.name, text, file.sha256)

"""Reading a file that a user named; everything that is not a readable file is one clear line."""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import FileProblem

LARGEST, LARGEST_TEXT = 8 << 30, 1 << 20
"""Bytes of what is read whole, and of what people write."""


@dataclass(frozen=True, slots=True)
class BinaryFile:
    """A file's name as the user wrote it, its bytes, and their hash."""

    name: str
    data: bytes
    sha256: str


def regular_size(path: Path, name: str) -> int:
    """The bytes of a regular file; anything else is refused. What the system says against it passes through."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise FileProblem(name, "is a directory; name a file")
    if not stat.S_ISREG(status.st_mode):
        raise FileProblem(name, "is not a regular file")
    return status.st_size


def read_bytes(path: Path, largest: int = LARGEST) -> BinaryFile:
    """The bytes of a regular file that has no more than that many."""
    name = str(path)
    try:
        size = regular_size(path, name)
        if size > largest:
            raise FileProblem(name, f"has {size} bytes; at most {largest} are read")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileProblem(name, f"cannot be read: {reason}") from error
    return BinaryFile(name, data, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's name as the user wrote it, its text, and the hash of its bytes."""

    name: str
    text: str
    sha256: str


def read_text(path: Path, largest: int = LARGEST_TEXT) -> TextFile:
    """The text of a file of no more than that many bytes, without a byte order mark."""
    file = read_bytes(path, largest)
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise FileProblem(file.name, f"is not UTF-8: byte {error.object[error.start]:#04x}", line=line) from error
    return TextFile(file.name, text, file.sha256)

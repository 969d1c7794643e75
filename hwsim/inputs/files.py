"""Reading a file that a user named: small, regular, UTF-8; everything else is one clear line."""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import FileProblem

LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's name as the user wrote it, its text, and the hash of its bytes."""

    name: str
    text: str
    sha256: str


def read_text(path: Path) -> TextFile:
    """The text of a file, without a byte order mark."""
    name = str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise FileProblem(name, "is a directory; name a file")
        if not stat.S_ISREG(status.st_mode):
            raise FileProblem(name, "is not a regular file")
        if status.st_size > LARGEST:
            raise FileProblem(name, f"has {status.st_size} bytes; at most {LARGEST} are read")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileProblem(name, f"cannot be read: {reason}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileProblem(name, f"is not UTF-8: byte {error.object[error.start]:#04x}", line=line) from error
    return TextFile(name, text, hashlib.sha256(data).hexdigest())

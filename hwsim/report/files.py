"""Writing result files: whole or not at all, and never through what is not a file."""

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from hwsim.errors import FileProblem, shown


def make_folder(folder: Path) -> None:
    """Make a folder, if need be, in which files can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _problem(folder, "cannot be made a folder", error) from error
    if not os.access(folder, os.W_OK):
        raise FileProblem(str(folder), "is a folder in which nothing can be written")


def check_target(name: str) -> None:
    """Refuse what cannot become a file."""
    path = Path(name)
    try:
        if not name:
            raise FileProblem("''", "names no file")
        if path.is_dir() or name.endswith(("/", os.sep)):
            raise FileProblem(name, "is a directory; name a file")
        if not path.exists() and not os.access(path.parent, os.W_OK):
            raise FileProblem(name, f"cannot be written: there is no writable folder {path.parent}")
    except (OSError, ValueError) as error:
        raise _problem(path, "cannot be written", error) from error


def check_kept(name: str, *read: str) -> None:
    """Refuse to write over a file that is read."""
    for other in read:
        if Path(name).exists() and Path(name).samefile(other):
            raise FileProblem(name, f"is what is read as {other}; write to another file")


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder."""
    for name, text in files.items():
        write_file(folder / name, text)


def write_file(path: Path, text: str) -> None:
    """Write a file of text."""
    write_data(path, text.encode("utf-8", errors="backslashreplace"))


def write_data(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; a pipe or device that stands there gets the data and stays what it is."""
    write_binary(path, lambda file: file.write(data))


def write_binary(path: Path, writer: Callable[[BinaryIO], object]) -> None:
    """What the writer writes, as a file: whole or not at all, or into the pipe or device that stands there."""
    try:
        target = path.resolve()
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            with target.open("wb") as device:
                writer(device)
            return
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name[:40]}.", delete=False) as part:
            try:
                writer(cast(BinaryIO, part))
                part.close()
                Path(part.name).chmod(_mode(target))
                os.replace(part.name, target)
            except OSError:
                with suppress(OSError):
                    os.unlink(part.name)
                raise
    except (OSError, ValueError) as error:
        raise _problem(path, "cannot be written", error) from error


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or those that a new file gets."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _problem(path: Path, what: str, error: OSError | ValueError) -> FileProblem:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    name = str(path) if str(path).isprintable() and len(str(path)) < 200 else shown(str(path))
    return FileProblem(name, f"{what}: {reason}")

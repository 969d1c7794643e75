"""A file while it is written: beside its target, under a name that marks the leftovers of a killed writer.

A writer holds a lock on its file, which ends with its process however that ends. A file of such a name without
a lock is therefore left over, and the next writer to that target removes it.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # a system without such locks keeps the files of killed writers
    fcntl = None  # type: ignore[assignment]

_MARK = ".hwsim-part-"
_MOST_OF_NAME = 40
_LIVE: set[Path] = set()
"""The files that this process is writing: a daemon thread leaves its file behind when the process ends."""


@contextmanager
def partial(target: Path) -> Iterator[BinaryIO]:
    """A file that takes the target's place when all is written, and is gone if anything stops that."""
    remove_stale(target)
    part, file = _created(target)
    _LIVE.add(part)
    try:
        with file:
            yield file
            file.flush()
            part.chmod(_mode(target))
            os.replace(part, target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    finally:
        _LIVE.discard(part)


def remove_stale(target: Path) -> None:
    """Remove the files that killed writers to that target left; a file that is still written is locked and stays."""
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(target.parent) as entries:
        for part in [Path(entry.path) for entry in entries if entry.name.startswith(_prefix(target))]:
            with suppress(OSError), part.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()


def _prefix(target: Path) -> str:
    return f".{target.name[:_MOST_OF_NAME]}{_MARK}"


def _created(target: Path) -> tuple[Path, BinaryIO]:
    """A new file with a lock on it. Between its birth and the lock another writer may take it for a left one: then
    there is none of that name any more once the lock is had, and another is made."""
    while True:
        part = target.with_name(_prefix(target) + token_hex(6))
        file = os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b")
        if fcntl is None:
            return part, file
        with suppress(OSError):  # some file systems know no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return part, file
        file.close()


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or those that a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@atexit.register
def _abandon() -> None:
    for part in tuple(_LIVE):
        with suppress(OSError):
            part.unlink()

"""A trace: the arrays of an NPZ file by name, read when they are asked for, never unpickled."""

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import FileProblem, shown


class TraceFile(Mapping[str, NDArray[Any]]):
    """The arrays of a trace; the file is open inside a `with`."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        try:
            self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            found = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "is no NPZ file"
            raise FileProblem(self.name, f"cannot be read: {reason}") from error
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise FileProblem(self.name, "holds one array without a name; a trace holds those of every op")
        self._arrays = found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._arrays.close()

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._arrays:
            raise KeyError(key)
        try:
            array: NDArray[Any] = self._arrays[key]
            return array
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise FileProblem(self.name, f"{shown(key)} is damaged") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

"""A trace: the arrays of an NPZ file by name, read when they are asked for, never unpickled."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from hwsim.errors import FileProblem
from hwsim.inputs.files import regular_size
from hwsim.inputs.npz import NpzArchive


class TraceFile(Mapping[str, NDArray[Any]]):
    """The arrays of a trace; the file is open inside a `with`."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        try:
            regular_size(path, self.name)
            with path.open("rb") as file:
                begins = file.read(6)
                file.seek(0)
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FileProblem(self.name, f"cannot be read: {error.strerror or error}") from error
        if begins == b"\x93NUMPY":
            raise FileProblem(self.name, "holds one array without a name; a trace holds those of every op")
        self._archive = NpzArchive(self.name, path)
        self._shapes = self._archive.shapes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._shapes:
            raise KeyError(key)
        return self._archive.read(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

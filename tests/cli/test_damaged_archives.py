"""However an archive is damaged, and however its members are packed, it is read whole or refused in one line."""

import zipfile
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from hwsim.errors import FileProblem
from hwsim.inputs.archives import open_arrays
from hwsim.inputs.trace import TraceFile

ARRAYS: dict[str, NDArray[Any]] = {
    "a": np.arange(40, dtype=np.float32).reshape(5, 8),
    "b/weight": np.arange(9, dtype=np.int8),
}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def archive(method: int, *names: str) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name in names or ARRAYS:
            member = BytesIO()
            np.save(member, ARRAYS[name])
            made.writestr(f"{name}.npy", member.getvalue())
    return file.getvalue()


def read_all(path: Path) -> None:
    arrays = open_arrays(path)
    for name in arrays.shapes:
        arrays.read(name)


def read_trace(path: Path) -> None:
    with TraceFile(path) as trace:
        for name in trace:
            assert trace[name].size


def damaged(data: bytes, random: Random) -> bytes:
    """A few bytes changed, taken out or put in."""
    found = bytearray(data)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(found))
        match random.randrange(3):
            case 0:
                found[place] = random.choice([0, 255, random.randrange(256)])
            case 1:
                del found[place : place + random.randint(1, 8)]
            case _:
                found[place:place] = random.randbytes(random.randint(1, 4))
    return bytes(found)


@pytest.mark.parametrize("read", [read_all, read_trace])
def test_a_damaged_archive_is_read_or_refused_in_one_line(read: Callable[[Path], None], tmp_path: Path) -> None:
    random, path, causes = Random(7), tmp_path / "a.npz", Counter[str]()
    good = [*(archive(method) for method in METHODS), save(ARRAYS)]
    for _ in range(1500):
        path.write_bytes(damaged(random.choice(good), random))
        try:
            read(path)
        except FileProblem as error:
            assert "\n" not in str(error)  # noqa: PT017
            causes[type(error.__cause__).__name__] += 1
    # Else nothing here would show that all that can be raised is caught; what a seek to before the beginning raises
    # depends on what is read.
    seeks = "ValueError" if read is read_all else "OSError"
    assert {"BadZipFile", "error", "LZMAError", seeks} <= causes.keys()


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with pytest.warns(UserWarning, match="Duplicate name"):
        path.write_bytes(archive(zipfile.ZIP_STORED, "a", "a"))
    with pytest.raises(FileProblem, match="'a' is there twice; which of them is meant, nothing says"):
        read_all(path)

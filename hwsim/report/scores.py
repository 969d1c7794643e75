"""Scores of utterances for a decoder outside: an array for each in an NPZ file, or a matrix in an archive of Kaldi."""

import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import InvalidValue

Floats = NDArray[np.float32]
Files = Mapping[str, Path]
"""The files of arrays, each in numpy's format, by the names of utterances."""


def writer_of(path: Path, option: str) -> Callable[[Files, BinaryIO], None]:
    """What writes a file of that name; its ending says the format."""
    match path.suffix.lower():
        case ".npz":
            return write_npz
        case ".ark":
            return write_ark
    raise InvalidValue(option, str(path), "must end in .npz (numpy) or .ark (Kaldi)")


def write_npz(scores: Files, file: BinaryIO) -> None:
    """An archive of arrays, one after another, so that no two are in memory."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, path in scores.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(member, path.read_bytes())


def write_ark(scores: Files, file: BinaryIO) -> None:
    """Matrices of single precision in Kaldi's binary form: each behind its name, with its rows and columns."""
    for name, path in scores.items():
        values = np.load(path, allow_pickle=False).astype("<f4")
        rows, columns = values.shape
        file.write(name.encode() + b" \0BFM \4" + struct.pack("<i", rows) + b"\4" + struct.pack("<i", columns))
        file.write(values.tobytes())

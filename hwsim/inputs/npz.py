"""The members of an NPZ archive: their headers held against their sizes, their numbers read when asked for."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import FileProblem, shown

Array = NDArray[Any]

_MOST_AXES = 16
_DAMAGE = (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, struct.error, zlib.error, lzma.LZMAError)
"""Errors of zipfile and of the modules that unpack for it: RuntimeError where a member is encrypted, or compressed in a
way that zipfile does not know, ValueError where it is sent to before the beginning of the file."""


class NpzArchive:
    """An archive of arrays of real numbers; it stays open until `close`."""

    def __init__(self, name: str, source: Path | BinaryIO) -> None:
        self.name = name
        try:
            self._archive = zipfile.ZipFile(source)
        except _DAMAGE as error:
            raise FileProblem(name, f"is no readable NPZ file: {first_line(error)}") from error
        try:
            self._members = _members(name, self._archive.infolist())
            self._headers = {key: _npy_header(name, key, self._archive, info) for key, info in self._members.items()}
        except _DAMAGE as error:
            self.close()
            raise FileProblem(name, f"is no readable NPZ file: {first_line(error)}") from error
        except FileProblem:
            self.close()
            raise

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array."""
        return {key: header[0] for key, header in self._headers.items()}

    def read(self, key: str) -> Array:
        """The numbers of an array."""
        shape, kind, turned, start = self._headers[key]
        try:
            data = self._archive.read(self._members[key])
        except _DAMAGE as error:
            raise FileProblem(self.name, f"{shown(key)} is damaged: {first_line(error)}") from error
        values = np.frombuffer(data, kind, count=prod(shape), offset=start)
        return values.reshape(shape, order="F" if turned else "C")

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()


def _members(file: str, infos: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The members by the names of their arrays, each of which is there once."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise FileProblem(file, f"{shown(name)} is there twice; which of them is meant, nothing says")
        members[name] = info
    return members


def _npy_header(
    file: str, name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any], bool, int]:
    """Shape, type, whether columns come first, and where the numbers begin; held against the size of the member."""
    with archive.open(info) as member:
        try:
            version = np.lib.format.read_magic(member)
            if version == (1, 0):
                shape, turned, kind = np.lib.format.read_array_header_1_0(member)
            else:
                shape, turned, kind = np.lib.format.read_array_header_2_0(member)
        except (*_DAMAGE, SyntaxError, TypeError, RecursionError) as error:
            raise FileProblem(file, f"{shown(name)} is no readable array: {first_line(error)}") from error
        start = member.tell()
    if kind.hasobject:
        raise FileProblem(file, f"{shown(name)} holds pickled Python objects, which are never read")
    if kind.kind not in "fiub":  # truths are 0 and 1
        raise FileProblem(file, f"{shown(name)} holds {kind}, not real numbers")
    check_size(file, name, shape, prod(shape) * kind.itemsize, info.file_size - start)
    return shape, kind, turned, start


def check_size(file: str, name: str, shape: tuple[int, ...], expected_bytes: int, actual_bytes: int) -> None:
    """Refuses a shape of too many axes, or of another size than the data have."""
    if len(shape) > _MOST_AXES:
        raise FileProblem(file, f"{shown(name)} has {len(shape)} axes; at most {_MOST_AXES} are read")
    if expected_bytes != actual_bytes:
        raise FileProblem(
            file, f"{shown(name)} says that it is {shown(shape)}, {expected_bytes} bytes, but has {actual_bytes}"
        )


def first_line(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]

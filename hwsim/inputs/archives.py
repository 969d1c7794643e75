"""Named arrays in NPZ and safetensors files, read without ever unpickling, their headers held against their sizes."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from hwsim.errors import FileProblem, shown
from hwsim.inputs.binary import BinaryFile, read_bytes

Array = NDArray[Any]

_KINDS: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
}
_MOST_AXES = 16


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFile:
    """Shapes of the arrays in a file, and a way to read each of them."""

    name: str
    sha256: str
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], Array]


def open_arrays(path: Path) -> ArrayFile:
    """The arrays in a file, whose first bytes say what kind it is."""
    file = read_bytes(path)
    if file.data[:2] == b"PK":
        return _open_npz(file)
    if file.data[:6] == b"\x93NUMPY":
        raise FileProblem(file.name, "holds one array without a name; write it with numpy.savez under its name")
    return _open_safetensors(file)


def _open_npz(file: BinaryFile) -> ArrayFile:
    try:
        archive = zipfile.ZipFile(BytesIO(file.data))
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        headers = {name: _npy_header(file.name, name, archive, info) for name, info in members.items()}
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, RuntimeError) as error:
        raise FileProblem(file.name, f"is no readable NPZ file: {error}") from error

    def read(name: str) -> Array:
        shape, kind, turned, start = headers[name]
        try:
            data = archive.read(members[name])
        except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError) as error:
            raise FileProblem(file.name, f"{shown(name)} is damaged: {error}") from error
        values = np.frombuffer(data, kind, count=prod(shape), offset=start)
        return values.reshape(shape, order="F" if turned else "C")

    return ArrayFile(file.name, file.sha256, {name: header[0] for name, header in headers.items()}, read)


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
        except (ValueError, EOFError, zipfile.BadZipFile, SyntaxError, TypeError, RecursionError) as error:
            raise FileProblem(file, f"{shown(name)} is no readable array: {_first_line(error)}") from error
        start = member.tell()
    if kind.hasobject:
        raise FileProblem(file, f"{shown(name)} holds pickled Python objects, which are never read")
    if kind.kind not in "fiu":
        raise FileProblem(file, f"{shown(name)} holds {kind}, not real numbers")
    _check_size(file, name, shape, prod(shape) * kind.itemsize, info.file_size - start)
    return shape, kind, turned, start


def _open_safetensors(file: BinaryFile) -> ArrayFile:
    try:
        entries: dict[str, Any] = dict(deserialize(file.data))  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, OverflowError) as error:
        raise FileProblem(file.name, f"is neither NPZ nor safetensors: {_first_line(error)}") from error
    for name, entry in entries.items():
        kind = entry["dtype"]
        if kind not in _KINDS and kind != "BF16":
            raise FileProblem(file.name, f"{shown(name)} holds {kind}, which is not read; use F32, F16 or BF16")
        size = prod(entry["shape"]) * (2 if kind == "BF16" else _KINDS[kind].itemsize)
        _check_size(file.name, name, tuple(entry["shape"]), size, len(entry["data"]))

    def read(name: str) -> Array:
        entry = entries[name]
        if entry["dtype"] == "BF16":
            high = np.frombuffer(bytes(entry["data"]), np.uint16).astype(np.uint32) << np.uint32(16)
            return np.asarray(high.view(np.float32).reshape(entry["shape"]))
        return np.asarray(np.frombuffer(bytes(entry["data"]), _KINDS[entry["dtype"]]).reshape(entry["shape"]))

    return ArrayFile(file.name, file.sha256, {n: tuple(e["shape"]) for n, e in entries.items()}, read)


def _check_size(file: str, name: str, shape: tuple[int, ...], wanted: int, there: int) -> None:
    if len(shape) > _MOST_AXES:
        raise FileProblem(file, f"{shown(name)} has {len(shape)} axes; at most {_MOST_AXES} are read")
    if wanted != there:
        raise FileProblem(file, f"{shown(name)} says that it is {shown(shape)}, {wanted} bytes, but has {there}")


def finite(file: str, name: str, values: Array) -> Array:
    """Numbers that are all finite, in single precision or as integers."""
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            single = np.ascontiguousarray(values, np.float32)
        bad = ~np.isfinite(single)
        if bad.any():
            place = next(_places(bad))
            raise FileProblem(
                file, f"{shown(name)}{list(place)} is {values[place]}; all numbers must be finite in fp32"
            )
        return single
    return np.ascontiguousarray(values)


def _places(bad: NDArray[np.bool_]) -> Iterator[tuple[int, ...]]:
    yield tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]

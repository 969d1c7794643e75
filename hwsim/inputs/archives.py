"""Named arrays in NPZ and safetensors files, read without ever unpickling, their headers held against their sizes."""

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, shown
from hwsim.inputs.files import BinaryFile, read_bytes
from hwsim.inputs.npz import NpzArchive, check_size, first_line

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


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFile:
    """Shapes of the arrays in a file, and a reader of each."""

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
    archive = NpzArchive(file.name, BytesIO(file.data))
    return ArrayFile(file.name, file.sha256, archive.shapes, archive.read)


def _open_safetensors(file: BinaryFile) -> ArrayFile:
    try:
        entries: dict[str, Any] = dict(deserialize(file.data))  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, OverflowError) as error:
        raise FileProblem(file.name, f"is neither NPZ nor safetensors: {first_line(error)}") from error
    for name, entry in entries.items():
        kind = entry["dtype"]
        if kind not in _KINDS and kind != "BF16":
            raise FileProblem(file.name, f"{shown(name)} holds {kind}, which is not read; use F32, F16 or BF16")
        size = prod(entry["shape"]) * (2 if kind == "BF16" else _KINDS[kind].itemsize)
        check_size(file.name, name, tuple(entry["shape"]), size, len(entry["data"]))

    def read(name: str) -> Array:
        entry = entries[name]
        if entry["dtype"] == "BF16":
            high = np.frombuffer(bytes(entry["data"]), np.uint16).astype(np.uint32) << np.uint32(16)
            return np.asarray(high.view(np.float32).reshape(entry["shape"]))
        return np.asarray(np.frombuffer(bytes(entry["data"]), _KINDS[entry["dtype"]]).reshape(entry["shape"]))

    return ArrayFile(file.name, file.sha256, {n: tuple(e["shape"]) for n, e in entries.items()}, read)


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

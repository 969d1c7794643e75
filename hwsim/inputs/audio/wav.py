"""WAV files: integers of 8, 16, 24 and 32 bits and floats, any rate, several channels mixed to one."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem
from hwsim.inputs.files import read_bytes

_EXTENSIBLE = 0xFFFE
_MOST_CHANNELS = 64
_KINDS = {(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)}
"""Integers (1) and floats (3) of so many bits."""
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Samples between -1 and 1, their rate in hertz, and the hash of their file."""

    samples: NDArray[np.float32]
    rate: int
    sha256: str


def read_wav(path: Path) -> Recording:
    """The recording in a file."""
    file = read_bytes(path)
    name, data = file.name, file.data
    if len(data) < 12 or data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise FileProblem(name, "is no WAV file: it does not begin with RIFF and WAVE")
    header: bytes | None = None
    for kind, start, size in _chunks(name, data):
        if kind == b"fmt ":
            header = data[start : start + size]
        elif kind == b"data":
            if header is None:
                raise FileProblem(name, "has its samples before the chunk that says how to read them")
            if start + size > len(data):
                raise FileProblem(name, f"says that it has {size} bytes of samples, but {len(data) - start} are there")
            samples, rate = _samples(name, header, data[start : start + size])
            return Recording(samples, rate, file.sha256)
    raise FileProblem(name, "has no samples" if header else "has neither a format nor samples")


def _chunks(name: str, data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Of each chunk its kind, where it begins, and how long it says that it is."""
    place = 12
    while place + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, place)
        if kind != b"data" and place + 8 + size > len(data):
            raise FileProblem(name, f"is cut off in the chunk {kind.decode('latin1')!r}, which says {size} bytes")
        yield kind, place + 8, size
        place += 8 + size + size % 2


def _samples(name: str, header: bytes, data: bytes) -> tuple[NDArray[np.float32], int]:
    if len(header) < 16:
        raise FileProblem(name, f"has a format chunk of {len(header)} bytes, expected at least 16")
    kind, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", header)
    if kind == _EXTENSIBLE and len(header) >= 26:
        (kind,) = struct.unpack_from("<H", header, 24)
    if not 1 <= channels <= _MOST_CHANNELS:
        raise FileProblem(name, f"has {channels} channels; 1 to {_MOST_CHANNELS} are read")
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise FileProblem(name, f"has {rate} samples per second; {_LOWEST_RATE} to {_HIGHEST_RATE} are read")
    if (kind, bits) not in _KINDS:
        law = f"has samples of kind {kind} with {bits} bits; integers of 8 to 32 bits and floats are read"
        raise FileProblem(name, law)
    if frame != channels * bits // 8:
        raise FileProblem(name, f"says {frame} bytes for {channels} samples of {bits} bits")
    if not data or len(data) % frame:
        raise FileProblem(name, f"has {len(data)} bytes of samples, no multiple of {frame} above 0")
    values = _decoded(kind, bits, data)
    if not np.isfinite(values).all():
        raise FileProblem(name, f"sample {int((~np.isfinite(values)).argmax())} is not a finite number")
    return values.reshape(-1, channels).mean(axis=1, dtype=np.float64).astype(np.float32), rate


def _decoded(kind: int, bits: int, data: bytes) -> NDArray[np.float32]:
    match kind, bits:
        case (1, 8):  # the only unsigned one
            return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
        case (1, 16):
            return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(2**15)
        case (1, 24):
            parts = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
            integers = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
            return ((integers ^ 1 << 23) - (1 << 23)).astype(np.float32) / np.float32(2**23)
        case (1, 32):
            return (np.frombuffer(data, "<i4") / 2**31).astype(np.float32)
        case (3, 32):
            return np.frombuffer(data, "<f4").astype(np.float32)
        case _:
            with np.errstate(over="ignore"):
                return np.frombuffer(data, "<f8").astype(np.float32)

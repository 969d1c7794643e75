"""Arrays that come in portions, kept on disk: memory holds no more than a small part of each."""

import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass

Array = NDArray[Any]

_HELD_BYTES = 1 << 16
_PIECE_BYTES = 1 << 20


class _Log:
    """One file to which everything is added; callers remember the places of what they added."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        weakref.finalize(self, self._file.close)
        with suppress(OSError):  # without a name nothing of it is left, however the process ends
            path.unlink()
        self._size = 0

    def add(self, data: memoryview) -> tuple[int, int]:
        """Where the data lie, and how many bytes there are."""
        place, self._size = self._size, self._size + len(data)
        self._file.seek(place)
        while data:
            data = data[self._file.write(data) :]
        return place, self._size - place

    def read(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        parts = []
        while size and (part := self._file.read(size)):
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(slots=True, eq=False)
class Stream:
    """One array's portions, in order: where they lie in the log, and what is not written yet."""

    log: _Log
    kind: np.dtype[Any]
    first: tuple[int, ...] | None = None
    portions: int = 0
    elements: int = 0
    alike: bool = True
    waiting: list[bytes] = field(default_factory=list)
    held: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)

    def add(self, portion: Array, count: int = 1) -> None:
        """Add a portion, or so many that are stacked along the first axis."""
        shape = portion.shape if count == 1 else portion.shape[1:]
        self.first = shape if self.first is None else self.first
        self.alike = self.alike and shape == self.first
        self.portions, self.elements = self.portions + count, self.elements + portion.size
        data = np.ascontiguousarray(portion, self.kind)
        if data.nbytes > _HELD_BYTES:
            self.flush()
            self.places.append(self.log.add(data.reshape(-1).view(np.uint8).data))
            return
        self.waiting.append(data.tobytes())
        self.held += data.nbytes
        if self.held > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            self.places.append(self.log.add(memoryview(b"".join(self.waiting))))
            self.waiting, self.held = [], 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all portions together: stacked along a new first axis if there are several of one shape."""
        assert self.first is not None
        if self.portions == 1:
            return self.first
        return (self.portions, *self.first) if self.alike else (self.elements,)

    def chunks(self) -> Iterator[bytes]:
        """All bytes, in pieces."""
        self.flush()
        for place, size in self.places:
            for start in range(0, size, _PIECE_BYTES):
                yield self.log.read(place + start, min(_PIECE_BYTES, size - start))


class Spool:
    """Streams by key, in a file in a folder that the caller removes."""

    def __init__(self, folder: Path) -> None:
        self._log = _Log(folder / "spool.raw")
        self.streams: dict[str, Stream] = {}

    def add(self, key: str, portion: Array, kind: np.dtype[Any] | None = None, count: int = 1) -> None:
        """Add a portion to a stream, or `count` that are stacked; its first portion decides the type."""
        stream = self.streams.get(key)
        if stream is None:
            stream = self.streams[key] = Stream(self._log, np.dtype(kind or portion.dtype))
        stream.add(portion, count)


class Playback:
    """Reads the streams of a spool again, portion by portion."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._pieces: dict[str, Iterator[bytes]] = {}
        self._ahead: dict[str, tuple[bytes, int]] = {}

    def next(self, key: str, count: int) -> Array | None:
        """The next so many numbers of a stream; None if it has no such stream, or has come to its end."""
        stream = self._spool.streams.get(key)
        if stream is None:
            return None
        size = count * stream.kind.itemsize
        if key not in self._pieces:
            self._pieces[key] = stream.chunks()
        ahead, used = self._ahead.get(key, (b"", 0))
        if used + size > len(ahead):
            parts = [ahead[used:]]
            available = len(parts[0])
            while available < size and (piece := next(self._pieces[key], None)) is not None:
                parts.append(piece)
                available += len(piece)
            ahead, used = parts[-1] if len(parts) == 2 and not parts[0] else b"".join(parts), 0
            if available < size:
                self._ahead[key] = ahead, 0
                return None
        if used + size < len(ahead):
            self._ahead[key] = ahead, used + size
        else:
            self._ahead.pop(key, None)
        return np.frombuffer(ahead, stream.kind, count, used)

"""Arrays that come in portions, kept on disk: memory holds no more than a small part of each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_HELD_BYTES = 1 << 16


@dataclass(slots=True, eq=False)
class Stream:
    """One array's portions, in order: a file, and what is not written yet."""

    path: Path
    kind: np.dtype[Any]
    first: tuple[int, ...] | None = None
    portions: int = 0
    elements: int = 0
    alike: bool = True
    waiting: list[bytes] = field(default_factory=list)
    held: int = 0

    def add(self, portion: Array) -> None:
        self.first = portion.shape if self.first is None else self.first
        self.alike = self.alike and portion.shape == self.first
        self.portions, self.elements = self.portions + 1, self.elements + portion.size
        data = np.ascontiguousarray(portion, self.kind).tobytes()
        self.waiting.append(data)
        self.held += len(data)
        if self.held > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            with self.path.open("ab") as file:
                file.write(b"".join(self.waiting))
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
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            while piece := file.read(_HELD_BYTES):
                yield piece


class Spool:
    """Streams by key, in a folder that the caller removes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.streams: dict[str, Stream] = {}

    def add(self, key: str, portion: Array, kind: np.dtype[Any] | None = None) -> None:
        """Add a portion to a stream; its first portion decides the type."""
        stream = self.streams.get(key)
        if stream is None:
            path = self.folder / f"{len(self.streams)}.raw"
            stream = self.streams[key] = Stream(path, np.dtype(kind or portion.dtype))
        stream.add(portion)


class Playback:
    """Reads the streams of a spool again, portion by portion."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._places: dict[str, int] = {}
        self._ahead: dict[str, tuple[int, bytes]] = {}

    def next(self, key: str, count: int) -> Array | None:
        """The next so many numbers of a stream; None if it has no such stream, or has come to its end."""
        stream = self._spool.streams.get(key)
        if stream is None:
            return None
        size = count * stream.kind.itemsize
        place = self._places.get(key, 0)
        start, ahead = self._ahead.get(key, (0, b""))
        if not start <= place <= place + size <= start + len(ahead):
            stream.flush()
            with stream.path.open("rb") as file:
                file.seek(place)
                start, ahead = place, file.read(max(size, _HELD_BYTES))
            self._ahead[key] = start, ahead
        if place + size > start + len(ahead):
            return None
        self._places[key] = place + size
        return np.frombuffer(ahead, stream.kind, count, place - start)

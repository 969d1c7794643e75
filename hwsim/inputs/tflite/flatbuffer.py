"""FlatBuffers, read without trust: a table's fields are found by slots, and whatever is read must lie in the file.

The layout is that of "FlatBuffer Internals" (flatbuffers.dev/internals): all numbers little endian, a table's first
word the signed distance back to its vtable, which lists how far into the table each field lies, 0 if it is left out.
"""

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem

_SIZES = {"b": 1, "B": 1, "?": 1, "h": 2, "H": 2, "i": 4, "I": 4, "f": 4, "q": 8, "Q": 8}


@dataclass(frozen=True, slots=True, eq=False)
class Bytes:
    """The bytes of a file, and the name under which messages speak of it."""

    data: bytes
    file: str

    def refused(self, where: str, problem: str) -> FileProblem:
        """The refusal of a place in the file."""
        return FileProblem(self.file, f"{where}: {problem}")

    def number(self, at: int, code: str, where: str) -> int | float:
        """One number at a place."""
        if at < 0 or at + _SIZES[code] > len(self.data):
            raise self.refused(where, f"points to byte {at:,} of {len(self.data):,}; the file is damaged or cut off")
        value: int | float = struct.unpack_from(f"<{code}", self.data, at)[0]
        return value

    def whole(self, at: int, code: str, where: str) -> int:
        """One whole number at a place."""
        return int(self.number(at, code, where))

    def root(self, identifier: bytes, what: str) -> "Table":
        """The table in which all others hang."""
        if len(self.data) < 8 or self.data[4:8] != identifier:
            raise FileProblem(self.file, f"is no {what}: bytes 4 to 8 are not {identifier.decode()}")
        return table_at(self, self.whole(0, "I", what), what)


def table_at(source: Bytes, at: int, where: str) -> "Table":
    """The table at a place, its vtable checked."""
    vtable = at - source.whole(at, "i", where)
    length, size = (source.whole(vtable + place, "H", where) for place in (0, 2))
    if vtable < 0 or length < 4 or length % 2 or vtable + length > len(source.data):
        raise source.refused(where, "has a damaged list of fields")
    if size < 4 or at + size > len(source.data):
        raise source.refused(where, "goes beyond the end of the file")
    return Table(source, at, vtable, length, size, where)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table: `where` is how messages speak of it."""

    source: Bytes
    at: int
    vtable: int
    length: int
    size: int
    where: str

    def place(self, slot: int, size: int) -> int | None:
        """Where a field of that many bytes lies; None, if it is left out."""
        entry = 4 + 2 * slot
        if entry + 2 > self.length:
            return None
        offset = self.source.whole(self.vtable + entry, "H", self.where)
        if not offset:
            return None
        if offset < 4 or offset + size > self.size:
            raise self.source.refused(self.where, f"field {slot} lies outside its table")
        return self.at + offset

    def number(self, slot: int, code: str, default: int | float = 0) -> int | float:
        """A number, or what stands for one that is left out."""
        at = self.place(slot, _SIZES[code])
        return default if at is None else self.source.number(at, code, self.where)

    def whole(self, slot: int, code: str = "i", default: int = 0) -> int:
        """A whole number."""
        return int(self.number(slot, code, default))

    def has(self, slot: int) -> bool:
        """Whether a field is there."""
        return self.place(slot, 1) is not None

    def table(self, slot: int, where: str) -> "Table | None":
        """Another table."""
        at = self.place(slot, 4)
        if at is None:
            return None
        return table_at(self.source, at + self.source.whole(at, "I", where), where)

    def tables(self, slot: int, what: str, most: int) -> Iterator["Table"]:
        """The tables that a vector lists: so many at most, since all its entries may point to one table."""
        start, count = self._vector(slot, 4, what)
        if count > most:
            raise self.source.refused(self.where, f"lists {count:,} {what}s; hwsim reads {most:,} at most")
        for index in range(count):
            at, where = start + 4 * index, f"{what} {index}"
            yield table_at(self.source, at + self.source.whole(at, "I", where), where)

    def numbers(self, slot: int, kind: str, what: str) -> NDArray[np.generic]:
        """A vector of numbers, of a numpy type; empty, if it is left out."""
        dtype = np.dtype(kind).newbyteorder("<")
        start, count = self._vector(slot, dtype.itemsize, what)
        return np.frombuffer(self.source.data, dtype, count, start) if count else np.zeros(0, dtype)

    def text(self, slot: int, what: str) -> str:
        """A text; letters that are none are replaced."""
        start, count = self._vector(slot, 1, what)
        return self.source.data[start : start + count].decode("utf-8", "replace")

    def _vector(self, slot: int, size: int, what: str) -> tuple[int, int]:
        """Where the entries of a vector begin, and how many there are."""
        at = self.place(slot, 4)
        if at is None:
            return 0, 0
        start = at + self.source.whole(at, "I", what)
        count = self.source.whole(start, "I", what)
        if start + 4 + count * size > len(self.source.data):
            raise self.source.refused(self.where, f"its {what}s go beyond the end of the file")
        return start + 4, count

"""Kaldi's objects from bytes, read without trust: tokens, numbers, vectors and matrices, in binary and in text.

The layout is that of Kaldi's base/io-funcs and matrix/kaldi-matrix, kaldi-vector and compressed-matrix: in a binary
file each number stands behind a byte that says how many bytes it has, each matrix behind its kind and its sizes.
"""

import struct
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, shown

Array = NDArray[Any]
BINARY = b"\0B"
"""How a binary file begins."""
_SPACE = b" \t\r\n\v\f"
_LONGEST = 256
"""Bytes of a token."""


@dataclass(slots=True, eq=False)
class Stream(ABC):
    """The bytes of a file and the place of the next one; `where` is how messages speak of what is read."""

    data: bytes
    file: str
    at: int = 0
    where: str = "the file"

    def refused(self, problem: str) -> FileProblem:
        """The refusal of what is being read."""
        return FileProblem(self.file, f"{self.where}: {problem}")

    def taken(self, count: int, what: str) -> bytes:
        """So many bytes."""
        if count < 0 or self.at + count > len(self.data):
            left = len(self.data) - self.at
            raise self.refused(f"{what} would take {count:,} bytes, {left:,} are left; the file is damaged or cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def spaces(self) -> None:
        """Pass over white space."""
        while self.at < len(self.data) and self.data[self.at] in _SPACE:
            self.at += 1

    def token(self) -> str:
        """A word, and the white space behind it."""
        self.spaces()
        end = self.at
        while end < len(self.data) and self.data[end] not in _SPACE:
            end += 1
            if end - self.at > _LONGEST:
                raise self.refused("holds numbers where a word is due; the file is damaged")
        if end == self.at:
            raise self.refused("ends where a word is due; the file is cut off")
        word = self.data[self.at : end].decode("utf-8", "replace")
        self.at = min(end + 1, len(self.data))
        return word

    def expect(self, word: str) -> None:
        """That word and no other."""
        found = self.token()
        if found != word:
            raise self.refused(f"has {shown(found)} where {word} is due")

    def peek(self) -> str:
        """The next word, which stays to be read."""
        at = self.at
        word = self.token()
        self.at = at
        return word

    def line(self) -> str:
        """What stands up to the end of the line."""
        end = self.data.find(b"\n", self.at)
        end = len(self.data) if end < 0 else end
        text = self.data[self.at : end].decode("utf-8", "replace")
        self.at = end + 1
        return text.strip()

    def skip_behind(self, word: str) -> None:
        """Pass over everything up to that word."""
        end = self.data.find(word.encode(), self.at)
        if end < 0:
            raise self.refused(f"has no {word}; the file is damaged or cut off")
        self.at = min(end + len(word) + 1, len(self.data))

    @abstractmethod
    def whole(self) -> int:
        """A whole number."""

    @abstractmethod
    def real(self) -> float:
        """A real number."""

    @abstractmethod
    def truth(self) -> bool:
        """T or F."""

    @abstractmethod
    def wholes(self) -> tuple[int, ...]:
        """A list of whole numbers."""

    @abstractmethod
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """A list of pairs of whole numbers."""

    @abstractmethod
    def vector(self) -> Array:
        """A vector of floats."""

    @abstractmethod
    def matrix(self) -> Array:
        """A matrix of floats."""

    def finite(self, values: Array) -> Array:
        """Floats of single precision that are numbers."""
        with np.errstate(over="ignore"):
            kept = np.asarray(values, np.float32)
        if not np.isfinite(kept).all():
            raise self.refused("holds numbers that are none, or none of single precision")
        return kept


class Binary(Stream):
    """A binary file."""

    def _sized(self, codes: dict[int, str], what: str) -> Any:
        size = self.taken(1, what)[0]
        if size not in codes:
            raise self.refused(f"has no {what} where one is due; the file is damaged")
        return struct.unpack(codes[size], self.taken(struct.calcsize(codes[size]), what))[0]

    def whole(self) -> int:
        return int(self._sized({4: "<i", 8: "<q", 252: "<I"}, "whole number"))

    def real(self) -> float:
        return float(self._sized({4: "<f", 8: "<d"}, "real number"))

    def truth(self) -> bool:
        letter = self.taken(1, "truth value")
        if letter not in (b"T", b"F"):
            raise self.refused("has neither T nor F where one is due; the file is damaged")
        return letter == b"T"

    def _counted(self, each: int, what: str) -> int:
        """How many numbers of so many bytes follow, all of which must be there."""
        count = int(struct.unpack("<i", self.taken(4, what))[0])
        if count < 0 or count * each > len(self.data) - self.at:
            raise self.refused(f"would hold {count:,} numbers in {what}; the file is damaged or cut off")
        return count

    def wholes(self) -> tuple[int, ...]:
        if self.taken(1, "list")[0] != 4:
            raise self.refused("has no list of whole numbers where one is due; the file is damaged")
        count = self._counted(4, "a list")
        return tuple(np.frombuffer(self.taken(4 * count, "list"), "<i4").tolist())

    def pairs(self) -> tuple[tuple[int, int], ...]:
        if self.taken(1, "list")[0] != 8:
            raise self.refused("has no list of pairs where one is due; the file is damaged")
        count = self._counted(8, "a list")
        flat = np.frombuffer(self.taken(8 * count, "list"), "<i4").reshape(count, 2)
        return tuple((int(one), int(other)) for one, other in flat)

    def _numbers(self, count: int, kind: str) -> Array:
        dtype = np.dtype(kind)
        return np.frombuffer(self.taken(count * dtype.itemsize, f"{count:,} numbers"), dtype)

    def vector(self) -> Array:
        kinds = {"FV": "<f4", "DV": "<f8"}
        kind = self.token()
        if kind not in kinds:
            raise self.refused(f"has {shown(kind)} where a vector is due")
        count = self.whole()
        return self.finite(self._numbers(count, kinds[kind]))

    def matrix(self) -> Array:
        kinds = {"FM": "<f4", "DM": "<f8"}
        kind = self.token()
        if kind in ("CM", "CM2", "CM3"):
            return self.finite(self._compressed(kind))
        if kind not in kinds:
            raise self.refused(f"has {shown(kind)} where a matrix is due")
        rows, columns = self.whole(), self.whole()
        if rows < 0 or columns < 0:
            raise self.refused(f"has a matrix of {rows} rows and {columns} columns")
        return self.finite(self._numbers(rows * columns, kinds[kind]).reshape(rows, columns))

    def _compressed(self, kind: str) -> Array:
        """A matrix of integers that stand for reals between a least and a largest one; of CM each column has quarters
        of its own."""
        least, reach, rows, columns = struct.unpack("<ffii", self.taken(16, "matrix"))
        if rows < 0 or columns < 0:
            raise self.refused(f"has a matrix of {rows} rows and {columns} columns")
        if not columns or not rows:
            return np.zeros((0, 0), np.float32)
        if kind != "CM":
            values, most = (self._numbers(rows * columns, "<u2"), 65535) if kind == "CM2" else (
                self._numbers(rows * columns, "u1"), 255)  # fmt: skip
            return np.asarray(least + values.astype(np.float64) * (reach / most)).reshape(rows, columns)
        quarters = least + reach / 65535 * self._numbers(4 * columns, "<u2").reshape(columns, 4, 1).astype(np.float64)
        low, first, third, high = (quarters[:, place] for place in range(4))
        bytes_ = self._numbers(rows * columns, "u1").reshape(columns, rows).astype(np.float64)
        lower = low + (first - low) * bytes_ / 64
        middle = first + (third - first) * (bytes_ - 64) / 128
        upper = third + (high - third) * (bytes_ - 192) / 63
        return np.asarray(np.where(bytes_ <= 64, lower, np.where(bytes_ <= 192, middle, upper)).T)


class Text(Stream):
    """A text file."""

    def whole(self) -> int:
        return self._number(self.token())

    def _number(self, word: str) -> int:
        try:
            number = int(word)
        except ValueError as error:
            raise self.refused(f"has {shown(word)} where a whole number is due") from error
        if not -(1 << 31) <= number < 1 << 31:
            raise self.refused(f"has {shown(word)}, a number of more than 32 bits")
        return number

    def real(self) -> float:
        word = self.token()
        try:
            return float(word)
        except ValueError as error:
            raise self.refused(f"has {shown(word)} where a real number is due") from error

    def truth(self) -> bool:
        word = self.token()
        if word not in ("T", "F"):
            raise self.refused(f"has {shown(word)} where T or F is due")
        return word == "T"

    def _inside(self) -> str:
        """What stands between brackets."""
        self.spaces()
        if self.data[self.at : self.at + 1] != b"[":
            raise self.refused(f"has {shown(self.token())} where [ is due")
        end = self.data.find(b"]", self.at)
        if end < 0:
            raise self.refused("has a [ without its ]; the file is damaged or cut off")
        text = self.data[self.at + 1 : end].decode("utf-8", "replace")
        self.at = end + 1
        return text

    def wholes(self) -> tuple[int, ...]:
        return tuple(map(self._number, self._inside().split()))

    def pairs(self) -> tuple[tuple[int, int], ...]:
        flat = [self._number(word) for word in self._inside().replace(";", " ").replace(",", " ").split()]
        if len(flat) % 2:
            raise self.refused("has a number without its pair")
        return tuple(zip(flat[::2], flat[1::2], strict=True))

    def _floats(self, words: list[str]) -> list[float]:
        try:
            return [float(word) for word in words]
        except ValueError as error:
            raise self.refused("holds something else than numbers in a matrix") from error

    def vector(self) -> Array:
        return self.finite(np.asarray(self._floats(self._inside().split()), np.float64))

    def matrix(self) -> Array:
        rows = [words for line in self._inside().replace(";", "\n").split("\n") if (words := line.split())]
        if not rows:
            return np.zeros((0, 0), np.float32)
        if len({len(row) for row in rows}) > 1:
            raise self.refused("has rows of different lengths in a matrix")
        flat = self._floats([word for row in rows for word in row])
        return self.finite(np.asarray(flat, np.float64).reshape(len(rows), -1))


def stream_of(data: bytes, file: str) -> Stream:
    """The file as a stream, binary or text as it begins."""
    if data.startswith(BINARY):
        return Binary(data, file, len(BINARY))
    return Text(data, file)

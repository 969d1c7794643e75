"""Descriptors: what a node of nnet3 reads, such as `Append(Offset(input, -1), input, ReplaceIndex(ivector, t, 0))`."""

import re
from collections.abc import Iterator
from math import isfinite

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported, shown

DEEPEST = 64
MOST_FRAMES = 100_000
"""Frames by which a descriptor may look aside: more than 15 minutes."""
MOST_COLUMNS = 1 << 16
_WORDS = re.compile(r"[(),]|[^\s(),]+")


@dataclass(frozen=True, slots=True)
class Named:
    """What a node makes."""

    name: str


@dataclass(frozen=True, slots=True)
class Offset:
    """The same, so many frames later."""

    of: "Descriptor"
    frames: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """The same at one frame, whichever is asked for."""

    of: "Descriptor"
    frame: int


@dataclass(frozen=True, slots=True)
class Rounded:
    """The same at the last frame that is a multiple of a number."""

    of: "Descriptor"
    every: int


@dataclass(frozen=True, slots=True)
class Scaled:
    """The same, times a number."""

    of: "Descriptor"
    factor: float


@dataclass(frozen=True, slots=True)
class Summed:
    """The sum of several."""

    parts: tuple["Descriptor", ...]


@dataclass(frozen=True, slots=True)
class Appended:
    """The columns of several, one behind another."""

    parts: tuple["Descriptor", ...]


@dataclass(frozen=True, slots=True)
class IfDefined:
    """The same where it can be computed, zeros elsewhere."""

    of: "Descriptor"


@dataclass(frozen=True, slots=True)
class Failover:
    """The first where it can be computed, the second elsewhere."""

    first: "Descriptor"
    second: "Descriptor"


@dataclass(frozen=True, slots=True)
class Filled:
    """One number in so many columns."""

    value: float
    columns: int


Descriptor = Named | Offset | Replaced | Rounded | Scaled | Summed | Appended | IfDefined | Failover | Filled


def inner(descriptor: Descriptor) -> tuple[Descriptor, ...]:
    """The descriptors that one is made of."""
    match descriptor:
        case Named() | Filled():
            return ()
        case Summed(parts) | Appended(parts):
            return parts
        case Failover(first, second):
            return first, second
        case _:
            return (descriptor.of,)


def names_in(descriptor: Descriptor) -> Iterator[str]:
    """The nodes that a descriptor reads."""
    if isinstance(descriptor, Named):
        yield descriptor.name
    for part in inner(descriptor):
        yield from names_in(part)


def parsed(text: str) -> Descriptor:
    """The descriptor that a text stands for.

    >>> parsed("Sum(Scale(0.66, a.noop), Offset(b, -3))")
    Summed(parts=(Scaled(of=Named(name='a.noop'), factor=0.66), Offset(of=Named(name='b'), frames=-3)))
    """
    words = _Words(_WORDS.findall(text))
    found = words.descriptor(0)
    if words.left:
        raise Unsupported(f"goes on with {shown(words.left[0])} behind its descriptor")
    return found


class _Words:
    """The words of a descriptor, from the first one that has not been read."""

    def __init__(self, words: list[str]) -> None:
        self._words, self._at = words, 0

    @property
    def left(self) -> list[str]:
        return self._words[self._at :]

    def next(self) -> str:
        if self._at >= len(self._words):
            raise Unsupported("ends in the middle of a descriptor")
        self._at += 1
        return self._words[self._at - 1]

    def expect(self, word: str) -> None:
        found = self.next()
        if found != word:
            raise Unsupported(f"has {shown(found)} where {shown(word)} is due in a descriptor")

    def whole(self, least: int, most: int) -> int:
        word = self.next()
        try:
            number = int(word)
        except ValueError as error:
            raise Unsupported(f"has {shown(word)} where a whole number is due in a descriptor") from error
        if not least <= number <= most:
            raise Unsupported(f"has {number} in a descriptor, where {least:,} to {most:,} can stand")
        return number

    def real(self) -> float:
        word = self.next()
        try:
            number = float(word)
        except ValueError as error:
            raise Unsupported(f"has {shown(word)} where a number is due in a descriptor") from error
        if not isfinite(number) or abs(number) > 1e30:
            raise Unsupported(f"has {shown(word)} where a finite number is due in a descriptor")
        return number

    def descriptor(self, depth: int) -> Descriptor:
        """One descriptor, and all inside it."""
        if depth > DEEPEST:
            raise Unsupported(f"has descriptors more than {DEEPEST} deep")
        word = self.next()
        if not self.left or self.left[0] != "(":
            if word in "(),":
                raise Unsupported(f"has {shown(word)} where a descriptor is due")
            return Named(word)
        self.expect("(")
        found = self._called(word, depth + 1)
        self.expect(")")
        return found

    def _called(self, word: str, depth: int) -> Descriptor:
        match word:
            case "Append" | "Sum":
                parts = [self.descriptor(depth)]
                while self.left and self.left[0] == ",":
                    self.expect(",")
                    parts.append(self.descriptor(depth))
                return Appended(tuple(parts)) if word == "Append" else Summed(tuple(parts))
            case "Offset":
                of = self._then(depth)
                frames = self.whole(-MOST_FRAMES, MOST_FRAMES)
                if self.left and self.left[0] == ",":
                    self.expect(",")
                    if self.whole(-MOST_FRAMES, MOST_FRAMES):
                        raise Unsupported("looks along x, an index that hwsim does not read")
                return Offset(of, frames)
            case "Round":
                return Rounded(self._then(depth), self.whole(1, MOST_FRAMES))
            case "ReplaceIndex":
                of = self._then(depth)
                if (axis := self.next()) != "t":
                    raise Unsupported(f"replaces the index {shown(axis)}; hwsim reads t alone")
                self.expect(",")
                return Replaced(of, self.whole(-MOST_FRAMES, MOST_FRAMES))
            case "Scale":
                factor = self.real()
                self.expect(",")
                return Scaled(self.descriptor(depth), factor)
            case "Const":
                value = self.real()
                self.expect(",")
                return Filled(value, self.whole(1, MOST_COLUMNS))
            case "IfDefined":
                return IfDefined(self.descriptor(depth))
            case "Failover":
                return Failover(self._then(depth), self.descriptor(depth))
        raise Unsupported(f"has {shown(word)}(…), a descriptor that hwsim does not read")

    def _then(self, depth: int) -> Descriptor:
        """A descriptor, and the comma behind it."""
        found = self.descriptor(depth)
        self.expect(",")
        return found

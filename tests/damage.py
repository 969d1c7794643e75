"""Damaged files: bytes cut off, changed, moved, left out or put in. Readers refuse them in a line, or do not notice."""

import random
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hwsim.errors import UserError

SECONDS = 20
"""How long a damaged file may be read: one that never ends the reading ends the test."""
_WORDS = (b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\1\0\0\0", b"\0\0\xc0\x7f")
"""Numbers of 32 bits at the ends of their kinds, one, and a float that is no number."""


def damaged(data: bytes, rng: random.Random) -> bytes:
    """A file with one thing wrong."""
    made = bytearray(data)
    at = rng.randrange(len(made) - 8)
    match rng.randrange(7):
        case 0:
            del made[at:]
        case 1:
            for _ in range(rng.randrange(1, 8)):
                made[rng.randrange(len(made))] = rng.randrange(256)
        case 2:
            made[at & ~3 : (at & ~3) + 4] = rng.choice(_WORDS)
        case 3:
            del made[at : at + rng.choice((1, 4, 50, 1000))]
        case 4:
            made[at : at + 16] = made[rng.randrange(len(made)) :][:16].ljust(16, b"\0")
        case 5:
            made[at:at] = rng.randbytes(rng.randrange(1, 20))
        case _:
            made[at : at + 4] = rng.getrandbits(32).to_bytes(4, "little")
    return bytes(made)


def complaint_of(read: Callable[[Path], object], file: Path) -> str:
    """With what a file is refused; nothing, if it is read."""
    try:
        read(file)
    except UserError as error:
        return str(error)
    return ""


def complaints(
    read: Callable[[Path], object], sources: Sequence[bytes], file: Path, count: int, seed: int
) -> list[str]:
    """What a reader says of so many damaged files, each made of a source, one after another; one line, or nothing."""
    rng, found = random.Random(seed), []

    def late(*_: object) -> None:
        pytest.fail(f"a damaged file took longer than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, late)
    try:
        for number in range(count):
            file.write_bytes(damaged(sources[number % len(sources)], rng))
            signal.alarm(SECONDS)
            text = complaint_of(read, file)
            signal.alarm(0)
            assert text.isprintable(), repr(text)
            assert len(text) < 500
            found.append(text)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return found

"""What was heard, kept line by line while it is found: one JSON line for each lot, so that a run can go on later."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem

NAME = "heard.jsonl"


class Heard(NamedTuple):
    """One utterance: its name, its length in picoseconds, its tokens, and what its search did."""

    name: str
    audio: int
    tokens: tuple[str, ...]
    evaluations: int
    predictions: int


class HeardLot(NamedTuple):
    """The utterances of a lot in a precision, and what was cut off in all of them."""

    precision: str
    utterances: tuple[Heard, ...]
    saturations: int
    clipped: int
    scores: tuple[NDArray[np.float32], ...] = ()
    """Of each utterance, if they are asked for; they are not kept here."""


@dataclass(slots=True)
class HeardStore:
    """An open file; its first line says what it was made with."""

    file: TextIO
    lots: list[HeardLot]

    def keep(self, lot: HeardLot) -> None:
        """Write a lot, whole, before anything else is computed."""
        self.file.write(json.dumps([lot.precision, lot.utterances, lot.saturations, lot.clipped]) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def begun(path: Path, made_with: str) -> HeardStore:
    """A new file, in the place of any that lies there."""
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise FileProblem(str(path), f"cannot be written: {error.strerror}") from error
    file.write(json.dumps({"made_with": made_with}) + "\n")
    file.flush()
    return HeardStore(file, [])


def resumed(path: Path, made_with: str) -> HeardStore:
    """A file that goes on where it ended; a line that was cut off is dropped."""
    if not path.is_file():
        return begun(path, made_with)
    text = path.read_text(encoding="utf-8", errors="replace")
    whole, _, cut = text.rpartition("\n")
    lines = whole.split("\n")
    header = _header(path, lines[0])
    if header != made_with:
        law = "was made with other files, options or versions; leave --resume out to begin again"
        raise FileProblem(str(path), law)
    lots = list(_lots(path, lines[1:]))
    file = path.open("r+", encoding="utf-8")
    file.truncate(len(text.encode()) - len(cut.encode()))
    file.seek(0, os.SEEK_END)
    return HeardStore(file, lots)


def _header(path: Path, line: str) -> str:
    try:
        return str(json.loads(line)["made_with"])
    except (ValueError, KeyError, TypeError) as error:
        raise FileProblem(str(path), "does not begin as what `hwsim recognise` keeps; name another folder") from error


def _lots(path: Path, lines: list[str]) -> Iterator[HeardLot]:
    for number, line in enumerate(lines, 2):
        try:
            precision, utterances, saturations, clipped = json.loads(line)
            heard = tuple(Heard(name, audio, tuple(tokens), *counts) for name, audio, tokens, *counts in utterances)
            yield HeardLot(str(precision), heard, int(saturations), int(clipped))
        except (ValueError, TypeError) as error:
            raise FileProblem(str(path), "is damaged; leave --resume out to begin again", line=number) from error

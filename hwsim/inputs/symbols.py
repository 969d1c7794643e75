"""The symbols of a network's outputs by number, and the words that lexicons make of them: JSON files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, UnknownName, shown
from hwsim.inputs.files import read_text

SYMBOLS, LEXICON = ("symbols.json", "tokens.json"), "lexicon.json"
"""How these files are called where they lie beside a network."""

BLANKS = ("", "<blank>", "<blk>", "<b>", "<eps>")
BETWEEN = ("<wb>", "|")
"""Symbols that stand between words and for no sound, as far as they are known by their names."""

PIECE = "\u2581"
"""Before a piece of a word that begins one (as SentencePiece writes it)."""

LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Symbols:
    """The names of all outputs, and which of them is the blank; `between` may stand between two words."""

    names: tuple[str, ...]
    blank: int = 0
    between: int | None = None

    def spelled(self, symbols: Sequence[int]) -> tuple[str, ...]:
        """What symbols say, word by word: pieces of words are put together, all others are tokens by themselves.

        >>> Symbols(("", "▁he", "ar", "▁it")).spelled((1, 2, 3))
        ('hear', 'it')
        """
        names = [self.names[symbol] for symbol in symbols if symbol not in (self.blank, self.between)]
        if any(name.startswith(PIECE) for name in self.names):
            return tuple("".join(names).replace(PIECE, " ").split())
        return tuple(names)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words, each with the symbols that it is made of; words that sound alike count as one."""

    words: tuple[str, ...]
    sounds: tuple[tuple[int, ...], ...]

    def alike(self) -> dict[str, str]:
        """Of each word the first one that sounds as it does."""
        first: dict[tuple[int, ...], str] = {}
        return {word: first.setdefault(sound, word) for word, sound in zip(self.words, self.sounds, strict=True)}


def open_symbols(path: Path, *, blank: str | None = None, between: str | None = None) -> tuple[Symbols, str]:
    """The symbols of a file, a JSON list of texts, and the file's hash."""
    file, sha256, names = _read(path)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise FileProblem(file, "must be a list of texts: the symbol of each output, in their order")
    return Symbols(tuple(names), _blank(names, blank), _between(names, between)), sha256


def _blank(names: Sequence[str], wanted: str | None) -> int:
    if wanted is not None:
        return _place(names, wanted, "blank")
    return next((names.index(name) for name in BLANKS if name in names), 0)


def _between(names: Sequence[str], wanted: str | None) -> int | None:
    if wanted is not None:
        return _place(names, wanted, "symbol between words")
    return next((names.index(name) for name in BETWEEN if name in names), None)


def _place(names: Sequence[str], name: str, what: str) -> int:
    if name not in names:
        raise UnknownName(what, name, [*names[:6], "…", *names[-6:]])
    return names.index(name)


def open_lexicon(path: Path, symbols: Symbols) -> tuple[Lexicon, str]:
    """The words of a file, a JSON mapping from each word to its symbols, and the file's hash."""
    file, sha256, entries = _read(path)
    if not isinstance(entries, dict) or not entries:
        raise FileProblem(file, "must map each word to the list of its symbols")
    place = {name: number for number, name in enumerate(symbols.names)}
    sounds = []
    for word, sound in entries.items():
        if not isinstance(sound, list) or not sound or not all(isinstance(name, str) for name in sound):
            raise FileProblem(file, f"{shown(word)} must have a list of symbols")
        unknown = [name for name in sound if name not in place]
        if unknown:
            raise FileProblem(file, f"{shown(word)} has {shown(unknown[0])}, which is no symbol of the network")
        sounds.append(tuple(place[name] for name in sound))
    return Lexicon(tuple(entries), tuple(sounds)), sha256


def _read(path: Path) -> tuple[str, str, Any]:
    file = read_text(path, LARGEST)
    try:
        return file.name, file.sha256, json.loads(file.text)
    except (ValueError, RecursionError) as error:
        raise FileProblem(file.name, f"is not JSON: {error}") from error

"""INI files as SCALE-Sim's parser takes them, with the line of every entry."""

from collections.abc import Mapping
from dataclasses import field

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, shown
from hwsim.inputs.files import TextFile


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and where it stands."""

    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """The entries of a section by their names in lower case, since names are equal in any case."""

    line: int
    entries: dict[str, Entry] = field(default_factory=dict)


def read_sections(file: TextFile) -> Mapping[str, Section]:
    """The sections of a file: `[name]`, then `key = value` or `key : value`; `#` or `;` starts a line of comment."""
    sections: dict[str, Section] = {}
    current: Section | None = None
    for number, line in enumerate(file.text.splitlines(), 1):
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        if line[0].isspace() and current is not None and current.entries:
            raise FileProblem(file.name, "starts with a blank, which would go on with the value above", line=number)
        if text[0] == "[":
            current = _section(file.name, text, number, sections)
        else:
            _add(file.name, text, number, current)
    return sections


def _section(file: str, text: str, line: int, sections: dict[str, Section]) -> Section:
    name = text[1:-1]
    if text[-1] != "]" or not name:
        raise FileProblem(file, f"{shown(text)} must be [section]", line=line)
    if name in sections:
        raise FileProblem(file, f"[{name}] is given twice, first on line {sections[name].line}", line=line)
    sections[name] = Section(line)
    return sections[name]


def _add(file: str, text: str, line: int, section: Section | None) -> None:
    if section is None:
        raise FileProblem(file, f"{shown(text)} stands before the first [section]", line=line)
    place = min((text.find(mark) for mark in "=:" if mark in text), default=-1)
    key = text[: max(0, place)].strip()
    if not key:
        raise FileProblem(file, f"{shown(text)} must be key = value", line=line)
    if key.lower() in section.entries:
        first = section.entries[key.lower()].line
        raise FileProblem(file, f"{key} is given twice, first on line {first}", line=line)
    section.entries[key.lower()] = Entry(text[place + 1 :].strip(), line)

"""What can go wrong, as one tree.

    HwsimError
    └── UserError             something that the user can mend; the command line exits with code 2
        ├── FileProblem       a file cannot be read, or breaks its format
        ├── InvalidValue      a value breaks a law
        ├── UnknownName       a name that nothing has
        └── Unsupported       this chip cannot do it, or hwsim does not do it yet
            └── OutOfRange    numbers of a model that its formats cannot hold

Everything else that escapes is a defect of hwsim: exit code 1, with a traceback.
A message names the place, the value, the law and, where there is one, the remedy.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Self
from unicodedata import category


class HwsimError(Exception):
    """Root of the tree.

    An error comes back from another process as it was, whatever it was made of.

    >>> import pickle
    >>> print(pickle.loads(pickle.dumps(InvalidValue("rows", 0, "must be at least 1"))).within("array"))
    array.rows = 0: must be at least 1
    """

    def __reduce__(self) -> tuple[object, ...]:
        return _as_it_was, (type(self), self.args), self.__dict__


def _as_it_was(kind: "type[HwsimError]", args: tuple[object, ...]) -> "HwsimError":
    return kind.__new__(kind, *args)


class UserError(HwsimError):
    """Something that the user can mend."""


class FileProblem(UserError):
    """A file cannot be read, or breaks its format.

    >>> print(FileProblem("arch/edge.yaml", "array.colums: unknown field", line=7))
    arch/edge.yaml:7: array.colums: unknown field
    """

    def __init__(self, file: str, problem: str, *, line: int | None = None) -> None:
        self.file, self.problem, self.line = file, problem, line
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {problem}")


class InvalidValue(UserError, ValueError):
    """A value breaks a law; the path grows while the error rises through nested values.

    >>> print(InvalidValue("rows", 0, "must be at least 1").within("array"))
    array.rows = 0: must be at least 1
    """

    def __init__(self, path: str, value: object, law: str) -> None:
        self.path, self.value, self.law = path, value, law
        super().__init__(f"{path} = {shown(value)}: {law}")

    def within(self, outer: str) -> Self:
        """The same error, seen from one level further out."""
        return type(self)(f"{outer}.{self.path}" if self.path else outer, self.value, self.law)


class UnknownName(UserError, ValueError):
    """A name that nothing has.

    >>> print(UnknownName("chip", "int4_aray", ["int4_array", "rapid"]))
    unknown chip 'int4_aray'; did you mean int4_array? known: int4_array, rapid
    """

    def __init__(self, what: str, name: str, known: Iterable[str], remedy: str = "") -> None:
        self.what, self.name = what, name
        more = f"; {remedy}" if remedy else ""
        super().__init__(f"unknown {what} {shown(name)}; {suggestion(name, sorted(known))}{more}")


class Unsupported(UserError):
    """This chip cannot do it, or hwsim does not do it yet."""


class OutOfRange(Unsupported):
    """Numbers of a model that its formats cannot hold."""


def suggestion(name: str, known: Sequence[str]) -> str:
    """The nearest known name, if one is near, and all of them.

    >>> suggestion("colums", ["rows", "cols"])
    'did you mean cols? known: rows, cols'
    """
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}known: {', '.join(known)}"


def printable(text: str) -> str:
    """A text as a terminal may get it: what is not printed stands escaped, so that no name moves a cursor.

    >>> print(printable("a\x1b[2Jb"))
    a\\x1b[2Jb
    """
    return "".join(
        one if one.isprintable() or category(one) == "Zs" else one.encode("unicode_escape").decode("ascii")
        for one in text
    )


def shown(value: object, limit: int = 60) -> str:
    """A value on one short line, whatever it holds.

    >>> shown("x" * 100)[-3:]
    '...'
    """
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."

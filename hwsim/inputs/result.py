"""Results read back from the JSON that `hwsim run --json` writes, exactly as they were."""

import json
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwsim.errors import FileProblem, InvalidValue, UserError
from hwsim.inputs.files import read_text
from hwsim.results.read_back import from_plain
from hwsim.results.result import Result

if TYPE_CHECKING:
    from hwsim.results.tiles_result import TilesResult

LARGEST = 1 << 30
EXACT = "exact"


def load_result(source: str | PathLike[str]) -> "Result | TilesResult":
    """A result from its file, or from the text of one, which begins with a brace: equal to what was written."""
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return _result(source, "result")
    if not isinstance(source, (str, PathLike)):
        raise InvalidValue("result", type(source).__name__, "must be a path, or the text of a JSON document")
    file = read_text(Path(source), LARGEST)
    return _result(file.text, file.name)


def _result(text: str, name: str) -> "Result | TilesResult":
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        problem = f"is no whole JSON document: {error.msg}; write it again with hwsim run --json"
        raise FileProblem(name, problem, line=error.lineno) from error
    except (ValueError, RecursionError) as error:  # a key twice, a number of thousands of digits, a deep nest
        reason = str(error) if isinstance(error, ValueError) else "is nested too deeply"
        raise FileProblem(name, f"{reason}; write it again with hwsim run --json") from error
    exact = data.pop(EXACT, {}) if isinstance(data, dict) else {}
    try:
        if not isinstance(exact, dict):
            raise InvalidValue(EXACT, exact, "must be a mapping of paths to fractions")
        if isinstance(data, dict) and "placement" in data:
            from hwsim.results.tiles_result import TilesResult  # few runs are on tiles

            return from_plain(TilesResult, data, exact)
        return from_plain(Result, data, exact)
    except UserError as error:
        raise FileProblem(name, f"{error}; {_remedy(data)}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key, value in pairs:
        if key in entries:
            raise InvalidValue(key, value, "is there twice")
        entries[key] = value
    return entries


def _remedy(data: Any) -> str:
    """What to do about a document that is no result of this version."""
    this_version = version("hwsim")
    if isinstance(data, dict) and {"rows", "waterfall"} <= data.keys():
        return "is a comparison; give a file that hwsim run --json wrote"
    try:
        written = str(data["provenance"]["versions"]["hwsim"])
    except (KeyError, TypeError):
        return "give a file that hwsim run --json wrote"
    remark = "" if written == this_version else f" with this version, {this_version}; the file is of {written}"
    return f"run it again{remark}"

"""What commands print, and what happens where nothing can be printed."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

from hwsim.errors import FileProblem, printable

if TYPE_CHECKING:
    from hwsim.report.tables import Screen


def say(text: str) -> None:
    """Print lines on standard output."""
    write_stream(sys.stdout, "standard output", text + "\n")


def tell(json_file: str | None, text: Callable[["Screen"], str]) -> None:
    """Print what people read, on standard error if a program reads standard output."""
    stream, name = (sys.stderr, "standard error") if json_file == "-" else (sys.stdout, "standard output")
    write_stream(stream, name, text(screen_of(stream)))


def screen_of(stream: TextIO | None) -> "Screen":
    """What a text for that stream may be like: as wide as the terminal or as `COLUMNS` says, elsewhere 80 columns."""
    from hwsim.report.bars import can_show_blocks
    from hwsim.report.tables import LEAST_WIDTH, Screen

    terminal = stream is not None and stream.isatty()
    columns = get_terminal_size((Screen().width, 24)).columns
    width = columns if terminal or "COLUMNS" in os.environ else Screen().width
    return Screen(
        width=max(width, LEAST_WIDTH),
        colours=terminal and "NO_COLOR" not in os.environ,
        blocks=stream is None or can_show_blocks(stream.encoding),
    )


def tell_written(files: Sequence[Path]) -> None:
    """Say on standard error which files were written, those of one folder together."""
    for folder in dict.fromkeys(path.parent for path in files):
        names = [path.name for path in files if path.parent == folder]
        text = f"{folder}{os.sep}: {', '.join(names)}" if len(names) > 1 else str(folder / names[0])
        write_stream(sys.stderr, "standard error", f"hwsim: wrote {printable(text)}\n")


def write_stream(stream: TextIO | None, name: str, text: str) -> None:
    """Write to a standard stream; one that was closed from the start takes everything and keeps nothing."""
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileProblem(name, f"cannot be written: {error.strerror}") from error

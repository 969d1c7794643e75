"""Writes what a command's output options ask for."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from hwsim.cli.paths import STANDARD_OUTPUT, prepare
from hwsim.cli.streams import write_stream


def check_outputs() -> None:
    """Refuse, before anything is computed, what could not be written afterwards."""
    prepare(click.get_current_context())


def deliver(
    json_file: str | None, out: str | None, document: Callable[[], str], files: Callable[[], Mapping[str, str]]
) -> list[Path]:
    """Write what the options ask for, and say which files that made.

    Files come first, so that a full disk is told before anything is printed.
    """
    from hwsim.report.files import write_file

    texts: dict[Path, str] = {}
    if out is not None:
        texts = {Path(out) / name: text for name, text in files().items()}
    if json_file is not None and json_file != STANDARD_OUTPUT:
        texts[Path(json_file)] = document()
    for path, text in texts.items():
        write_file(path, text)
    if json_file == STANDARD_OUTPUT:
        write_stream(sys.stdout, "standard output", document())
    return list(texts)

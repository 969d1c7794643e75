"""The files that a command reads and writes, of which none may be written over.

An output that is an input, or another output, is refused: the same file by any name, links included.
"""

import os
import shlex
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from hwsim.cli.terminal import say, write_stream
from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, Unsupported, UserError, printable

if TYPE_CHECKING:  # help and completion need no chips
    from hwsim.hardware.analog.chip import AnalogChip
    from hwsim.hardware.chip import Chip
    from hwsim.inputs.chips import AnyChip
    from hwsim.inputs.opened import Loaded
    from hwsim.ir.workload import Workload

STANDARD_OUTPUT = "-"


class Reads(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions alone
    """The name of a file that is read."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is going to be written, and the parameter that names it."""

    path: Path
    parameter: str

    def is_same(self, other: Path) -> bool:
        """Whether both are one regular file; a device may be written to twice."""
        try:
            if self.path.exists() and other.exists():
                return stat.S_ISREG(self.path.stat().st_mode) and self.path.samefile(other)
            return self.path.resolve() == other.resolve()
        except (OSError, ValueError):  # opening it says what is wrong
            return False


def _check_file(value: str, remedy: str) -> None:
    """Refuse what cannot become a file."""
    from hwsim.report.files import unwritable

    path = Path(value)
    try:
        if path.is_dir() or value.endswith(("/", os.sep)):
            raise FileProblem(value, f"is a directory; {remedy}")
        if not path.exists() and not os.access(path.parent, os.W_OK):
            raise FileProblem(value, f"cannot be written: there is no writable folder {path.parent}")
    except (OSError, ValueError) as error:
        raise unwritable(path, "cannot be written", error) from error


class Writes(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions alone
    """The name of a file that is written; `-` is standard output, where a command allows it."""

    name = "file"

    def __init__(self, *, standard_output: bool = False) -> None:
        self.standard_output = standard_output

    def targets(self, value: str, parameter: str, _: Mapping[str, Any]) -> tuple[Target, ...]:
        if value == STANDARD_OUTPUT:
            if self.standard_output:
                return ()
            raise InvalidValue(parameter, value, "must name a file; it is not printed")
        return (Target(Path(value), parameter),)

    def prepare(self, value: str, _: Mapping[str, Any]) -> None:
        """Refuse what cannot become a file."""
        if value != STANDARD_OUTPUT:
            _check_file(value, "name a file")

    shell_complete = Reads.shell_complete


class WritesInto(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions alone
    """The name of a folder in which files are written: which ones, the command's other parameters decide."""

    name = "folder"

    def __init__(self, files: Callable[[Mapping[str, Any]], Sequence[str]]) -> None:
        self.files = files

    def targets(self, value: str, parameter: str, params: Mapping[str, Any]) -> tuple[Target, ...]:
        return tuple(Target(Path(value) / name, parameter) for name in self.files(params))

    def prepare(self, value: str, params: Mapping[str, Any]) -> None:
        """Make the folder, if need be, in which these files can be written."""
        from hwsim.report.files import unwritable

        folder = Path(value)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise unwritable(folder, "cannot be made a folder", error) from error
        if not os.access(folder, os.W_OK):
            raise FileProblem(value, "is a folder in which nothing can be written")
        for name in self.files(params):
            _check_file(str(folder / name), "name another folder")

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="dir")]


def check_paths(ctx: click.Context) -> None:
    """Refuse outputs that name nothing, that are inputs, or that are each other."""
    for _, value, parameter in _outputs(ctx):
        if not value:
            raise InvalidValue(parameter, value, "names no file")
    if ctx.params.get("pdf") and ctx.params.get("out") is None:
        raise InvalidValue("--pdf", True, "is how figures of --out are written too; give --out DIR")
    keep(ctx, [Path(value) for param, value in _parameter_values(ctx) if isinstance(param.type, Reads)])
    targets = _targets(ctx)
    for at, target in enumerate(targets):
        for earlier in targets[:at]:
            if target.is_same(earlier.path):
                parameters = " and ".join(sorted((earlier.parameter, target.parameter)))
                raise FileProblem(
                    str(target.path), f"would be written for {parameters}; name another file for one of them"
                )


def prepare(ctx: click.Context) -> None:
    """Refuse what cannot be written. Folders come first: a file may go into a folder that is made."""
    for kind, value, _ in sorted(_outputs(ctx), key=lambda output: isinstance(output[0], Writes)):
        kind.prepare(value, ctx.params)


def keep(ctx: click.Context, read: Iterable[Path]) -> None:
    """Refuse to write over files that are read."""
    targets = _targets(ctx)
    for path in read:
        for target in targets:
            if target.is_same(path):
                raise FileProblem(
                    str(path), f"is read, and would be written over for {target.parameter}; write to another file"
                )


def _parameter_values(ctx: click.Context) -> Iterator[tuple[click.Parameter, str]]:
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        if value is not None:
            yield param, value


def _outputs(ctx: click.Context) -> Iterator[tuple[Writes | WritesInto, str, str]]:
    for param, value in _parameter_values(ctx):
        if isinstance(param.type, (Writes, WritesInto)):
            yield param.type, value, param.opts[0]


def _targets(ctx: click.Context) -> list[Target]:
    return [target for kind, value, name in _outputs(ctx) for target in kind.targets(value, name, ctx.params)]


def _show_help(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        say(ctx.get_help())
        ctx.exit()


class Helpful(click.Command):
    """A command, or a group of them, whose help is printed like other texts, also where a stream is full or closed."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


class Command(Helpful):
    """A command that refuses to lose a file, before it does anything else."""

    def invoke(self, ctx: click.Context) -> Any:
        check_paths(ctx)
        return super().invoke(ctx)


def check_outputs() -> None:
    """Refuse, before anything is computed, what could not be written afterwards."""
    prepare(click.get_current_context())


def deliver(
    json_file: str | None,
    out: str | None,
    document: Callable[[], str],
    files: Callable[[], Mapping[str, str | bytes]],
    page: tuple[str | None, Callable[[], str]] = (None, str),
) -> list[Path]:
    """Write what the options ask for, the page of `--html` included, and say which files that made.

    Files come first, so that a full disk is told before anything is printed.
    """
    from hwsim.report.files import write_data, write_file

    contents: dict[Path, str | bytes] = {}
    if out is not None:
        contents = {Path(out) / name: content for name, content in files().items()}
    if json_file is not None and json_file != STANDARD_OUTPUT:
        contents[Path(json_file)] = document()
    html_file, made = page
    if html_file is not None:
        contents[Path(html_file)] = made()
    for path, content in contents.items():
        if isinstance(content, bytes):
            write_data(path, content)
        else:
            write_file(path, content)
    if json_file == STANDARD_OUTPUT:
        write_stream(sys.stdout, "standard output", document())
    return list(contents)


def command_line() -> str:
    """The command that runs, as a shell takes it."""
    return shlex.join(["hwsim", *(click.get_current_context().find_root().obj or ())])


@contextmanager
def naming(*loaded: "Loaded[AnyChip] | Loaded[AnalogChip] | Loaded[Workload]") -> Iterator[None]:
    """Refusals of these files together name all of them, unless all are shipped."""
    try:
        yield
    except Unsupported as error:
        if all(file.opened.shipped for file in loaded):
            raise
        raise Unsupported(f"{', '.join(file.title for file in loaded)}: {error}") from error


def chip_and_workload(
    arch: str,
    workload: str,
    precision: str | None = None,
    dims: Mapping[str, int] | None = None,
    *,
    heard: str | None = None,
) -> "tuple[Loaded[AnyChip], Loaded[Workload]]":
    """The chip of either kind, on which something must run, and the workload."""
    from hwsim.inputs.check import kind_named
    from hwsim.inputs.chips import check_machine, open_machine
    from hwsim.inputs.files import Kind

    try:
        chip = open_machine(arch)
    except UserError as error:
        if kind_named(arch) is Kind.WORKLOAD:
            raise FileProblem(printable(arch), "is a workload; the order is ARCH WORKLOAD") from error
        raise
    keep(click.get_current_context(), chip.paths)
    check_machine(chip)
    return chip, workload_named(workload, precision, dims, heard=heard)


def chip_named(arch: str) -> "Loaded[Chip]":
    """The chip."""
    from hwsim.inputs.chips import open_chip

    chip = open_chip(arch)
    keep(click.get_current_context(), chip.paths)
    return chip


def analog_chip_named(arch: str) -> "Loaded[AnalogChip]":
    """The chip of analog tiles."""
    from hwsim.inputs.chips import open_analog_chip

    chip = open_analog_chip(arch)
    keep(click.get_current_context(), chip.paths)
    return chip


def workload_named(
    workload: str,
    precision: str | None = None,
    dims: Mapping[str, int] | None = None,
    *,
    floats: str = "fp16",
    heard: str | None = None,
) -> "Loaded[Workload]":
    """The workload; `floats` is the format of floats of a model file, if no precision is given, and the arrays of the
    file that it hears say how large its open axes are."""
    from hwsim.inputs.load import open_workload

    work = open_workload(workload, precision, dims, floats=floats, heard=_shapes_heard(heard))
    keep(click.get_current_context(), work.paths)
    return work


def op_named(work: "Workload", name: str | None) -> str | None:
    """The op of that name; of a model file's node that is part of an op, that op."""
    if name is None or work.carried is None:
        return name
    from hwsim.tensor.carried import Carried

    return work.carried.nodes.get(name, name) if isinstance(work.carried, Carried) else name


def _shapes_heard(file: str | None) -> dict[str, tuple[int, ...]]:
    if file is None:
        return {}
    # Imported here because a run without values reads no arrays.
    from hwsim.inputs.model_input import shapes_heard

    return shapes_heard(Path(file))


def told_of(value: object) -> tuple[str, ...]:
    """What a reader should know of how a model file was read."""
    from hwsim.ir.workload import Workload

    carried = value.carried if isinstance(value, Workload) else None
    if carried is None:
        return ()
    from hwsim.tensor.carried import Carried

    return carried.told if isinstance(carried, Carried) else ()

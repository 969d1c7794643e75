"""What a command shows: its texts, on standard output or standard error, and how far it is."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from threading import Event, Thread, Timer
from typing import TYPE_CHECKING, Generic, TextIO, TypeVar

from hwsim.errors import FileProblem, printable

if TYPE_CHECKING:
    from hwsim.quantities.plain_data import Progress
    from hwsim.report.tables import Screen
    from hwsim.results.traced import Extent

T = TypeVar("T")

PATIENCE_SECONDS = 1.0
HEARING_SECONDS = 0.1


def say(text: str) -> None:
    """Print lines on standard output."""
    write_stream(sys.stdout, "standard output", text + "\n")


def tell(json_file: str | None, text: Callable[["Screen"], str]) -> None:
    """Print what people read, on standard error if a program reads standard output."""
    stream, name = (sys.stderr, "standard error") if json_file == "-" else (sys.stdout, "standard output")
    write_stream(stream, name, text(screen_of(stream)))


def screen_of(stream: TextIO | None) -> "Screen":
    """What a text for that stream may be like: as wide as the terminal or as `COLUMNS` says, elsewhere 80 columns."""
    from hwsim.report.tables import LEAST_WIDTH, Screen, can_show_blocks

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


def tell_cut(extent: "Extent") -> None:
    """Say on standard error what of a run a trace shows, if that is not all of it."""
    if not extent.whole:
        others = "others with --trace-op, --trace-iterations, --trace-events"
        text = f"hwsim: the trace shows {printable(extent.text)}; {others}\n"
        write_stream(sys.stderr, "standard error", text)


def write_stream(stream: TextIO | None, name: str, text: str) -> None:
    """Write to a standard stream; a stream that was closed from the start takes everything and keeps nothing."""
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileProblem(name, f"cannot be written: {error.strerror}") from error


def note(text: str) -> None:
    """Say a line on standard error."""
    write_stream(sys.stderr, "standard error", f"hwsim: {printable(text)}\n")


def with_progress(title: str, job: "Callable[[Progress], T]", unit: str | None = None) -> T:
    """The job's result. On a terminal a bar shows how far it is, if it takes longer than a second; of a job that counts
    in a `unit` also how many a second.

    The job has a thread of its own, because only the main thread hears Ctrl-C, and not while it is inside a kernel.
    """
    with _bar(title, unit) as (progress, entitle):
        worker = _Worker(job, progress)
        worker.start()
        while not worker.done.wait(HEARING_SECONDS):
            if _compiles():
                entitle(f"{title} (compiling kernels, once for this version)")
    return worker.outcome()


def _compiles() -> bool:
    """Whether kernels are, or were, compiled; asked without importing them, since they bring numba."""
    compiling = getattr(sys.modules.get("hwsim.kernels.jit"), "compiling", None)  # the job may be importing it now
    return compiling is not None and compiling.is_set()


class _Worker(Thread, Generic[T]):
    def __init__(self, job: "Callable[[Progress], T]", progress: "Progress") -> None:
        super().__init__(daemon=True)
        self.job, self.progress, self.done = job, progress, Event()
        self.result: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result.append(self.job(self.progress))
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return self.result[0]


@contextmanager
def _bar(title: str, unit: str | None) -> "Iterator[tuple[Progress, Callable[[str], None]]]":
    """What moves the bar, and what gives it another title."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, total: None, lambda title: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn, Task

    class Rate(ProgressColumn):
        """How many a second."""

        def render(self, task: Task) -> str:
            speed = task.finished_speed or task.speed
            return "" if speed is None else f"{speed:,.3g} {unit}/s"

    columns = Bar.get_default_columns() if unit is None else (*Bar.get_default_columns(), Rate())
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(escape(printable(title)), total=None)
    timer = Timer(PATIENCE_SECONDS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield (
            lambda done, total: bar.update(task, completed=done, total=total),
            lambda title: bar.update(task, description=escape(printable(title))),
        )
    finally:
        timer.cancel()
        timer.join()
        bar.stop()

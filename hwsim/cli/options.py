"""Arguments and options that several commands share, with what the shell completes for them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from hwsim.cli.paths import Reads, Writes, WritesInto
from hwsim.errors import InvalidValue, UserError
from hwsim.inputs.files import Kind, all_names
from hwsim.quantities.plain_data import Objective

if TYPE_CHECKING:
    from hwsim.results.measured import Measuring, Sources
    from hwsim.results.traced import Selection

F = TypeVar("F", bound=Callable[..., Any])


class CompletedText(click.ParamType, ABC):  # type: ignore[type-arg]  # generic in newer versions alone
    """A text for which the shell completes known values, or several with commas between them."""

    name = "text"

    def __init__(self, *, several: bool = False) -> None:
        self.several = several

    @abstractmethod
    def known(self, ctx: click.Context) -> Iterable[str]:
        """All values that can stand here, as far as the parameters before it tell."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",") if self.several else ("", "", incomplete)
        try:
            return [CompletionItem(before + comma + name) for name in self.known(ctx) if name.startswith(last)]
        except UserError:  # what stands before it is not right yet
            return []


class Named(CompletedText):
    """A file of one of these kinds, or the name of a shipped one."""

    def __init__(self, *kinds: Kind, several: bool = False) -> None:
        super().__init__(several=several)
        self.kinds = kinds

    def known(self, ctx: click.Context) -> Iterable[str]:
        return [name for kind in self.kinds for name in all_names(kind)]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [*super().shell_complete(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


ARCH, WORKLOAD, ANY = Named(Kind.ARCH), Named(Kind.WORKLOAD), Named(*Kind)


class Policies(CompletedText):
    """A precision policy, or several."""

    def known(self, ctx: click.Context) -> Sequence[str]:
        from hwsim.quantities.precision import POLICIES

        return POLICIES


def listed(written: str) -> list[str]:
    """The entries of a list with commas.

    >>> listed("fp16, w4a4,")
    ['fp16', 'w4a4']
    """
    return [entry.strip() for entry in written.split(",") if entry.strip()]


class Ops(CompletedText):
    """An op of the workload."""

    def known(self, ctx: click.Context) -> Iterable[str]:
        from hwsim.inputs.load import load_workload

        return [placed.op.name for placed in load_workload(before(ctx, "workload")).program.placed()]


class Dimensions(CompletedText):
    """A dimension of the workload, with the number that it gets."""

    def known(self, ctx: click.Context) -> Iterable[str]:
        from hwsim.inputs.load import load_workload
        from hwsim.models.catalogue import dimensions

        return [f"{name}=" for name in dimensions(load_workload(before(ctx, "workload")).recipe)]


class Points(CompletedText):
    """An operating point of the chip."""

    def known(self, ctx: click.Context) -> Iterable[str]:
        from hwsim.inputs.chips import load_chip

        return [name for name, _ in load_chip(before(ctx, "arch")).operating_points]


def before(ctx: click.Context, parameter: str) -> str:
    """An argument that stands before the word that is being written."""
    if ctx.params.get(parameter) is not None:
        return str(ctx.params[parameter])
    # After an option that waits for its value nothing is parsed: arguments are left in their order.
    arguments = [param.name for param in ctx.command.params if isinstance(param, click.Argument)]
    return dict(zip(arguments, ctx.args, strict=False)).get(parameter, "")


PRECISION = click.option(
    "--precision",
    type=Policies(),
    metavar="POLICY",
    help="Use this policy for the whole model: fp16, w8a8, w4a8, w4a4, …",
)
DIMENSIONS = click.option(
    "--dim",
    "dims",
    type=Dimensions(),
    multiple=True,
    metavar="NAME=N",
    help="Another dimension, such as encoder.layers=4.",
)
JSON = click.option(
    "--json",
    "json_file",
    type=Writes(standard_output=True),
    metavar="FILE",
    help="Write the result as JSON; - prints it alone on standard output.",
)


def output_options(files: Callable[[Mapping[str, Any]], Sequence[str]]) -> Callable[[F], F]:
    """`--json` and `--out`, with which a command writes those files."""
    into = click.option(
        "--out",
        "out",
        type=WritesInto(files),
        metavar="DIR",
        help="Write JSON, CSV and, where there are any, figures (SVG) into this folder.",
    )
    return lambda command: into(JSON(command))


PDF = click.option("--pdf", is_flag=True, help="Also write the figures of --out as PDF.")
HTML = click.option(
    "--html",
    "html_file",
    type=Writes(),
    metavar="FILE",
    help="Write a report into this file: one page that needs no other.",
)


def wants_values(values: bool, counts: str, input_file: str | None, weights_file: str | None) -> bool:
    """Whether these options of a run need its values."""
    return values or counts == "measured" or input_file is not None or weights_file is not None


def measuring_of(
    values: bool, counts: str, input_file: str | None, weights_file: str | None, seed: int, zero_gating: str | None
) -> "Measuring | None":
    """What these options of a run want measured; None if it is only timed."""
    from hwsim.results.measured import Measuring

    needs_values = wants_values(values, counts, input_file, weights_file)
    if not needs_values and zero_gating is None:
        return None
    sources = sources_of(input_file, weights_file, seed) if needs_values else None
    trace = None if zero_gating is None else Path(zero_gating)
    return Measuring(sources=sources, searched=counts == "measured", zero_gating=trace)


def sources_of(input_file: str | None, weights_file: str | None, seed: int, *, packed: bool = False) -> "Sources":
    """Where values come from, as `--input`, `--weights` and `--seed` say."""
    from hwsim.results.measured import Sources

    return Sources(
        input=None if input_file is None else Path(input_file),
        weights=None if weights_file is None else Path(weights_file),
        seed=seed,
        packed=packed,
    )


def run_files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that a run writes into a folder."""
    from hwsim.report import export as e

    figures, files = list(e.RUN_FIGURES), list(e.RUN_FILES + e.TILES_FILES)
    figures += ["scratchpad", "tiles"]
    if params["band"]:
        files += e.BAND_FILES
        figures.append("tornado")
    if params["what_if"]:
        files.append(e.CHANGED_FILE)
    if params["dram_banks"]:
        files.append(e.BANKS_FILE)
    if wants_values(*(params[name] for name in ("values", "counts", "input_file", "weights_file"))):
        files += e.VALUES_FILES
        figures.append("quality")
    return [*files, *e.drawn(figures, pdf=params["pdf"])]


def comparison_files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that a comparison writes into a folder."""
    from hwsim.report.export import COMPARISON_FIGURES, COMPARISON_FILES, drawn

    return (*COMPARISON_FILES, *drawn(COMPARISON_FIGURES, pdf=params["pdf"]))


def scalesim_files_of(_: Mapping[str, Any]) -> Sequence[str]:
    """The files that a report of SCALE-Sim's layers writes into a folder."""
    from hwsim.scalesim.table import FILES

    return FILES


def objective_option(command: F) -> F:
    """`--objective`."""
    return click.option(
        "--objective",
        type=click.Choice([objective.value for objective in Objective]),
        default=Objective.LATENCY.value,
        show_default=True,
        help="What the mapper makes least; of plans about as fast, latency takes the one with least energy.",
    )(command)


def power_of(written: str | None) -> Fraction | None:
    """A power with its unit, as an option gives it."""
    from hwsim.quantities.fields import power_cap

    return None if written is None else power_cap("--power-cap", written)


def values_options(command: F) -> F:
    """`--input`, `--weights` and `--seed`."""
    command = click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Draws the inputs and weights that no file gives.",
    )(command)
    command = click.option(
        "--weights",
        "weights_file",
        type=Reads(),
        metavar="FILE",
        help="Parameters by name, as safetensors or NPZ.",
    )(command)
    return click.option(
        "--input",
        "input_file",
        type=Reads(),
        metavar="FILE",
        help="What the model hears: a WAV file, or features as NPZ.",
    )(command)


MOST_BURSTS = 4_000_000
"""Bursts that are replayed unless somebody asks for others: about a second."""


def banks_options(command: F) -> F:
    """`--dram-banks`, and how much of a run is replayed."""
    command = click.option(
        "--dram-bursts",
        type=click.IntRange(1, 10**10),
        metavar="N",
        help=f"Replay the first N bursts; {MOST_BURSTS:,} by default.",
    )(command)
    return click.option(
        "--dram-banks", is_flag=True, help="Also replay the DRAM transfers through the banks of the chip's dram.device."
    )(command)


def bursts_of(banks: bool, bursts: int | None) -> int | None:
    """How many bursts are replayed; None without a replay."""
    if banks:
        return bursts or MOST_BURSTS
    if bursts is not None:
        raise InvalidValue("--dram-bursts", bursts, "says how much --dram-banks replays; give that too")
    return None


def trace_options(command: F) -> F:
    """`--trace`, and what of a run it shows."""
    limits = (
        (
            "--trace-events",
            click.IntRange(1, 10**8),
            "N",
            "The first pieces of work alone, in the program's order; 80,000 by default.",
        ),
        ("--trace-iterations", click.IntRange(min=1), "N", "The first runs alone of each op; on tiles, its rows."),
        ("--trace-op", Ops(), "PATTERN", "Ops alone whose names match this, such as 'encoder.0.*'."),
        ("--trace", Writes(), "FILE", "Write what each unit does when, as trace events for Perfetto."),
    )
    for name, kind, metavar, said in limits:
        command = click.option(name, type=kind, metavar=metavar, help=said)(command)
    return command


def selection_of(trace: str | None, op: str | None, iterations: int | None, events: int | None) -> "Selection | None":
    """What of a run a trace shows; None without a trace."""
    if trace is None:
        for name, value in (("--trace-op", op), ("--trace-iterations", iterations), ("--trace-events", events)):
            if value is not None:
                raise InvalidValue(name, value, "chooses what --trace shows; give that too")
        return None
    from hwsim.results.traced import MOST_WORK, Selection

    return Selection(ops="*" if op is None else op, iterations=iterations, most=events or MOST_WORK)


def dimensions(written: Sequence[str]) -> dict[str, int]:
    """What `NAME=N` says, several times."""
    sizes = {}
    for text in written:
        name, _, number = text.partition("=")
        if not name or not number.isdecimal() or len(number) > 20:
            raise InvalidValue("--dim", text, "must be a name and a whole number, such as encoder.layers=4")
        sizes[name] = int(number)
    return sizes

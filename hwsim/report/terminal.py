"""What `run` and `compare` print: the headline figures, the costliest ops, where time and energy go."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hwsim.core.counters import Stalls, Units
from hwsim.core.energy import Components
from hwsim.core.prices import Sureness
from hwsim.core.result import Comparison, LengthsResult, OpResult, Result
from hwsim.core.units import HERTZ
from hwsim.report.figures import figure, joules, percent, scaled, seconds

TOP = 10


@dataclass(frozen=True, slots=True)
class Screen:
    """What the text is for: how wide it may be, and whether it may carry colours."""

    width: int = 100
    colours: bool = False


def run_text(result: Result, clock: int, screen: Screen) -> str:
    """The summary of one run on a chip of that clock."""
    summary = result.summary
    batch = "" if summary.batch == 1 else f", batch of {summary.batch}"
    title = Text.assemble(
        (summary.workload, "bold"),
        f" in {summary.precision} on ",
        (summary.chip, "bold"),
        f": {figure(summary.audio_seconds)} s of audio{batch}",
    )
    tables = (
        _headline(result, clock),
        _parts(result),
        _top_ops(result.ops, summary.cycles),
        _time(result),
        _energy(result),
        *(() if result.lengths is None else (_lengths(result.lengths),)),
    )
    return render((title, *tables, _assumed(result)), screen)


def comparison_text(comparison: Comparison, screen: Screen) -> str:
    """The precisions of a comparison, side by side."""
    first = comparison.rows[0].precision
    title = Text.assemble(
        (comparison.workload, "bold"), " on ", (comparison.chip, "bold"), f", gains relative to {first}"
    )
    table = new_table("precision", "latency", "RTF", "speed-up", "energy", "gain", "DRAM", "model", "vs fp32", "array")
    for row in comparison.rows:
        table.add_row(
            row.precision,
            seconds(row.latency_ms / 1000),
            figure(row.rtf),
            _times(row.speedup),
            joules(row.energy_aj),
            _times(row.energy_gain),
            scaled(row.dram_bytes, "B"),
            scaled(row.model_bytes, "B"),
            _times(row.compression_vs_fp32),
            percent(row.utilization),
        )
    return render((title, table), screen)


def render(blocks: Sequence[Text | Table], screen: Screen) -> str:
    """The blocks with an empty line between each two, without blanks at the ends of lines."""
    text = StringIO()
    console = Console(
        file=text, width=screen.width, force_terminal=screen.colours, highlight=False, markup=False, emoji=False
    )
    for block in blocks:
        console.print(block)
        console.print()
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().split("\n")) + "\n"


def _assumed(result: Result) -> Text:
    """Which parameters have no source, and which prices are not read in one."""
    fields_assumed = [field for field, source in result.provenance.sources if source.startswith("assumed")]
    doubtful = [f"{unit.action} ({unit.sure.value})" for unit in result.prices if unit.sure is not Sureness.READ]
    return Text.assemble(
        ("Without a source\n", "bold"), f"parameters  {', '.join(fields_assumed) or 'none'}\n",
        f"prices      {', '.join(doubtful) or 'none'}",
    )  # fmt: skip


def _headline(result: Result, clock: int) -> Table:
    summary = result.summary
    power = summary.energy_aj / 1e18 / (summary.latency_ms / 1000)
    smaller = summary.compression_vs_fp32
    compression = "" if smaller is None else f", {figure(smaller)} times smaller than in fp32"
    batch_audio = summary.audio_seconds * summary.batch
    host = f", and {seconds(summary.host_ms / 1000)} of the host" if summary.host_ms else ""
    fused = (
        "fused LMs", scaled(summary.lm_bytes, "B"), f"{summary.lm_parameters:,} parameters, not counted above"
    )  # fmt: skip
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for row in (
        ("latency", seconds(summary.latency_ms / 1000), f"{summary.cycles:,} cycles at {HERTZ.written(clock)}{host}"),
        ("RTF", figure(summary.rtf), f"{figure(1 / summary.rtf)} times faster than the audio"),
        (
            "energy",
            joules(summary.energy_aj),
            f"{joules(summary.energy_aj / batch_audio)} per second of audio, {figure(power)} W while running",
        ),
        (
            "DRAM",
            scaled(summary.dram_read_bytes + summary.dram_write_bytes, "B"),
            f"{scaled(summary.dram_read_bytes, 'B')} read, {scaled(summary.dram_write_bytes, 'B')} written",
        ),
        (
            "model",
            scaled(summary.model_bytes, "B"),
            f"{summary.parameters:,} parameters{compression}",
        ),
        *((fused,) if summary.lm_parameters else ()),
        ("array", percent(summary.utilization), f"of its peak: {scaled(summary.macs, 'MAC')}"),
    ):
        table.add_row(*row)
    return table


def _parts(result: Result) -> Table:
    cycles = result.summary.cycles
    table = new_table("part", "parameters", "model", "products", "cycles", "time", "DRAM", "energy", title="Parts")
    for part in result.parts:
        table.add_row(
            part.name,
            f"{part.parameters:,}",
            scaled(part.model_bytes, "B"),
            scaled(part.macs, "MAC"),
            f"{part.cycles:,}",
            percent(part.cycles, cycles),
            scaled(part.dram_read_bytes + part.dram_write_bytes, "B"),
            joules(part.energy_aj),
        )
    return table


def _top_ops(ops: tuple[OpResult, ...], cycles: int) -> Table:
    top = sorted(ops, key=lambda op: -op.cycles)[:TOP]
    rest = [op for op in ops if op not in top]
    table = new_table("op", "runs", "cycles", "time", "bound by", "array", "energy", title="Costliest ops")
    for op in top:
        table.add_row(
            op.name,
            f"{op.times:,}",
            f"{op.cycles:,}",
            percent(op.cycles, cycles),
            op.bound.value,
            percent(op.utilization) if op.macs else "",
            joules(op.energy_aj),
        )
    if rest:
        rest_cycles, rest_energy = sum(op.cycles for op in rest), sum(op.energy_aj for op in rest)
        table.add_row(
            f"{len(rest)} more", "", f"{rest_cycles:,}", percent(rest_cycles, cycles), "", "", joules(rest_energy)
        )
    return table


def _time(result: Result) -> Table:
    counters, cycles = result.counters, result.counters.cycles
    waits = {"load": "waits for data", "array": "waits for a tile", "slot": "waits for a slot"}
    table = new_table("unit", "busy", *waits.values(), "idle", title="Where the time goes")
    for unit in (f.name for f in fields(Units)):
        stalled = [getattr(getattr(counters.stalls, f.name), unit) for f in fields(Stalls)]
        shares = [getattr(counters.busy, unit), *stalled, getattr(counters.idle, unit)]
        table.add_row(unit, *(percent(share, cycles) for share in shares))
    return table


def _energy(result: Result) -> Table:
    total = result.summary.energy_aj
    table = new_table("component", "energy", "share", title="Where the energy goes")
    for component in sorted(fields(Components), key=lambda f: -getattr(result.energy_by_component_aj, f.name)):
        spent = getattr(result.energy_by_component_aj, component.name)
        table.add_row(component.name, joules(spent), percent(spent, total))
    return table


def _lengths(lengths: LengthsResult) -> Table:
    title = (
        f"Utterance lengths: RTF {figure(lengths.rtf)}, {percent(lengths.padding)} padding, median latency "
        f"{seconds(lengths.latency_p50_ms / 1000)}, of 99 % at most {seconds(lengths.latency_p99_ms / 1000)}"
    )
    table = new_table("padded to", "utterances", "batches", "padding", "latency", title=title)
    for bucket in lengths.buckets:
        table.add_row(
            f"{figure(bucket.length_seconds)} s",
            f"{bucket.utterances:,}",
            f"{bucket.batches:,}",
            percent(bucket.padding),
            seconds(bucket.latency_ms / 1000),
        )
    return table


def _times(factor: float | None) -> str:
    return "" if factor is None else f"{figure(factor)} ×"


def new_table(*columns: str, title: str | None = None) -> Table:
    """A table of figures: the first column is a name, all others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        left = place == 0 or column == "bound by"
        # A long name is folded, a figure never.
        table.add_column(
            column, justify="left" if left else "right", header_style="dim", overflow="fold", no_wrap=place > 0
        )
    return table

"""What `run` prints: the headline figures, the costliest ops, where time and energy go, where tensors lie."""

from dataclasses import fields

from rich.table import Table
from rich.text import Text

from hwsim.core.counters import Stalls, Units
from hwsim.core.energy import Components
from hwsim.core.objective import Objective
from hwsim.core.prices import Sureness
from hwsim.core.result import LengthsResult, OpResult, Result, StreamingResult
from hwsim.core.sources import NOT_SAID
from hwsim.core.units import HERTZ
from hwsim.report.figures import figure, joules, percent, scaled, seconds
from hwsim.report.residency import residency
from hwsim.report.tables import Screen, limit_text, new_table, render

TOP = 10


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
        *residency(result.tensors),
        *(() if result.lengths is None else (_lengths(result.lengths),)),
    )
    return render((title, *tables, _assumed(result)), screen)


def _assumed(result: Result) -> Text:
    """Which parameters have no source, or one that was not looked up, and which prices are not read in one."""
    marked = [(field, _mark(source)) for field, source in result.provenance.sources]
    parameters = [f"{field}{mark}" for field, mark in marked if mark is not None]
    doubtful = [f"{unit.action} ({unit.sure.value})" for unit in result.prices if unit.sure is not Sureness.READ]
    return Text.assemble(
        ("Without a source\n", "bold"), f"parameters  {', '.join(parameters) or 'none'}\n",
        f"prices      {', '.join(doubtful) or 'none'}",
    )  # fmt: skip


def _mark(source: str) -> str | None:
    """What a report adds to a parameter that it lists: nothing to an assumed one. None: the parameter has a source."""
    if source.startswith("assumed"):
        return ""
    if source == NOT_SAID:
        return f" ({NOT_SAID})"
    return " (recalled)" if "recalled" in source else None


def _headline(result: Result, clock: int) -> Table:
    summary = result.summary
    power = summary.energy_aj / 1e18 / (summary.latency_ms / 1000)
    smaller = summary.compression_vs_fp32
    compression = "" if smaller is None else f", {figure(smaller)} times smaller than in fp32"
    per_second = result.efficiency.energy_per_audio_second_mj * 1e15
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
            f"{joules(per_second)} per second of audio, {figure(power)} W while running",
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
        *(() if result.streaming is None else (_stream(result.streaming),)),
        ("array", percent(summary.utilization), f"of its peak: {scaled(summary.macs, 'MAC')}"),
        *_efficiency(result),
    ):
        table.add_row(*row)
    return table


def _efficiency(result: Result) -> list[tuple[str, str, str]]:
    """Operations and samples a joule, silicon, and whether a power cap lowered the clock."""
    found, ran = result.efficiency, result.operation
    peak = "" if found.peak_tops_per_watt is None else f"{figure(found.peak_tops_per_watt)} at peak, "
    rows = [
        (
            "TOPS/W",
            figure(found.tops_per_watt),
            f"{peak}{figure(found.samples_per_second_per_watt)} samples a second and watt, "
            f"{joules(found.energy_delay_js * 1e18)}·s",
        ),
        (
            "TOPS",
            figure(found.tops),
            f"{'no' if found.peak_tops is None else figure(found.peak_tops)} at peak, "
            f"on {figure(result.area.total_mm2)} mm² in {float(ran.node):g} nm at {float(ran.voltage):g} V",
        ),
    ]
    if ran.power_cap is not None:
        lowered = (
            f"clock lowered from {HERTZ.written(ran.asked_clock)}" if ran.clock < ran.asked_clock else "clock as it is"
        )
        rows.append(
            ("cap", f"{figure(float(ran.power_cap))} W", f"{lowered}, {figure(found.average_power_w)} W on average")
        )
    if ran.objective is not Objective.LATENCY:
        rows.append(("planned", f"for {ran.objective.value}", "of all plans the one that takes least of it"))
    return rows


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
            limit_text(op.limit),
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
    waits = {
        "load": "waits for data",
        "array": "for a tile",
        "tensor": "for a tensor",
        "overwrite": "for a reader",
        "slot": "for a slot",
    }
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
        if not spent:
            continue
        table.add_row(component.name, joules(spent), percent(spent, total))
    return table


def _stream(stream: StreamingResult) -> tuple[str, str, str]:
    """An utterance in chunks: what they add to its work."""
    adds = ((stream.padding_seconds, "padding"), (stream.repeated_seconds, "look-ahead computed again"))
    added = "".join(f", {seconds(length)} of {what}" for length, what in adds if length)
    symbols = "" if stream.symbols is None else f", {stream.symbols:,} symbols in all"
    return "chunks", f"{stream.chunks:,}", f"of {seconds(stream.chunk_seconds)}{added}{symbols}"


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

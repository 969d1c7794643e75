"""What `run --full` prints: headline figures, parts, the costliest ops, where time and energy go, where tensors lie."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.folding import folded_table
from hwsim.report.headline import chips_time, diagnosis_text, headline, headline_table, title
from hwsim.report.numbers import component_table, figure, joules, percent, scaled, seconds, without_a_source
from hwsim.report.residency import residency
from hwsim.report.tables import Screen, limit_text, new_table, render
from hwsim.results.result import LengthsResult, OpResult, Result, Summary
from hwsim.schedule.unit_table import StallReason, Unit

TOP = 10


def full_text(result: Result, clock: int, screen: Screen) -> str:
    """All tables of one run on a chip of that clock."""
    summary = result.summary
    tables = (
        headline_table(headline(result, clock)),
        _parts(result),
        _top_ops(result.ops, summary),
        _time(result),
        _reliefs(result),
        component_table(result.energy_by_component_aj, "Where the energy goes"),
        *residency(result.tensors),
        *(() if result.folded is None else (folded_table(result.folded),)),
        *(() if result.lengths is None else (_lengths(result.lengths),)),
    )
    said = Text(diagnosis_text(result.diagnosis, summary))
    return render((title(summary), said, *tables, without_a_source(result)), screen)


def _parts(result: Result) -> Table:
    cycles = result.summary.cycles
    share = chips_time(result.summary)
    table = new_table("part", "parameters", "model", "products", "cycles", share, "DRAM", "energy", title="Parts")
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


def _top_ops(ops: Sequence[OpResult], summary: Summary) -> Table:
    cycles = summary.cycles
    top = sorted(ops, key=lambda op: -op.cycles)[:TOP]
    rest = [op for op in ops if op not in top]
    table = new_table("op", "runs", "cycles", chips_time(summary), "bound by", "array", "energy", title="Costliest ops")
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
    first, *others = (f"for {reason.one}" for reason in StallReason)
    waits = [f"waits {first}", *others]
    table = new_table("unit", "busy", *waits, "idle", title=f"Where the {chips_time(result.summary)} goes")
    for unit in Unit:
        if unit.spec.among_cores and not (counters.busy[unit] or counters.idle[unit]):
            continue  # one core works alone
        stalled = [counters.stalls[reason][unit] for reason in StallReason]
        shares = [counters.busy[unit], *stalled, counters.idle[unit]]
        table.add_row(unit.key, *(percent(share, cycles) for share in shares))
    captions = []
    if counters.shared_port:
        captions.append("Load and store take turns on one port: their shares together are the whole.")
    if counters.bank_conflict_cycles:
        lost = counters.bank_conflict_cycles
        captions.append(f"Words for the array wait for the same bank: {lost:,} cycles of the read port are lost.")
    if captions:
        table.caption, table.caption_justify = "\n".join(captions), "left"
    return table


def _reliefs(result: Result) -> Table:
    """What each relief alone gives the same plan, and what binds then."""
    summary = result.summary
    table = new_table(
        "one thing eased", "latency", "times as fast", "bound by", title="What binds next, by the same plan"
    )
    rows = [("as it is", summary.latency_ms, result.diagnosis.binds)]
    rows += [(one.relief.label, one.latency_ms, one.limit) for one in result.diagnosis.what_ifs]
    for name, latency_ms, limit in rows:
        table.add_row(name, seconds(latency_ms / 1000), figure(summary.latency_ms / latency_ms), limit_text(limit))
    return table


def _lengths(lengths: LengthsResult) -> Table:
    title = (
        f"Utterance lengths: throughput RTF {figure(lengths.throughput_rtf)}, {percent(lengths.padding)} padding, "
        f"median latency {seconds(lengths.latency_p50_ms / 1000)}, "
        f"of 99 % at most {seconds(lengths.latency_p99_ms / 1000)}"
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

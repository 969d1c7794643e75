"""The headline of a run: its figures, and the sentence that says what binds it."""

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from hwsim.quantities.fields import HERTZ
from hwsim.quantities.plain_data import Objective
from hwsim.report.numbers import beside_the_audio, figure, joules, percent, roughly, scaled, seconds, watts
from hwsim.report.tables import GAP, TIE, plain_table
from hwsim.report.without import without_each
from hwsim.results.figures import NO_GAIN, Awaited, Diagnosis, PeakLimit, WhatIf, outlasting
from hwsim.results.result import Result, Summary
from hwsim.schedule.unit_table import Limit, Relief, Unit


def diagnosis_text(diagnosis: Diagnosis, summary: Summary) -> str:
    """Which part takes most time, what binds it, what one thing twice as fast would give, and what binds then."""
    part = roughly(diagnosis.part_cycles, summary.cycles)
    bound = roughly(diagnosis.limit_cycles, diagnosis.part_cycles)
    share = "All of" if diagnosis.part_cycles == summary.cycles else part + " of"
    return _tied(
        f"{_host(diagnosis, summary)}{share} the {chips_time(summary)} is {diagnosis.part}, {bound} of that in ops "
        f"bound by {_limit(diagnosis)}. {_what_ifs(diagnosis, summary)}."
    )


def _tied(text: str) -> str:
    """The text, in which no line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=%|[munp]?s\b)", TIE, text)


def chips_time(summary: Summary) -> str:
    """The whole that shares of cycles refer to: with a host in the search, or with starts, not the whole time."""
    return "chip's time" if summary.host_ms or summary.launch_ms else "time"


def _host(diagnosis: Diagnosis, summary: Summary) -> str:
    """The remark that the host takes longer than any part of the network; empty if it does not."""
    on_chip = summary.latency_ms - summary.host_ms - summary.launch_ms
    if summary.host_ms <= on_chip * diagnosis.part_cycles / max(1, summary.cycles):
        return ""
    return f"{percent(summary.host_ms, summary.latency_ms)} of the latency is the host's share of the search. "


def _limit(diagnosis: Diagnosis) -> str:
    if diagnosis.limit is Limit.of(Unit.LOAD) and diagnosis.awaited is not None:
        what = {Awaited.WEIGHTS: "weights", Awaited.ACTIVATIONS: "activations"}[diagnosis.awaited]
        return f"reading {what} from DRAM"
    return diagnosis.limit.label


def _what_ifs(diagnosis: Diagnosis, summary: Summary) -> str:
    """What gains most alone, and what binds then; what the relief of the limit and the bandwidth give, if they are
    others; and the relief that is needed beside that of the limit where neither gains."""
    if not diagnosis.what_ifs:
        return "What binds next was not sought: with one thing eased the units find no common period soon enough"
    best, eased, beside = diagnosis.best, diagnosis.eased, diagnosis.beside
    told = []
    if _gains(best, summary):
        speedup = figure(summary.latency_ms / best.latency_ms)
        given = f"{speedup} times as fast ({seconds(best.latency_ms / 1000)})"
        told.append(f"{best.relief.label} would make it {given}: then {_next(best, diagnosis, summary)}")
    others = list(dict.fromkeys((eased, diagnosis.of(Relief.BANDWIDTH))))
    clauses = [f"{one.relief.label} would give {_given(one, summary)}" for one in others if one is not best or not told]
    if beside is not None and _gains(beside, summary) and clauses:
        both = f"{eased.relief.label} and" if len(others) > 1 else "with"
        clauses.append(f"{both} {beside.relief.label}{'' if len(others) > 1 else ' as well'} {_given(beside, summary)}")
    return "With the same plan, " + "; ".join([*told, *([", ".join(clauses)] if clauses else [])])


def _next(best: WhatIf, diagnosis: Diagnosis, summary: Summary) -> str:
    """What binds once something is twice as fast: what takes most of the time, host and starts included."""
    on_chip = best.latency_ms - summary.host_ms - summary.launch_ms
    on_limit = on_chip * best.limit_cycles / max(1, best.cycles)
    beside = outlasting(summary.host_ms, summary.launch_ms, on_limit)
    if beside is not None:
        return f"{beside} binds"
    still = "still " if best.limit is diagnosis.binds else ""
    verb = "bind" if best.limit is Limit.LATENCY else "binds"
    return (
        f"{best.limit.label} {still}{verb}, with {roughly(best.limit_cycles, best.cycles)} of the {chips_time(summary)}"
    )


def _gains(what_if: WhatIf, summary: Summary) -> bool:
    return summary.latency_ms - what_if.latency_ms >= NO_GAIN * summary.latency_ms


def _given(what_if: WhatIf, summary: Summary) -> str:
    return seconds(what_if.latency_ms / 1000) if _gains(what_if, summary) else "next to nothing"


Line = tuple[str, str, str]


def title(summary: Summary) -> Text:
    """The workload, its precision, the chip, and what is heard."""
    batch = "" if summary.batch == 1 else f", batch of {summary.batch}"
    return Text.assemble(
        (summary.workload, "bold"),
        f" in {summary.precision} on ",
        (summary.chip, "bold"),
        f": {figure(summary.audio_seconds)} s of audio{batch}",
    )


def headline_table(lines: Iterable[Line]) -> Table:
    """The lines below one another."""
    table = plain_table()
    for line in lines:
        table.add_row(*line)
    return table


def headline(result: Result, clock: int) -> list[Line]:
    """All lines of the headline."""
    summary = result.summary
    return [
        *_times(result, clock),
        _energy(result),
        *_standby(result),
        _dram(summary),
        *_models(summary),
        *_folded(result),
        *_chunks(result),
        *_array(result),
        *_efficiency(result),
        *_conditions(result),
    ]


def short_headline(result: Result, clock: int, *, bare: bool = False) -> list[Line]:
    """The lines of the first screen; if `bare`, those that every run has."""
    summary = result.summary
    if bare:
        lines = *_times(result, clock), _energy(result), _dram(summary), *_models(summary), *_array(result)
        return [line for line in lines if line[0] in _OF_EVERY_RUN] + [_per_watt(result)]
    return [
        *_times(result, clock),
        _energy(result),
        *_standby(result),
        _dram(summary),
        *_models(summary),
        *_folded(result),
        *_chunks(result),
        *_array(result),
        _per_watt(result),
        *_conditions(result),
    ]


_OF_EVERY_RUN = ("latency", "RTF", "energy", "DRAM", "model", "array")


def in_one_line(lines: Sequence[Line], width: int) -> list[Line]:
    """The lines with as many clauses of each remark as have room in one line of the screen.

    >>> in_one_line([("DRAM", "3 MB", "1 MB read, 2 MB written")], 25)
    [('DRAM', '3 MB', '1 MB read')]
    """
    names, figures = (max(cell_len(line[at]) for line in lines) for at in (0, 1))
    room = width - names - figures - 2 * GAP
    shortened = []
    for name, value, remark in lines:
        clauses = re.split(r"(?<=[^ ])(?=[,;:] )", remark)
        while clauses and cell_len("".join(clauses)) > room:
            clauses.pop()
        shortened.append((name, value, "".join(clauses)))
    return shortened


def _times(result: Result, clock: int) -> list[Line]:
    """Latency; the real-time factor of an utterance, and that of all audio of the batch, where they differ."""
    summary, lengths = result.summary, result.lengths
    host = f", and {seconds(summary.host_ms / 1000)} of the host" if summary.host_ms else ""
    started = f", and {seconds(summary.launch_ms / 1000)} to start it" if summary.launch_ms else ""
    on_chip = f"{summary.cycles:,} cycles at {HERTZ.written(clock)}"
    factor = summary.throughput_rtf
    alone = factor == summary.rtf and lengths is None
    lines = [
        ("latency", seconds(summary.latency_ms / 1000), f"{on_chip}{host}{started}"),
        ("RTF", figure(summary.rtf), f"{'' if alone else 'of an utterance: '}{beside_the_audio(summary.rtf)}"),
    ]
    lines[1:1] = without_each(summary)
    if factor != summary.rtf and lengths is None:
        lines.append(("throughput RTF", figure(factor), f"of all audio of the batch: {beside_the_audio(factor)}"))
    if lengths is not None:
        remark = f"of {lengths.utterances:,} utterances of stated lengths, {percent(lengths.padding)} padding"
        lines.append(("throughput RTF", figure(lengths.throughput_rtf), remark))
    return lines


def _chunks(result: Result) -> list[Line]:
    """What chunks add to the work of an utterance, if it is streamed."""
    stream = result.streaming
    if stream is None:
        return []
    adds = ((stream.padding_seconds, "padding"), (stream.repeated_seconds, "look-ahead computed again"))
    added = "".join(f", {seconds(length)} of {what}" for length, what in adds if length)
    whole = "in all" if result.summary.batch == 1 else "an utterance"
    symbols = "" if stream.symbols is None else f", {stream.symbols:,} symbols {whole}"
    return [("chunks", f"{stream.chunks:,}", f"of {seconds(stream.chunk_seconds)}{added}{symbols}")]


def _energy(result: Result) -> Line:
    summary = result.summary
    per_second = result.efficiency.energy_per_audio_second_mj * 1e15
    power = result.efficiency.average_power_w
    return "energy", joules(summary.energy_aj), f"{watts(power)}, {joules(per_second)} per second of audio"


def _standby(result: Result) -> list[Line]:
    return standby_line(result.efficiency.standby_per_audio_second_mj, result.efficiency.duty_cycle)


def standby_line(millijoules: float, duty_cycle: float) -> list[Line]:
    """What a chip draws for each second of audio while it waits for more; nothing, if it draws nothing."""
    if not millijoules:
        return []
    remark = f"more per second of audio, waiting; it works {percent(duty_cycle)} of it"
    return [("standby", joules(millijoules * 1e15), remark)]


def _dram(summary: Summary) -> Line:
    read, written = summary.dram_read_bytes, summary.dram_write_bytes
    return "DRAM", scaled(read + written, "B"), f"{scaled(read, 'B')} read, {scaled(written, 'B')} written"


def _models(summary: Summary) -> list[Line]:
    """The recogniser, and the language models beside it."""
    smaller = summary.compression_vs_fp32
    compression = "" if smaller is None else f", {figure(smaller)} times smaller than fp32"
    recogniser = "model", scaled(summary.model_bytes, "B"), f"{summary.parameters:,} parameters{compression}"
    fused = (
        "fused LMs", scaled(summary.lm_bytes, "B"), f"{summary.lm_parameters:,} parameters, not counted above"
    )  # fmt: skip
    return [recogniser, fused] if summary.lm_parameters else [recogniser]


def _folded(result: Result) -> list[Line]:
    """Products that are looked up in tables, and what that does to the model."""
    folded = result.folded
    if folded is None:
        return []
    many = len(folded.products)
    saved, before, after = (
        scaled(size, unit)
        for size, unit in (
            (folded.macs_saved, "MAC"), (folded.model_bytes_before, "B"), (folded.model_bytes_after, "B"),
        )
    )  # fmt: skip
    value = f"{many} {'op' if many == 1 else 'ops'}"
    return [("folded", value, f"looked up in tables: {saved} saved, model from {before} to {after}")]


_FEEDS = {
    PeakLimit.SCRATCHPAD_READ: "what the scratchpad's read port can feed",
    PeakLimit.WEIGHT_LOAD: "what the loading of weights leaves",
}


def _array(result: Result) -> list[Line]:
    """The share of the array's peak; and its modes, if there are several, or wider ones than the operands ask for."""
    summary, limit = result.summary, result.efficiency.peak_limit
    reached = f", {percent(summary.reachable_utilization)} of {_FEEDS[limit]}" if limit in _FEEDS else ""
    lines = [("array", percent(summary.utilization), f"of its peak{reached}: {scaled(summary.macs, 'MAC')}")]
    modes = {mode: macs for mode, macs in summary.products_by_mode if mode != "vector unit"}
    if len(modes) > 1 or summary.widened_macs:
        by_mode = ", ".join(f"{scaled(macs, 'MAC')} in {mode}" for mode, macs in modes.items())
        wide = scaled(summary.widened_macs, "MAC")
        remark = f"; {wide} are of narrower operands, for which the array has no mode" if summary.widened_macs else ""
        lines.append(("modes" if len(modes) > 1 else "mode", " ".join(modes), by_mode + remark))
    return lines


def _efficiency(result: Result) -> list[Line]:
    """Operations and utterances a joule, energy times delay, silicon."""
    efficiency, ran = result.efficiency, result.operation
    held = efficiency.reachable_tops is not None and efficiency.reachable_tops != efficiency.peak_tops
    reachable = f", {figure(efficiency.reachable_tops or 0)} of them reachable" if held else ""
    return [
        _per_watt(result),
        ("energy × delay", f"{joules(efficiency.energy_delay_js * 1e18)}·s", "of the run: energy times latency"),
        (
            "TOPS",
            figure(efficiency.tops),
            f"{'no' if efficiency.peak_tops is None else figure(efficiency.peak_tops)} at peak{reachable}, "
            f"on {figure(result.area.total_mm2)} mm² of parts in {float(ran.node):g} nm at {float(ran.voltage):g} V",
        ),
    ]


def _per_watt(result: Result) -> Line:
    efficiency = result.efficiency
    peak = "" if efficiency.peak_tops_per_watt is None else f"{figure(efficiency.peak_tops_per_watt)} at peak; "
    return (
        "TOPS/W",
        figure(efficiency.tops_per_watt),
        f"{peak}{figure(efficiency.utterances_per_joule)} utterances per joule",
    )


def _conditions(result: Result) -> list[Line]:
    """A power cap, and the objective of the schedule, if it is not latency."""
    efficiency, ran = result.efficiency, result.operation
    lines = []
    if ran.power_cap is not None:
        lowered = (
            f"clock lowered from {HERTZ.written(ran.asked_clock)}" if ran.clock < ran.asked_clock else "clock as it is"
        )
        lines.append(("cap", watts(float(ran.power_cap)), f"{lowered}, {watts(efficiency.average_power_w)} on average"))
    if ran.objective is not Objective.LATENCY:
        least = {Objective.ENERGY: "energy", Objective.EDP: "energy × delay"}[ran.objective]
        lines.append(("planned", f"for {least}", "of the plans tried the one that takes least of it"))
    return lines

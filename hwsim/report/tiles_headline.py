"""The headline of a run on analog tiles: its figures, and the sentences that say what it waits for."""

from collections import Counter

from hwsim.quantities.fields import HERTZ
from hwsim.report.headline import Line, chips_time, standby_line
from hwsim.report.numbers import beside_the_audio, figure, joules, percent, roughly, scaled, seconds, watts
from hwsim.report.without import without_each
from hwsim.results.tiles_result import PLACE_NAMES, TilesOpResult, TilesResult


def waited(result: TilesResult) -> list[tuple[str, int]]:
    """What the whole run waited for: units, and links between them, host included."""
    host = round(result.summary.host_ms * result.operation.clock / 1000)
    return [*result.waits.items(), ("host", host)]


def place_of(op: TilesOpResult) -> str:
    """The units where an op makes the run wait longest."""
    longest = max(op.places, key=lambda place: (place.cycles, place.busy), default=None)
    return PLACE_NAMES[op.place if longest is None else longest.place]


def tiles_diagnosis(result: TilesResult) -> str:
    """What the run waits for most, and what stays digital."""
    summary, placement = result.summary, result.placement
    part = max(result.parts, key=lambda part: part.cycles)
    members = [op for op in result.ops if op.name.partition(".")[0] == part.name]
    worst = max(members, key=lambda op: op.cycles)
    share = "All of" if part.cycles == summary.cycles else f"{roughly(part.cycles, summary.cycles)} of"
    within = roughly(worst.cycles, max(1, part.cycles))
    text = (
        f"{share} the {chips_time(summary)} waits for {part.name}, {within} of that for {worst.name} on "
        f"{_article(place_of(worst))}."
    )
    if not placement.digital:
        return f"{text} All products are made on tiles."
    digital = summary.macs - dict(summary.products_by_mode).get("analog tiles", 0)
    many = len(placement.digital)
    ops = f"{many} op{'' if many == 1 else 's'}"
    reasons = Counter(one.reason for one in placement.digital)
    usual = max(reasons, key=lambda reason: reasons[reason])
    why = f" because {usual}" if reasons[usual] == many else f", {reasons[usual]} of them because {usual}"
    return f"{text} {percent(digital, summary.macs)} of the products, {ops}, are digital{why}."


def _article(place: str) -> str:
    return {"tiles": "its tiles", "vector unit": "a vector unit"}.get(place, "the DRAM's port")


def tiles_headline(result: TilesResult) -> list[Line]:
    """All lines of the headline."""
    summary, efficiency, placement = result.summary, result.efficiency, result.placement
    clock = HERTZ.written(result.operation.clock)
    host = f", and {seconds(summary.host_ms / 1000)} of the host" if summary.host_ms else ""
    per_second = joules(efficiency.energy_per_audio_second_mj * 1e15)
    smaller = summary.compression_vs_fp32
    compression = "" if smaller is None else f", {figure(smaller)} times smaller than fp32"
    used = sum(placement.tiles_used)
    chips = sum(1 for count in placement.tiles_used if count)
    held = sum(matrix.weights * matrix.copies for matrix in placement.matrices)
    on_chips = f" on {chips} chips" if placement.chips > 1 else ""
    room = f"of {placement.tiles * placement.chips:,}{on_chips}, with {held:,} weights"
    lines = [
        ("latency", seconds(summary.latency_ms / 1000), f"{summary.cycles:,} cycles at {clock}{host}"),
        *without_each(summary),
        ("RTF", figure(summary.rtf), beside_the_audio(summary.rtf)),
        ("energy", joules(summary.energy_aj), f"{watts(efficiency.average_power_w)}, {per_second} per second of audio"),
        *standby_line(efficiency.standby_per_audio_second_mj, efficiency.duty_cycle),
        ("model", scaled(summary.model_bytes, "B"), f"{summary.parameters:,} parameters{compression}"),
        ("tiles", f"{used:,}", f"{room}; busy {percent(summary.utilization)}"),
        (
            "TOPS/W",
            figure(efficiency.tops_per_watt),
            f"in all; {figure(efficiency.tiles_tops_per_watt)} of tiles and links, "
            f"{figure(efficiency.full_tile_tops_per_watt)} of a full tile",
        ),
        (
            "samples",
            figure(efficiency.utterances_per_joule),
            f"utterances per joule: per second and watt; {figure(efficiency.tops)} TOPS",
        ),
    ]
    if summary.throughput_rtf != summary.rtf:
        factor = summary.throughput_rtf
        remark = f"of all audio of the batch: {beside_the_audio(factor)}"
        lines.insert(_after(lines, "RTF"), ("throughput RTF", figure(factor), remark))
    if summary.lm_parameters:
        remark = f"{summary.lm_parameters:,} parameters, not counted above"
        lines.insert(_after(lines, "model"), ("fused LMs", scaled(summary.lm_bytes, "B"), remark))
    stream = result.streaming
    if stream is not None:
        lines.append(("chunks", f"{stream.chunks:,}", f"of {seconds(stream.chunk_seconds)}"))
    return lines


def _after(lines: list[Line], name: str) -> int:
    """The place behind the line of that name."""
    return next(place for place, line in enumerate(lines, 1) if line[0] == name)

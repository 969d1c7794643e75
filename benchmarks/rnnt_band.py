"""What the published figures of a 4-bit RNN transducer leave open: settings that give both, and the band around the
shipped one, as docs/accuracy.md shows them.

Run it with `python -m benchmarks.rnnt_band`; nothing in it is timed. Published: 3.4 times as fast in INT4 as in FP16,
with a real-time factor of 0.06 in INT4 (Fasoli et al., Interspeech 2022, arXiv 2206.07882, abstract). The chip, its
memory, the search's beam and the host's share are not stated there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.inputs.varied import field_of, workload_with
from hwsim.ir.workload import Workload
from hwsim.results.band import Band
from hwsim.results.headline_figures import Headline
from hwsim.study.band import band
from hwsim.study.simulate import simulate

SPEED_UP, RTF = 3.4, 0.06
PRECISIONS = "fp16", "w4a4"
STEP = 10**8
MOST = 2560
"""Rates of the DRAM are sought in steps of 0.1 GB/s, up to 256 GB/s."""


@dataclass(frozen=True)
class Setting:
    """Changes of the shipped chip and of the shipped transducer, by dotted path; what is not said is as shipped."""

    name: str
    chip: tuple[tuple[str, Any], ...] = ()
    work: tuple[tuple[str, Any], ...] = ()


SETTINGS = (
    Setting("as shipped"),
    Setting("8 vector lanes", chip=(("vector.lanes", 8),)),
    Setting("4 vector lanes", chip=(("vector.lanes", 4),)),
    Setting("an array of 32 × 32", chip=(("array.rows", 32), ("array.cols", 32))),
    Setting("an array of 128 × 128", chip=(("array.rows", 128), ("array.cols", 128))),
    Setting("four INT4 products where there were eight", chip=(("array.macs_per_pe.int4", 4),)),
    Setting("8 MiB of scratchpad", chip=(("scratchpad.size", "8 MiB"),)),
    Setting("1 MiB of scratchpad", chip=(("scratchpad.size", "1 MiB"),)),
    Setting("a beam of 4", work=(("decoding.beam", 4),)),
    Setting("a beam of 64", work=(("decoding.beam", 64),)),
    Setting("no cache of prefixes", work=(("decoding.cache_prediction", False),)),
    Setting("an external model of three layers", work=(("decoding.fusion.external.layers", 3),)),
    Setting("an external model of 1024 cells", work=(("decoding.fusion.external.cells", 1024),)),
    Setting("20 symbols a second", work=(("decoding.symbols_per_second", 20),)),
)

FIELDS: Mapping[str, Any] = {
    "dram.read": "32 GB/s..128 GB/s",
    "decoding.host": "0 us..300 us",
    "vector.lanes": "4..128",
    "decoding.beam": "4..64",
    "scratchpad.size": "1 MiB..8 MiB",
}


@dataclass(frozen=True)
class Pair:
    """Milliseconds of the chip and of the host, in both precisions, for so many seconds of audio."""

    fp16_ms: float
    int4_ms: float
    host_ms: float
    audio_seconds: float

    @property
    def speed_up(self) -> float:
        return (self.fp16_ms + self.host_ms) / (self.int4_ms + self.host_ms)

    @property
    def rtf(self) -> float:
        return (self.int4_ms + self.host_ms) / 1000 / self.audio_seconds

    @property
    def agrees(self) -> bool:
        """Whether both figures are the published ones, rounded as those are."""
        return round(self.speed_up, 1) == SPEED_UP and round(self.rtf, 2) == RTF


@cache
def shipped(precision: str) -> Workload:
    """The shipped transducer."""
    return load_workload("rnnt", precision=precision)


@cache
def transducer(setting: Setting, precision: str, host_us: float = 0.0) -> Workload:
    """The transducer of a setting, with what the host does in each step of the search."""
    changes = {**dict(setting.work), "decoding.host": f"{round(host_us * 1000)} ns"}
    work, chip = shipped(precision), load_chip("int4_array")
    known = {path: field_of(chip, work, path) for path in changes}
    values = {path: known[path].read(value) for path, value in changes.items()}
    return workload_with(work, known, values, "benchmark:")


def chip_of(setting: Setting, rate: int) -> Chip:
    """The chip of a setting, whose DRAM reads and writes so many bytes a second."""
    return load_chip("int4_array").with_(**{"dram.read": rate, "dram.write": rate, **dict(setting.chip)})


def pair(setting: Setting, rate: int, host_us: float = 0.0) -> Pair:
    """Both precisions at that rate, each planned anew."""
    chip = chip_of(setting, rate)
    fp16, int4 = (simulate(chip, transducer(setting, name, host_us)).summary for name in PRECISIONS)
    return Pair(fp16.latency_ms - fp16.host_ms, int4.latency_ms - int4.host_ms, int4.host_ms, int4.audio_seconds)


def found(setting: Setting) -> tuple[int, float] | None:
    """The rate of the DRAM, to 0.1 GB/s, and the microseconds of the host in a step with which a setting gives both
    published figures; None, if no rate does.

    The host adds the same time to both precisions: their difference depends on the rate alone, and falls with it.
    """
    target = (SPEED_UP - 1) * RTF

    def apart(rate: int) -> float:
        at = pair(setting, rate)
        return (at.fp16_ms - at.int4_ms) / 1000 / at.audio_seconds

    rate = least(lambda steps: apart(steps * STEP) <= target, 1, MOST) * STEP
    if rate > STEP:  # plans jump: the rate below may come nearer
        rate = min((rate, rate - STEP), key=lambda near: abs(apart(near) - target))
    at = pair(setting, rate)
    host_ms = RTF * 1000 * at.audio_seconds - at.int4_ms
    if rate >= (MOST - 1) * STEP or host_ms < 0:
        return None
    return rate, 1000 * host_ms / transducer(setting, "w4a4").decoding_steps


def least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least number from low to high of which something holds that holds of all larger ones."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def row(setting: Setting) -> str:
    """A setting with the rate and the host that give both figures, and what a run with them gives."""
    both = found(setting)
    if both is None:
        at = pair(setting, MOST * STEP)
        return f"| {setting.name} | at none | | {at.speed_up:.2f} × at 256 GB/s | {at.rtf:.4f} |"
    rate, host_us = both
    at = pair(setting, rate, round(host_us))
    return f"| {setting.name} | {rate / 1e9:.1f} GB/s | {host_us:.0f} µs | {at.speed_up:.2f} × | {at.rtf:.4f} |"


def band_rows() -> tuple[str, ...]:
    """The band of both figures, over points that both precisions share, and what each field alone makes of them."""
    fp16, int4 = (band(load_chip("int4_array"), shipped(name), FIELDS) for name in PRECISIONS)
    ratios = [slow / fast for slow, fast in zip(latencies(fp16), latencies(int4), strict=True)]
    factors = int4.of(Headline.RTF)
    rows = [f"| all of them | {ratios[0]:.2f}, from {min(ratios):.2f} to {max(ratios):.2f} | "
            f"{factors.nominal:.4f}, from {factors.low:.4f} to {factors.high:.4f} |"]  # fmt: skip
    alone = {swing.path: swing for swing in factors.tornado}
    places = [dict(point.values) for point in int4.points]
    for one in int4.fields:
        low, high = (ratios[places.index({**places[0], one.path: end})] for end in (one.low, one.high))
        swing = alone[one.path]
        rows.append(
            f"| `{one.path}`, {one.low} to {one.high} | {low:.2f}, {high:.2f} | "
            f"{swing.at_low:.4f}, {swing.at_high:.4f} |"
        )
    return tuple(rows)


def latencies(of: Band) -> list[float]:
    """The latency at each point."""
    return [dict(point.figures)[Headline.LATENCY] for point in of.points]


LEADS = (
    (Setting("as shipped"), 64.0, 0.0),
    (Setting("as shipped"), 58.5, 220.0),
    (Setting("no cache of prefixes", work=(("decoding.cache_prediction", False),)), 64.0, 234.0),
    (Setting("4 vector lanes", chip=(("vector.lanes", 4),)), 60.0, 0.0),
    (Setting("3 vector lanes", chip=(("vector.lanes", 3),)), 64.0, 0.0),
)
"""Settings by hand, with a rate in GB/s and microseconds of the host in a step."""


def main() -> None:
    """Prints all tables."""
    print("by hand: setting, DRAM, host in a step, FP16 to INT4, RTF in INT4; published 3.4 and 0.06")
    for setting, rate, host_us in LEADS:
        at = pair(setting, round(rate * 1e9), host_us)
        mark = " both, rounded" if at.agrees else ""
        print(f"| {setting.name} | {rate} GB/s | {host_us:.0f} µs | {at.speed_up:.2f} × | {at.rtf:.4f} |{mark}")
    print("\nsought: setting, DRAM, host in a step, FP16 to INT4, RTF in INT4")
    for setting in SETTINGS:
        print(row(setting), flush=True)
    print("\nband: field, FP16 to INT4, RTF in INT4")
    print("\n".join(band_rows()))


if __name__ == "__main__":
    main()

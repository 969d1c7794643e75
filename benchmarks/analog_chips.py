"""Figures of analog chips: what papers publish, beside what hwsim predicts, and the band that each assumption opens.

`python -m benchmarks.analog_chips` prints the tables of docs/accuracy.md; no factor is fitted to any of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hwsim.hardware.analog.chip import AnalogChip
from hwsim.inputs.chips import load_analog_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import at_length
from hwsim.results.measured import Measuring, Sources
from hwsim.results.tiles_result import TilesResult
from hwsim.schedule.tiles_run import Place
from hwsim.study.simulate import Request, run
from hwsim.study.study_figures import interval_us, on_chips, tiles_alone
from hwsim.timing.tile import vector_time

AUDIO = 6_500_000_000_000
"""Picoseconds of an average utterance of the test set: its sum of operations over those of a second of audio."""

Figure = Callable[[TilesResult], float]


def pcm_lines() -> tuple[tuple[str, float, Figure], ...]:
    """What the transducer's paper says, and what says the same of a result."""
    return (
        ("encoder, a frame, us", 2.1, lambda r: interval_us(r, "encoder.1.forward.recurrent")),
        ("decoder, a symbol, us", 1.5, lambda r: _decoder_us(r)),
        ("a query, us", 500, lambda r: r.summary.latency_ms * 1000),
        ("real-time factor, 1e-5", 8, lambda r: r.summary.rtf * 1e5),
        ("TOPS/W, tile", 20.0, tiles_alone),
        ("TOPS/W, chip", 12.4, on_chips),
        ("TOPS/W, system", 6.94, lambda r: r.efficiency.tops_per_watt),
        ("samples a second and watt", 546.6, lambda r: r.efficiency.utterances_per_joule),
        ("power, W", 3.57, lambda r: r.efficiency.average_power_w),
    )


def _decoder_us(result: TilesResult) -> float:
    """Microseconds from a symbol to what the prediction network says of it: the way through its two layers."""
    chip = load_analog_chip(result.summary.chip)
    ops = {op.name: op for op in result.ops}

    def on_lanes(name: str) -> float:
        place = next(place for place in ops[name].places if place.place is Place.VECTOR)
        return place.busy / place.tasks / chip.clock * 1e6

    tiles_us = (vector_time(chip.array).latency + 2 * chip.link.within) / 1e6
    layers = [on_lanes(f"prediction.{n}.{what}") for n in (0, 1) for what in ("input", "gates")]
    return on_lanes("prediction.embed") + sum(layers) + 2 * tiles_us


def transducer() -> Workload:
    """The transducer at the length of an average utterance."""
    return at_length(load_workload("mlperf_rnnt"), AUDIO)


def predicted(chip: AnalogChip, work: Workload, *, values: bool) -> TilesResult:
    """A run, with the currents of drawn weights if its values are computed."""
    return run(chip, work, Request(measuring=Measuring(sources=Sources()) if values else None), files={})


@dataclass(frozen=True, slots=True)
class Assumption:
    """A field of the chip of which the paper says nothing, and what else it might be."""

    field: str
    low: str | float
    high: str | float


PCM = (
    Assumption("array.phases.tick", "1 ns", "2 ns"),
    Assumption("array.phases.convert", "128 ns", "300 ns"),
    Assumption("link.within", "0 ns", "600 ns"),
    Assumption("link.between", "0 ns", "1.2 us"),
    Assumption("link.between_energy", "1 pJ", "80 pJ"),
    Assumption("typical.input", 0.1, 0.4),
    Assumption("typical.conductance", 0.05, 0.2),
    Assumption("array.device.g_max", "10 uS", "25 uS"),
    Assumption("vector.lanes", 128, 4096),
)


def bands(chip: AnalogChip, work: Workload) -> Iterable[str]:
    """What each assumption does to the figures of the transducer, one at a time."""
    yield "| field | from, to | a query, us | TOPS/W, tile | TOPS/W, system |\n|---|---|---|---|---|"
    for one in PCM:
        ends = [predicted(chip.with_(**{one.field: value}), work, values=False) for value in (one.low, one.high)]
        columns = (
            (lambda r: r.summary.latency_ms * 1000),
            tiles_alone,
            (lambda r: r.efficiency.tops_per_watt),
        )
        shown = [", ".join(f"{column(end):.3g}" for end in ends) for column in columns]
        yield f"| `{one.field}` | {one.low}, {one.high} | {' | '.join(shown)} |"


LSTM = {
    "kind": "lstm_lm", "name": "lstm_step", "audio": "10 s", "batch": 1, "precision": "w8a8", "symbols_per_second": 14,
    "model": {"embedding": 512, "cells": 512, "layers": 1}, "outputs": 16,
}  # fmt: skip
"""A layer of 512 cells; which one took 1.43 us and 5.24 uJ on the chip is not said where we read."""


HERMES = (
    Assumption("link.within", "0 ns", "640 ns"),
    Assumption("vector.lanes", 64, 4096),
    Assumption("array.phases.voltage", "0.1 V", "0.3 V"),
    Assumption("typical.input", 0.1, 0.4),
)
CONVERSION = {"bits": 8, "price": {"energy": "50 pJ", "area": "1089 um2", "source": "sought to fit", "sure": "assumed"}}
"""A conversion that would explain the chip's operations a joule."""


def step_of(result: TilesResult) -> tuple[float, float]:
    """Microseconds and microjoules of a step of the layer."""
    layer = {op.name: op for op in result.ops if op.name.startswith("lm.0.")}
    recurrent, gates = layer["lm.0.recurrent"], layer["lm.0.gates"]
    time = (gates.last_end - recurrent.first_start) / recurrent.times / result.operation.clock * 1e6
    return time, sum(op.energy_aj for op in layer.values()) / recurrent.times / 1e12


def hermes_lines() -> Iterable[str]:
    """The 64-core chip beside what is published of it, and the band that each assumption opens."""
    chip, work = load_analog_chip("hermes"), load_workload(LSTM)
    result = predicted(chip, work, values=True)
    full, (time, energy) = result.efficiency, step_of(result)
    yield "| hermes | published | predicted | |\n|---|---|---|---|"
    for name, published, value in (
        ("TOPS at peak, one phase", 63.1, full.peak_tops),
        ("TOPS/W at peak, one phase", 9.76, full.full_tile_tops_per_watt),
        ("LSTM step, us", 1.43, time),
        ("LSTM step, uJ", 5.24, energy),
    ):
        yield f"| {name} | {published} | {value:.3g} | {value / published - 1:+.0%} |"
    yield "\n| field | from, to | LSTM step, us | LSTM step, uJ | TOPS/W at peak |\n|---|---|---|---|---|"
    for one in HERMES:
        ends = [predicted(chip.with_(**{one.field: value}), work, values=False) for value in (one.low, one.high)]
        rows = [(*step_of(end), end.efficiency.full_tile_tops_per_watt) for end in ends]
        shown = [", ".join(f"{row[column]:.3g}" for row in rows) for column in range(3)]
        yield f"| `{one.field}` | {one.low}, {one.high} | {' | '.join(shown)} |"
    dear = predicted(chip.with_(energy_override={"adc": [CONVERSION]}), work, values=False)
    peak, (_, spent) = dear.efficiency.full_tile_tops_per_watt, step_of(dear)
    yield f"\nwith conversions of 50 pJ: {peak:.3g} TOPS/W, {spent:.3g} uJ"


def main() -> None:
    """Print all tables."""
    chip, work = load_analog_chip("analog_pcm"), transducer()
    typical, measured = (predicted(chip, work, values=values) for values in (False, True))
    print("| analog_pcm, mlperf_rnnt, 6.5 s | published | typical currents | off | currents of drawn weights | off |")
    print("|---|---|---|---|---|---|")
    for name, published, figure in pcm_lines():
        shown = (f"{figure(one):.3g} | {figure(one) / published - 1:+.0%}" for one in (typical, measured))
        print(f"| {name} | {published} | {' | '.join(shown)} |")
    print()
    for line in bands(chip, work):
        print(line)
    print()
    for line in hermes_lines():
        print(line)


if __name__ == "__main__":
    main()

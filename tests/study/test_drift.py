"""Quality on analog tiles over time: what drift takes, what compensation brings back, and how it is told."""

import csv
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from command import complaint, printed
from hwsim.engine.standing import placeable
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.conversion import Adc, Axis, InputConversion, Range, Scaling
from hwsim.hardware.analog.device import Device, DeviceModel, Preset
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.inputs.chips import load_analog_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import at_length, workload
from hwsim.models.conformer import Conformer, ConformerEncoder, CtcHead
from hwsim.report.drift import drift_text
from hwsim.report.plots.sets import drift_drawings
from hwsim.report.tables import Screen
from hwsim.results.drift import Drift
from hwsim.results.measured import Sources
from hwsim.study.drift import drift
from hwsim.study.on_tiles import run_values_on_tiles
from hwsim.study.values import prepared, run_values
from strategies.chips import analog_chip
from strategies.recipes import MS

YEAR = 365 * 86_400
PCM = AnalogTile(
    rows=32,
    cols=32,
    device=Device(model=Preset.PCM),
    input=InputConversion(scaling=Scaling.LARGEST),
    adc=Adc(bits=10, range=Range.CALIBRATED, per=(Axis.TILE, Axis.COLUMN)),
)
IDEAL = AnalogTile(rows=32, cols=32, input=InputConversion(bits=16))


def conformer() -> Workload:
    """A second and a half in one block, every frame ranked."""
    return workload(
        Conformer(
            name="small",
            audio=1500 * MS,
            precision="w8a8",
            encoder=ConformerEncoder(mels=12, frame=10 * MS, layers=1, size=24, heads=2, kernel=3),
            decoder=CtcHead(outputs=11),
        )
    )


def recogniser() -> Workload:
    """A second in a small recogniser that searches."""
    sizes = {"encoder.layers": 3, "encoder.cells": 24, "encoder.features": 12, "prediction.cells": 12}
    return at_length(load_workload("mlperf_rnnt", "w8a8", dims=sizes), 1000 * MS)


def levels(study: Drift, compensation: str) -> list[float]:
    return [point.sqnr_db or 0.0 for point in study.points if point.compensation == compensation]


@pytest.mark.parametrize("make", [conformer, recogniser])
def test_quality_falls_with_time_and_compensation_brings_it_back(make: Any) -> None:
    """The mean of several seeds, by more than 3 dB; right after programming nothing is to be brought back."""
    chip, work = analog_chip(PCM), make()
    studies = [
        drift(chip, work, at=(0, YEAR), compensations=("none", "global"), sources=Sources(seed=seed))
        for seed in range(3)
    ]
    (fresh, late), (first, held) = (
        [sum(each) / len(studies) for each in zip(*(levels(study, kind) for study in studies), strict=True)]
        for kind in ("none", "global")
    )
    assert fresh == first
    assert late < fresh - 3
    assert held > late + 3
    for study in studies:
        none, global_ = ([p for p in study.points if p.compensation == kind] for kind in ("none", "global"))
        assert none[0].ops == global_[0].ops
        assert (none[1].cosine or 0) < (none[0].cosine or 0)


def test_symbols_agree_less_as_devices_drift() -> None:
    chip, work = analog_chip(PCM), recogniser()
    made = [drift(chip, work, at=(0, YEAR), compensations=("none",), sources=Sources(seed=s)) for s in range(3)]
    fresh, late = (sum(study.points[place].top1 or 0.0 for study in made) for place in (0, 1))
    assert late < fresh
    for study in made:
        assert study.exact_symbols is not None
        assert all(0 <= (point.symbol_agreement or 0.0) <= 1 for point in study.points)


@pytest.mark.parametrize("make", [conformer, recogniser])
def test_ideal_tiles_agree_entirely_at_any_age(make: Any) -> None:
    """No noise is no SQNR, and against floats there is that of the exact integers."""
    study = drift(analog_chip(IDEAL), make(), at=(0, YEAR))
    assert len(study.points) == 4
    for point in study.points:
        assert (point.sqnr_db, point.clipped) == (None, 0)
        assert point.top1 == 1
        assert point.floats_sqnr_db == study.exact_sqnr_db
        assert point.floats_top1 == study.exact_top1
        assert point.symbols == study.exact_symbols
        assert point.symbol_agreement == (None if study.exact_symbols is None else 1)
        assert all(op.sqnr_db is None for op in point.ops)


def test_an_op_loses_what_its_own_tiles_lose() -> None:
    """Where one op alone stands on tiles, all before it is exact."""
    work = conformer()
    names = [placed.op.name for placed in work.program.placed()]
    last = max(placeable(analog_chip(PCM), work.program), key=names.index)
    study = drift(analog_chip(PCM), work, at=(YEAR,), compensations=("none",), placed=(last,))
    (point,) = study.points
    assert study.on_tiles == (last,)
    noisy = {op.name for op in point.ops if op.sqnr_db is not None}
    assert last in noisy
    assert all(names.index(name) >= names.index(last) for name in noisy)


def test_the_same_study_gives_the_same_figures_again() -> None:
    chip, work = analog_chip(PCM), recogniser()
    ages = (Fraction(1, 2), 3600)
    assert drift(chip, work, at=ages) == drift(chip, work, at=ages)
    alone = drift(chip, work, at=(3600,), compensations=("global",))
    assert alone.points == tuple(
        p for p in drift(chip, work, at=ages).points if p.seconds == 3600 and p.compensation == "global"
    )


@pytest.mark.parametrize("make", [conformer, recogniser])
def test_values_on_ideal_tiles_are_the_exact_ones(make: Any) -> None:
    work, sources = make(), Sources()
    ready = prepared(work, sources)
    exact, tiles = run_values(ready, sources), run_values_on_tiles(ready, sources, analog_chip(IDEAL)).quality
    assert tiles.accumulators == "analog tiles of tiles"
    nothing: dict[str, Any] = {"accumulators": "same", "ops": (), "sqnr_db": None, "cosine": None}
    assert replace(tiles, **nothing) == replace(exact, **nothing)
    for one, other in zip(tiles.ops, exact.ops, strict=True):  # errors are added up run by run, or many runs at a time
        assert one.sqnr_db == (None if other.sqnr_db is None else pytest.approx(other.sqnr_db, rel=1e-9))
        assert (one.name, one.top1, one.clipped) == (other.name, other.top1, other.clipped)


def test_values_on_tiles_drift() -> None:
    work, sources, chip = conformer(), Sources(), analog_chip(PCM)
    ready = prepared(work, sources)
    fresh, late, held = (
        run_values_on_tiles(ready, sources, chip, seconds=seconds, compensation=kind).quality.sqnr_db or 0.0
        for seconds, kind in ((0.0, "none"), (float(YEAR), "none"), (float(YEAR), "global"))
    )
    assert late < held < fresh + 3
    study = drift(chip, work, at=(0, YEAR), compensations=("none", "global"))
    assert [point.floats_sqnr_db for point in study.points] == [fresh, fresh, late, held]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"at": ()}, "at = '': must name one or more, each once"),
        ({"at": (1, 1)}, "at = '1 s, 1 s': must name one or more, each once"),
        ({"at": (-1,)}, "at = '-1 s': must not lie before programming"),
        ({"at": (10**13,)}, "at = '1e+13 s': must be at most 1000000000000 s"),
        ({"compensations": ("all",)}, "compensation = 'all': must be one of none, global, column"),
        ({"compensations": ("none", "none")}, "compensations = 'none, none': must name one or more, each once"),
    ],
)
def test_what_is_no_age_or_compensation_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        drift(analog_chip(IDEAL), conformer(), **given)
    assert str(caught.value) == problem


# -- how it is told

SIZES = [
    word
    for size in ("encoder.layers=3", "encoder.cells=16", "encoder.features=9", "prediction.cells=8", "joint.size=8")
    for word in ("--dim", size)
]


def test_the_command_gives_what_the_function_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    text, err = printed(
        capsys, "drift", "analog_pcm", "mlperf_rnnt", *SIZES, "--at", "0s, 1d", "--compensation", "column",
        "--seed", "2", "--json", "-", "--out", str(out),
    )  # fmt: skip
    dims = {name: int(number) for name, number in (word.split("=") for word in SIZES if "=" in word)}
    chip = load_analog_chip("analog_pcm")
    work = load_workload("mlperf_rnnt", dims=dims)
    study = drift(chip, work, at=(0, 86_400), compensations=("column",), sources=Sources(seed=2))
    document = json.loads(text)
    assert json.loads((out / "drift.json").read_text()) == document
    assert [point["seconds"] for point in document["points"]] == [0, 86_400]
    assert [point["sqnr_db"] for point in document["points"]] == [point.sqnr_db for point in study.points]
    assert document["on_tiles"] == list(study.on_tiles)
    with (out / "drift.csv").open() as rows:
        assert [row["symbols"] for row in csv.DictReader(rows)] == [str(point.symbols) for point in study.points]
    with (out / "drift_ops.csv").open() as rows:
        assert sum(1 for _ in csv.DictReader(rows)) == sum(len(point.ops) for point in study.points)
    assert "signal to noise [dB]" in (out / "drift.svg").read_text()
    assert "never trained: no measure of accuracy" in " ".join(err.split())
    assert "drift.json, drift_ops.csv, drift.csv, drift.svg" in err


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("int4_array", "mlperf_rnnt"), "array.kind: must be analog; hwsim.load_chip reads other chips"),
        (("analog_pcm", "mlperf_rnnt", "--at", "1 fortnight"), "--at = '1 fortnight': unknown unit 'fortnight'"),
        (("analog_pcm", "mlperf_rnnt", "--at", "5"), "--at = '5': must be a number with a unit, such as '1 y'"),
        (("analog_pcm", "mlperf_rnnt", *SIZES, "--compensation", "some"), "must be one of none, global, column"),
        (("analog_pcm", "mlperf_rnnt", "--precision", "w5"), "w5"),
    ],
)  # fmt: skip
def test_the_command_refuses_in_one_line(
    args: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problem in complaint(capsys, "drift", *args)


def test_texts_and_figures_hold_all_ages(capsys: pytest.CaptureFixture[str]) -> None:
    """With and without a search, noise or anything on tiles."""
    for chip, placed in ((analog_chip(PCM), None), (analog_chip(IDEAL), None), (analog_chip(PCM), ())):
        for work in (conformer(), recogniser()):
            study = drift(chip, work, at=(0, 60, 7200), placed=placed)
            text = drift_text(study, Screen())
            assert all(age in text for age in ("0 s", "1 min", "2 h"))
            assert max(map(len, text.split("\n"))) <= 80
            (drawing,) = drift_drawings(study)
            assert all(age in drawing.svg() for age in ("0 s", "1 min", "2 h"))
    assert "<Drift small in w8a8 on tiles: 0 s, 1 min, 2 h>" in repr(
        drift(analog_chip(IDEAL), conformer(), at=(0, 60, 7200))
    )


def test_cells_that_hold_what_they_were_given_do_not_age() -> None:
    still = replace(PCM, device=Device(custom=DeviceModel()))
    chip: AnalogChip = analog_chip(still)
    study = drift(chip, conformer(), at=(0, YEAR), compensations=("none",))
    assert study.points[0].ops == study.points[1].ops

"""Every point of a sweep has exactly the figures of a run alone, whatever ran before it and wherever it ran."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_analog_chip, load_chip
from hwsim.inputs.load import load_workload
from hwsim.inputs.sweeps import OpenedSweep, sweep_of
from hwsim.mapping.search_budget import MOST_WORK
from hwsim.results.headline_figures import Headline, headline_of
from hwsim.results.sweep import Status
from hwsim.results.sweep_file import SweepAxis, SweepFile
from hwsim.study.simulate import simulate
from hwsim.study.sweep.chunks import LARGEST, chunks
from hwsim.study.sweep.evaluate import Evaluator, Figures, Refused
from hwsim.study.sweep.points import Place, SweepPoints
from hwsim.study.sweep.run import sweep_points
from onnx_models import model
from sweeps import LSTM, PRODUCTS, small_sweep


def alone(sweep: OpenedSweep, place: Place) -> tuple[Any, ...]:
    """The figures of a run with nothing shared."""
    chip, work = Evaluator(sweep).point(place)
    result: Any = simulate(chip, work, objective=sweep.file.objective)
    summary = result.summary
    headline = headline_of(result)
    counts = summary.cycles, summary.energy_aj, summary.dram_read_bytes, summary.dram_write_bytes
    return *counts, tuple(headline[figure] for figure in Headline)


@pytest.mark.parametrize("objective", ["latency", "energy"])
def test_a_point_has_the_figures_of_a_run_alone(objective: str) -> None:
    axes = (
        SweepAxis(fields=("array.rows", "array.cols"), values=(8, 16)),
        SweepAxis(fields="scratchpad.size", range="16 KiB..64 KiB*2"),
        SweepAxis(fields="scratchpad.buffers", values=(1, 2)),
        SweepAxis(fields="energy.dram.lpddr4.energy", values=("8 pJ", "12 pJ")),
        SweepAxis(fields="array.dataflow", values=("ws", "os")),
        SweepAxis(fields="model.cells", values=(150, 200)),
    )
    sweep = small_sweep(load_workload(LSTM), axes=axes, objective=_objective(objective))
    places = SweepPoints(sweep).chosen()
    drawn = random.Random(3).sample(places, 10)
    for order in (drawn, drawn[::-1]):
        found = list(Evaluator(sweep).run(order))
        assert [tuple(one) for one in found] == [alone(sweep, place) for place in order]


def _objective(name: str) -> Any:
    from hwsim.quantities.plain_data import Objective

    return Objective(name)


def test_a_search_that_may_fall_short_is_made_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a budget that a search alone uses up, what others have found is not taken."""
    axes = (SweepAxis(fields="scratchpad.size", range="8 KiB..40 KiB+4 KiB"),)
    sweep = small_sweep(load_workload(LSTM), axes=axes)
    places = SweepPoints(sweep).chosen()
    rich = list(Evaluator(sweep).run(places))
    monkeypatch.setattr("hwsim.mapping.search_budget.MOST_WORK", 1 << 12)
    monkeypatch.setattr("hwsim.mapping.plan_store.MOST_WORK", 1 << 12)
    poor = list(Evaluator(sweep).run(places))
    assert [tuple(one) for one in poor] == [alone(sweep, place) for place in places]
    assert poor != rich
    assert MOST_WORK > 1 << 12


def test_analog_chips_files_of_models_and_distributions_of_lengths_are_swept(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    weights = np.linspace(-1, 1, 48 * 20, dtype=np.float32).reshape(48, 20)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    onnx.save(model(nodes, {"x": (30, 48)}, ["y"], {"w": weights}), path)
    with_lengths = {**LSTM, "name": "lengths", "lengths": {"shares": [{"length": "1 s", "utterances": 2}]}}
    works = [load_workload(LSTM), load_workload(str(path)), load_workload(with_lengths)]
    axes = (SweepAxis(fields="scratchpad.size", values=("256 KiB", "512 KiB")),)
    file = SweepFile(chips=("int4_array", "analog_pcm"), workloads=("small", "model", "lengths"), axes=axes)
    sweep = sweep_of(file, [load_chip("int4_array"), load_analog_chip("analog_pcm")], works)
    places = SweepPoints(sweep).chosen()
    assert len(places) == 12
    found = dict(zip(places, Evaluator(sweep).run(places), strict=True))
    kinds = {place.pair for place, one in found.items() if isinstance(one, Figures)}
    assert kinds >= {0, 1, 2, 3}
    for place, one in found.items():
        if isinstance(one, Figures):
            assert tuple(one) == alone(sweep, place)


def test_chunks_hold_every_point_once_and_those_that_share_plans_together() -> None:
    axes = (
        SweepAxis(fields="scratchpad.size", range="16 KiB..800 KiB+16 KiB"),
        SweepAxis(fields="dram.read", values=("8 GB/s", "16 GB/s")),
        SweepAxis(fields="precision", values=("w8a8", "w4a4")),
    )
    sweep = small_sweep(axes=axes)
    numbered = list(enumerate(SweepPoints(sweep).chosen(), 1))
    cut = chunks(sweep, numbered)
    assert sorted(point for chunk in cut for point in chunk) == numbered
    assert max(map(len, cut)) == LARGEST
    for chunk in cut:
        assert len({place.levels[1:] for _, place in chunk}) == 1
    precisions = [chunk[0][1].levels[2] for chunk in cut]
    assert precisions == sorted(precisions)


def test_what_a_chip_refuses_is_kept_with_its_reason_and_the_sweep_goes_on() -> None:
    axes = (SweepAxis(fields="scratchpad.size", values=("16 B", "64 KiB")),)
    outcome = sweep_points(small_sweep(axes=axes))
    assert [row.status for row in outcome.rows] == [Status.REFUSED, Status.DONE]
    assert "scratchpad" in str(outcome.rows[0].error)
    assert outcome.answers[0].row == outcome.rows[1]
    (refused, _) = Evaluator(small_sweep(axes=axes)).run(SweepPoints(small_sweep(axes=axes)).chosen())
    assert isinstance(refused, Refused)


def test_worker_processes_give_the_rows_of_one_process() -> None:
    from hwsim.study.sweep.workers import found_by_workers

    sweep = small_sweep()
    numbered = list(enumerate(SweepPoints(sweep).chosen(), 1))
    apart = dict(one for found in found_by_workers(sweep, chunks(sweep, numbered), 2) for one in found)
    here = dict(zip(range(1, len(numbered) + 1), Evaluator(sweep).run([place for _, place in numbered]), strict=True))
    assert apart == here


def test_figures_of_a_chip_are_those_of_the_class_that_it_is() -> None:
    chip, work = Evaluator(small_sweep()).point(SweepPoints(small_sweep()).chosen()[0])
    assert isinstance(chip, Chip)
    assert work.name == PRODUCTS["name"]


def test_in_python_a_sweep_takes_nouns_and_a_mapping_and_gives_a_frame() -> None:
    import hwsim
    from hwsim.errors import UserError

    chip, work = hwsim.load_chip("int4_array"), hwsim.load_workload(PRODUCTS)
    axes: Any = {
        ("array.rows", "array.cols"): [8, 16, 24],
        "scratchpad.size": "32 KiB..64 KiB*2",
        "precision": ["w8a8", "w4a4"],
    }
    outcome = hwsim.sweep(chip, work, axes, where="rtf < 1", best=["energy", "area"])
    assert outcome.rows == sweep_points(small_sweep(where=("rtf < 1",))).rows
    frame = hwsim.to_frame(outcome)
    assert list(frame["cycles"]) == [row.cycles for row in outcome.rows]
    assert list(frame["energy_aj"]) == [row.energy_aj for row in outcome.rows]
    assert set(frame["precision"]) == {"w8a8", "w4a4"}
    for broken in ({"array.rows": 3}, {"array.rws": [3]}, 3):
        with pytest.raises(UserError):
            hwsim.sweep(chip, work, broken)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"chip = .int4_array.: must be a Machine"):
        hwsim.sweep("int4_array", work, axes)  # type: ignore[arg-type]

"""Sweeps as files and flags say them: the values of axes, and what is refused."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hwsim.errors import InvalidValue, UserError
from hwsim.inputs.load import load_workload
from hwsim.inputs.measures import read_measures
from hwsim.inputs.schema import sweep_schema
from hwsim.inputs.sweep_axes import levels_of
from hwsim.inputs.sweeps import open_sweep, open_sweep_file
from hwsim.results.sweep_file import SweepAxis, SweepFile
from hwsim.study.sweep.points import Place, SweepPoints
from sweeps import LSTM, chip, products, small_sweep


def values(**axis: Any) -> list[Any]:
    """The values of an axis with one field."""
    return [level[0][1] for level in levels_of(SweepAxis(**axis), chip(), load_workload(LSTM)).values]


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("dram.read", "8 GB/s..64 GB/s*2", [8 * 10**9, 16 * 10**9, 32 * 10**9, 64 * 10**9]),
        ("dram.read", "x0.5..x2*2", [32 * 10**9, 64 * 10**9, 128 * 10**9]),
        ("array.rows", "16..48+16", [16, 32, 48]),
        ("array.rows", "16..50+16", [16, 32, 48]),
        ("array.rows", "8..30*1.5", [8, 12, 18, 27]),
        ("array.rows", "10..20/3", [10, 15, 20]),
        ("array.rows", "10..13/3", [10, 12, 13]),
        ("scratchpad.read", "64 B/cycle..128 B/cycle+32 B/cycle", [64, 96, 128]),
        ("scratchpad.read", "64 B/cycle..128 B/cycle/2", [64, 128]),
        ("energy.dram.lpddr4.energy", "4 pJ..8 pJ/3", [Fraction(4 * 10**6), Fraction(6 * 10**6), Fraction(8 * 10**6)]),
        ("model.cells", "100..200+50", [100, 150, 200]),
    ],
)
def test_ranges_have_steps_with_units(field: str, written: str, expected: list[Any]) -> None:
    assert values(fields=field, range=written) == expected


def test_lists_have_units_multiples_words_and_each_value_once() -> None:
    assert values(fields="dram.read", values=("8 GB/s", "x0.125", "16 GB/s")) == [8 * 10**9, 16 * 10**9]
    assert values(fields="array.dataflow", values=("ws", "os")) == ["ws", "os"]
    assert values(fields="precision", values=("w8a8", "w4a4")) == ["w8a8", "w4a4"]


def test_linked_fields_have_one_value_or_each_their_own() -> None:
    axis = SweepAxis(fields=("array.rows", "array.cols"), values=(16, (32, 64)))
    levels = levels_of(axis, chip(), products())
    assert levels.values == (
        (("array.rows", 16), ("array.cols", 16)),
        (("array.rows", 32), ("array.cols", 64)),
    )
    assert levels.written == ("16", "32, 64")


@pytest.mark.parametrize(
    ("axis", "law"),
    [
        ({"fields": "array.rows", "range": "16..64"}, "must be a range in steps: LOW..HIGH\\*FACTOR"),
        ({"fields": "array.rows", "range": "64..16*2"}, "must have its low end first"),
        ({"fields": "array.rows", "range": "16..64*1"}, "must be a factor above 1"),
        ({"fields": "array.rows", "range": "16..64/1"}, "must be from 2 to"),
        ({"fields": "array.rows", "range": "16..64+0"}, "must be a step above 0"),
        ({"fields": "array.rows", "range": "16..64+GB"}, "must be a step"),
        ({"fields": "array.dataflow", "range": "1..2*2"}, "is no number"),
        ({"fields": "precision", "range": "1..2*2"}, "precisions have no ranges; list them"),
        ({"fields": "precision", "values": ("w5a5",)}, "unknown precision policy 'w5a5'"),
        ({"fields": "array.rows", "values": (0,)}, "must be at least 1"),
        ({"fields": "array.rows", "values": ("16 GB",)}, "must be a whole number"),
        ({"fields": "array.rows"}, "must be listed, unless there is a range, and not both"),
        ({"fields": (), "values": (1,)}, "must name at least one"),
        ({"fields": ("array.rows", "array.cols"), "values": ((1, 2, 3),)}, "must have a value for each of"),
    ],
)
def test_axes_that_do_not_fit_are_refused(axis: dict[str, Any], law: str) -> None:
    with pytest.raises(UserError, match=law):
        values(**axis)


def test_an_axis_that_a_chip_lacks_leaves_it_as_it_is() -> None:
    file = SweepFile(
        chips=("int4_array", "analog_pcm"),
        workloads=("tdnnf_7q",),
        axes=(
            SweepAxis(fields="array.dataflow", values=("ws", "os")),
            SweepAxis(fields="vector.lanes", values=(32, 64)),
        ),
    )
    points = SweepPoints(open_sweep(file))
    written = [points.written(place) for place in points.chosen()]
    assert written == [("ws", "32"), ("ws", "64"), ("os", "32"), ("os", "64"), (None, "32"), (None, "64")]
    with pytest.raises(UserError, match=r"unknown field 'array.dataflw'; did you mean"):
        open_sweep(
            SweepFile(
                chips=("int4_array",), workloads=("rnnt",), axes=(SweepAxis(fields="array.dataflw", values=(1,)),)
            )
        )


def test_conditions_on_fields_leave_points_out_and_those_with_a_figure_do_not() -> None:
    conditions = (
        "array.rows >= 16 and precision == w4a4",
        "scratchpad.size <= 32 KiB or rtf > 100",
        "dram.read >= 1 GB/s",
    )
    sweep = small_sweep(where=conditions)
    points = SweepPoints(sweep)
    assert [condition.text for condition in points.conditions[1]] == [conditions[1]]
    assert {points.written(place)[0] for place in points.chosen()} == {"16", "24"}
    assert {points.written(place)[2] for place in points.chosen()} == {"w4a4"}
    assert len(points.chosen()) == 4
    with pytest.raises(UserError, match=r"the sweep has no points: none of 12 satisfies array.rows > 100"):
        SweepPoints(small_sweep(where=("array.rows > 100",))).chosen()
    with pytest.raises(InvalidValue, match=r"unknown field or figure 'array.rws'"):
        SweepPoints(small_sweep(where=("array.rws > 100",))).chosen()


@pytest.mark.parametrize(
    ("condition", "figure", "holds", "misses"),
    [
        ("latency < 5 us", "latency", 0.0049, 0.0051),
        ("energy <= 2 uJ", "energy", 0.002, 0.0021),
        ("power < 500 mW", "power", 0.49, 0.51),
        ("area < 2 mm2", "area", 1.9, 2.1),
        ("model < 1 MB", "model", 999_999, 1_000_001),
        ("dram >= 1 KiB", "dram", 1024, 1023),
        ("latency < 5", "latency", 4.9, 5.1),
    ],
)
def test_figures_are_compared_in_units(condition: str, figure: str, holds: float, misses: float) -> None:
    (bound,) = SweepPoints(small_sweep(where=(condition,))).conditions[1]
    assert bound.holds({figure: holds})
    assert not bound.holds({figure: misses})


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_samples_are_of_the_grid_without_doubles_and_drawn_by_their_seed(method: str) -> None:
    from hwsim.results.sweep_file import Method, Sample

    def chosen(points: int, seed: int) -> list[Place]:
        sample = Sample(method=Method(method), points=points, seed=seed)
        return SweepPoints(small_sweep(sample=sample, where=("array.rows < 24",))).chosen()

    whole = SweepPoints(small_sweep(where=("array.rows < 24",))).chosen()
    assert set(chosen(5, 0)) < set(whole)
    assert len(set(chosen(5, 0))) == 5
    assert chosen(5, 3) == chosen(5, 3) != chosen(5, 4)
    assert set(chosen(100, 0)) == set(whole)


def test_a_file_says_what_flags_say(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "chips: [int4_array]\nworkloads: [conformer_m]\nprecisions: [w8a8, w4a4]\n"
        "axes:\n  - {fields: [array.rows, array.cols], values: [16, 32]}\n"
        "where: [rtf < 0.01]\nbest: [energy, area]\nsample: {method: random, points: 3}\n"
    )
    sweep = open_sweep_file(path)
    assert [axis.name for axis in sweep.axes] == ["precision", "array.rows, array.cols"]
    assert len(SweepPoints(sweep).chosen()) == 3
    path.write_text("chips: [int4_array]\nworkloads: [rnnt]\nbest: [speed]\n")
    with pytest.raises(
        UserError, match=r"sweep.yaml:3: best = 'speed': unknown figure 'speed'; known: area, cycles, dram"
    ):
        open_sweep_file(path)
    path.write_text("chips: [int4_array]\nworkloads: [rnnt]\nwhere: [rtf <]\n")
    with pytest.raises(UserError, match=r"where = 'rtf <': ends where a number, a field or a figure is wanted"):
        open_sweep_file(path)
    path.write_text("chips: [int4_array]\nworkloads: [rnnt]\naxis: []\n")
    with pytest.raises(UserError, match=r"sweep.yaml:3: axis: unknown field; did you mean axes"):
        open_sweep_file(path)


def test_the_schema_is_that_of_the_definition() -> None:
    assert set(sweep_schema()["properties"]) == {
        "title", "chips", "workloads", "precisions", "axes", "where", "best", "sample", "measures", "objective",
    }  # fmt: skip


def test_measures_are_figures_by_precision(tmp_path: Path) -> None:
    path = tmp_path / "wer.csv"
    path.write_text("workload,precision,wer,loss\n,w8a8,4.1,\nsmall,w4a4,5,0.3\n\n")
    measures = read_measures(path)
    assert measures.of("small", "w4a4") == {"wer": 5.0, "loss": 0.3}
    assert measures.of("other", "w4a4") == {"wer": None, "loss": None}
    assert measures.of("small", "fp16") == {"wer": None, "loss": None}


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("policy,wer\n", "must have a column precision in its first line"),
        ("precision\nw4a4\n", "has no figures"),
        ("precision,energy\n", "column 'energy': must be a name of its own"),
        ("precision,wer\nw4a4\n", ":2: has 1 cells, the first line 2"),
        ("precision,wer\nw4a4,x\n", ":2: wer = 'x': must be a number, or empty"),
        ("precision,wer\nw4a4,nan\n", ":2: wer = 'nan': must be a number, or empty"),
        ("precision,wer\nw4a4,1\nw4a4,2\n", ":3: w4a4 is there twice"),
    ],
)
def test_measures_that_do_not_fit_are_refused(tmp_path: Path, text: str, law: str) -> None:
    path = tmp_path / "wer.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=law):
        read_measures(path)

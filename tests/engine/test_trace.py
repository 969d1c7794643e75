"""Traces hold the integers of every op, searches tell what they did, and quality is what both runs say."""

import json
from dataclasses import replace
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.test_values import ALSD, TSD, tiny_rnnt
from hwsim.cli.main import main
from hwsim.engine.values.compare import agreement
from hwsim.engine.values.seeded import parameters_from
from hwsim.errors import InvalidValue, Unsupported
from hwsim.inputs.load import load_workload, open_workload
from hwsim.ir.op_table import OP_TABLE
from hwsim.ir.ops import Gemm
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.decoding import AlignmentLength
from hwsim.models.gemms import Gemms, GemmSize
from hwsim.oracle.requantise import by_fixed_point
from hwsim.oracle.vector import fixed_point
from hwsim.quantities.precision import PrecisionPlan, Rule
from hwsim.quantities.registry import kind_name
from hwsim.report.export import to_csv
from hwsim.report.plots.registry import Drawing
from hwsim.report.plots.sets import quality_drawing
from hwsim.report.quality import losing_most, weights_remark
from hwsim.results.decoded import Decoded
from hwsim.results.measured import Sources
from hwsim.results.quality import OpQuality, Origin, Quality
from hwsim.study.measure import with_counts
from hwsim.study.simulate import simulate
from hwsim.study.values import prepared, run_values
from hwsim.tensor.packing import unpacked
from strategies.chips import chip, systolic
from strategies.recipes import RECIPES

Trace = dict[str, np.ndarray[Any, Any]]


def traced(work: Workload, folder: Path, **sources: Any) -> tuple[Trace, Quality]:
    path = folder / "trace.npz"

    def write(writer: Any) -> None:
        with path.open("wb") as file:
            writer(file)

    own = Sources(**sources)
    quality = run_values(prepared(work, own), own, write=write)
    with np.load(path) as file:
        return {name: file[name] for name in file.files}, quality


@pytest.mark.parametrize("policy", ["w4a4", "w8a8"])
def test_accumulators_are_the_products_of_what_went_in(policy: str, tmp_path: Path) -> None:
    """And what came out is that, with the bias, rescaled by the scales that stand beside."""
    work = workload(tiny_rnnt(5, batch=2), policy)
    trace, _ = traced(work, tmp_path)
    products = [placed.op for placed in work.program.placed() if isinstance(placed.op, Gemm)]
    assert len(products) == 13
    for op in products:
        act, weight, acc, out = (trace[f"{op.name}/{part}"] for part in ("act", "weight", "acc", "out"))
        assert acc.dtype == np.int32
        np.testing.assert_array_equal(act.astype(np.int64) @ weight.astype(np.int64), acc)
        scales = float(trace[f"{op.name}/act_scale"]) * trace[f"{op.name}/weight_scale"].astype(np.float64).ravel()
        offsets = np.rint(trace[f"{op.name}/bias"] / scales).astype(int)
        target, precision = float(trace[f"{op.name}/out_scale"]), work.program.tensor(op.out.tensor).precision
        flat, wanted = acc.reshape(-1, acc.shape[-1]), out.reshape(-1, acc.shape[-1])
        for row, made in zip(flat[:3], wanted[:3], strict=True):
            for n, total in enumerate(row):
                q31, shift = fixed_point(scales[n] / target)
                limits = -precision.highest, precision.highest
                assert by_fixed_point(int(total) + int(offsets[n]), q31, shift, 0, *limits) == made[n]


def test_a_trace_has_every_op_every_output_and_the_symbols(tmp_path: Path) -> None:
    work = workload(tiny_rnnt(5), "w4a4")
    trace, quality = traced(work, tmp_path)
    for placed in work.program.placed():
        if placed.op.name != "search.advance":  # the search itself goes from frame to frame
            assert any(name.startswith(f"{placed.op.name}/out") for name in trace), placed.op.name
    assert quality.decoded is not None
    assert trace["out_symbols"].tolist() == [list(quality.decoded.symbols[0])]
    assert trace["encoder.0.forward.recurrent/act"].shape == (5, 1, 5)  # one for each frame
    assert trace["encoder.0.forward.input/act"].dtype == np.int8


def test_packed_numbers_are_those_that_are_not(tmp_path: Path) -> None:
    work = workload(tiny_rnnt(5), "w4a8")
    plain, _ = traced(work, tmp_path)
    tight, _ = traced(work, tmp_path, packed=True)
    name = "encoder.0.forward.input/weight"
    shape = tight[f"{name}.shape"]
    assert tight[f"{name}.packed"].nbytes == shape[0] * -(-shape[1] // 2)
    assert np.array_equal(unpacked(tight[f"{name}.packed"], 4, int(shape[1])), plain[name])
    assert np.array_equal(tight["encoder.0.forward.input/act"], plain["encoder.0.forward.input/act"])


def test_products_alone_are_traced_too(tmp_path: Path) -> None:
    recipe = Gemms(name="list", batch=1, precision="w8a8", products=(GemmSize(name="one", m=3, k=5, n=2, times=2),))
    trace, quality = traced(workload(recipe), tmp_path)
    assert any(name.startswith("out_") for name in trace)
    assert quality.sqnr_db is not None
    assert quality.sqnr_db > 25


def test_more_bits_lose_less_and_rules_keep_what_they_name() -> None:
    def of(plan: PrecisionPlan) -> Quality:
        own = Sources()
        return run_values(prepared(workload(tiny_rnnt(9), plan), own), own)

    narrow, wide = of(PrecisionPlan(policy="w4a4")), of(PrecisionPlan(policy="w8a8"))
    ruled = of(PrecisionPlan(policy="w4a4", rules=(Rule(match="joint.*", policy="w8a8"),)))
    floats = of(PrecisionPlan(policy="fp16"))
    levels = [quality.sqnr_db or 0.0 for quality in (narrow, ruled, wide, floats)]
    assert levels == sorted(levels)
    assert levels[2] > levels[0] + 12
    assert floats.clipped == 0


def test_narrow_accumulators_of_a_chip_are_counted_and_heard() -> None:
    work, own = workload(tiny_rnnt(9), "w8a8"), Sources()
    exact = run_values(prepared(work, own), own)
    narrow = run_values(prepared(work, own), own, chip=narrow_chip())
    assert exact.saturations == 0
    assert narrow.saturations > 0
    assert narrow.accumulators == "small"
    assert (narrow.sqnr_db or 0.0) < (exact.sqnr_db or 0.0) - 3


def narrow_chip() -> Any:
    from hwsim.hardware.summation import Accumulator

    base = chip()
    return replace(base, array=replace(systolic(base), accumulator=Accumulator(bits=12)))


SEARCHES = [
    ("kind: greedy, symbols_per_second: 20", "evaluations: {steps}, predictions: {predictions}"),
    ("kind: alignment_length, beam: 3, symbols_per_second: 20", "steps: {steps}, new_prefixes: {new}"),
    ("kind: time_synchronous, expansions: 2, beam: 3, symbols_per_second: 20", "steps: {steps}, new_prefixes: {new}"),
]
TRANSDUCER = """
name: t
kind: rnnt
audio: 160 ms
batch: {batch}
precision: w8a8
encoder: {{features: 6, frame: 20 ms, layers: 1, cells: 5, bidirectional: {both}}}
prediction: {{embedding: 3, cells: 4}}
joint: {{size: 4, combine: multiply, outputs: 5}}
decoding: {{{decoding}, host: 5 us}}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("search", "counts"), SEARCHES, ids=["greedy", "alignment length", "time synchronous"])
@pytest.mark.parametrize(("batch", "chunk"), [(1, None), (2, "60 ms")])
def test_a_file_that_declares_the_counts_of_a_search_costs_what_the_search_costs(
    search: str, counts: str, batch: int, chunk: str | None, tmp_path: Path
) -> None:
    """Cycles, energy, bytes, whatever else a result says: `--counts measured` and the file are the same workload."""
    streaming = "" if chunk is None else f"streaming: {{chunk: {chunk}}}"

    def loaded(decoding: str) -> Workload:
        path = tmp_path / "t.yaml"
        path.write_text(TRANSDUCER.format(batch=batch, both=str(chunk is None).lower(), decoding=decoding) + streaming)
        return load_workload(path)

    work, own = loaded(search), Sources()
    ready = prepared(work, own)
    decoded = run_values(ready, own).decoded
    assert decoded is not None
    measured = with_counts(ready.declared, decoded)
    done = {"steps": decoded.steps, "predictions": decoded.predictions, "new": decoded.new_prefixes}
    declared = loaded(f"{search}, counts: {{{counts.format(**done)}}}")
    found, wanted = simulate(chip(), measured), simulate(chip(), declared)
    assert found.summary == wanted.summary
    assert found.ops == wanted.ops
    more = loaded(f"{search}, counts: {{{counts.format(**{**done, 'steps': done['steps'] + 1})}}}")
    assert simulate(chip(), more).summary.cycles > found.summary.cycles
    # Nothing but what the search did, in all chunks together: so many steps, so many rows of the prediction network.
    runs = {op.name: op.times for op in found.ops}
    assert runs["joint.output"] == done["steps"]
    greedy = "greedy" in search
    assert rows_of("prediction.0.recurrent", measured) == (batch * done["predictions"] if greedy else done["new"])
    assert found.summary.host_ms == pytest.approx(0.005 * done["steps"])
    # What a search does with values does not depend on counts that its file declares.
    assert run_values(prepared(declared, own), own).decoded == decoded


def rows_of(op: str, work: Workload) -> int:
    """Rows of a product over all its runs."""
    found = ((instance, instance.op) for instance in work.program.instances())
    return sum(
        i.times * prod(i.shape(gemm.act)[:-1]) for i, gemm in found if isinstance(gemm, Gemm) and gemm.name == op
    )


def test_what_has_no_search_has_no_counts() -> None:
    with pytest.raises(Unsupported, match="has no search whose counts could be measured"):
        with_counts(workload(tiny_rnnt(3)), None)


def test_a_search_finds_each_prefix_once_and_counts_its_hits() -> None:
    own = Sources()
    for decoding in (ALSD, TSD):
        decoded = run_values(prepared(workload(tiny_rnnt(8, decoding=decoding), "w8a8"), own), own).decoded
        assert decoded is not None
        assert decoded.expansions == decoded.new_prefixes + decoded.cache_hits
        assert sum(size * steps for size, steps in decoded.batch_of_steps) == decoded.expansions
        assert sum(steps for _, steps in decoded.batch_of_steps) == decoded.steps
        assert all(0 < symbol < 5 for symbol in decoded.symbols[0])


def test_a_beam_of_one_without_models_follows_the_best_output() -> None:
    """Alignment-length synchronous search with one hypothesis chooses as greedy search does, step by step."""
    one: Any = {"beam": 1, "symbols_per_second": Fraction(2000)}
    own = Sources()
    greedy = run_values(prepared(workload(tiny_rnnt(8), "w8a8"), own), own).decoded
    beam = run_values(prepared(workload(tiny_rnnt(8, decoding=AlignmentLength(**one)), "w8a8"), own), own).decoded
    assert greedy is not None
    assert beam is not None
    # The greedy search of an untrained network stops after two symbols a frame, the beam only at its last step.
    first = [list(found.symbols[0])[:2] for found in (greedy, beam)]
    assert first[0] == first[1]


@pytest.mark.slow
@settings(max_examples=25)
@given(RECIPES, st.sampled_from(["w8a8", "w4a4", "fp16", "w4a16"]))
def test_every_kind_of_network_computes_and_is_timed_by_its_counts(recipe: AnyRecipe, policy: str) -> None:
    """Streams, heads, rings, hypotheses one after another: whatever a recipe says."""
    own, work = Sources(), workload(recipe, policy)
    ready = prepared(work, own)
    quality = run_values(ready, own)
    assert quality.ops
    if quality.decoded is not None:
        assert quality.decoded_in_floats is not None
        assert len(quality.decoded.symbols) == recipe.batch
        assert with_counts(ready.declared, quality.decoded).program.macs > 0


def test_agreement_is_one_less_the_share_of_edits() -> None:
    assert agreement(((1, 2, 3),), ((1, 2, 3),)) == 1
    assert agreement(((),), ((1, 2),)) == 0
    assert agreement(((1, 3),), ((1, 2, 3, 4),)) == 0.5
    assert agreement(((),), ((),)) == 1


def test_a_decoded_noun_knows_its_longest() -> None:
    counts: Any = {"steps": 1, "expansions": 1, "predictions": 1, "new_prefixes": 1, "cache_hits": 0}
    assert Decoded(symbols=((1, 2), ()), **counts).longest == 2
    with pytest.raises(InvalidValue, match="must be at least 0"):
        Decoded(symbols=(), **{**counts, "steps": -1})


def quality_of(*ops: OpQuality) -> Quality:
    return Quality(output="b", sqnr_db=1.0, cosine=0.9, top1=None, saturations=0, clipped=1, seed=0, drawn=(),
                   accumulators="exact", ops=ops)  # fmt: skip


def op(name: str, lost: float | None) -> OpQuality:
    return OpQuality(name=name, kind="gemm", sqnr_db=10.0, lost_db=lost, cosine=0.9, top1=None, results=4, clipped=1,
                     saturations=0)  # fmt: skip


def test_the_ops_that_lose_most_come_first_and_are_drawn() -> None:
    ops = (op("a", 1.0), op("b", None), op("c", 3.0))
    assert [found.name for found in losing_most(ops, 5)] == ["c", "a"]
    assert op("a", 1.0).clipped_share == 0.25
    drawing = quality_drawing("some ops", quality_of(*ops))
    assert [row["lost_db"] for row in drawing.rows] == [1.0, None, 3.0]
    assert {"c: 3.0 dB lost", "a: 1.0 dB lost"} <= set(drawing.canvas().notes.values())
    assert drawing.svg() == quality_drawing("some ops", quality_of(*ops)).svg()
    assert to_csv([{"a": 1}]) == "a\n1\n"


def test_ops_of_every_kind_are_drawn_along_the_program() -> None:
    kinds = [kind_name(kind) for kind in OP_TABLE]
    drawing: Drawing = quality_drawing("all", quality_of(*(replace(op(name, 1.0), kind=name) for name in kinds)))
    sheet = drawing.canvas()
    assert {f"{name}: 10.0 dB" for name in kinds} <= set(sheet.notes.values())
    (legend,) = sheet.figure.legends
    assert {text.get_text() for text in legend.get_texts()} == set(kinds)


def test_a_product_of_any_name_is_traced_and_compared(tmp_path: Path) -> None:
    """Also of one that begins like what operands are called by."""
    names = ("/x", "/act", "/acc/out", "../up", "a", "a/act", "[red]")
    products = tuple(GemmSize(name=name, m=2, k=3, n=4, times=1 + place % 2) for place, name in enumerate(names))
    trace, quality = traced(workload(Gemms(name="names", products=products), "w8a8"), tmp_path)
    assert [found.name for found in quality.ops] == list(names)
    for name in names:
        act, weight, acc = (trace[f"{name}/{what}"].astype(int) for what in ("act", "weight", "acc"))
        np.testing.assert_array_equal(acc, act @ weight)


TINY = ["lstm_lm", "--dim", "model.cells=8", "--dim", "model.embedding=8", "--dim", "batch=2", "--dim", "outputs=9"]


def test_trace_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "t.npz"
    assert main(["trace", *TINY, "--out", str(out), "--json", "-"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["ops"][0]["name"]
    assert "Ops that lose most" in printed.err
    with np.load(out) as file:
        assert "lm.output/acc" in file.files
    assert main(["trace", *TINY, "--input", "none.npz"]) == 2
    assert capsys.readouterr().err == "hwsim: none.npz: cannot be read: No such file or directory\n"


DRAWN = "weights drawn at random (seed 0), never trained: no measure of accuracy"


def test_every_output_of_values_says_that_weights_were_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", *TINY, "--json", "-"]) == 0
    document, text = capsys.readouterr()
    assert (json.loads(document)["weights_from"], json.loads(document)["input_from"]) == ("drawn", "drawn")
    assert DRAWN in " ".join(text.split("\n\n")[0].split())
    assert main(["run", "int4_array", *TINY, "--values", "--out", str(tmp_path)]) == 0
    assert f"Values of lstm_lm in w4a4, {DRAWN}" in " ".join(capsys.readouterr().out.split())
    header, *rows = (tmp_path / "quality.csv").read_text().splitlines()
    assert header.endswith(",weights_from,input_from,seed")
    assert all(row.endswith(",drawn,drawn,0") for row in rows)
    assert json.loads((tmp_path / "result.json").read_text())["quality"]["weights_from"] == "drawn"


def test_weights_from_a_file_are_not_called_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dims = {"model.cells": 8, "model.embedding": 8, "batch": 2, "outputs": 9}
    weights = tmp_path / "weights.npz"
    arrays: dict[str, Any] = dict(parameters_from(open_workload("lstm_lm", None, dims).value.program, 1))
    np.savez(weights, **arrays)
    assert main(["trace", *TINY, "--weights", str(weights), "--json", "-"]) == 0
    document, text = capsys.readouterr()
    assert (json.loads(document)["weights_from"], json.loads(document)["input_from"]) == ("file", "drawn")
    assert "weights drawn" not in text
    assert ", input drawn at random (seed 0): noise" in " ".join(text.split())


def test_the_figure_says_in_its_title_that_weights_were_drawn() -> None:
    drawn = quality_of(op("a", 1.0))
    given = replace(drawn, weights_from=Origin.FILE)
    assert weights_remark(drawn) == f", {DRAWN}"
    assert weights_remark(given) == f", input drawn at random (seed {given.seed}): noise"
    given = replace(given, input_from=Origin.FILE)
    assert weights_remark(given) == ""
    assert DRAWN in quality_drawing("some ops", drawn).title
    assert quality_drawing("some ops", given).title == "some ops"


@pytest.mark.slow
def test_run_with_values_and_measured_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dims = ["encoder.layers=3", "encoder.cells=8", "encoder.features=6", "prediction.cells=8", "prediction.embedding=4"]
    small = [part for dim in dims for part in ("--dim", dim)]
    command = ["run", "int4_array", "mlperf_rnnt", *small, "--out", str(tmp_path), "--json", "-"]
    assert main([*command, "--counts", "measured"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    times = {entry["name"]: entry["times"] for entry in result["ops"]}
    assert times["joint.output"] == result["quality"]["decoded"]["steps"]
    assert times["prediction.0.recurrent"] == result["quality"]["decoded"]["predictions"]
    assert "against the same model in single precision" in printed.err
    assert "signal to quantisation noise [dB]" in (tmp_path / "quality.svg").read_text()
    assert {"trace.npz", "quality.csv", "quality.json"} <= {path.name for path in tmp_path.iterdir()}

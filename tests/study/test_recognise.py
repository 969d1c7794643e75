"""What is heard depends on nothing but the utterance: not on those that run with it, nor on who runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.engine.values.evaluate import quantised_ops, run_search
from hwsim.errors import FileProblem, InvalidValue, Unsupported, UserError
from hwsim.inputs.audio.logmel import FrontEnd, features
from hwsim.inputs.chips import load_chip
from hwsim.inputs.files import Kind, shipped_file
from hwsim.inputs.load import quantisers
from hwsim.ir.ops import Gemm, Op
from hwsim.models.catalogue import with_decoding
from hwsim.models.decoding import Greedy, GreedyCounts
from hwsim.quantities.quantisation import Rounding
from hwsim.results.recognition import Recognitions, SearchKind
from hwsim.results.sweep_file import SweepAxis
from hwsim.study.recognise.cost import PICOSECONDS, Spoken, cost_of
from hwsim.study.recognise.lots import equal_lots, lot_of, lots_of, own_work
from hwsim.study.recognise.network import Network, scales_of
from hwsim.study.recognise.run import Request, recognise
from hwsim.study.recognise.session import Asked, Session, open_session
from hwsim.study.recognise.variants import Variant
from hwsim.study.recognise.workers import Ears
from hwsim.study.simulate import simulate
from hwsim.tensor.backend import ExactProducts
from inputs.test_model_input import wav

WORDS = shipped_file(Kind.WORKLOAD, "words_rnnt").parent
FEW = ("held_248", "held_208", "held_000", "held_224", "human_cards_001", "held_360")


def some(folder: Path, names: Sequence[str] = FEW, uses: Mapping[str, str] | None = None) -> Path:
    """A data set of some utterances of the shipped one."""
    table = (WORDS / "transcripts.tsv").read_text().splitlines()
    rows = {line.split("\t")[0]: line.split("\t") for line in table[1:]}
    lines = ["file\ttranscript\tgroup\tuse"]
    lines += ["\t".join([name, *rows[name][1:3], (uses or {}).get(name, "")]) for name in names]
    (folder / "transcripts.tsv").write_text("\n".join(lines) + "\n")
    (folder / "in.npz").symlink_to(WORDS / "in.npz")
    return folder


def asked(folder: Path, **changes: Any) -> Asked:
    return replace(Asked(arch="int4_array", workload="words_rnnt", data=folder), **changes)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return open_session(asked(some(tmp_path_factory.mktemp("some"))))


@pytest.mark.parametrize("precision", ["w8a8", "w4a4", "fp16"])
def test_a_lot_hears_what_each_of_its_utterances_hears_alone(session: Session, precision: str) -> None:
    work, data = session.in_precision(precision), session.data
    everything = data.utterances
    lots = [lot_of(data, group, work, session.parameters) for group in equal_lots(data, everything, work)]
    scales = scales_of(work, session.parameters, lots, 1)
    (together,) = lots_of(data, everything, work)
    assert len(together) == len(FEW)
    heard = Network(scales, ExactProducts()).run(lot_of(data, together, work, session.parameters))
    for one, outcome in zip(together, heard, strict=True):
        (alone,) = Network(scales, ExactProducts()).run(lot_of(data, [one], work, session.parameters))
        assert (outcome.symbols, outcome.evaluations) == (alone.symbols, alone.evaluations)
    assert len({len(outcome.symbols or ()) for outcome in heard}) > 1


def test_scales_of_utterances_that_run_together_are_those_of_each_alone(session: Session, tmp_path: Path) -> None:
    work, data = session.in_precision("w8a8"), session.data
    groups = equal_lots(data, data.utterances, work)
    assert len(groups) < len(data.utterances)
    together = scales_of(
        work, session.parameters, [lot_of(data, group, work, session.parameters) for group in groups], 1
    )
    alone = scales_of(
        work, session.parameters, [lot_of(data, [one], work, session.parameters) for one in data.utterances], 1
    )
    assert together.tensors.keys() == alone.tensors.keys()
    for name, params in together.tensors.items():
        np.testing.assert_array_equal(params.scale, alone.tensors[name].scale, name)


def test_ops_that_take_over_what_others_made_ready_compute_the_same(session: Session) -> None:
    work, data = session.in_precision("w8a8"), session.data
    first, second = (lot_of(data, [one], work, session.parameters) for one in (data.utterances[0], data.utterances[-1]))
    scales = scales_of(work, session.parameters, [first], 1)
    before = quantised_ops(first.work, first.given, scales, ExactProducts())
    run_search(first.work, first.given, before, before.memory(first.given.inputs))
    seen: list[list[tuple[str, str, bytes]]] = []
    for like in (None, before):
        told: list[tuple[str, str, bytes]] = []

        def see(op: Op, name: str, values: Any, runs: int = 1, told: Any = told) -> None:
            told.append((op.name, name, values.tobytes()))

        ops = quantised_ops(second.work, second.given, scales, ExactProducts(), see, like)
        run_search(second.work, second.given, ops, ops.memory(second.given.inputs))
        seen.append(told)
        products = [op for op in second.work.program.placed() if isinstance(op.op, Gemm)]
        assert len(told) > len(products)
    assert seen[0] == seen[1]


def test_time_and_energy_of_a_bucket_for_each_utterance_are_those_of_their_runs(session: Session) -> None:
    work, chip = session.in_precision("w8a8"), load_chip("int4_array")
    names = [one.name for one in session.data.utterances[:3]]
    by_name = {one.name: one for one in session.data.utterances}
    works = {name: own_work(session.data, by_name[name], work) for name in names}
    spoken = [Spoken(name, works[name].audio, 20 + place, 3 + place) for place, name in enumerate(names)]
    cost = cost_of(chip, works.__getitem__, spoken, buckets=3)
    energy, milliseconds = 0, Fraction(0)
    for one in spoken:
        decoding = works[one.name].recipe.decoding  # type: ignore[union-attr]
        assert isinstance(decoding, Greedy)
        counts = GreedyCounts(evaluations=one.evaluations, predictions=one.predictions)
        run = simulate(chip, with_decoding(works[one.name], replace(decoding, counts=counts)))
        energy += run.summary.energy_aj
        milliseconds += Fraction(run.summary.latency_ms)
    assert cost.energy_aj == energy
    assert cost.rtf == pytest.approx(float(milliseconds / 1000 / Fraction(sum(s.audio for s in spoken), PICOSECONDS)))
    assert cost.model_bytes == run.summary.model_bytes
    assert [bucket.utterances for bucket in cost.buckets] == [1, 1, 1]


def test_one_bucket_costs_what_its_mean_does_for_all_of_its_audio(session: Session) -> None:
    work, chip = session.in_precision("w8a8"), load_chip("int4_array")
    one = session.data.utterances[0]
    own = own_work(session.data, one, work)
    spoken = [Spoken(one.name, own.audio, 20, 3) for _ in range(4)]
    four, alone = (cost_of(chip, lambda _: own, group, buckets=1) for group in (spoken, spoken[:1]))
    assert (four.energy_aj, four.dram_bytes) == (4 * alone.energy_aj, 4 * alone.dram_bytes)
    assert four.rtf == pytest.approx(alone.rtf)


def without_cost(folder: Path, **changes: Any) -> Recognitions:
    return recognise(asked(folder), Request(**{"precisions": ("w8a8",), "buckets": 0, **changes}))


def test_a_run_that_was_cut_off_goes_on_and_finds_the_same(tmp_path: Path) -> None:
    folder, out = some(tmp_path), tmp_path / "out"
    out.mkdir()
    whole = without_cost(folder, out=out)
    kept = (out / "heard.jsonl").read_text()
    header, lot, _ = kept.split("\n")
    (out / "heard.jsonl").write_text(f"{header}\n{lot[:40]}")
    assert without_cost(folder, out=out, resume=True) == whole
    assert (out / "heard.jsonl").read_text() == kept
    # What is kept is believed: nothing is computed again.
    (out / "heard.jsonl").write_text(kept.replace('"clubs"', '"spades"'))
    heard = {one.name: one.heard for one in without_cost(folder, out=out, resume=True).runs[0].utterances}
    assert heard["held_224"] == "four of spades"


def test_a_run_does_not_go_on_with_what_was_made_otherwise(tmp_path: Path) -> None:
    folder, out = some(tmp_path), tmp_path / "out"
    out.mkdir()
    without_cost(folder, out=out)
    with pytest.raises(FileProblem, match="was made with other files, options or versions"):
        without_cost(folder, out=out, resume=True, calibrate=3)
    (out / "heard.jsonl").write_text("a\n")
    with pytest.raises(FileProblem, match="does not begin as what `hwsim recognise` keeps"):
        without_cost(folder, out=out, resume=True)


@pytest.mark.slow
def test_workers_hear_what_one_process_hears(tmp_path: Path) -> None:
    folder = some(tmp_path)
    here = recognise(asked(folder), Request(precisions=("w8a8", "w4a4"), buckets=0))
    elsewhere = recognise(asked(folder), Request(precisions=("w8a8", "w4a4"), buckets=0, workers=2))
    assert here == elsewhere


def test_marked_utterances_give_the_scales_and_those_for_nothing_else_are_not_measured(tmp_path: Path) -> None:
    folder = some(tmp_path, uses={"held_248": "calibrate", "held_208": "both"})
    (run,) = without_cost(folder).runs
    assert [one.name for one in run.utterances] == list(FEW[1:])
    assert run.scales == "2 utterances marked for it, measured too: 1"
    (plain,) = without_cost(folder, precisions=("fp32",)).runs
    assert plain.scales == "none are needed"


def test_scales_of_another_data_set_are_others(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    folder, other = some(tmp_path / "a"), some(tmp_path / "b", FEW[:1])
    (run,) = without_cost(folder, calibrate_on=other).runs
    assert run.scales == f"1 utterance of {other / 'transcripts.tsv'}"


@pytest.mark.parametrize(
    ("changes", "error", "law"),
    [
        ({"workload": "rnnt"}, Unsupported, "has no trained weights beside it"),
        ({"data": None, "workload": "rnnt"}, Unsupported, "has no recordings beside it; give --data DIR"),
        ({"beside": ("int8_array", "int4_array")}, InvalidValue, "is there twice"),
        ({"blank": "zerro"}, ValueError, "did you mean zero"),
    ],
)
def test_what_cannot_be_recognised_is_told(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], law: str
) -> None:
    with pytest.raises(error, match=law):
        open_session(asked(some(tmp_path), **changes))


def test_a_network_with_a_search_takes_no_other(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="words_rnnt searches by itself"):
        open_session(asked(some(tmp_path), search=SearchKind.BEAM))


def test_the_reference_in_single_precision_is_exact_and_not_timed(session: Session) -> None:
    ears = Ears(session, threads=1)
    assert ears.accumulators(Variant("fp32")) == "exact"
    assert ears.accumulators(Variant("w8a8")) == "int4_array"


def test_quantisers_and_ends_are_those_that_are_asked_for(tmp_path: Path) -> None:
    quantise = quantisers(
        {"weights.rounding": "least_squares", "weights.group": "32", "weights.granularity": "group"}, "q"
    )
    opened = open_session(asked(some(tmp_path), quantise=quantise, ends="w8a8"))
    plan = opened.in_precision("w3a8").precision
    assert plan.quantise == quantise
    assert plan.quantise.weights.rounding is Rounding.LEAST_SQUARES
    by_op = [plan.of(op).name for op in ("encoder.0.forward.input", "encoder.0.forward.recurrent", "joint.output")]
    assert by_op == ["w8a8", "w3a8", "w8a8"]
    assert opened.in_precision("fp32").precision.rules == ()
    (run,) = recognise(opened.asked, Request(precisions=("w3a8",), buckets=0)).runs
    assert run.quantisers == (
        "weights.granularity group, weights.group 32, weights.rounding least_squares, first and last product in w8a8"
    )


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"weights.clop": "mse"}, "--quantise:"),
        ({"weights.clip": "mean"}, "weights.clip"),
        ({"weights": "mse", "weights.clip": "mse"}, "names a field inside of a value"),
    ],
)
def test_a_quantiser_that_is_none_is_refused(written: dict[str, str], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        quantisers(written, "--quantise")


def test_accumulators_are_those_of_the_chip_with_other_values(tmp_path: Path) -> None:
    """Sums that leave narrow accumulators are lost, and words with them; wide ones change nothing."""
    bits = SweepAxis(fields="array.accumulator.bits", values=(16, 24))
    overflow = SweepAxis(fields="array.accumulator.overflow", values=("saturate", "wrap"))
    found = recognise(
        asked(some(tmp_path)), Request(precisions=("fp32", "w8a8"), axes=(bits, overflow), buckets=1)
    ).runs
    assert [run.label for run in found] == [
        "fp32", "w8a8, 16, saturate", "w8a8, 16, wrap", "w8a8, 24, saturate", "w8a8, 24, wrap",
    ]  # fmt: skip
    assert dict(found[1].varied) == {"array.accumulator.bits": "16", "array.accumulator.overflow": "saturate"}
    reference, saturated, wrapped, wide, wide_too = found
    assert saturated.saturations > 0
    assert min(saturated.rate.rate, wrapped.rate.rate) > reference.rate.rate + 0.3
    assert saturated.utterances != wrapped.utterances
    assert (wide.saturations, wide.utterances) == (0, wide_too.utterances)
    areas = [run.cost.area_mm2 for run in found if run.cost is not None]
    assert areas[0] < areas[2]


def test_fields_of_the_workload_are_not_varied(tmp_path: Path) -> None:
    axis = SweepAxis(fields="encoder.layers", values=(2, 3))
    with pytest.raises(InvalidValue, match="is a field of the workload; here fields of the chip are varied"):
        recognise(asked(some(tmp_path)), Request(precisions=("w8a8",), axes=(axis,)))


def test_a_recording_is_heard_as_its_features_are(tmp_path: Path) -> None:
    rng, samples = np.random.default_rng(3), np.zeros(16_000 * 3 // 5 * 2, np.float32)
    samples += rng.normal(size=len(samples)).astype(np.float32) / 8
    written = np.round(samples * 2**15).astype("<i2")
    (tmp_path / "noise.wav").write_bytes(wav(written.tobytes()))
    frames = features(written.astype(np.float32) / np.float32(2**15), 16_000, FrontEnd.for_features(240, 30))
    np.savez(tmp_path / "in.npz", frames=frames[:, None])
    (tmp_path / "transcripts.tsv").write_text("file\ttranscript\nnoise.wav\tgo\nframes\tgo\n")
    for precision in ("fp32", "w8a8"):
        (run,) = recognise(asked(tmp_path), Request(precisions=(precision,), buckets=0)).runs
        recording, array = run.utterances
        assert (recording.heard, recording.evaluations) == (array.heard, array.evaluations)
        assert recording.seconds == array.seconds == 1.2

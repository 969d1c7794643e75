"""The transducer has the published size, and its loop tree does the work that a hand count gives."""

from dataclasses import replace
from fractions import Fraction

import pytest

from hwsim.errors import InvalidValue
from hwsim.inputs.load import load_workload
from hwsim.ir.tensor import Role
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.models.decoding import (
    AlignmentLength,
    DensityRatio,
    Greedy,
    Joint,
    LstmLm,
    Prediction,
    TimeSynchronous,
)
from hwsim.models.rnnt import Chunks, Encoder, Rnnt
from hwsim.quantities.fields import PICOSECONDS
from hwsim.quantities.precision import Precision, PrecisionPlan, Rule
from hwsim.study.compare import compare
from hwsim.study.simulate import simulate
from strategies.chips import chip


def recipe(**changes: object) -> Rnnt:
    base = Rnnt(
        name="tiny",
        audio=int(PICOSECONDS.parse("90 ms")),
        precision="w4a4",
        encoder=Encoder(features=6, frame=int(PICOSECONDS.parse("20 ms")), layers=2, cells=3, bidirectional=True),
        prediction=Prediction(embedding=2, cells=4),
        joint=Joint(size=5, outputs=7),
        decoding=Greedy(symbols_per_second=Fraction(14)),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shipped() -> Workload:
    return load_workload("rnnt")


def test_shipped_transducer_has_the_derived_number_of_parameters(shipped: Workload) -> None:
    def parameters(part: str) -> int:
        tensors = [t for t in shipped.program.tensors if t.role.parameter and t.name.startswith(part)]
        return sum(t.elements for t in tensors)

    assert parameters("encoder.") == 54_231_040
    assert parameters("prediction.") == 2_396_620
    assert parameters("joint.") == 536_622
    assert shipped.size.parameters == 57_164_282


def test_model_bytes_are_packed_weights_biases_and_scales(shipped: Workload) -> None:
    counted = 0
    for tensor in shipped.program.tensors:
        if tensor.role is Role.WEIGHT:
            k, n = tensor.shape
            counted += n * ((k * 4 + 7) // 8) + n * 4
        elif tensor.role is Role.BIAS:
            counted += 4 * tensor.shape[0]
        elif tensor.role is Role.TABLE:
            counted += tensor.shape[0] * ((tensor.shape[1] * 4 + 7) // 8) + 4
    assert shipped.program.model_bytes == counted


def test_a_rule_changes_just_what_it_names() -> None:
    plain = workload(recipe()).program
    rules = (Rule(match="joint.output", policy="w8a8"),)
    ruled = workload(recipe(precision=PrecisionPlan(policy="w4a4", rules=rules))).program
    changed = {t.name for t, u in zip(ruled.tensors, plain.tensors, strict=True) if t.precision is not u.precision}
    assert changed == {"joint.output.weight", "joint.hidden"}


def test_a_tensor_is_as_wide_as_its_widest_reader() -> None:
    rules = (Rule(match="encoder.1.backward.input", policy="w8a8"),)
    program = workload(recipe(precision=PrecisionPlan(policy="w4a4", rules=rules))).program
    assert program.tensor("encoder.0.out").precision is Precision.INT8


def test_a_rule_that_matches_nothing_is_refused() -> None:
    rules = (Rule(match="encodre.*", policy="w8a8"),)
    with pytest.raises(InvalidValue, match=r"precision.rules = 'encodre\.\*': matches no op"):
        workload(recipe(precision=PrecisionPlan(policy="w4a4", rules=rules)))


def test_batch_and_length_do_not_change_the_parameters() -> None:
    sizes = {workload(recipe(batch=b, audio=a * 10**10)).program.parameters for b in (1, 4) for a in (1, 9)}
    assert len(sizes) == 1


def searched(**changes: object) -> Rnnt:
    """The tiny transducer with a beam of four, language models beside it."""
    lm = LstmLm(embedding=3, cells=4)
    fusion = DensityRatio(source=lm, external=lm)
    search = AlignmentLength(beam=4, symbols_per_second=Fraction(60), fusion=fusion)
    return recipe(audio=400 * 10**9, decoding=replace(search, **changes))  # type: ignore[arg-type]


@pytest.mark.slow
def test_each_measure_of_the_decoder_helps() -> None:
    """Caching, then batching of the prediction network, then of the joint network, as Saon et al. measured them."""
    off = {"cache_prediction": False, "batch_prediction": False, "batch_joint": False}
    latencies = []
    for measure in (None, *off):
        if measure:
            off[measure] = True
        latencies.append(simulate(chip(), workload(searched(**off))).summary.cycles)
    assert latencies == sorted(set(latencies), reverse=True)


def test_a_search_runs_as_often_as_it_declares() -> None:
    """T = 20 frames, U = 24 symbols: 44 steps, and 4 · 24 + 1 new prefixes of four hypotheses in all of them."""
    times = {placed.op.name: placed.times for placed in workload(searched(batch_joint=False)).program.placed()}
    assert times["search.choose"] == times["external_lm.output"] == times["prediction.0.recurrent"] == 44
    assert times["joint.output"] == 44 * 4
    apart = workload(searched(batch_prediction=False)).program
    assert {p.times for p in apart.placed() if p.op.name.startswith("source_lm.0")} == {4 * 24 + 1}
    frame_by_frame = TimeSynchronous(beam=4, expansions=3, symbols_per_second=Fraction(60))
    work = workload(replace(searched(), decoding=frame_by_frame))
    assert {p.times for p in work.program.placed() if p.op.name == "joint.output"} == {20 * 3}
    assert work.decoding_steps == 60


@pytest.mark.slow
def test_a_speed_up_is_that_of_the_latency_and_not_of_the_cycles() -> None:
    first, last = compare(chip(), workload(searched(host=2 * 10**9)), ("fp16", "w4a4")).rows
    assert first.speedup == first.cycles_gain == 1
    seconds = [Fraction(row.cycles, chip().clock) + Fraction(88, 1000) for row in (first, last)]
    assert last.speedup == float(seconds[0] / seconds[1])
    assert last.cycles_gain == float(Fraction(first.cycles, last.cycles)) > last.speedup > 1


def test_the_host_adds_to_the_latency_and_not_to_the_cycles() -> None:
    alone, beside = (simulate(chip(), workload(searched(host=host))).summary for host in (0, 2 * 10**9))
    assert beside.cycles == alone.cycles
    assert (alone.host_ms, beside.host_ms) == (0, 88)
    assert beside.latency_ms == pytest.approx(alone.latency_ms + 88, rel=1e-12)
    assert beside.rtf == pytest.approx(beside.latency_ms / 400, rel=1e-12)


@pytest.mark.parametrize(("host", "batch"), [(0, 1), (2 * 10**9, 1), (0, 3)])
def test_run_and_standby_draw_static_power_for_as_long_as_the_audio_lasts(host: int, batch: int) -> None:
    """With time of the host, in which the chip waits, and for a batch."""
    on = replace(chip(), idle_power=Fraction(1, 20))
    result = simulate(on, workload(replace(searched(host=host), batch=batch)))
    found, spent = result.efficiency, result.energy_by_component_aj
    seconds, utterances = result.summary.audio_seconds, result.summary.batch
    static_mj = (spent.leakage + spent.idle) / 1e15
    waiting_mj = found.standby_per_audio_second_mj * seconds * utterances
    watts = static_mj / 1000 / (result.summary.cycles / 1e9)
    assert found.duty_cycle == pytest.approx(result.summary.cycles / 1e9 / seconds, rel=1e-12)
    assert static_mj + waiting_mj == pytest.approx(1000 * watts * seconds, rel=1e-9)


def test_a_bidirectional_model_refuses_streaming() -> None:
    with pytest.raises(InvalidValue, match="a bidirectional encoder needs the whole utterance"):
        recipe(streaming=Chunks(chunk=40 * 10**9))
    one_way = replace(recipe().encoder, bidirectional=False)
    with pytest.raises(InvalidValue, match=r"streaming.chunk = '50 ms': must be a multiple of 20 ms, one frame"):
        recipe(encoder=one_way, streaming=Chunks(chunk=50 * 10**9))
    streamed = workload(recipe(encoder=one_way, streaming=Chunks(chunk=40 * 10**9)))
    assert streamed.program.parameters == workload(recipe(encoder=one_way)).program.parameters

"""Every extractor's loop tree does what a hand count and plain NumPy say, on small recipes and on the shipped ones."""

from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings

from hwsim.engine.accounting import counters_of
from hwsim.errors import InvalidValue
from hwsim.inputs.chips import load_chip
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.tensor import Role
from hwsim.models.catalogue import AnyRecipe, recipe_of, workload
from hwsim.models.conformer import Conformer, CtcHead
from hwsim.models.decoding import BeamSearch, Combination, Greedy, Joint, Prediction
from hwsim.models.gemms import Gemms
from hwsim.models.lstm_lm import LstmLmAlone
from hwsim.models.model_file import ModelFileRecipe
from hwsim.models.rnnt import Rnnt
from hwsim.models.staged import Models
from hwsim.models.tdnnf import Tdnnf
from hwsim.models.transformer_lm import TransformerLm
from hwsim.quantities.precision import Precision, PrecisionPlan, Rule
from plans import naive_schedule
from strategies.recipes import RECIPES
from witnesses.interpreter import interpreted

# Hand counts: products of one utterance batch, written from the papers' figures and not from the trees.


def frames_of(audio: int, frame: int) -> int:
    return ceil(Fraction(audio, frame))


def search_products(p: Prediction, j: Joint, d: Greedy | BeamSearch, width: int, t: int, u: int) -> int:
    """One utterance, in however many chunks: t frames of `width`, those that fill the last one counted; u symbols."""
    layers = sum(4 * p.cells * ((p.cells if layer else p.embedding) + p.cells) for layer in range(p.layers))
    joined = (width + p.cells) * j.size if j.combine is Combination.CONCATENATE else 0
    side = 0 if joined else p.cells * j.size
    once = 0 if joined else t * width * j.size
    if isinstance(d, Greedy):
        return once + (u + 1) * (layers + side) + (t + u) * (joined + j.size * j.outputs)
    steps = t + u if d.kind == "alignment_length" else t * d.expansions
    new = d.beam * steps
    if d.cache_prediction:
        new = min(new, d.beam * u + 1)
    models = 0
    for lm in (d.fusion.source, d.fusion.external) if d.fusion else ():
        models += sum(4 * lm.cells * ((lm.cells if i else lm.embedding) + lm.cells) for i in range(lm.layers))
        models += lm.cells * j.outputs
    return once + new * (layers + side + models) + steps * d.beam * (joined + j.size * j.outputs)


def rnnt_products(r: Rnnt) -> int:
    e = r.encoder
    stack, factor = (e.stacking.after, e.stacking.factor) if e.stacking else (e.layers, 1)
    length = r.streaming.chunk if r.streaming else r.audio
    chunks = frames_of(r.audio, r.streaming.chunk) if r.streaming else 1
    t = frames_of(length, e.frame * factor) * factor
    u = ceil(r.decoding.symbols_per_second * Fraction(r.audio, 10**12))
    ways = 2 if e.bidirectional else 1
    encoder = 0
    for layer in range(e.layers):
        inputs = e.features if layer == 0 else ways * e.cells * (factor if layer == stack else 1)
        encoder += (t if layer < stack else t // factor) * ways * 4 * e.cells * (inputs + e.cells)
    after = t // factor if e.stacking else t
    second = search_products(r.prediction, r.joint, r.decoding, ways * e.cells, chunks * after, u)
    return r.batch * (chunks * encoder + second)


def half(size: int) -> int:
    """Kernel 3, stride 2, no padding."""
    return (size - 3) // 2 + 1


def conformer_products(c: Conformer) -> int:
    e, s = c.encoder, c.streaming
    d, f = e.size, e.feed_forward or 4 * e.size
    whole = half(half(frames_of(c.audio, e.frame)))
    frame = 4 * e.frame
    chunk, ahead, left = (s.chunk // frame, s.look_ahead // frame, s.left_context // frame) if s else (whole, 0, 0)
    chunks = ceil(whole / chunk)
    q, k = chunk + ahead, left + chunk + ahead
    given_frames = 4 * q + 3  # what the encoded frames are made of; frames behind the last one are left out
    mels = half(half(e.mels))
    front = half(given_frames) * half(e.mels) * 9 * d + q * mels * 9 * d * d + q * mels * d * d
    linear = q * (2 * 2 * d * f + 4 * d * d + 2 * d * d + d * d + e.kernel * d)
    attention = d * (q * k + q * (q + k - 1) + q * k)
    positions = e.layers * (q + k - 1) * d * d
    each = front + e.layers * (linear + attention)
    if isinstance(c.decoder, CtcHead):
        return positions + c.batch * chunks * (each + chunk * d * c.decoder.outputs)
    own = c.decoder
    u = ceil(own.decoding.symbols_per_second * Fraction(c.audio, 10**12))
    search = search_products(own.prediction, own.joint, own.decoding, d, chunks * chunk, u)
    return positions + c.batch * (chunks * each + search)


def tdnnf_products(r: Tdnnf) -> int:
    e, o = r.encoder, r.outputs
    t = frames_of(r.audio, e.frame * e.subsampling)
    total: int = t * (e.size * o.bottleneck * 3 + o.bottleneck * o.states)
    # Backwards: times at which a layer is computed, in frames; without gaps between the first and the last.
    needed, step = range(0, e.subsampling * t, e.subsampling), e.subsampling
    for layer in reversed(e.layers):
        s, taps = layer.stride, 2 if layer.stride else 1
        total += len(needed) * taps * layer.bottleneck * e.size
        step = step if s % step == 0 else 1
        middles = range(needed[0], needed[-1] + s + 1, step)
        total += len(middles) * taps * e.size * layer.bottleneck
        needed = range(middles[0] - s, middles[-1] + 1, step)
    return r.batch * (total + len(needed) * (2 * e.splice + 1) * e.features * e.size + e.ivector * e.size)


def lstm_lm_products(r: LstmLmAlone) -> int:
    m, n = r.model, ceil(r.symbols_per_second * Fraction(r.audio, 10**12))
    layers = sum(4 * m.cells * ((m.cells if layer else m.embedding) + m.cells) for layer in range(m.layers))
    return r.batch * n * (layers + m.cells * r.outputs)


def transformer_products(r: TransformerLm) -> int:
    m, n = r.model, ceil(r.symbols_per_second * Fraction(r.audio, 10**12))
    weights = m.layers * (4 * m.size**2 + 2 * m.size * m.feed_forward) + m.size * r.outputs
    return r.batch * (n * weights + m.layers * 2 * m.size * n * (n + 1) // 2)


def hand_count(recipe: AnyRecipe) -> int:
    match recipe:
        case Rnnt():
            return rnnt_products(recipe)
        case Conformer():
            return conformer_products(recipe)
        case Tdnnf():
            return tdnnf_products(recipe)
        case LstmLmAlone():
            return lstm_lm_products(recipe)
        case TransformerLm():
            return transformer_products(recipe)
        case Gemms():
            return recipe.batch * sum(p.m * p.k * p.n * p.times for p in recipe.products)
        case ModelFileRecipe() | Models():
            raise AssertionError("is held against its graph elsewhere")


@cache
def shipped(name: str) -> AnyRecipe:
    return recipe_of(load_workload(name))


@pytest.mark.slow
@settings(max_examples=150)
@given(RECIPES)
def test_products_equal_a_hand_count(recipe: AnyRecipe) -> None:
    assert workload(recipe).program.macs == hand_count(recipe)


@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_products_of_shipped_workloads_equal_a_hand_count(name: str) -> None:
    assert workload(shipped(name)).program.macs == hand_count(shipped(name))


@settings(max_examples=60)
@given(RECIPES)
def test_what_runs_has_the_shapes_and_products_that_the_tree_declares(recipe: AnyRecipe) -> None:
    """All values computed: nothing is read before it is written, products are counted one by one."""
    interpreted(workload(recipe).program)


@pytest.mark.slow
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
@pytest.mark.parametrize("policy", ["fp16", "w4a8", "w4a16"])
def test_every_op_of_a_shipped_workload_has_the_formats_of_its_policy(name: str, policy: str) -> None:
    program = workload(shipped(name), policy).program
    plan = PrecisionPlan(policy=policy)
    counted = 0
    for instance in program.instances():
        op, shape = instance.op, instance.shape
        counted += instance.times * op_spec(op).macs(op, shape)
        if not isinstance(op, (Gemm, Conv)):
            continue
        wanted, weight = plan.of(op.name), program.tensor(op.weight.tensor)
        assert program.tensor(op.act.tensor).precision is wanted.activation
        if weight.role is Role.WEIGHT:
            assert weight.precision is wanted.weight
            assert weight.scaling.group == wanted.group
        else:
            assert weight.precision is wanted.activation  # keys and values
        products = np.prod(shape(op.out)) * (shape(op.weight)[-1 if isinstance(op, Gemm) and op.transposed else -2])
        assert op_spec(op).macs(op, shape) == products
    assert counted == program.macs


PARAMETERS = {
    "rnnt": {"encoder": 54_231_040, "prediction": 2_396_620, "joint": 536_622},
    "mlperf_rnnt": {"encoder": 42_967_040, "prediction": 1_652_480, "joint": 703_517},
    "conformer_s": {"encoder": 8_690_400},
    "conformer_m": {"encoder": 27_262_464},
    "conformer_l": {"encoder": 114_850_304},
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parts_have_the_derived_numbers_of_parameters(name: str) -> None:
    sizes = load_workload(name).sizes
    assert {part: sizes[part].parameters for part in PARAMETERS[name]} == PARAMETERS[name]


@pytest.mark.parametrize(
    ("name", "parameters"), [("rnnt", 57_164_282), ("mlperf_rnnt", 45_323_037), ("tdnnf_7q", 21_356_836)]
)
def test_recognisers_have_the_derived_numbers_of_parameters(name: str, parameters: int) -> None:
    assert load_workload(name).size.parameters == parameters


def test_fused_language_models_are_counted_apart() -> None:
    work = load_workload("rnnt")
    assert work.fused_size.parameters == work.program.parameters - 57_164_282
    assert set(work.fused) == {"source_lm", "external_lm"}
    recipe = shipped("rnnt")
    assert isinstance(recipe, Rnnt)
    assert not isinstance(recipe.decoding, Greedy)
    alone = workload(replace(recipe, decoding=replace(recipe.decoding, fusion=None)))
    assert alone.program.parameters == alone.size.parameters == 57_164_282
    assert alone.fused_size.parameters == 0
    assert work.sizes["external_lm"].parameters == load_workload("lstm_lm").program.parameters


def test_bottlenecks_of_160_have_the_derived_number_of_parameters() -> None:
    recipe = shipped("tdnnf_7q")
    assert isinstance(recipe, Tdnnf)
    layers = tuple(replace(layer, bottleneck=160) for layer in recipe.encoder.layers)
    assert workload(replace(recipe, encoder=replace(recipe.encoder, layers=layers))).program.parameters == 18_702_628


def test_narrower_features_have_the_derived_number_of_parameters() -> None:
    recipe = shipped("rnnt")
    assert isinstance(recipe, Rnnt)
    work = workload(replace(recipe, encoder=replace(recipe.encoder, features=240)))
    assert work.size.parameters == 56_652_282


def test_the_encoder_of_mlperf_does_941_million_products_for_each_second() -> None:
    recipe = shipped("mlperf_rnnt")
    program = workload(replace(recipe, audio=3 * 10**12)).program  # a whole number of stacked frames
    encoder = sum(
        i.times * op_spec(i.op).macs(i.op, i.shape) for i in program.instances() if i.op.name.startswith("encoder.")
    )
    assert round(Fraction(encoder, 3 * 10**6), 1) == Fraction("941.5")


def test_a_cache_has_the_format_that_the_plan_names() -> None:
    """Keys and values of 8 bits below fp16 queries: less traffic, and work for the vector unit."""
    recipe = replace(shipped("transformer_lm"), audio=10**12)
    plain, narrow = (workload(recipe, PrecisionPlan(policy="fp16", cache=cache)) for cache in (None, Precision.INT8))
    for name in ("lm.0.attention.keys", "lm.5.attention.values"):
        assert plain.program.tensor(name).precision is Precision.FP16
        assert narrow.program.tensor(name).precision is Precision.INT8
    # Nothing kept between ops, so that caches come from DRAM.
    plans = (naive_schedule(work.program, load_chip("int4_array")) for work in (plain, narrow))
    before, after = ({op.name: op for op in counters_of(plan).ops} for plan in plans)
    content = "lm.0.attention.content"
    assert after[content].work.dram_read_bytes < before[content].work.dram_read_bytes
    assert after[content].work.vector_lane_cycles > before[content].work.vector_lane_cycles
    assert after["lm.output"].work == before["lm.output"].work


def test_a_table_that_follows_its_reader_takes_no_rule_of_its_own() -> None:
    rule = (Rule(match="*.embed", policy="w8a8"),)
    with pytest.raises(InvalidValue, match=r"precision.rules = '\*.embed': matches no op with weights"):
        workload(shipped("rnnt"), PrecisionPlan(policy="w4a4", rules=rule))
    ruled = workload(shipped("transformer_lm"), PrecisionPlan(policy="w2a8", rules=rule))
    assert ruled.program.tensor("lm.embed.table").precision is Precision.INT8
    plain = workload(shipped("transformer_lm"), PrecisionPlan(policy="w2a8"))
    assert plain.program.tensor("lm.embed.table").precision is Precision.INT2

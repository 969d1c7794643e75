"""The transducer has the published size, and its loop tree does the work that a hand count gives."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.core.precision import Precision, PrecisionPlan, Rule
from hwsim.core.tensor import Role
from hwsim.core.units import PICOSECONDS
from hwsim.core.workload import Workload
from hwsim.errors import InvalidValue
from hwsim.inputs.load import load_workload
from hwsim.models.catalogue import workload
from hwsim.models.decoding import Greedy, Joint, Prediction
from hwsim.models.rnnt import Encoder, Rnnt


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


def test_shipped_transducer_has_the_published_number_of_parameters(shipped: Workload) -> None:
    def parameters(part: str) -> int:
        tensors = [t for t in shipped.program.tensors if t.role.parameter and t.name.startswith(part)]
        return sum(t.elements for t in tensors)

    assert parameters("encoder.") == 54_231_040
    assert parameters("prediction.") == 2_396_620
    assert parameters("joint.") == 536_622
    assert shipped.program.parameters == 57_164_282


def hand_macs(r: Rnnt) -> int:
    """Products by part: T frames, U symbols, B utterances."""
    t, u, b = ceil(Fraction(r.audio, r.encoder.frame)), r.symbols, r.batch
    ways = 2 if r.encoder.bidirectional else 1
    h, p, j = r.encoder.cells, r.prediction.cells, r.joint.size
    inputs = [r.encoder.features] + [ways * h] * (r.encoder.layers - 1)
    encoder = sum(t * ways * 4 * h * (i + h) for i in inputs)
    prediction = (u + 1) * (4 * p * (r.prediction.embedding + p) + p * j)
    joint = t * ways * h * j + (t + u) * j * r.joint.outputs
    return b * (encoder + prediction + joint)


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(1, 400), st.booleans(), st.integers(1, 3))
def test_products_equal_a_hand_count(batch: int, milliseconds: int, bidirectional: bool, layers: int) -> None:
    base = recipe()
    encoder = replace(base.encoder, bidirectional=bidirectional, layers=layers)
    r = recipe(batch=batch, audio=milliseconds * 10**9, encoder=encoder)
    assert workload(r).program.macs == hand_macs(r)


def test_shipped_products_equal_a_hand_count(shipped: Workload) -> None:
    assert isinstance(shipped.recipe, Rnnt)
    assert shipped.program.macs == hand_macs(shipped.recipe) == 27_620_890_624


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

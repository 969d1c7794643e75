"""Formats have the sizes that packing really gives, and policies say what they mean."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import InvalidValue, UnknownName
from hwsim.ir.tensor import Granularity, Role, Scaling, Tensor
from hwsim.oracle.pack import pack_row, unpack_row
from hwsim.quantities.precision import Precision, PrecisionPlan, Purpose, Rule, policy

INTEGERS = [precision for precision in Precision if not precision.floating]


@given(st.sampled_from(INTEGERS), st.integers(1, 33), st.randoms())
def test_row_bytes_is_the_size_of_a_packed_row(precision: Precision, elements: int, random: Random) -> None:
    values = np.array([random.randint(precision.lowest, precision.highest) for _ in range(elements)])
    packed = pack_row(values, precision.bits)
    assert packed.size == precision.row_bytes(elements)
    assert (unpack_row(packed, precision.bits, elements, precision.signed) == values).all()


@pytest.mark.parametrize("precision", INTEGERS)
def test_range_has_two_to_the_bits_values(precision: Precision) -> None:
    assert precision.highest - precision.lowest + 1 == 2**precision.bits


@given(st.sampled_from(INTEGERS), st.sampled_from(INTEGERS))
def test_integers_take_what_fits(wide: Precision, narrow: Precision) -> None:
    assert wide.takes(narrow) == (wide.lowest <= narrow.lowest and narrow.highest <= wide.highest)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(INTEGERS))
def test_weights_pack_along_k_and_activations_along_features(k: int, n: int, precision: Precision) -> None:
    weight = Tensor(name="w", shape=(k, n), precision=precision, role=Role.WEIGHT)
    activation = Tensor(name="a", shape=(k, n), precision=precision, role=Role.ACTIVATION)
    assert weight.packed_bytes == n * precision.row_bytes(k)
    assert activation.packed_bytes == k * precision.row_bytes(n)


@pytest.mark.parametrize(
    ("granularity", "group", "scales"),
    [
        (Granularity.NONE, None, 0),
        (Granularity.TENSOR, None, 1),
        (Granularity.CHANNEL, None, 3),
        (Granularity.GROUP, 4, 9),
    ],
)
def test_scales_are_stored_in_fp32(granularity: Granularity, group: int | None, scales: int) -> None:
    scaling = Scaling(granularity=granularity, group=group)
    tensor = Tensor(name="w", shape=(10, 3), precision=Precision.INT4, role=Role.WEIGHT, scaling=scaling)
    assert tensor.stored_bytes - tensor.packed_bytes == 4 * scales


def test_float_tensors_have_no_scales() -> None:
    with pytest.raises(InvalidValue, match="float tensors have no scales"):
        Tensor(
            name="w",
            shape=(2, 2),
            precision=Precision.FP16,
            role=Role.WEIGHT,
            scaling=Scaling(granularity=Granularity.TENSOR),
        )


def test_weight_only_policy_keeps_activations_in_fp16() -> None:
    assert policy("w4a16").weight is Precision.INT4
    assert policy("w4a16").activation is Precision.FP16


def test_weight_only_policies_share_scales_in_groups() -> None:
    assert [policy(name).group for name in ("w4a16", "w8a16g32", "w4a8", "fp16")] == [128, 32, None, None]


def test_a_cache_has_the_format_of_its_reader_unless_the_plan_names_one() -> None:
    assert PrecisionPlan(policy="w4a16").format("attention.scores", Purpose.CACHE) is Precision.FP16
    plan = PrecisionPlan(policy="w4a16", cache=Precision.INT8)
    assert plan.format("attention.scores", Purpose.CACHE) is Precision.INT8
    assert plan.title == "w4a16, cache in int8"


@pytest.mark.parametrize("name", ["w5a5", "int4", "w4", "W4A4", "", "w16a4", "w4a8g32", "w4a16g0", "w4a16g"])
def test_unknown_policies_are_refused(name: str) -> None:
    with pytest.raises(UnknownName):
        policy(name)


def test_the_last_matching_rule_wins() -> None:
    rules = (Rule(match="encoder.*", policy="w8a8"), Rule(match="encoder.0.*", policy="fp16"))
    plan = PrecisionPlan(policy="w4a4", rules=rules)
    assert [plan.of(op).name for op in ("encoder.0.x", "encoder.1.x", "joint")] == ["fp16", "w8a8", "w4a4"]
    assert plan.idle_rules(["encoder.1.x"]) == (rules[1],)

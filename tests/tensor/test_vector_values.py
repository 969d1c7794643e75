"""Functions of a vector unit on integers, number by number against the oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.ir.ops import Apply, Elementwise, Function, Reduction
from hwsim.ir.view import View
from hwsim.oracle import vector
from hwsim.quantities.precision import Precision
from hwsim.tensor.chain import prepared_chain
from hwsim.tensor.fixed_point import fixed_point
from hwsim.tensor.functions import table
from hwsim.tensor.quant_params import QuantParams, even
from hwsim.tensor.reduce import bit_lengths, normalised, reduced, whole_root

SCALES = st.floats(2.0**-14, 0.5)
GRIDS = st.builds(
    lambda precision, scale, zero: QuantParams(
        precision, np.asarray(scale, np.float32), np.asarray(zero, np.int32), symmetric=zero == 0
    ),
    st.sampled_from([Precision.INT4, Precision.INT8, Precision.INT16]),
    SCALES,
    st.integers(-3, 3),
)
SHORTS = st.integers(-32767, 32767)
ROWS = st.integers(1, 40).flatmap(lambda n: st.lists(st.lists(SHORTS, min_size=n, max_size=n), min_size=1, max_size=3))


def limits(grid: QuantParams) -> tuple[int, int, int]:
    return grid.offset, grid.lowest, grid.highest


@given(st.floats(0, 2.0**20))
def test_a_factor_becomes_the_nearest_multiplier(factor: float) -> None:
    (multiplier,), (shift,) = fixed_point(np.array([factor]))
    assert (multiplier, shift) == vector.fixed_point(factor)


@pytest.mark.slow
@settings(max_examples=40)
@given(ROWS, SCALES, GRIDS, st.sampled_from([Reduction.SOFTMAX, Reduction.LOG_SOFTMAX, Reduction.MEAN, Reduction.MAX]))
def test_reductions_of_rows(rows: list[list[int]], scale: float, target: QuantParams, reduction: Reduction) -> None:
    source = even(Precision.INT16, scale)
    found = reduced(reduction, np.array(rows, np.int32), source, target).out
    s, t = source.single, target.single

    def wanted(row: list[int]) -> list[int]:
        match reduction:
            case Reduction.SOFTMAX:
                return vector.softmax(row, s, t, *limits(target))
            case Reduction.LOG_SOFTMAX:
                return vector.log_softmax(row, s, t, *limits(target))
            case Reduction.MEAN:
                return [vector.rescale(sum(row), s / len(row) / t, *limits(target))]
            case _:
                return [vector.rescale(max(row), s / t, *limits(target))]

    assert found.tolist() == [wanted(row) for row in rows]


def test_shares_are_rounded_half_up() -> None:
    """Of 2^15 each of four equal shares gets 8192, exactly; of three equal ones 10923, the nearest to 10922.67."""
    source, target = even(Precision.INT16, 0.5), even(Precision.INT16, 2.0**-15)
    assert reduced(Reduction.SOFTMAX, np.full((1, 4), 7, np.int32), source, target).out.tolist() == [[8192] * 4]
    assert reduced(Reduction.SOFTMAX, np.full((1, 3), 7, np.int32), source, target).out.tolist() == [[10923] * 3]


@settings(max_examples=40)
@given(ROWS, SCALES, GRIDS, st.integers(0, 2**31))
def test_layer_norm_of_rows(rows: list[list[int]], scale: float, target: QuantParams, seed: int) -> None:
    source, gain_scale, random = even(Precision.INT16, scale), 2.0**-14, np.random.default_rng(seed)
    gains = random.integers(-32767, 32768, len(rows[0]))
    offsets = random.integers(-(2**26), 2**26, len(rows[0]))
    found = normalised(np.array(rows, np.int32), source, gains.astype(np.int32), offsets, gain_scale, target).out
    given_ = (source.single, gains.tolist(), gain_scale, offsets.tolist(), target.single, limits(target))
    assert found.tolist() == [vector.layer_norm(row, *given_) for row in rows]


@given(st.lists(st.integers(1, 2**62 - 1), min_size=1, max_size=20))
def test_roots_and_lengths_are_exact(values: list[int]) -> None:
    roots = whole_root(np.array(values, np.int64)).tolist()
    assert all(root * root <= value < (root + 1) ** 2 for root, value in zip(roots, values, strict=True))
    assert bit_lengths(np.array(values, np.int64)).tolist() == [value.bit_length() for value in values]


@pytest.mark.parametrize(
    "function", [Function.SIGMOID, Function.TANH, Function.EXP, Function.RECIPROCAL, Function.RSQRT]
)
@pytest.mark.parametrize("scale", [2.0**-12, 0.013])
def test_tables_hold_the_function_of_every_integer(function: Function, scale: float) -> None:
    source, target = even(Precision.INT16, scale), even(Precision.INT16, 2.0**-15)
    entries = table(function, source, target)
    for value in range(-32768, 32768, 97):
        wanted = vector.tabled(function.value, value, source.single, target.single, target.lowest, target.highest)
        assert entries[value + 32768] == wanted, value


@given(st.lists(st.tuples(SHORTS, SHORTS), min_size=1, max_size=30), SCALES, SCALES, GRIDS,
       st.sampled_from([Function.ADD, Function.SUB, Function.MUL, Function.MAX]))  # fmt: skip
def test_two_numbers(
    pairs: list[tuple[int, int]], first: float, second: float, target: QuantParams, function: Function
) -> None:
    op = Elementwise(
        name="two",
        reads=(("a", View(tensor="a")), ("b", View(tensor="b"))),
        chain=(Apply(function=function, args=("a", "b"), result="c"),),
        writes=(("c", View(tensor="c")),),
    )
    a, b = even(Precision.INT16, first), even(Precision.INT16, second)
    chain = prepared_chain(op, {"a": a, "b": b, "c": target})
    left, right = (np.array(column, np.int32) for column in zip(*pairs, strict=True))
    values, clipped = chain({"a": left, "b": right}, len(pairs))
    low, high = target.lowest - target.offset, target.highest - target.offset
    sa, sb, t = a.single, b.single, target.single
    whole = []
    for x, y in pairs:
        xs, ys = vector.rescale(x, sa / t), vector.rescale(y, sb / t)
        whole.append(
            {
                Function.ADD: xs + ys,
                Function.SUB: xs - ys,
                Function.MAX: max(xs, ys),
                Function.MUL: vector.rescale(x * y, sa * sb / t),
            }[function]
        )
    assert values[chain.places["c"]].tolist() == [max(low, min(high, value)) for value in whole]
    assert clipped.tolist() == [sum(not low <= value <= high for value in whole)]

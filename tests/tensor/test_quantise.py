"""Quantisers: integers of the oracle, bounds next to the best ones, histograms that don't depend on portions."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import InvalidValue
from hwsim.ir.tensor import Granularity, Scaling
from hwsim.oracle.pack import pack_row
from hwsim.oracle.quantise import best_bound, mean_square_error, quantise
from hwsim.quantities.precision import Precision
from hwsim.quantities.quantisation import ActivationQuantiser, Clip, WeightQuantiser
from hwsim.tensor.clip import Sample, clip_range
from hwsim.tensor.histogram import Histogram
from hwsim.tensor.packing import packed, unpacked
from hwsim.tensor.quant_params import QuantParams
from hwsim.tensor.quantise import activation_grid, power_of_two_grid, weight_grid

NARROW = [Precision.INT2, Precision.INT3, Precision.INT4, Precision.INT8]
COLUMN = Scaling(granularity=Granularity.CHANNEL)
SCALINGS = [Scaling(granularity=Granularity.TENSOR), COLUMN, Scaling(granularity=Granularity.GROUP, group=3)]
SHARES = (np.arange(1 << 17) + 0.5) / (1 << 17)
DRAWN = {  # the numbers below which lie equally spaced shares of each distribution
    "normal": np.array([NormalDist().inv_cdf(share) for share in SHARES]),
    "laplace": np.where(SHARES < 0.5, np.log(2 * np.minimum(SHARES, 0.5)), -np.log(2 - 2 * np.maximum(SHARES, 0.5))),
}


def each_scale(grid: QuantParams, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point of each element of a weight, by where it stands."""
    k, n = shape
    scale, zero = (np.broadcast_to(entries, (-(-k // (grid.group or k)), n)) for entries in (grid.scale, grid.zero))
    rows = [i // (grid.group or k) for i in range(k)]
    return scale[rows], zero[rows]


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda scaling: scaling.granularity.value)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("precision", NARROW)
def test_weights_become_the_integers_of_the_oracle(precision: Precision, symmetric: bool, scaling: Scaling) -> None:
    weight = np.random.default_rng(3).normal(0.1, 1, (8, 5)).astype(np.float32)
    grid = weight_grid(weight, precision, scaling, WeightQuantiser(clip=Clip.MAX, symmetric=symmetric))
    scale, zero = each_scale(grid, (8, 5))
    low, high = (-precision.highest if symmetric else precision.lowest), precision.highest
    wanted = [[quantise(weight[i, j], scale[i, j], int(zero[i, j]), low, high) for j in range(5)] for i in range(8)]
    found = grid.quantised(weight)
    assert found.tolist() == wanted
    # The largest magnitude is reached, and nothing is further from its number than half a step.
    assert found.max() == high or found.min() == low
    assert (np.abs(grid.real(found) - weight) <= scale * 0.5001 + (0 if symmetric else 1) * scale).all()


@pytest.mark.parametrize("drawn", DRAWN)
@pytest.mark.parametrize("precision", NARROW)
@pytest.mark.parametrize("clip", [Clip.STATISTICS, Clip.MSE])
def test_statistics_and_search_come_within_two_percent_of_the_least_error(
    clip: Clip, precision: Precision, drawn: str
) -> None:
    values = DRAWN[drawn]
    _, least = best_bound(values, precision.highest, 300)
    (bound,) = clip_range(Sample(values[None]), precision, clip, 99.9, True).high
    step = bound / precision.highest
    error = float(
        ((np.clip(np.rint(values / step), -precision.highest, precision.highest) * step - values) ** 2).mean()
    )
    assert error <= 1.02 * least


@pytest.mark.parametrize("count", [1, 2, 3, 8, 25, 63])
@pytest.mark.parametrize("precision", [Precision.INT2, Precision.INT3, Precision.INT4, Precision.INT8])
def test_rows_of_few_values_are_never_clipped_to_their_loss(precision: Precision, count: int) -> None:
    rows = np.random.default_rng(count).normal(size=(200, count))
    highest = precision.highest
    bounds = {clip: clip_range(Sample(rows), precision, clip, 99.9, True).high for clip in (Clip.STATISTICS, Clip.MAX)}
    for row, by_statistics, largest in zip(rows, *bounds.values(), strict=True):
        errors = [mean_square_error(row, -bound, bound, highest, symmetric=True) for bound in (by_statistics, largest)]
        assert errors[0] <= errors[1]
    # The factors still decide where they err less, and a value alone keeps itself.
    clipped = (bounds[Clip.STATISTICS] < bounds[Clip.MAX]).sum()
    assert clipped == 0 if count == 1 else clipped > 0 or count < 25 or precision is Precision.INT8


def test_the_error_that_is_searched_is_that_of_the_oracle() -> None:
    values = DRAWN["normal"][::437]
    found = clip_range(Sample(values[None]), Precision.INT4, Clip.MSE, 99.9, False)
    low, high = float(found.low[0]), float(found.high[0])
    own = mean_square_error(values, low, high, 15, symmetric=False)
    for factor in (0.7, 0.85, 1.15, 1.3):
        assert own <= mean_square_error(values, low * factor, high * factor, 15, symmetric=False) * 1.001


def test_a_percentile_clips_its_share() -> None:
    values = np.arange(1.0, 1001.0)
    found = clip_range(Sample(values[None]), Precision.INT8, Clip.PERCENTILE, 99.0, True)
    assert found.high.tolist() == [990.0]
    counted = clip_range(Sample(np.array([[1.0, 2.0, 9.0]]), np.array([[90.0, 9.0, 1.0]])), Precision.INT8,
                         Clip.PERCENTILE, 99.0, True)  # fmt: skip
    assert counted.high.tolist() == [2.0]


def test_statistics_know_their_widths_and_need_symmetry() -> None:
    weight = np.ones((4, 1), np.float32)
    with pytest.raises(InvalidValue, match="has no coefficients for int16"):
        weight_grid(weight, Precision.INT16, COLUMN, WeightQuantiser(clip=Clip.STATISTICS))
    with pytest.raises(InvalidValue, match="is for symmetric quantisers"):
        WeightQuantiser(clip=Clip.STATISTICS, symmetric=False)
    with pytest.raises(InvalidValue, match="must lie between 50 and 100"):
        ActivationQuantiser(percentile=10)
    # Equal magnitudes are no sample of a bell: nothing is clipped.
    assert weight_grid(weight, Precision.INT4, COLUMN, WeightQuantiser()).quantised(weight).tolist() == [[7]] * 4


FLOATS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60)


@given(FLOATS, st.integers(1, 7), st.randoms(use_true_random=False))
def test_a_histogram_does_not_depend_on_portions_or_order(values: list[float], size: int, random: object) -> None:
    whole = Histogram.of(np.array(values))
    mixed = list(values)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    parts, joined = Histogram(), Histogram()
    for start in range(0, len(mixed), size):
        portion = np.array(mixed[start : start + size])
        parts.add(portion)
        joined.merge(Histogram.of(portion))
    for other in (parts, joined):
        assert other.exponent == whole.exponent
        assert (other.counts == whole.counts).all()
        assert (other.least, other.greatest) == (whole.least, whole.greatest)


@given(FLOATS)
def test_what_is_seen_with_the_largest_magnitude_is_not_clipped(values: list[float]) -> None:
    array = np.array(values, np.float32)
    grid = activation_grid(Histogram.of(array), Precision.INT8, ActivationQuantiser(clip=Clip.MAX))
    assert (np.abs(grid.real(grid.quantised(array)) - array) <= grid.single * 0.501 + 1e-30).all()


@given(st.floats(2.0**-20, 2.0**20))
def test_states_lie_on_the_least_power_of_two(largest: float) -> None:
    grid = power_of_two_grid(largest, Precision.INT16)
    mantissa, _ = np.frexp(grid.single)
    assert mantissa == 0.5
    assert grid.single * 32767 >= largest
    assert grid.single / 2 * 32767 < largest


@given(st.sampled_from([2, 3, 4]), st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_packing_is_that_of_the_oracle(bits: int, values: list[int]) -> None:
    low = -(1 << (bits - 1))
    row = np.array([low + value for value in values])
    assert packed(row, bits).tolist() == pack_row(row, bits).tolist()
    assert unpacked(packed(row, bits), bits, len(row)).tolist() == row.tolist()

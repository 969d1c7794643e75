"""Utterances of many lengths: drawn as stated, padded as little as can be, and each bucket a run of its own."""

from fractions import Fraction
from itertools import combinations
from math import exp, log
from random import Random
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hwsim
from hwsim.errors import InvalidValue, Unsupported
from hwsim.ir.lengths import Lengths, Share
from hwsim.models.catalogue import at_length, with_batch, workload
from hwsim.results.streams import MS, SECOND, LengthsStudy
from hwsim.study.simulate import simulate
from hwsim.study.spoken import MOST_RUNS
from hwsim.study.streams import stream
from models.test_rnnt import recipe
from study.test_chunks import SLOW, streamed

WHOLE = workload(recipe())


def lengths(shares: dict[int, int], *buckets: int) -> Lengths:
    """Utterances by tens of milliseconds."""
    return Lengths(
        shares=tuple(Share(length=tens * 10 * MS, utterances=count) for tens, count in sorted(shares.items())),
        buckets=tuple(tens * 10 * MS for tens in buckets),
    )


def study(found: Lengths, streams: int = 1, **more: object) -> LengthsStudy:
    result = stream(SLOW, WHOLE, streams=(streams,), lengths=found, **more).lengths  # type: ignore[arg-type]
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("given_", "location", "scale"),
    [
        ({"median": "6 s", "p99": "20 s"}, log(6), log(20 / 6) / NormalDist().inv_cdf(0.99)),
        ({"p90": "10 s", "p95": "13 s"}, None, log(1.3) / (NormalDist().inv_cdf(0.95) - NormalDist().inv_cdf(0.9))),
        ({"mean": "7 s", "median": "6 s"}, log(6), (2 * log(7 / 6)) ** 0.5),
    ],
)
def test_drawn_lengths_have_the_stated_figures(given_: dict[str, str], location: float | None, scale: float) -> None:
    drawn = hwsim.lognormal_lengths(utterances=20_000, seed=1, **given_)
    logs = [log(share.length / SECOND) for share in drawn.shares for _ in range(share.utterances)]
    assert len(logs) == 20_000
    assert np.std(logs) == pytest.approx(scale, rel=0.03)
    if location is not None:
        assert np.mean(logs) == pytest.approx(location, abs=0.02)


def test_a_mean_and_a_percentile_are_both_met() -> None:
    drawn = hwsim.lognormal_lengths(mean="7 s", p99="25 s", utterances=50_000, seed=4)
    values = np.repeat([s.length / SECOND for s in drawn.shares], [s.utterances for s in drawn.shares])
    assert values.mean() == pytest.approx(7, rel=0.02)
    assert np.quantile(values, 0.99) == pytest.approx(25, rel=0.05)


def test_a_length_is_the_quantile_of_a_drawn_number() -> None:
    """Again from the definition, so that no release of a library may change what a seed gives."""
    numbers, scale = Random("lengths 7"), log(3) / NormalDist().inv_cdf(0.9)
    expected = sorted(round(100 * 2 * exp(scale * NormalDist().inv_cdf(numbers.random()))) for _ in range(50))
    drawn = hwsim.lognormal_lengths(median="2 s", p90="6 s", utterances=50, seed=7)
    assert [share.length // (10 * MS) for share in drawn.shares for _ in range(share.utterances)] == expected


@given(st.dictionaries(st.integers(1, 40), st.integers(1, 5), min_size=1, max_size=7), st.integers(1, 4))
def test_chosen_buckets_pad_least(shares: dict[int, int], count: int) -> None:
    found = hwsim.chosen_buckets(lengths(shares), count)
    assert len(found.buckets) <= count

    def computed(some: Lengths) -> int:
        return sum(bucket.length * bucket.utterances for bucket in some.bucketed())

    ends = sorted(shares)
    others = [lengths(shares, *chosen, ends[-1]) for n in range(count) for chosen in combinations(ends[:-1], n)]
    assert computed(found) == min(map(computed, others))


def test_buckets_of_lengths_without_a_common_measure_are_chosen_too() -> None:
    shares = (Share(length=SECOND + 1, utterances=10**9), Share(length=3 * SECOND, utterances=10**9))
    assert hwsim.chosen_buckets(Lengths(shares=shares), 2).buckets == (SECOND + 1, 3 * SECOND)


def test_each_bucket_is_a_run_at_its_length() -> None:
    found = study(lengths({3: 5, 4: 2, 9: 3}, 4, 9), 2)
    for bucket, tens, utterances in zip(found.buckets, (4, 9), (7, 3), strict=True):
        plain = simulate(SLOW, with_batch(at_length(WHOLE, tens * 10 * MS), 2))
        assert bucket.run_ms == plain.summary.latency_ms
        assert bucket.rtf == plain.summary.rtf
        assert bucket.utterances == utterances
        assert bucket.batches == -(-utterances // 2)


def test_what_is_padded_is_counted() -> None:
    """5 · 30 + 2 · 40 + 3 · 90 = 500 ms of speech, in 7 · 40 + 3 · 90 = 550 ms; to the longest 900 ms."""
    found = study(lengths({3: 5, 4: 2, 9: 3}, 4, 9), 2)
    assert found.padding == pytest.approx(1 - 500 / 550)
    assert found.padding_unbucketed == pytest.approx(1 - 500 / 900)
    assert found.empty == pytest.approx(1 - 10 / 12)  # 4 batches of 2 for 7, 2 for 3
    assert found.mean_ms == 50
    first, second = (bucket.run_ms for bucket in found.buckets)
    assert found.throughput == pytest.approx(500 / (4 * first + 2 * second))
    assert found.rtf.most == pytest.approx(first / 30) or found.rtf.most == pytest.approx(second / 90)
    assert found.latency_ms.most == max(first, second)
    assert found.length_ms.p50 == 30 if found.length_ms.p50 < 40 else 40


def test_padding_of_batches_as_they_come_is_the_mean_over_all_orders() -> None:
    found = study(lengths({3: 2, 4: 1, 9: 2}, 9), 2)
    values = [3, 3, 4, 9, 9]
    pairs = [max(a, b) for a, b in combinations(values, 2)]
    padded = 4 * Fraction(sum(pairs), len(pairs)) + Fraction(sum(values), len(values))  # two pairs, and one alone
    assert found.padding_as_they_come == pytest.approx(float(1 - sum(values) / padded))


def test_a_workload_has_lengths_of_its_own() -> None:
    own = workload(recipe(lengths=lengths({3: 1, 9: 1})))
    result = stream(SLOW, own).lengths
    assert result is not None
    assert [bucket.length_ms for bucket in result.buckets] == [30, 90]
    plain = simulate(SLOW, own).lengths
    assert plain is not None
    assert [bucket.latency_ms for bucket in plain.buckets] == [bucket.run_ms for bucket in result.buckets]
    assert (plain.padding, plain.latency_p50_ms) == (result.padding, result.latency_ms.p50)


def test_of_a_stream_an_utterance_ends_with_the_chunk_that_hears_its_end() -> None:
    result = stream(SLOW, workload(streamed()), lengths=lengths({4: 1, 14: 1}, 14))
    assert result.lengths is not None
    first = result.times[0].complete_ms - 40
    assert result.lengths.latency_ms.p50 == pytest.approx(min(first, result.points[0].chunked.final_ms))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"mean": "7 s"}, "lognormal = 'mean': needs two of mean, median, p90, p95, p99"),
        ({"mean": "7 s", "p50": "6 s"}, "p50 = '6 s': is no figure of a distribution; known: mean, median"),
        ({"mean": "7 s", "p99": "700 s"}, "p99 = '700 s': is no p99 of a lognormal distribution whose mean is 7 s"),
        ({"mean": "7 s", "median": "8 s"}, "median = '8 s': is no median of a lognormal distribution whose mean"),
        ({"median": "7 s", "p90": "6 s"}, "p90 = '6 s': must be at least the median, 7 s"),
        ({"mean": "long", "p99": "6 s"}, "mean = 'long': must be a number with a unit"),
        ({"mean": "7 s", "p99": "9 s", "utterances": 0}, "utterances = 0: must be a whole number from 1"),
    ],
)
def test_distributions_that_cannot_be_are_refused(given_: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        hwsim.lognormal_lengths(**given_)  # type: ignore[arg-type]


def test_too_many_buckets_are_refused() -> None:
    many = lengths(dict.fromkeys(range(1, MOST_RUNS + 2), 1))
    with pytest.raises(InvalidValue, match="buckets = 201: must be at most 200, as each takes a run"):
        study(many)
    with pytest.raises(InvalidValue, match="buckets = 0: must be a whole number from 1 to 1000"):
        hwsim.chosen_buckets(many, 0)


def test_products_alone_have_no_length() -> None:
    from hwsim.models.gemms import Gemms, GemmSize

    products = workload(Gemms(name="three", products=(GemmSize(name="one", m=2, k=3, n=4),)))
    with pytest.raises(Unsupported, match="three: its products do not depend on how long an utterance is"):
        stream(SLOW, products, lengths=lengths({3: 1}))

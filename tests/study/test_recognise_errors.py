"""Edits and rates against their definitions."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.results.recognition import HeardUtterance, Recognition
from hwsim.study.recognise.errors import change, draws, edits, rates

TOKENS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=7).map(tuple)


def distance(said: tuple[str, ...], heard: tuple[str, ...]) -> int:
    """The edit distance by its recursion."""

    @cache
    def of(a: int, b: int) -> int:
        if not a or not b:
            return a + b
        same = of(a - 1, b - 1) + (said[a - 1] != heard[b - 1])
        return min(same, of(a - 1, b) + 1, of(a, b - 1) + 1)

    return of(len(said), len(heard))


@given(TOKENS, TOKENS)
def test_edits_are_as_few_as_can_be_and_lead_from_one_to_the_other(
    said: tuple[str, ...], heard: tuple[str, ...]
) -> None:
    found = edits(said, heard)
    assert sum(found) == distance(said, heard)
    assert len(said) - found.deletions + found.insertions == len(heard)


def utterance(number: int, tokens: int, errors: int, group: str = "") -> HeardUtterance:
    return HeardUtterance(
        name=f"u{number}", group=group, seconds=1.0, said="", heard="", tokens=tokens, substitutions=errors,
        deletions=0, insertions=0,
    )  # fmt: skip


def drawn(count: int, seed: int) -> list[HeardUtterance]:
    rng = np.random.default_rng(seed)
    return [utterance(number, 5, int(rng.binomial(5, 0.2))) for number in range(count)]


def test_the_interval_is_that_of_the_binomial_where_utterances_are_single_tokens() -> None:
    said = [utterance(number, 1, int(number < 100)) for number in range(400)]
    (rate,) = rates(said, seed=0)
    spread = (0.25 * 0.75 / 400) ** 0.5
    assert rate.rate == 0.25
    assert rate.low == pytest.approx(0.25 - 1.96 * spread, abs=0.004)
    assert rate.high == pytest.approx(0.25 + 1.96 * spread, abs=0.004)


def test_more_utterances_make_the_interval_narrower() -> None:
    few, many = (rates(drawn(count, seed=1), seed=0)[0] for count in (20, 500))
    assert few.low <= few.rate <= few.high
    assert many.high - many.low < (few.high - few.low) / 3


def test_groups_stand_beside_all_and_add_up_to_them() -> None:
    said = [utterance(0, 4, 1, "a"), utterance(1, 6, 0, "b"), utterance(2, 5, 5, "a")]
    everything, first, second = rates(said, seed=0)
    assert (everything.group, first.group, second.group) == ("all", "a", "b")
    assert everything.errors == first.errors + second.errors == 6
    assert (everything.wrong_utterances, everything.tokens, second.rate) == (2, 15, 0.0)


def test_one_group_is_not_told_twice() -> None:
    assert len(rates([utterance(0, 4, 1, "a"), utterance(1, 4, 0, "a")], seed=0)) == 1


def on_devices(errors: list[list[int]], tokens: int = 5) -> list[HeardUtterance]:
    """Utterances as they were heard on several devices: a list of errors for each."""
    return [
        replace(utterance(number, tokens, wrong), devices=seed)
        for seed, row in enumerate(errors)
        for number, wrong in enumerate(row)
    ]


def test_devices_that_hear_alike_have_the_interval_of_one() -> None:
    alone = [one.errors for one in drawn(40, seed=1)]
    one, three = rates(on_devices([alone]), seed=0)[0], rates(on_devices([alone] * 3), seed=0)[0]
    assert (three.rate, three.low, three.high) == (one.rate, one.low, one.high)
    assert (three.errors, three.tokens) == (3 * one.errors, 3 * one.tokens)


def test_devices_that_differ_widen_the_interval_to_what_one_of_them_may_be() -> None:
    """Utterances that are all alike leave the devices alone to be drawn: rates of a mean of as many draws."""
    (rate,) = rates(on_devices([[1] * 30, [1] * 30, [4] * 30, [4] * 30]), seed=0)
    assert rate.rate == 0.5
    means = [0.2 + 0.6 * high / 4 for high in range(5)]
    assert (rate.low, rate.high) == pytest.approx((means[0], means[-1]))


def test_the_interval_over_devices_and_utterances_has_the_spread_of_both() -> None:
    """Of independent errors of devices and of utterances variances add up, as the table of both has them."""
    rng = np.random.default_rng(3)
    of_devices, of_utterances = rng.integers(0, 20, 30), rng.integers(0, 30, 200)
    table = of_devices[:, None] + of_utterances
    (rate,) = rates(on_devices(table.tolist(), tokens=100), seed=0)
    spread = (of_devices.var() / 30 + of_utterances.var() / 200) ** 0.5 / 100
    assert rate.high - rate.low == pytest.approx(2 * 1.96 * spread, rel=0.05)


def test_each_device_has_its_own_rate() -> None:
    found = draws(on_devices([[1, 0], [3, 2]]), seed=0)
    assert [(one.seed, one.errors, one.rate) for one in found] == [(0, 1, 0.1), (1, 5, 0.5)]
    assert draws(drawn(5, seed=1), seed=0) == ()


def test_differences_are_those_on_each_device() -> None:
    """A run that has one error more on each device is worse in all draws, however much devices differ."""
    first, more = [[0] * 30, [3] * 30], [[1] * 30, [4] * 30]
    paired = change(recognition(on_devices(more)), recognition(on_devices(first)), seed=0)
    assert (paired.change, paired.low, paired.high) == pytest.approx((0.2, 0.2, 0.2))
    alone = change(
        recognition(on_devices(more)), recognition([utterance(number, 5, 1) for number in range(30)]), seed=0
    )
    assert (alone.change, alone.low, alone.high) == pytest.approx((0.3, 0.0, 0.6))
    assert alone.worse == pytest.approx(0.75, abs=0.02)


def recognition(said: list[HeardUtterance]) -> Recognition:
    return Recognition(
        chip="c", workload="w", precision="p", accumulators="exact", search="s", token="word", scales="none",
        quantisers="", audio_seconds=1.0, saturations=0, clipped=0, rates=rates(said, seed=0), cost=None,
        utterances=tuple(said),
    )  # fmt: skip


def test_the_same_errors_are_no_change_however_wide_their_interval_is() -> None:
    said = drawn(10, seed=2)
    same = change(recognition(said), recognition(said), seed=0)
    assert (same.change, same.low, same.high, same.worse) == (0.0, 0.0, 0.0, 0.0)


def test_an_error_more_in_each_utterance_is_worse_in_every_draw() -> None:
    said = drawn(30, seed=3)
    worse = [utterance(number, one.tokens, one.errors + 1) for number, one in enumerate(said)]
    found = change(recognition(worse), recognition(said), seed=0)
    assert found.worse == 1.0
    assert found.change == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2)

"""Edits and rates against their definitions."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.results.recognition import HeardUtterance, Recognition
from hwsim.study.recognise.errors import change, edits, rates

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

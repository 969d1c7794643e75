"""A fleet under arriving utterances keeps the laws of queues, and is what an event simulation of its own sees."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, exp, sqrt
from random import Random
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import InvalidValue
from hwsim.ir.lengths import Lengths, Share
from hwsim.models.catalogue import workload
from hwsim.results.streams import MS, SECOND, FleetResult
from hwsim.study.fleet import Fleet, Service, drawn, fleet_result, in_system, served
from hwsim.study.streams import stream
from models.test_rnnt import recipe
from study.test_chunks import SLOW, streamed


def seen(arrivals: Sequence[int], takes: Sequence[int], places: int, room: int) -> list[tuple[int, int]]:
    """When each utterance begins and ends, as an event simulation sees it: half a tick after all that happens at a
    time, who waits is given to the places that are free."""
    env, queue, times, free = simpy.Environment(), list[int](), dict[int, tuple[int, int]](), [places]

    def arrival(number: int) -> Generator[Any, Any, None]:
        yield env.timeout(arrivals[number])
        queue.append(number)
        yield env.timeout(0.5)
        hand_out()

    def place(some: list[int]) -> Generator[Any, Any, None]:
        begin = int(env.now)
        yield env.timeout(max(takes[number] for number in some) - 0.5)
        times.update({number: (begin, int(env.now)) for number in some})
        free[0] += 1
        yield env.timeout(0.5)
        hand_out()

    def hand_out() -> None:
        while free[0] and queue:
            free[0] -= 1
            env.process(place(queue[:room]))
            del queue[:room]

    for number in range(len(arrivals)):
        env.process(arrival(number))
    env.run()
    return [times[number] for number in range(len(arrivals))]


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), min_size=1, max_size=20),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_each_is_served_when_an_event_simulation_serves_it(jobs: list[tuple[int, int]], places: int, room: int) -> None:
    arrivals = np.cumsum([gap for gap, _ in jobs]).tolist()
    takes = [time for _, time in jobs]
    found = served(arrivals, takes, places, room)
    assert list(zip(found.began, found.ended, strict=True)) == seen(arrivals, takes, places, room)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20)), min_size=1, max_size=40),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_all_that_are_there_over_time_are_all_responses(jobs: list[tuple[int, int]], places: int, room: int) -> None:
    """Little's law, in whole picoseconds; and nobody is served before one who came earlier."""
    arrivals = np.cumsum([gap for gap, _ in jobs]).tolist()
    takes = [time for _, time in jobs]
    found = served(arrivals, takes, places, room)
    assert in_system(found) == sum(end - come for come, end in zip(found.came, found.ended, strict=True))
    assert list(found.began) == sorted(found.began)
    assert found.busy <= places * max(found.ended)
    more = served(arrivals, takes, places + 1, room)
    if room == 1:
        assert all(a <= b for a, b in zip(more.ended, found.ended, strict=True))


ONE = Lengths(shares=(Share(length=SECOND, utterances=1),))


def result(fleet: Fleet, lengths: Lengths, places: int, seconds_of: dict[int, Fraction]) -> FleetResult:
    return fleet_result(fleet, Service(places, 1, lengths, lambda length: seconds_of[length] * SECOND))


@pytest.mark.slow
@pytest.mark.parametrize("load", [Fraction(3, 10), Fraction(7, 10)])
def test_one_place_waits_as_pollaczek_and_khinchine_say(load: Fraction) -> None:
    """Of two lengths, one three times the other: the formula again from its moments, and met by the simulation."""
    lengths = Lengths(shares=(Share(length=SECOND, utterances=3), Share(length=3 * SECOND, utterances=1)))
    seconds_of = {SECOND: Fraction(1), 3 * SECOND: Fraction(3)}
    mean, square = Fraction(3 + 3, 4), Fraction(3 + 9, 4)
    rate = load / mean
    found = result(Fleet(rate=rate, utterances=20_000, seed=2), lengths, 1, seconds_of)
    expected = float(rate * square / (2 * (1 - load))) * 1000
    assert found.expected_wait_ms == pytest.approx(expected)
    assert found.wait_error_ms is not None
    assert abs(found.mean_wait_ms - expected) < 2 * found.wait_error_ms
    assert found.utilization == pytest.approx(float(load), rel=0.03)


def crommelin(rate: float, places: int) -> float:
    """The mean wait of Poisson arrivals at places that all take 1 s (M/D/c): from what is there every second.

    All who are served at a time are gone a second later, so that what is there then is all who were not served, and
    those who came meanwhile.
    """
    size = 400
    came = np.array([exp(-rate)] + [0.0] * size)
    for n in range(1, size + 1):
        came[n] = came[n - 1] * rate / n
    there = np.zeros(size + 1)
    there[0] = 1
    for _ in range(3000):
        left = np.concatenate([[there[: places + 1].sum()], there[places + 1 :]])
        there = np.convolve(left, came)[: size + 1]
    waiting = sum((n - places) * share for n, share in enumerate(there.tolist()) if n > places)
    return waiting / rate


@pytest.mark.slow
@pytest.mark.parametrize(("places", "load"), [(2, 0.8), (5, 0.7)])
def test_several_places_wait_as_their_chain_says(places: int, load: float) -> None:
    rate = Fraction(load * places).limit_denominator(100)
    found = result(Fleet(chips=places, rate=rate, utterances=20_000, seed=3), ONE, places, {SECOND: Fraction(1)})
    assert found.wait_error_ms is not None
    assert found.expected_wait_ms is None
    assert abs(found.mean_wait_ms - 1000 * crommelin(float(rate), places)) < 2 * found.wait_error_ms


def test_one_place_of_the_chain_is_that_of_pollaczek_and_khinchine() -> None:
    assert crommelin(0.5, 1) == pytest.approx(0.5 / (2 * 0.5), rel=1e-6)


def test_arrivals_come_as_often_as_stated_and_have_nothing_to_do_with_each_other() -> None:
    fleet = Fleet(rate=Fraction(20), utterances=20_000, seed=9)
    gaps = np.diff(np.array(fleet.arrivals, float)) / SECOND
    assert gaps.mean() == pytest.approx(1 / 20, rel=0.03)
    assert gaps.std() == pytest.approx(1 / 20, rel=0.03)  # of exponential gaps both are the same
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 4 / sqrt(len(gaps))
    assert fleet.arrivals == replace(fleet).arrivals != replace(fleet, seed=10).arrivals


def test_lengths_come_as_often_as_the_distribution_says() -> None:
    lengths = Lengths(shares=(Share(length=SECOND, utterances=3), Share(length=3 * SECOND, utterances=1)))
    found = drawn(lengths, 8000, seed=1)
    assert found.count(SECOND) == pytest.approx(6000, rel=0.03)


def test_whole_utterances_are_taken_in_batches_and_streams_one_by_one() -> None:
    fleet = Fleet(chips=3, rate=Fraction(2), utterances=50)
    whole = stream(SLOW, workload(recipe()), streams=(2,), fleet=fleet)
    chunked = stream(SLOW, workload(streamed()), streams=(2,), fleet=fleet)
    assert whole.fleet is not None
    assert chunked.fleet is not None
    assert (whole.fleet.places, whole.fleet.room) == (3, 2)
    assert (chunked.fleet.places, chunked.fleet.room) == (6, 1)
    assert whole.fleet.response_ms.p50 == pytest.approx(whole.points[0].run_ms)
    point = chunked.points[0].chunked
    assert point is not None
    assert chunked.fleet.response_ms.p50 == pytest.approx(140 + point.final_ms)


def test_a_trace_is_served_as_it_comes() -> None:
    fleet = Fleet(times=(0, 0, 5 * SECOND))
    found = result(fleet, ONE, 1, {SECOND: Fraction(2)})
    assert (found.wait_ms.most, found.response_ms.most, found.arrivals) == (2000, 4000, "at given times")
    assert found.simulated_seconds == 7
    assert found.utilization == pytest.approx(6 / 7)
    assert found.mean_in_system == pytest.approx((2 + 4 + 2) / 7)
    assert found.wait_error_ms is None


def test_an_overloaded_fleet_is_told() -> None:
    found = result(Fleet(rate=Fraction(2), utterances=500), ONE, 1, {SECOND: Fraction(1)})
    assert found.offered > 1.5
    assert found.expected_wait_ms is None
    assert found.wait_ms.most > 200 * 1000 * 0.8
    assert ceil(found.utilization) == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "rate = None: must be given, or times, and not both"),
        ({"rate": Fraction(1), "times": (1,)}, "rate = Fraction"),
        ({"times": (2, 1)}, "times = 2: must not go back"),
        ({"times": (-1, 1)}, "times = 2: must not go back, nor begin before 0"),
        ({"rate": Fraction(1), "chips": 0}, "chips = 0: must be at least 1"),
    ],
)
def test_fleets_that_cannot_be_are_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Fleet(**asked)  # type: ignore[arg-type]


def test_a_result_that_breaks_the_law_is_refused() -> None:
    found = result(Fleet(times=(0,)), ONE, 1, {SECOND: Fraction(2)})
    with pytest.raises(InvalidValue, match="in_system_ps = 1: must be all responses, 2000000000000 ps"):
        replace(found, in_system_ps=1)


def test_no_two_seeds_share_their_numbers() -> None:
    """Arrivals and lengths are drawn apart: more of the one does not change the other."""
    assert Random("arrivals 1").random() != Random("utterances 1").random()
    assert Fleet(rate=Fraction(1), utterances=5).arrivals == Fleet(rate=Fraction(1), utterances=9).arrivals[:5]
    assert min(Fleet(rate=Fraction(1), utterances=5).arrivals) > MS

"""A fleet of chips under arriving utterances: each of them served in its turn, one event after another."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from heapq import heappop, heappush
from itertools import accumulate, pairwise
from math import log, sqrt
from random import Random
from statistics import fmean, variance
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.lengths import Lengths
from hwsim.quantities.fields import PerSecond
from hwsim.quantities.noun import Noun, Whole
from hwsim.results.figures import ratio
from hwsim.results.streams import MS, SECOND, FleetResult, Spread

BATCHES = 20
"""The waits of a simulation in so many parts, whose means tell how sure the mean of all is."""

_SURE = 2.093
"""The 97.5 % quantile of Student's t with 19 degrees of freedom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet(Noun):
    """So many chips, and the utterances that come to them.

    At `rate` a second on average, at times that have nothing to do with each other (a Poisson process), so many
    `utterances` come, drawn with the seed; or one at each of the `times`, in picoseconds from the start.
    """

    chips: Annotated[int, Whole(low=1, high=10_000)] = 1
    rate: PerSecond | None = None
    times: tuple[int, ...] = ()
    utterances: Annotated[int, Whole(low=1, high=10**6)] = 10_000
    seed: Annotated[int, Whole()] = 0

    def check(self) -> None:
        if (self.rate is None) == (not self.times):
            raise InvalidValue("rate", self.rate, "must be given, or times, and not both")
        if any(later < earlier for earlier, later in pairwise((0, *self.times))):
            raise InvalidValue("times", len(self.times), "must not go back, nor begin before 0")

    @property
    def arrivals(self) -> tuple[int, ...]:
        """When utterances come, in picoseconds."""
        if self.rate is None:
            return self.times
        numbers, mean = Random(f"arrivals {self.seed}"), SECOND / float(self.rate)
        gaps = (round(-mean * log(1 - numbers.random())) for _ in range(self.utterances))
        return tuple(accumulate(gaps))


@dataclass(frozen=True, slots=True)
class Service:
    """What takes utterances: so many places, each with room for some at a time, for as long as the longest of these
    takes. `lengths` says how often which length comes, `takes` how long one of that length takes, in picoseconds."""

    places: int
    room: int
    lengths: Lengths
    takes: Callable[[int], Fraction]


@dataclass(frozen=True, slots=True)
class Served:
    """When each utterance came, began and ended, in picoseconds; `busy` is how long all places had something to do."""

    came: tuple[int, ...]
    began: tuple[int, ...]
    ended: tuple[int, ...]
    busy: int


def served(arrivals: Sequence[int], takes: Sequence[int], places: int, room: int) -> Served:
    """First come, first served: the place that has been free for longest takes all that wait, as far as it has room.

    >>> served((0, 1, 2), (5, 5, 5), places=1, room=2)
    Served(came=(0, 1, 2), began=(0, 5, 5), ended=(5, 10, 10), busy=10)
    """
    free: list[tuple[int, int]] = [(0, place) for place in range(places)]
    began, ended, busy, at = list[int](), list[int](), 0, 0
    while at < len(arrivals):
        since, place = heappop(free)
        begin, upto = max(since, arrivals[at]), at + 1
        while upto < len(arrivals) and upto - at < room and arrivals[upto] <= begin:
            upto += 1
        last = max(takes[at:upto])
        began += [begin] * (upto - at)
        ended += [begin + last] * (upto - at)
        busy += last
        heappush(free, (begin + last, place))
        at = upto
    return Served(tuple(arrivals), tuple(began), tuple(ended), busy)


def in_system(found: Served) -> int:
    """How many utterances are waiting or served, summed over time: counted at each event, from one to the next."""
    changes = sorted([(time, 1) for time in found.came] + [(time, -1) for time in found.ended])
    area = there = now = 0
    for time, change in changes:
        area += there * (time - now)
        now, there = time, there + change
    return area


def fleet_result(fleet: Fleet, service: Service) -> FleetResult:
    """The fleet simulated, with the laws that it must keep."""
    arrivals, taken = fleet.arrivals, dict[int, int]()
    lengths = drawn(service.lengths, len(arrivals), fleet.seed)
    for length in lengths:
        if length not in taken:
            taken[length] = round(service.takes(length))
    takes = [taken[length] for length in lengths]
    found = served(arrivals, takes, service.places, service.room)
    waits = [begin - come for come, begin in zip(found.came, found.began, strict=True)]
    responses = [end - come for come, end in zip(found.came, found.ended, strict=True)]
    until = max(found.ended)
    alone = service.places == service.room == 1 and fleet.rate is not None
    offered = ratio(sum(takes), service.places * service.room * max(1, arrivals[-1]))
    return FleetResult(
        chips=fleet.chips,
        places=service.places,
        room=service.room,
        arrivals="at given times" if fleet.rate is None else f"Poisson, {float(fleet.rate):g} a second",
        seed=fleet.seed,
        utterances=len(arrivals),
        simulated_seconds=until / SECOND,
        offered=offered,
        utilization=ratio(found.busy, service.places * until),
        wait_ms=_spread(waits),
        mean_wait_ms=fmean(waits) / MS,
        wait_error_ms=_error(waits),
        expected_wait_ms=_expected(fleet.rate, service, taken) if alone else None,
        response_ms=_spread(responses),
        mean_response_ms=fmean(responses) / MS,
        mean_in_system=ratio(in_system(found), until),
        in_system_ps=in_system(found),
        responses_ps=sum(responses),
    )


def drawn(lengths: Lengths, count: int, seed: int) -> list[int]:
    """The lengths of so many utterances, each drawn from the distribution on its own."""
    numbers = Random(f"utterances {seed}")
    ends = [share.length for share in lengths.shares]
    return numbers.choices(ends, [share.utterances for share in lengths.shares], k=count)


def _expected(rate: Fraction | None, service: Service, taken: dict[int, int]) -> float | None:
    """Pollaczek and Khinchine: λ · E[S²] / 2 (1 - λ · E[S]) of one place; None where it is overloaded."""
    assert rate is not None
    count = sum(share.utterances for share in service.lengths.shares)
    known = [(taken.get(each.length) or round(service.takes(each.length)), each) for each in service.lengths.shares]
    mean = Fraction(sum(time * each.utterances for time, each in known), count * SECOND)
    square = Fraction(sum(time * time * each.utterances for time, each in known), count * SECOND**2)
    load = rate * mean
    return None if load >= 1 else float(rate * square / (2 * (1 - load)) * 1000)


def _error(waits: Sequence[int]) -> float | None:
    """Half of the interval in which the mean wait lies with 95 %, from the means of parts of the simulation."""
    size = len(waits) // BATCHES
    if size < 10:
        return None
    means = [fmean(waits[part * size : (part + 1) * size]) / MS for part in range(BATCHES)]
    return _SURE * sqrt(variance(means) / BATCHES)


def _spread(times: Sequence[int]) -> Spread:
    return Spread.of((Fraction(time, MS), 1) for time in times)

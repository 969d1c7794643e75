"""Errors of what was heard: the fewest edits, and how sure a rate is.

The interval is a bootstrap over utterances, percentiles of rates of sets drawn with replacement: Bisani and Ney,
"Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004. Two systems on the same
utterances are compared on the same draws, as that paper does.

Where the utterances were heard on several devices, each draw also takes as many devices with replacement, for all of
its utterances the same ones, and its rate is the mean over these: a chip is one device for all that it hears.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.results.recognition import DeviceDraw, ErrorRate, HeardUtterance, RateChange, Recognition

DRAWS = 10_000
"""Sets of utterances that are drawn; Bisani and Ney draw as many."""

_PERCENTILES = (2.5, 97.5)

ALL = "all"


class Edits(NamedTuple):
    """Tokens that were replaced, left out and added."""

    substitutions: int
    deletions: int
    insertions: int


def edits(said: Sequence[str], heard: Sequence[str]) -> Edits:
    """The fewest edits that make what was heard of what was said; of equally few, those with most substitutions.

    >>> edits("ten of clubs".split(), "ten clubs now".split())
    Edits(substitutions=2, deletions=0, insertions=0)
    >>> edits("oh zero".split(), "oh".split())
    Edits(substitutions=0, deletions=1, insertions=0)
    """
    # (cost, deletions, insertions, substitutions): equal costs are decided by fewer deletions, then insertions.
    row = [(place, 0, place, 0) for place in range(len(heard) + 1)]
    for count, token in enumerate(said, 1):
        before, row = row, [(count, count, 0, 0)]
        for place, other in enumerate(heard):
            cost, deleted, inserted, replaced = before[place]
            wrong = token != other
            ways = [(cost + wrong, deleted, inserted, replaced + wrong)]
            cost, deleted, inserted, replaced = before[place + 1]
            ways.append((cost + 1, deleted + 1, inserted, replaced))
            cost, deleted, inserted, replaced = row[place]
            ways.append((cost + 1, deleted, inserted + 1, replaced))
            row.append(min(ways))
    _, deletions, insertions, substitutions = row[-1]
    return Edits(substitutions, deletions, insertions)


def rates(utterances: Sequence[HeardUtterance], seed: int) -> tuple[ErrorRate, ...]:
    """The rate of all utterances, and those of groups, if there are several."""
    groups = dict.fromkeys(one.group for one in utterances)
    found = [_rate(ALL, utterances, seed)]
    if len(groups) > 1:
        found += [_rate(group, [one for one in utterances if one.group == group], seed) for group in groups]
    return tuple(found)


def _rate(group: str, utterances: Sequence[HeardUtterance], seed: int) -> ErrorRate:
    errors, tokens = _counts(utterances)
    low, high = _interval(_drawn_rates(errors, tokens, seed))
    said = sum(one.tokens for one in utterances)
    return ErrorRate(
        group=group,
        utterances=len(utterances),
        wrong_utterances=sum(one.errors > 0 for one in utterances),
        tokens=said,
        substitutions=sum(one.substitutions for one in utterances),
        deletions=sum(one.deletions for one in utterances),
        insertions=sum(one.insertions for one in utterances),
        rate=_ratio(int(errors.sum()), said),
        low=low,
        high=high,
    )


def draws(utterances: Sequence[HeardUtterance], seed: int) -> tuple[DeviceDraw, ...]:
    """The rate on each of several devices."""
    found = []
    for devices in dict.fromkeys(one.devices for one in utterances):
        if devices is None:
            continue
        mine = [one for one in utterances if one.devices == devices]
        errors, tokens = _counts(mine)
        low, high = _interval(_drawn_rates(errors, tokens, seed))
        wrong = int(errors.sum())
        found.append(DeviceDraw(seed=devices, errors=wrong, rate=_ratio(wrong, int(tokens.sum())), low=low, high=high))
    return tuple(found)


def change(run: Recognition, first: Recognition, seed: int) -> RateChange:
    """A run held against another one of the same utterances: device by device, where both have several, else against
    the only one."""
    errors, tokens = _counts(run.utterances)
    first_errors, _ = _counts(first.utterances)
    drawn = _drawn_rates(errors - first_errors, tokens, seed)
    low, high = _interval(drawn)
    return RateChange(
        run=run.label,
        change=run.rate.rate - first.rate.rate,
        low=low,
        high=high,
        worse=float((drawn > 0).mean()) if drawn.size else 0.0,
    )


def _interval(drawn: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(drawn, _PERCENTILES) if drawn.size else (0.0, 0.0)
    return float(low), float(high)


def _counts(utterances: Sequence[HeardUtterance]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The errors [devices, utterances], and the tokens of each utterance."""
    devices = max(1, len({one.devices for one in utterances}))
    errors = np.array([one.errors for one in utterances], np.int64).reshape(devices, -1)
    return errors, np.array([one.tokens for one in utterances[: errors.shape[1]]], np.int64)


def _drawn_rates(errors: NDArray[np.int64], tokens: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """The rates of sets of as many utterances, drawn with replacement, on as many devices, drawn in the same way; sets
    in which nothing was said have none."""
    devices, count = errors.shape
    if not count:
        return np.zeros(0)
    random = np.random.default_rng(seed)
    times = random.multinomial(count, np.full(count, 1 / count), size=DRAWS)
    said, wrong = times @ tokens, times @ errors.T
    chosen = random.multinomial(devices, np.full(devices, 1 / devices), size=DRAWS)
    return np.asarray((wrong * chosen).sum(1)[said > 0] / (devices * said[said > 0]))


def _ratio(errors: int, tokens: int) -> float:
    return errors / tokens if tokens else float(errors > 0)

"""Errors of what was heard: the fewest edits, and how sure a rate is.

The interval is a bootstrap over utterances, percentiles of rates of sets drawn with replacement: Bisani and Ney,
"Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004. Two systems on the same
utterances are compared on the same draws, as that paper does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.results.recognition import ErrorRate, HeardUtterance, RateChange, Recognition

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
    drawn = _drawn_rates(errors, tokens, seed)
    low, high = np.percentile(drawn, _PERCENTILES) if drawn.size else (0.0, 0.0)
    return ErrorRate(
        group=group,
        utterances=len(utterances),
        wrong_utterances=sum(one.errors > 0 for one in utterances),
        tokens=int(tokens.sum()),
        substitutions=sum(one.substitutions for one in utterances),
        deletions=sum(one.deletions for one in utterances),
        insertions=sum(one.insertions for one in utterances),
        rate=_ratio(int(errors.sum()), int(tokens.sum())),
        low=float(low),
        high=float(high),
    )


def change(run: Recognition, first: Recognition, seed: int) -> RateChange:
    """A run held against another one of the same utterances."""
    errors, tokens = _counts(run.utterances)
    first_errors, _ = _counts(first.utterances)
    drawn = _drawn_rates(errors - first_errors, tokens, seed)
    low, high = np.percentile(drawn, _PERCENTILES) if drawn.size else (0.0, 0.0)
    return RateChange(
        run=run.label,
        change=run.rate.rate - first.rate.rate,
        low=float(low),
        high=float(high),
        worse=float((drawn > 0).mean()) if drawn.size else 0.0,
    )


def _counts(utterances: Sequence[HeardUtterance]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    errors = np.array([one.errors for one in utterances], np.int64)
    return errors, np.array([one.tokens for one in utterances], np.int64)


def _drawn_rates(errors: NDArray[np.int64], tokens: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """The rates of sets of as many utterances, drawn with replacement; sets in which nothing was said have none."""
    count = len(errors)
    if not count:
        return np.zeros(0)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    said = times @ tokens
    return np.asarray((times @ errors)[said > 0] / said[said > 0])


def _ratio(errors: int, tokens: int) -> float:
    return errors / tokens if tokens else float(errors > 0)

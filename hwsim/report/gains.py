"""What changes between two precisions are worth, as people say it."""

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from hwsim.report.numbers import figure
from hwsim.results.waterfall import WaterfallStep


def times_text(factor: float | Fraction | None) -> str:
    """A factor.

    >>> times_text(Fraction(19, 10)), times_text(None)
    ('1.90 ×', '')
    """
    return "" if factor is None else f"{figure(float(factor))} ×"


def worth_text(gain: Fraction | None, other: Fraction | None) -> str:
    """The worth of a change in two orders of the changes: the smaller and the larger gain.

    >>> worth_text(Fraction(417, 100), Fraction(19, 10)), worth_text(Fraction(2), Fraction(2)), worth_text(None, None)
    ('1.90 to 4.17 ×', '2.00 ×', '')
    """
    gains = sorted(factor for factor in (gain, other) if factor is not None)
    if not gains:
        return ""
    low, high = (figure(float(factor)) for factor in (gains[0], gains[-1]))
    return f"{low} ×" if low == high else f"{low} to {high} ×"


def step_name(step: WaterfallStep) -> str:
    """The changes of a step."""
    return ", ".join(change.value for change in step.changes)


def same_changes(step: WaterfallStep, other: Sequence[WaterfallStep]) -> list[WaterfallStep]:
    """The steps of the other order that together make exactly the changes of a step; none, if they make others too."""
    beside = [other_step for other_step in other if set(other_step.changes) & set(step.changes)]
    changes = {change for other_step in beside for change in other_step.changes}
    return beside if changes == set(step.changes) else []


def product(gains: Sequence[Fraction | None]) -> Fraction | None:
    """The product of all gains; None if there is none, or one of them is None."""
    present = [gain for gain in gains if gain is not None]
    return prod(present, start=Fraction(1)) if present and len(present) == len(gains) else None

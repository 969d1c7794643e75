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


def worth_text(one: Fraction | None, other: Fraction | None) -> str:
    """What a change is worth, by the order of changes: the less and the more.

    >>> worth_text(Fraction(417, 100), Fraction(19, 10)), worth_text(Fraction(2), Fraction(2)), worth_text(None, None)
    ('1.90 to 4.17 ×', '2.00 ×', '')
    """
    known = sorted(factor for factor in (one, other) if factor is not None)
    if not known:
        return ""
    low, high = (figure(float(factor)) for factor in (known[0], known[-1]))
    return f"{low} ×" if low == high else f"{low} to {high} ×"


def step_name(step: WaterfallStep) -> str:
    """The changes of a step."""
    return ", ".join(change.value for change in step.changes)


def same_changes(step: WaterfallStep, other: Sequence[WaterfallStep]) -> list[WaterfallStep]:
    """The steps of the other order that together make just these changes; none if some make others with them."""
    beside = [one for one in other if set(one.changes) & set(step.changes)]
    made = {change for one in beside for change in one.changes}
    return beside if made == set(step.changes) else []


def product(gains: Sequence[Fraction | None]) -> Fraction | None:
    """All gains together; None if there is none, or one is not known."""
    known = [gain for gain in gains if gain is not None]
    return prod(known, start=Fraction(1)) if known and len(known) == len(gains) else None

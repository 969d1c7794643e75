"""Budgets as people write them: bytes, times smaller than fp32, a real-time factor, a time, an energy."""

import re
from fractions import Fraction

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.fields import BYTES, JOULES, PICOSECONDS, Quantity
from hwsim.results.allocation import Spent

_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?([eE][-+]?\d{1,3})?")
_QUANTITIES = {"model": BYTES, "latency": PICOSECONDS, "energy": JOULES}
_LAW = "must be a budget such as 8 MB, 13.6x (times smaller than fp32), rtf=0.0002, 2 ms or 5 mJ"


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so many bytes, seconds, seconds per second of audio, or joules; or so many times smaller than fp32."""

    text: str
    figure: str
    amount: Fraction

    @property
    def spent(self) -> Spent:
        """What it is of."""
        by_figure = {"model": Spent.MODEL, "smaller": Spent.MODEL, "energy": Spent.ENERGY}
        return by_figure.get(self.figure, Spent.CYCLES)


def read_budget(text: str) -> Budget:
    """A budget from what somebody wrote.

    >>> read_budget("8MB").amount, read_budget("13.6x").figure, read_budget("rtf=0.0002").spent.value
    (Fraction(8000000, 1), 'smaller', 'cycles')
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        name, value = "", name
    if name in ("", "smaller") and value[-1:] in ("x", "×") and _NUMBER.fullmatch(value[:-1].strip()):
        return _above_zero(text, "smaller", Fraction(value[:-1].strip()))
    if name == "rtf":
        if not _NUMBER.fullmatch(value):
            raise InvalidValue("budget", text, "must have a number behind rtf=")
        return _above_zero(text, "rtf", Fraction(value))
    if name and name not in _QUANTITIES:
        raise InvalidValue("budget", text, _LAW)
    for figure, quantity in _QUANTITIES.items():
        if name in ("", figure):
            amount = _amount(quantity, value)
            if amount is not None:
                return _above_zero(text, figure, amount)
    raise InvalidValue("budget", text, _LAW)


def _amount(quantity: Quantity, value: str) -> Fraction | None:
    """What a text says in that unit, in bytes, seconds or joules; None, if it has another one."""
    if _NUMBER.fullmatch(value):
        return None
    try:
        amount = Fraction(quantity.parse(value))
    except ValueError:
        return None
    return amount if quantity is BYTES else amount / (10**12 if quantity is PICOSECONDS else 10**18)


def _above_zero(text: str, figure: str, amount: Fraction) -> Budget:
    if amount <= 0:
        raise InvalidValue("budget", text, "must be above zero")
    return Budget(text.strip(), figure, amount)


def read_budgets(texts: list[str]) -> tuple[Budget, ...]:
    """Budgets of one kind."""
    budgets = tuple(map(read_budget, texts))
    if not budgets:
        raise InvalidValue("budget", "", _LAW)
    for budget in budgets[1:]:
        if budget.spent is not budgets[0].spent:
            law = f"is of {budget.spent.value}, and {budgets[0].text} of {budgets[0].spent.value}; ask for one of them"
            raise InvalidValue("budget", budget.text, law)
    return budgets

"""Limits of figures, as `area=4 mm2,power=2 W` says them, and by how much a run passes them."""

from collections.abc import Mapping, Sequence

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName
from hwsim.results.headline_figures import Headline
from hwsim.results.sweep_file import FIGURES, more_is_better
from hwsim.study.sweep.points import UNITS


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure that may be no more than so much, or no less, where more of it is better."""

    text: str
    name: str
    limit: float

    def excess(self, figures: Mapping[Headline, float]) -> float:
        """By which share a run passes the limit; 0, if it keeps it."""
        value = figures[FIGURES[self.name]]
        beyond = self.limit - value if more_is_better(self.name) else value - self.limit
        return max(0.0, beyond / self.limit)


def read_bounds(texts: Sequence[str]) -> tuple[Bound, ...]:
    """The limits that somebody wrote.

    >>> [(bound.name, bound.limit) for bound in read_bounds(["area=4 mm2", "power=500 mW", "rtf=0.01"])]
    [('area', 4.0), ('power', 0.5), ('rtf', 0.01)]
    """
    bounds: list[Bound] = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise InvalidValue("within", text, "must be a figure and its limit, such as area=4mm2 or power=2W")
        if name not in FIGURES:
            raise InvalidValue("within", text, str(UnknownName("figure", name, tuple(FIGURES))))
        if any(bound.name == name for bound in bounds):
            raise InvalidValue("within", text, f"limits {name} a second time")
        unit = UNITS.get(FIGURES[name])
        try:
            limit = float(value) if unit is None else float(unit.parse(value))
        except ValueError as error:
            raise InvalidValue("within", text, str(error) if unit is not None else "must be a number") from error
        if not 0 < limit < float("inf"):
            raise InvalidValue("within", text, "must be above zero")
        bounds.append(Bound(text, name, limit))
    return tuple(bounds)

"""What separates two runs of a network, change by change, exactly: in whole numbers and fractions."""

from enum import Enum
from fractions import Fraction

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Remark
from hwsim.results.figures import AttojouleCount
from hwsim.schedule.counters import Units
from hwsim.schedule.schedule import Residency
from hwsim.schedule.unit_table import Limit


class Change(Enum):
    """One thing in which a run in other formats differs from the first one, in the order of the chain."""

    WEIGHTS = "weight bits"
    ACTIVATIONS = "activation bits"
    RESIDENCY = "residency decided anew"
    PRODUCTS = "products per PE and cycle"
    VECTOR = "vector and requantisation work"
    MAC_PRICE = "price of a product"  # changes the energy alone


@dataclass(frozen=True, slots=True)
class Cost:
    """Cycles and energy of one run."""

    cycles: int
    energy_aj: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallStep(Noun):
    """What one change, or several that cannot be made apart, does to a run.

    Gains are fractions of whole numbers, so over a chain they multiply to the whole gain exactly, and what is saved
    adds up to all that is saved; None where nothing is left. A gain below 1, or a negative saving, is a loss.

    >>> step = WaterfallStep.between((Change.WEIGHTS,), Cost(30, 9), Cost(20, 9))
    >>> step.speedup, step.cycles_saved, step.energy_gain
    (Fraction(3, 2), 10, Fraction(1, 1))
    """

    changes: tuple[Change, ...]
    cycles_before: int
    cycles_after: int
    cycles_saved: int
    speedup: Fraction | None
    energy_before_aj: AttojouleCount
    energy_after_aj: AttojouleCount
    energy_saved_aj: int
    energy_gain: Fraction | None

    def check(self) -> None:
        if not self.changes:
            raise InvalidValue("changes", self.changes, "must name at least one")
        saved = self.cycles_before - self.cycles_after, self.energy_before_aj - self.energy_after_aj
        gains = _gain(self.cycles_before, self.cycles_after), _gain(self.energy_before_aj, self.energy_after_aj)
        if (self.cycles_saved, self.energy_saved_aj) != saved:
            raise InvalidValue("saved", (self.cycles_saved, self.energy_saved_aj), f"must be {saved}")
        if (self.speedup, self.energy_gain) != gains:
            raise InvalidValue("gains", (self.speedup, self.energy_gain), f"must be {gains}")

    @classmethod
    def between(cls, changes: tuple[Change, ...], before: Cost, after: Cost) -> "WaterfallStep":
        """The step from one cost to another."""
        return cls(
            changes=changes,
            cycles_before=before.cycles,
            cycles_after=after.cycles,
            cycles_saved=before.cycles - after.cycles,
            speedup=_gain(before.cycles, after.cycles),
            energy_before_aj=before.energy_aj,
            energy_after_aj=after.energy_aj,
            energy_saved_aj=before.energy_aj - after.energy_aj,
            energy_gain=_gain(before.energy_aj, after.energy_aj),
        )


def _gain(before: int, after: int) -> Fraction | None:
    return Fraction(before, after) if after else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedOp(Noun):
    """An op in the first precision and in the last one: its cycles over all runs, what binds it, and its energy."""

    name: Name
    cycles_before: int
    cycles_after: int
    limit_before: Limit
    limit_after: Limit
    energy_before_aj: AttojouleCount
    energy_after_aj: AttojouleCount


@dataclass(frozen=True, slots=True, kw_only=True)
class BecameResident(Noun):
    """A parameter of which a larger share stays in the scratchpad in the last precision than in the first one."""

    tensor: Name
    place_before: Residency
    place_after: Residency
    bytes: int
    kept_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowerOp(Noun):
    """An op that takes more cycles in the last precision than in the first one, what binds it in both, and why."""

    name: Name
    cycles_before: int
    cycles_after: int
    limit_before: Limit
    limit_after: Limit
    span_before: int
    span_after: int
    busy_before: Units
    busy_after: Units
    reason: Remark

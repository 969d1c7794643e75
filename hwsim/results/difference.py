"""What changed between two results: nouns whose fields are the keys of the JSON of `hwsim diff`.

Only what differs is listed. What one of the results does not have is None there.
"""

from enum import Enum
from fractions import Fraction

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Remark
from hwsim.quantities.offered import as_html


class RunKind(Enum):
    """What a run was on."""

    ARRAY = "array"
    TILES = "analog tiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side(Noun):
    """One of the two results: its run, and the totals of which the changes are parts."""

    kind: RunKind
    workload: Name
    precision: Name
    chip: Name
    clock: int
    cycles: int
    latency_ms: float
    energy_aj: int
    energy_mj: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureChange(Noun):
    """A headline figure in its unit; `factor` is after ÷ before, `change` that less 1."""

    name: Name
    before: float | None
    after: float | None
    factor: float | None
    change: float | None

    @classmethod
    def of(cls, name: str, before: float | None, after: float | None) -> "FigureChange":
        """The change of a figure.

        >>> FigureChange.of("latency_ms", 2.0, 3.0).change
        0.5
        """
        if before is None or after is None or not before:
            return cls(name=name, before=before, after=after, factor=None, change=None)
        return cls(name=name, before=before, after=after, factor=after / before, change=after / before - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent(Noun):
    """Cycles, energy and traffic of a part or an op."""

    cycles: int
    energy_aj: int
    dram_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange(Noun):
    """A part of the network."""

    name: Name
    before: Spent | None
    after: Spent | None

    @property
    def cycles(self) -> int:
        """By how many cycles it grew."""
        return more(self.before, self.after, "cycles")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpChange(Noun):
    """An op, with what binds it or, on tiles, where the run waited for it."""

    name: Name
    before: Spent | None
    after: Spent | None
    bound_before: Name | None
    bound_after: Name | None

    def check(self) -> None:
        if self.before is None and self.after is None:
            raise InvalidValue(self.name, None, "must be in one of the results")

    @property
    def cycles(self) -> int:
        """By how many cycles it grew."""
        return more(self.before, self.after, "cycles")

    @property
    def binds_differently(self) -> bool:
        """Whether both have the op, and something else binds it."""
        return self.before is not None and self.after is not None and self.bound_before != self.bound_after


def more(before: Spent | None, after: Spent | None, what: str) -> int:
    """By how much something grew, from nothing or to nothing where one of the results does not have it."""
    return sum(sign * getattr(side, what) for sign, side in ((-1, before), (1, after)) if side is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentChange(Noun):
    """The energy of a component, and its share of what all energies together changed by."""

    component: Name
    before_aj: int
    after_aj: int
    share: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorChange(Noun):
    """A tensor that lies elsewhere, or of which another part stays on the chip; on tiles, weights that stand
    elsewhere."""

    tensor: Name
    place_before: Name | None
    place_after: Name | None
    kept_before_bytes: int | None
    kept_after_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCycles(Noun):
    """Cycles of a unit over a whole run: at work, waiting before a piece of work, with nothing to do; of all its
    `servers` together. On tiles waiting is not told apart from having nothing to do."""

    servers: int = 1
    busy: int
    waiting: int
    idle: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange(Noun):
    """A unit of the chip, all of whose time is not spent as before."""

    unit: Name
    before: UnitCycles | None
    after: UnitCycles | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChange(Noun):
    """An op that both runs have, made in another mode of the array or split over the cores in another way: what results
    hold of plans."""

    op: Name
    mode_before: Name | None
    mode_after: Name | None
    split_before: Name | None
    split_after: Name | None


class Assumed(Enum):
    """A kind of thing on which a result rests."""

    INPUT = "input"  # chip, workload, prices, precision: a hash of all that they say
    FILE = "file"  # by its hash
    SOURCE = "source"  # where the value of a field comes from
    VERSION = "version"
    OPERATION = "operation"  # clock, supply, objective
    PRICE = "price"  # attojoules, how they are worked out, how sure they are
    ENGINE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionChange(Noun):
    """Something on which a result rests, as texts."""

    kind: Assumed
    name: Remark
    before: Remark | None
    after: Remark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Noun):
    """All that changed from one result to another. `fields` are those of the results that differ; none if all is equal.

    Cycles and energies of all `ops`, as of all `parts`, change together by what those of the run do.
    """

    before: Side
    after: Side
    fields: tuple[Name, ...]
    figures: tuple[FigureChange, ...]
    parts: tuple[PartChange, ...]
    ops: tuple[OpChange, ...]
    energy_by_component: tuple[ComponentChange, ...]
    tensors: tuple[TensorChange, ...]
    resources: tuple[ResourceChange, ...]
    plans: tuple[PlanChange, ...]
    assumptions: tuple[AssumptionChange, ...]

    def check(self) -> None:
        for what in ("cycles", "energy_aj"):
            whole = getattr(self.after, what) - getattr(self.before, what)
            for name in ("parts", "ops"):
                told = sum(more(change.before, change.after, what) for change in getattr(self, name))
                if told != whole:
                    raise InvalidValue(f"{name}.{what}", told, f"must change by {whole} in all")

    @property
    def equal(self) -> bool:
        """Whether both results are the same in all that they say."""
        return not self.fields

    def __repr__(self) -> str:
        sides = (f"{side.workload} in {side.precision} on {side.chip}" for side in (self.before, self.after))
        return f"<Difference {' → '.join(sides)}: {'none' if self.equal else ', '.join(self.fields)}>"

    def _repr_html_(self) -> str:
        return as_html(self)

"""What an allocation found out: what formats of layers cost and lose, and which of them fit budgets best."""

from enum import Enum
from fractions import Fraction
from math import log10
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Remark, Table, Whole
from hwsim.results.figures import AttojouleCount
from hwsim.results.headline_figures import HeadlineFigures
from hwsim.results.quality import Origin

Count = Annotated[int, Whole()]
Cost = Annotated[int, Whole(low=0, high=2**250)]


class Sensing(Enum):
    """What is made least."""

    SQNR = "sqnr"  # noise at the output ÷ what it says, as powers
    KL = "kl"  # the divergence of the output's softmax, in nats
    LOCAL = "local"  # noise of each layer's own results ÷ what they say, as powers
    GIVEN = "given"  # as a file says


class Spent(Enum):
    """What a budget is of."""

    MODEL = "model", "B"
    CYCLES = "cycles", "cycles"
    ENERGY = "energy", "aJ"

    unit: str

    def __new__(cls, key: str, unit: str) -> "Spent":
        spent = object.__new__(cls)
        spent._value_, spent.unit = key, unit
        return spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(Noun):
    """Formats of a layer: a policy for each of its factors, and how wide the bottleneck between them is, where that is
    chosen too. What it costs is its share in runs of the whole network in one format; `sensitivity` is what it
    loses."""

    policies: tuple[Name, ...]
    bottleneck: Count | None = None
    model_bytes: Count
    cycles: Count
    energy_aj: AttojouleCount
    sensitivity: float

    @property
    def title(self) -> str:
        """The option in a few words."""
        policies = " → ".join(self.policies if len(set(self.policies)) > 1 else self.policies[:1])
        return policies if self.bottleneck is None else f"{policies}, {self.bottleneck} wide"

    def cost(self, spent: Spent) -> int:
        """What it costs of one budget."""
        return {Spent.MODEL: self.model_bytes, Spent.CYCLES: self.cycles, Spent.ENERGY: self.energy_aj}[spent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer(Noun):
    """Ops whose formats are chosen together, in factors that have one each; and their options."""

    name: Name
    factors: tuple[tuple[Name, ...], ...]
    parameters: Count
    options: tuple[Option, ...]

    def check(self) -> None:
        for option in self.options:
            if len(option.policies) != len(self.factors):
                raise InvalidValue("options", option.policies, f"must be {len(self.factors)} policies")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Noun):
    """A workload in formats, as it runs: all its stored parameters, its figures, and what its output is like beside
    that of floats: signal to noise in dB, mean divergence of a row's softmax in nats."""

    model_bytes: Count
    compression: float
    figures: HeadlineFigures
    sqnr_db: float | None
    divergence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UniformRun(Noun):
    """All layers in one policy."""

    policy: Name
    sensitivity: float
    cost: Cost
    judged: Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen(Noun):
    """The options of all layers within a budget, by their places; what their costs sum to, and what the run took.

    `least` is the least sum of what layers lose within the limit, `greedy` that of the layers that gain most for what
    they cost, one after another. Noise of very narrow formats adds up to more than its sum, so the best options among
    all policies and widths, and among the wider ones alone, are run: those whose output loses least are chosen. They
    are of these `policies`, with bottlenecks at least as wide as `bottleneck`; `sensitivity` is their own sum.
    `rounds` says how often the limit was lowered, as a run took more than the sum said.
    """

    budget: Remark
    spent: Spent
    limit: Cost
    policies: tuple[Name, ...]
    bottleneck: Count
    options: tuple[Count, ...]
    cost: Cost
    taken: Cost
    sensitivity: float
    least: float
    greedy: float
    rounds: Count
    judged: Judged

    def check(self) -> None:
        if self.taken > self.limit:
            raise InvalidValue("taken", self.taken, f"must be at most {self.limit} {self.spent.unit}")

    @property
    def gap(self) -> float:
        """By which share the greedy choice loses more."""
        return self.greedy / self.least - 1 if self.least else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint(Noun):
    """The least that layers lose within a limit, and what they cost; and what the greedy choice loses."""

    limit: Cost
    cost: Cost
    sensitivity: float
    greedy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside(Noun):
    """Another network that shares a budget of bytes, in its own formats."""

    workload: Name
    precision: Name
    parameters: Count
    model_bytes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationOutcome(Noun):
    """Formats for the layers of a workload on a chip, within budgets: one set of sensitivities for all of them.

    `calibrated_ms` is how much was heard to find them. The `curve` is what is least within limits between the cheapest
    and the dearest choice; of its costs that of what is not chosen (`fixed`) is a part.
    """

    chip: Name
    workload: Name
    base: Name
    policies: tuple[Name, ...]
    bottlenecks: tuple[Count, ...]
    sensing: Sensing
    calibrated_ms: float
    weights_from: Origin
    seed: Count
    spent: Spent
    fixed: Cost
    layers: tuple[Layer, ...]
    uniform: tuple[UniformRun, ...]
    chosen: tuple[Chosen, ...]
    curve: tuple[CurvePoint, ...]
    beside: tuple[Beside, ...]
    refused: tuple[tuple[Name, Remark], ...]
    files: Annotated[tuple[tuple[str, str], ...], Table()]

    def picked(self, chosen: Chosen) -> tuple[tuple[Layer, Option], ...]:
        """Each layer with the option that was chosen for it."""
        pairs = zip(self.layers, chosen.options, strict=True)
        return tuple((layer, layer.options[place]) for layer, place in pairs)

    def __repr__(self) -> str:
        return (
            f"<AllocationOutcome {self.workload} on {self.chip}: {len(self.layers)} layers, {len(self.chosen)} budgets>"
        )


def decibels(sensitivity: float) -> float | None:
    """Signal to noise in dB, of noise ÷ signal as powers.

    >>> decibels(0.01), decibels(0.0)
    (20.0, None)
    """
    return -10 * log10(sensitivity) if sensitivity > 0 else None


def compression(parameters: int, stored_bytes: int) -> float:
    """How many times smaller than in single precision."""
    return float(Fraction(4 * parameters, stored_bytes)) if stored_bytes else 1.0

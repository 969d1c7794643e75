"""The ops of a workload before anything runs, under the names that rules match."""

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Name, Noun
from hwsim.quantities.precision import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand(Noun):
    """What the first run of an op reads or writes of a tensor."""

    tensor: Name
    shape: tuple[int, ...]
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOp(Noun):
    """An op: its part of the network, how often it runs, and the products of all its runs.

    An op that no iteration of a search reaches never runs, and has no operands.
    `policy` is that of the plan for an op of this name, and `rule` the pattern that decided it; both are null for ops
    that no rule may name.
    """

    name: Name
    part: Name
    kind: Name
    runs: int
    macs: int
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]
    policy: Name | None
    rule: Name | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Noun):
    """All ops of a workload, in program order."""

    workload: Name
    precision: Name
    ops: tuple[ListedOp, ...]

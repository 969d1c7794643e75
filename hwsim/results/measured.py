"""What was measured on the values of a workload before its run is timed and priced."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Name, Noun, Table, sorted_pairs
from hwsim.quantities.plain_data import must_map_names
from hwsim.results.quality import Quality

WriteTrace = Callable[[Callable[[BinaryIO], None]], Any]
"""Called with a function that writes a trace into a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Files of inputs and parameters; what no file gives comes from the seed."""

    input: Path | None = None
    weights: Path | None = None
    seed: int = 0
    packed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """What is to be measured: values from these sources, and products with a factor zero in this trace.

    `searched` says that the counts of the search on the values replace those that the workload declares.
    """

    sources: Sources | None = None
    searched: bool = False
    zero_gating: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Noun):
    """Counts that depend on values, and how good these values are.

    `zero_products` says of ops how many of their products have a factor that is zero, for a chip that gates these.

    >>> dict(Measured.of(zero_products={"b": 2, "a": 1}).zero_products)
    {'a': 1, 'b': 2}
    """

    zero_products: Annotated[tuple[tuple[Name, int], ...], Table()] = ()
    quality: Quality | None = None

    @classmethod
    def of(cls, *, zero_products: Mapping[str, int] | None = None, quality: Quality | None = None) -> "Measured":
        """What was measured, the products with a factor zero as a mapping by op."""
        must_map_names(int, "a whole number", zero_products=zero_products)
        return cls(zero_products=sorted_pairs(zero_products or {}), quality=quality)


NOTHING = Measured()
"""The measurements of a run without values: its counts are those that its file declares."""

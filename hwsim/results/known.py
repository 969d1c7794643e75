"""How sure the constants of a result are: parameters of chip and workload, and unit prices."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from hwsim.dataclass import dataclass
from hwsim.quantities.plain_data import READ, confidence
from hwsim.results.result import Result

if TYPE_CHECKING:  # few runs are on tiles
    from hwsim.results.tiles_result import TilesResult

Sureness = tuple[tuple[str, str], ...]
"""Constants by name, each with how sure it is."""


@dataclass(frozen=True, slots=True)
class Known:
    """How sure each parameter of chip and workload, and each unit price, is."""

    parameters: Sureness = ()
    prices: Sureness = ()

    @classmethod
    def of(cls, result: "Result | TilesResult") -> Self:
        """How sure the constants of a result are."""
        return cls(
            tuple((field, confidence(source)) for field, source in result.provenance.sources),
            tuple((unit.action, unit.sure.value) for unit in result.prices),
        )

    def joined(self, other: "Known") -> "Known":
        """The constants of both, each once."""
        parameters, prices = {**dict(self.parameters), **dict(other.parameters)}, dict((*self.prices, *other.prices))
        return Known(tuple(parameters.items()), tuple(prices.items()))


def without(entries: Iterable[tuple[str, str]]) -> int:
    """How many constants have no source that was read."""
    return sum(sure != READ for _, sure in entries)

"""What is counted while analog tiles make products."""

from dataclasses import dataclass
from typing import Annotated

from hwsim.quantities.noun import Noun, Whole

_COUNT = Whole(high=2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalogFigures(Noun):
    """Counts of a product on analog tiles; the keys of `hwsim mvm --json`.

    `passes` are those of one vector on a tile. `conversions` counts each code once, `clipped` those whose current lay
    outside the converter's range, `retries` the times that a vector was computed again with half the input; codes of a
    vector that was computed again are the last ones.
    """

    vectors: Annotated[int, _COUNT]
    tiles: Annotated[int, _COUNT]
    passes: Annotated[int, _COUNT]
    cells: Annotated[int, _COUNT]
    conversions: Annotated[int, _COUNT]
    clipped: Annotated[int, _COUNT]
    retries: Annotated[int, _COUNT]

"""What is counted while analog tiles make products, and what that takes."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Noun, Whole
from hwsim.results.figures import AttojouleCount, Components, TileAreas

_COUNT = Whole(high=2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalogFigures(Noun):
    """Counts and costs of a product on analog tiles; the keys of `hwsim mvm --json`.

    `passes` are those of one vector on a tile. `conversions` counts each code once, `clipped` those whose current lay
    outside the converter's range, `retries` the times that a vector was computed again with half the input; codes of a
    vector that was computed again are the last ones.

    Latency and energy are those of all vectors, one after another, those computed again included: the latency where the
    tile has phases, energy and area where it is a chip's. An operation is half a multiplication with addition. `codes`
    are those [vector][column] of each conversion, if they were asked for.
    """

    vectors: Annotated[int, _COUNT]
    tiles: Annotated[int, _COUNT]
    passes: Annotated[int, _COUNT]
    cells: Annotated[int, _COUNT]
    conversions: Annotated[int, _COUNT]
    clipped: Annotated[int, _COUNT]
    retries: Annotated[int, _COUNT]
    latency_ns: float | None = None
    vector_latency_ns: float | None = None
    interval_ns: float | None = None
    tops: float | None = None
    energy_aj: AttojouleCount | None = None
    energy: Components | None = None
    tops_per_watt: float | None = None
    area: TileAreas | None = None
    codes: tuple[tuple[tuple[int, ...], ...], ...] | None = None

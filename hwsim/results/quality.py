"""How far a quantised model is from the same model in single precision."""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Name, Noun, Table
from hwsim.results.decoded import Decoded


class Origin(Enum):
    """Where values come from. Drawn weights were never trained: what they recognise means nothing."""

    DRAWN = "drawn"  # from the seed
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpQuality(Noun):
    """One op's results over all its runs, beside those of the float model.

    `sqnr_db` is signal to quantisation noise of the results, all noise of earlier ops included; `lost_db` says
    how far it lies below that of the worst input. None: nothing to compare, or no noise at all.
    """

    name: Name
    kind: Name
    sqnr_db: float | None
    lost_db: float | None
    cosine: float | None
    top1: float | None
    results: int
    clipped: int
    saturations: int

    @property
    def clipped_share(self) -> float:
        """The share of integer results that were clipped."""
        return self.clipped / self.results if self.results else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality(Noun):
    """A quantised run beside a float one. `output` names the op whose results are the headline."""

    output: Name
    sqnr_db: float | None
    cosine: float | None
    top1: float | None
    saturations: int
    clipped: int
    seed: int | None
    drawn: Annotated[tuple[tuple[str, str], ...], Table()]
    """The distribution from which each kind of tensor was drawn with the seed, and the source of that distribution."""
    accumulators: Name
    ops: tuple[OpQuality, ...]
    decoded: Decoded | None = None
    decoded_in_floats: Decoded | None = None
    weights_from: Origin = Origin.DRAWN
    input_from: Origin = Origin.DRAWN
    symbol_agreement: float | None = None
    """1 - edit distance between both searches' symbols / symbols of the float one; None without a search."""

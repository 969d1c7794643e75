"""Over how many cores a product is split, where a workload says so."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Noun, Whole

Parts = Annotated[int, Whole(low=1, high=1024)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Noun):
    """A product over `m` · `n` · `batch` cores: so many shares of its rows, of its columns, and of its batch.

    K is never split: each sum is one core's, in the order that the values say.
    """

    m: Parts = 1
    n: Parts = 1
    batch: Parts = 1

    @property
    def cores(self) -> int:
        """How many cores that takes."""
        return self.m * self.n * self.batch

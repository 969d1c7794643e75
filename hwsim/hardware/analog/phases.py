"""What a tile does for one vector, one thing after another, and how long each takes."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.fields import Picoseconds, Volts
from hwsim.quantities.noun import Noun, Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases(Noun):
    """The phases of one vector on a tile.

    In each pass rows are driven at `voltage` for pulses of as many ticks as the pass has steps, `repeats` times, such
    as once for each sign; then the currents `settle` and the columns are converted, those that share a converter one
    after another. Passes that are added as charge are converted once, after the last one. If conversion may `overlap`,
    it lasts into the next pass or vector. A controller that counts in a `step` begins each vector with one.
    """

    voltage: Volts
    tick: Picoseconds
    settle: Picoseconds = 0
    convert: Picoseconds
    repeats: Annotated[int, Whole(low=1, high=64)] = 1
    overlap: bool = False
    step: Picoseconds | None = None

    def check(self) -> None:
        if self.tick <= 0:
            raise InvalidValue("tick", self.tick, "must be above 0 s: a pulse has a length")
        if self.step is not None and self.step <= 0:
            raise InvalidValue("step", self.step, "must be above 0 s; leave it out where nothing counts in steps")

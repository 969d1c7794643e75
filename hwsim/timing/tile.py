"""How long a tile is kept by a vector, and after how long its results are there."""

from collections.abc import Sequence

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.conversion import Accumulate
from hwsim.hardware.analog.tile import AnalogTile


@dataclass(frozen=True, slots=True)
class VectorTime:
    """Picoseconds from the start of a vector to the start of the next one at the earliest, and to its results."""

    interval: int
    latency: int

    def cycles(self, clock: int) -> "VectorTime":
        """The same in whole cycles of that clock, rounded up."""
        return VectorTime(*(-(-time * clock // 10**12) for time in (self.interval, self.latency)))


def vector_time(tile: AnalogTile) -> VectorTime:
    """The time of one vector on a tile: the passes, one after another, each driven, settled and converted."""
    phases = tile.phases
    if phases is None:
        raise InvalidValue("phases", None, "must be given, where a tile has a time")
    drives = [phases.repeats * (ticks * phases.tick + phases.settle) for ticks in tile.input.ticks]
    readings = tile.readings * phases.convert * (1 if tile.adc is None else tile.adc.shared_by)
    work = [sum(drives)] if tile.input.accumulate is Accumulate.ANALOG else drives
    # Two machines in line, of which the second has the same work for each pass.
    driven = converted = 0
    for drive in work:
        driven += drive
        converted = max(driven, converted) + readings
        if not phases.overlap:
            driven = converted
    interval = max(sum(work), len(work) * readings) if phases.overlap else converted
    if phases.step is not None:
        interval = -(-interval // phases.step) * phases.step
    return VectorTime(interval, converted)


def batch_time(tile: AnalogTile, tries: Sequence[int]) -> int:
    """The picoseconds of vectors one after another, of which each is driven so many times.

    What leaves the converter's range is known with the results alone, so on a tile that computes such vectors again
    nothing is driven before they are there.
    """
    one = vector_time(tile)
    phases, wait = tile.phases, one.interval
    if tile.input.retries and phases is not None:
        wait = one.latency if phases.step is None else -(-one.latency // phases.step) * phases.step
    return (sum(tries) - 1) * wait + one.latency

"""What pictures of a run show beside its result: roofs of the chip, units over time, the scratchpad over time."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Number, Whole
from hwsim.schedule.counters import Count

Rate = Annotated[float, Number(low=0, high=1e30)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak(Noun):
    """The most operations a second of a mode, in tera: what multipliers can make, and what can be fed to them; of
    analog tiles what all of them could do, and what the weights that stand on them do."""

    mode: Name
    tops: Rate
    reachable_tops: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth(Noun):
    """Bytes a second of a memory, in giga: of the DRAM what its ports pass, both if they are two; of the scratchpad
    what its read port feeds the array with, on all cores."""

    memory: Name
    gb_per_second: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupied(Noun):
    """A part of the run, and the cycles of it in which a unit worked; `servers` of it work side by side.

    >>> Occupied(unit="array", begin=0, end=10, busy=4, servers=1).share
    0.4
    """

    unit: Name
    begin: Count
    end: Count
    busy: Count
    servers: Annotated[int, Whole(low=1)] = 1

    def check(self) -> None:
        most = (self.end - self.begin) * self.servers
        if self.busy > most:
            raise InvalidValue("busy", self.busy, f"must be at most {most} cycles")

    @property
    def share(self) -> float:
        """The share of its cycles in which it worked."""
        most = (self.end - self.begin) * self.servers
        return self.busy / most if most else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer(Noun):
    """What stays at an address of the scratchpad, and from when to when.

    Times are in the order of the program: each op stands behind the ones before it with all cycles by which it moved
    the end of the run, those of all its runs together.
    """

    tensor: Name
    what: Name
    address: Count
    bytes: Count
    begin: Count
    end: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictured(Noun):
    """Roofs, units and buffers of one run, which takes so many `cycles` of a clock; units are followed up to
    `followed`."""

    clock: Annotated[int, Whole(low=1)]
    cycles: Count
    followed: Count
    scratchpad_bytes: Count
    peaks: tuple[Peak, ...]
    bandwidths: tuple[Bandwidth, ...]
    occupied: tuple[Occupied, ...]
    buffers: tuple[Buffer, ...]

"""What a program on analog tiles did: the time of each op and of each unit, and their work."""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Whole
from hwsim.schedule.counters import Count, Work
from hwsim.schedule.tile_work import TileWork
from hwsim.schedule.tiles import Placement


class Place(Enum):
    """Where an op's rows are worked on."""

    TILES = "tiles"
    VECTOR = "vector"
    LOAD = "load"
    STORE = "store"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTimes(Noun):
    """An op's tasks in one place, all of them together.

    `busy` are cycles in which servers were kept. `for_operands` are cycles from each task's first operand to its last,
    `for_unit` those from then to its start. The whole run waited for these tasks in `cycles`; in `link_cycles` of these
    their last operand was on its way.
    """

    place: Place
    tasks: Count
    busy: Count
    for_operands: Count
    for_unit: Count
    cycles: Count
    link_cycles: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class OpOnTiles(Noun):
    """One op over all its runs; `rows` of it were worked on, those on tiles on the vector unit as well.

    `chip` is the first of those on which it works. It runs from its first start to its last end."""

    name: Name
    kind: Name
    place: Place
    chip: Annotated[int, Whole()]
    times: Count
    rows: Count
    places: tuple[RowTimes, ...]
    first_start: Count
    last_end: Count
    work: Work
    tile_work: TileWork = TileWork()

    def check(self) -> None:
        if self.last_end < self.first_start:
            raise InvalidValue(f"{self.name}.last_end", self.last_end, f"must be at least {self.first_start}")

    @property
    def cycles(self) -> int:
        """Cycles in which the whole run waited for it."""
        return sum(place.cycles for place in self.places)

    @property
    def span(self) -> int:
        """Cycles from its first start to its last end."""
        return self.last_end - self.first_start


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTime(Noun):
    """A unit with one server or, for copies of weights, several: cycles of all servers together."""

    name: Name
    servers: Annotated[int, Whole(low=1)]
    busy: Count
    idle: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class TilesRun(Noun):
    """A whole program: where its weights stand, what each op and each unit did, and how long all took.

    `kept_bytes` are parameters that each chip's vector unit reads from its scratchpad, `streamed` those that are loaded
    whenever they are needed.
    """

    placement: Placement
    cycles: Count
    macs: Count
    ops: tuple[OpOnTiles, ...]
    units: tuple[UnitTime, ...]
    kept_bytes: tuple[Count, ...]
    streamed: tuple[Name, ...]
    tasks: Count
    edges: Count

    def check(self) -> None:
        for unit in self.units:
            if unit.busy + unit.idle != self.cycles * unit.servers:
                law = f"must be {unit.servers} × {self.cycles} cycles, busy and idle"
                raise InvalidValue(f"units.{unit.name}", unit.busy + unit.idle, law)
        sums = {
            "macs": (self.macs, sum(op.work.macs for op in self.ops)),
            "cycles": (self.cycles, sum(op.cycles for op in self.ops)),
            "busy": (sum(unit.busy for unit in self.units), sum(p.busy for op in self.ops for p in op.places)),
        }
        for name, (whole, parts) in sums.items():
            if whole != parts:
                raise InvalidValue(f"ops.{name}", parts, f"must sum to {whole}")
        ends = max((op.last_end for op in self.ops), default=0)
        if ends != self.cycles:
            raise InvalidValue("cycles", self.cycles, f"must be the end of the last op, {ends}")

    @property
    def work(self) -> Work:
        """The digital work of all ops."""
        return Work.sum_of((op.work, 1) for op in self.ops)

    @property
    def tile_work(self) -> TileWork:
        """The work of all tiles and links."""
        return TileWork.sum_of((op.tile_work, 1) for op in self.ops)

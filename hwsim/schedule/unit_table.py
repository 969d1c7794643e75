"""The table of a core's units, with the reasons for which they stall and the reliefs that ease them.

Counters, limits, encoded schedules, diagnoses and the labels of all reports walk these rows. The first units are the
units that the timeline's kernel drives, in its order; `docs/decisions/0030-one-table-of-units.md` says what a unit
needs besides its row.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, make_dataclass
from enum import Enum, IntEnum
from typing import Any, TypeVar

from hwsim.dataclass import dataclass

T = TypeVar("T")


class Relief(Enum):
    """One thing of the chip twice as fast, with everything else and the plan unchanged: its key, its label in reports.

    >>> Relief("array").label
    'an array twice as fast'
    """

    BANDWIDTH = "dram_bandwidth", "twice the bandwidth of the DRAM"
    LATENCY = "dram_latency", "half the latency of the DRAM"
    PORTS = "scratchpad_ports", "ports of the scratchpad twice as wide"
    ARRAY = "array", "an array twice as fast"
    VECTOR = "vector", "a vector unit twice as fast"
    INTERCONNECT = "interconnect", "twice the bandwidth of the interconnect"

    label: str

    @classmethod
    def on(cls, cores: int) -> "tuple[Relief, ...]":
        """All reliefs of a chip of so many cores: one core alone has no interconnect."""
        return tuple(relief for relief in cls if cores > 1 or relief is not cls.INTERCONNECT)

    def __new__(cls, key: str, label: str) -> "Relief":
        relief = object.__new__(cls)
        relief._value_, relief.label = key, label
        return relief


@dataclass(frozen=True, slots=True)
class Pace:
    """Something that can set the pace of a unit: its key, its label in a diagnosis, and the relief that eases it."""

    key: str
    label: str
    relief: Relief


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSpec:
    """What everything in hwsim knows of a unit.

    `own` sets the pace of steps of the unit as such, `ports` where a port of the scratchpad takes longer. `transfers`
    says whether the unit moves bytes between DRAM and scratchpad; `shares_port_of` is the key of the unit whose time it
    takes where the DRAM has one port; a unit `among_cores` has nothing to do on a chip of one core. Of units that are
    equally busy, the one of lowest `precedence` binds an op.
    """

    key: str
    moves: str
    own: Pace
    ports: Pace
    precedence: int
    colour: str
    transfers: bool = False
    shares_port_of: str | None = None
    among_cores: bool = False


class Unit(IntEnum):
    """A unit of a core; each works in order, one step at a time.

    >>> Unit.LOAD, Unit.LOAD.key, Unit.LOAD.spec.moves
    (<Unit.LOAD: 0>, 'load', 'operands from the DRAM into the scratchpad')
    """

    LOAD = (
        0,
        UnitSpec(
            key="load",
            moves="operands from the DRAM into the scratchpad",
            own=Pace("dram_read", "reading from DRAM", Relief.BANDWIDTH),
            ports=Pace("load_ports", "the scratchpad's write port", Relief.PORTS),
            precedence=1,
            colour="#0072B2",
            transfers=True,
        ),
    )
    ARRAY = (
        1,
        UnitSpec(
            key="array",
            moves="operands from the scratchpad through the processing elements",
            own=Pace("array", "the array", Relief.ARRAY),
            ports=Pace("array_ports", "the scratchpad's port to the array", Relief.PORTS),
            precedence=0,
            colour="#E69F00",
        ),
    )
    VECTOR = (
        2,
        UnitSpec(
            key="vector",
            moves="tiles of the array, and rows of the scratchpad, through the lanes",
            own=Pace("vector", "the vector unit", Relief.VECTOR),
            ports=Pace("vector_ports", "the scratchpad's ports to the vector unit", Relief.PORTS),
            precedence=2,
            colour="#009E73",
        ),
    )
    STORE = (
        3,
        UnitSpec(
            key="store",
            moves="results from the scratchpad into the DRAM",
            own=Pace("dram_write", "writing to DRAM", Relief.BANDWIDTH),
            ports=Pace("store_ports", "the scratchpad's read port", Relief.PORTS),
            precedence=3,
            colour="#D55E00",
            transfers=True,
            shares_port_of="load",
        ),
    )

    EXCHANGE = (
        4,
        UnitSpec(
            key="exchange",
            moves="results over the interconnect to the other cores",
            own=Pace("exchange", "the interconnect", Relief.INTERCONNECT),
            ports=Pace("exchange_ports", "the scratchpads' ports to the interconnect", Relief.PORTS),
            precedence=4,
            colour="#CC79A7",
            among_cores=True,
        ),
    )

    spec: UnitSpec

    def __new__(cls, number: int, spec: UnitSpec) -> "Unit":
        unit = int.__new__(cls, number)
        unit._value_, unit.spec = number, spec
        return unit

    @property
    def key(self) -> str:
        """The unit's name in files, tables and reports."""
        return self.spec.key

    @property
    def on_shared_port(self) -> "Unit":
        """The unit whose time this one takes if the DRAM has one port for both directions."""
        return next((unit for unit in Unit if unit.key == self.spec.shares_port_of), self)


class StallReason(IntEnum):
    """What a step waits for: its key, its head in tables, its name as one thing in a sentence, and its full name.

    >>> StallReason.ARRAY.key, StallReason.ARRAY.label, StallReason.TENSOR.in_full
    ('array', 'tile', 'a tensor that is not complete')
    """

    LOAD = 0, "load", "data", "data", "data from the DRAM"  # operands under way
    ARRAY = 1, "array", "tile", "a tile", "a tile"  # what the step works on is not finished
    TENSOR = 2, "tensor", "tensor", "a tensor", "a tensor that is not complete"  # which the step reads
    OVERWRITE = 3, "overwrite", "reader", "a reader", "the readers of what it overwrites"  # of the space it writes
    SLOT = 4, "slot", "slot", "a slot", "a free slot"  # no operand or result slot is free

    key: str
    label: str
    one: str
    in_full: str

    def __new__(cls, number: int, key: str, label: str, one: str, in_full: str) -> "StallReason":
        reason = int.__new__(cls, number)
        reason._value_, reason.key, reason.label, reason.one, reason.in_full = number, key, label, one, in_full
        return reason


class Bound(Enum):
    """What binds an op's time: a member for each unit, by its key, or latency."""

    _ignore_ = "members row"
    members = vars()
    for row in Unit:
        members[row.name] = row.key
    LATENCY = "latency"  # no unit is busy for half of the op's span


_WAITS = Pace("latency", "waits between steps", Relief.LATENCY)


class Limit(Enum):
    """What sets the pace of the unit that binds an op: the unit itself, the DRAM behind it, or a scratchpad port.

    >>> Limit("dram_read").unit, Limit("dram_read").label, Limit.LATENCY.unit
    (<Unit.LOAD: 0>, 'reading from DRAM', None)
    """

    _ignore_ = "members row pace"
    members = vars()
    for row in Unit:
        for pace in (row.spec.own, row.spec.ports):
            members[pace.key.upper()] = pace.key
    LATENCY = "latency"

    @classmethod
    def of(cls, unit: Unit | None, *, ports: bool = False) -> "Limit":
        """The limit of a unit, or of the ports that feed it; without a unit, the waits between steps."""
        return cls.LATENCY if unit is None else cls((unit.spec.ports if ports else unit.spec.own).key)

    @property
    def unit(self) -> Unit | None:
        """The unit whose pace this limit sets; None for waits."""
        return next((unit for unit in Unit if self.value in (unit.spec.own.key, unit.spec.ports.key)), None)

    @property
    def _pace(self) -> Pace:
        paces = [pace for unit in Unit for pace in (unit.spec.own, unit.spec.ports)]
        return next((pace for pace in paces if pace.key == self.value), _WAITS)

    @property
    def label(self) -> str:
        """The limit in a sentence."""
        return self._pace.label

    @property
    def relief(self) -> Relief:
        """What eases the limit."""
        return self._pace.relief


def with_field_each(kinds: Mapping[str, Any], default: object) -> Callable[[type[T]], type[T]]:
    """Makes a class a frozen dataclass with a field for each of these keys, of that type, all with one default.

    >>> @with_field_each({"load": int, "store": int}, 0)
    ... class Cycles: __slots__ = ()
    >>> Cycles(store=3)
    Cycles(load=0, store=3)
    """

    def decorated(cls: type[T]) -> type[T]:
        each = [(key, kind, field(default=default)) for key, kind in kinds.items()]
        # Pickles look a class up by its module.
        of_class = {"__doc__": cls.__doc__, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        return make_dataclass(
            cls.__name__, each, bases=(cls,), namespace=of_class, frozen=True, slots=True, kw_only=True
        )

    return decorated

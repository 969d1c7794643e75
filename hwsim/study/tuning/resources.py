"""What of a chip may be twice or half as large, by the fields of its file, and the limits of ops that it eases."""

from collections.abc import Mapping
from typing import Any

from hwsim.dataclass import dataclass
from hwsim.errors import UserError
from hwsim.hardware.chip import Chip
from hwsim.inputs.varied import Field, field_of
from hwsim.ir.workload import Workload
from hwsim.results.tuning import Move
from hwsim.schedule.unit_table import Limit, Unit

DOUBLE, HALF = "x2", "x0.5"


@dataclass(frozen=True, slots=True)
class Resource:
    """Fields that grow together, as far as a chip has them; the first one it must have."""

    name: str
    paths: tuple[str, ...]
    eases: tuple[Limit, ...] = ()


_DRAM = (Limit.of(Unit.LOAD), Limit.of(Unit.STORE))

RESOURCES = (
    Resource("DRAM", ("dram.read", "dram.write", "dram.channels"), _DRAM),
    Resource(
        "ports",
        ("scratchpad.read", "scratchpad.write"),
        tuple(Limit.of(unit, ports=True) for unit in Unit),
    ),
    Resource("scratchpad", ("scratchpad.size",), _DRAM),
    Resource("array rows", ("array.rows",), (Limit.of(Unit.ARRAY),)),
    Resource("array columns", ("array.cols",), (Limit.of(Unit.ARRAY),)),
    Resource("lanes", ("vector.lanes",), (Limit.of(Unit.VECTOR),)),
    Resource("buffers", ("scratchpad.buffers",), (Limit.LATENCY,)),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A move, and the values that it gives to fields."""

    move: Move
    values: Mapping[str, Any]


def steps_of(chip: Chip, work: Workload) -> tuple[dict[str, Field], list[Step], list[tuple[str, str]]]:
    """The fields of all resources that a chip has, the moves that can be made with them, and those that cannot."""
    known: dict[str, Field] = {}
    steps: list[Step] = []
    refused: list[tuple[str, str]] = []
    for resource in RESOURCES:
        own = _fields(chip, work, resource)
        known |= own
        for larger in (True, False) if own else ():
            try:
                values = {path: field.read(DOUBLE if larger else HALF) for path, field in own.items()}
            except UserError as error:
                refused.append((Move(resource=resource.name, larger=larger, fields=()).title, str(error)))
                continue
            changes = tuple((path, own[path].written(own[path].value), own[path].written(values[path])) for path in own)
            steps.append(Step(Move(resource=resource.name, larger=larger, fields=changes), values))
    return known, steps, refused


def _fields(chip: Chip, work: Workload, resource: Resource) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for place, path in enumerate(resource.paths):
        try:
            field = field_of(chip, work, path)
        except UserError:
            field = None
        if field is None or not isinstance(field.value, int):
            if not place:
                return {}
            continue
        found[path] = field
    return found

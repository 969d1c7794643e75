"""What each layer costs in each format: bytes exactly; cycles and energy as its share in runs of the whole network.

What no layer is answerable for alone (chains of functions, reductions, copies) goes to the layer before it in the
program, or to the first one.
"""

from collections.abc import Mapping, Sequence

from hwsim.dataclass import dataclass
from hwsim.ir.workload import Workload
from hwsim.results.result import Result
from hwsim.study.allocation.units import Unit


@dataclass(frozen=True, slots=True)
class UnitCost:
    """Bytes, cycles and attojoules."""

    model_bytes: int
    cycles: int
    energy_aj: int


def unit_costs(work: Workload, result: Result, units: Sequence[Unit]) -> dict[str, UnitCost]:
    """Of each unit, by name, its costs in a run; cycles and energy of all units sum to those of the run."""
    stored = stored_by_unit(work, units)
    owners = _owners(result, units)
    cycles = dict.fromkeys(stored, 0)
    energy = dict.fromkeys(stored, 0)
    for op in result.ops:
        cycles[owners[op.name]] += op.cycles
        energy[owners[op.name]] += op.energy_aj
    return {name: UnitCost(stored[name], cycles[name], energy[name]) for name in stored}


def stored_by_unit(work: Workload, units: Sequence[Unit]) -> dict[str, int]:
    """The bytes of each unit's parameters as stored, scales counted."""
    sizes = {tensor.name: tensor.stored_bytes for tensor in work.trained.parameter_tensors}
    return {unit.name: sum(sizes[name] for name in unit.tensors) for unit in units}


def _owners(result: Result, units: Sequence[Unit]) -> Mapping[str, str]:
    named = {op: unit.name for unit in units for op in unit.ops}
    owners, owner = {}, units[0].name
    for op in result.ops:
        owner = named.get(op.name, owner)
        owners[op.name] = owner
    return owners

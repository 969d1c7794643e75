"""Which grid each tensor and each local value of a quantised program lies on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hwsim.core.functions import Function
from hwsim.core.laws import law
from hwsim.core.ops import Conv, Elementwise, Gemm, Op
from hwsim.core.precision import Precision, PrecisionPlan
from hwsim.core.program import Program
from hwsim.core.quantisation import Quantisation
from hwsim.core.tensor import Role, Tensor
from hwsim.engine.values.memory import is_index
from hwsim.engine.values.observe import Observed, largest
from hwsim.errors import InvalidValue, Unsupported
from hwsim.tensor.functions import KNOWN_RANGES
from hwsim.tensor.grid import Grid, even, plain
from hwsim.tensor.histogram import Histogram
from hwsim.tensor.quantise import activation_grid, power_of_two_grid, weight_grid

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Grids:
    """Grids of integer tensors by name, and of local values by op and name."""

    tensors: Mapping[str, Grid]
    locals: Mapping[str, Mapping[str, Grid]]


def quantisation_of(plan: PrecisionPlan, op: str) -> Quantisation:
    """The quantisers of an op: those of the last rule that matches and has some, else those of the plan."""
    ruled = [rule.quantise for rule in plan.rules if rule.quantise is not None and fnmatchcase(op, rule.match)]
    return ruled[-1] if ruled else plan.quantise


def grids(program: Program, plan: PrecisionPlan, parameters: Mapping[str, Floats], seen: Observed) -> Grids:
    """The grids of a program whose float values were seen."""
    users = _matrix_users(program)
    found: dict[str, Grid] = {}
    groups = _groups(program)
    for tensor in program.tensors:
        if tensor.precision.floating or tensor.name in found or not _needs_grid(tensor, program):
            continue
        members = groups.get(tensor.name, (tensor.name,))
        grid = _grid(tensor, members, program, plan, parameters, seen, users)
        found |= dict.fromkeys(members, grid)
    chains = (placed.op for placed in program.placed() if isinstance(placed.op, Elementwise))
    return Grids(found, {op.name: _locals(op, program, found, seen) for op in chains if in_integers(op, program)})


def in_integers(op: Op, program: Program) -> bool:
    """Whether all that an op reads and writes are integers."""
    rules = law(op)
    views = (*rules.reads(op), *rules.writes(op))
    return not any(program.tensor(view.tensor).precision.floating for view in views)


def _needs_grid(tensor: Tensor, program: Program) -> bool:
    """Whether the integers of a tensor have scales of their own: biases take those of the accumulators."""
    return tensor.role is not Role.BIAS or tensor.name in _read_by_chains(program)


@cache
def _read_by_chains(program: Program) -> frozenset[str]:
    chains = [placed.op for placed in program.placed() if isinstance(placed.op, Elementwise)]
    return frozenset(view.tensor for op in chains for _, view in op.reads)


def _matrix_users(program: Program) -> dict[str, str]:
    """Of each tensor that matrix products read, the first op that does."""
    users: dict[str, str] = {}
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            for view in (placed.op.act, placed.op.weight):
                users.setdefault(view.tensor, placed.op.name)
    return users


def _grid(
    tensor: Tensor,
    members: tuple[str, ...],
    program: Program,
    plan: PrecisionPlan,
    parameters: Mapping[str, Floats],
    seen: Observed,
    users: Mapping[str, str],
) -> Grid:
    if is_index(tensor):
        return plain(tensor.precision)
    tensors = [program.tensor(name) for name in members]
    readers = [users[name] for name in members if name in users]
    quantise = quantisation_of(plan, readers[0]) if readers else plan.quantise
    if tensor.role is Role.WEIGHT and len(members) == 1:
        try:
            return weight_grid(parameters[tensor.name], tensor.precision, tensor.scaling, quantise.weights)
        except InvalidValue as error:
            raise error.within(f"{tensor.name}.weights") from error
    held = [parameters[other.name] for other in tensors if other.role.parameter]
    if tensor.precision.bits > 8:
        bits = tensor.precision if tensor.precision.bits <= 16 else Precision.INT16
        return power_of_two_grid(max([*map(largest, held), *(seen.largest_in(name) for name in members)]), bits)
    whole = Histogram()
    for name in members:
        whole.merge(seen.histogram(name))
    for values in held:
        whole.add(values)
    return activation_grid(whole, tensor.precision, quantise.activations)


def _locals(op: Elementwise, program: Program, tensors: Mapping[str, Grid], seen: Observed) -> dict[str, Grid]:
    found = {local: _read_grid(program.tensor(view.tensor), tensors, op) for local, view in op.reads}
    indices = all(is_index(program.tensor(view.tensor)) for _, view in op.reads)
    for local, value in op.constants:
        whole = indices and value == int(value)
        found[local] = plain(Precision.INT32) if whole else power_of_two_grid(abs(value), Precision.INT16)
    written: dict[str, Grid] = {}
    for local, view in op.writes:
        written.setdefault(local, tensors[view.tensor])
    for step in op.chain:
        if step.result in written:
            found[step.result] = written[step.result]
        elif step.function is Function.EQUAL or all(_counts(found[arg]) for arg in step.args):
            found[step.result] = plain(Precision.INT32)
        elif step.function in KNOWN_RANGES:
            found[step.result] = even(Precision.INT16, 2.0**-15 * KNOWN_RANGES[step.function])
        else:
            found[step.result] = power_of_two_grid(seen.largest_of(op.name, step.result), Precision.INT16)
    return found


def _read_grid(tensor: Tensor, tensors: Mapping[str, Grid], op: Op) -> Grid:
    if tensor.name not in tensors:
        raise Unsupported(f"{op.name}: reads {tensor.name}, which has no scale of its own")
    grid = tensors[tensor.name]
    if grid.scale.size > 1:
        raise Unsupported(f"{op.name}: reads {tensor.name}, which has several scales, element by element")
    return grid


def _counts(grid: Grid) -> bool:
    return grid.precision is Precision.INT32


def _groups(program: Program) -> dict[str, tuple[str, ...]]:
    """Tensors that must share a grid, because the same integers go from one to the other."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.get(name, name) != name:
            name = leader[name]
        return name

    for placed in program.placed():
        for names in _tied(placed.op):
            for name in names[1:]:
                first, second = sorted((find(names[0]), find(name)))
                leader[second] = first
                leader.setdefault(first, first)
    members: dict[str, list[str]] = {}
    for name in sorted(leader):
        members.setdefault(find(name), []).append(name)
    return {name: tuple(group) for group in members.values() for name in group}


def _tied(op: Op) -> Iterable[tuple[str, ...]]:
    copied = tuple(view.tensor for view in law(op).copies(op))
    if copied:
        yield copied
    if isinstance(op, Elementwise):
        places = [*op.reads, *op.writes] if op.writes else []
        for local, view in op.writes:
            same = tuple(other.tensor for name, other in places if name == local)
            yield (view.tensor, *same)

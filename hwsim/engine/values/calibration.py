"""The quantisation parameters of each tensor and each local value of a quantised program."""

from collections.abc import Iterable, Mapping
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.calibration_stats import CalibrationStats, largest
from hwsim.engine.values.refine import refined
from hwsim.engine.values.tensor_store import index_tensors
from hwsim.errors import InvalidValue, Unsupported
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Elementwise, Function, Gemm, Op, Quantise
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.tensor.functions import KNOWN_RANGES
from hwsim.tensor.histogram import Histogram
from hwsim.tensor.quant_params import QuantParams, even, plain
from hwsim.tensor.quantise import activation_grid, power_of_two_grid, weight_grid

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class QuantParamsTable:
    """Quantisation parameters of integer tensors by name, and of local values by op and name.

    `refined` are parameters of the network that stand for trained ones of these names."""

    tensors: Mapping[str, QuantParams]
    locals: Mapping[str, Mapping[str, QuantParams]]
    refined: Mapping[str, Floats] = field(default_factory=dict)


def quant_params_of(
    program: Program, plan: PrecisionPlan, parameters: Mapping[str, Floats], stats: CalibrationStats
) -> QuantParamsTable:
    """The quantisation parameters of a program, from the statistics of its float values."""
    maker = _Maker(program, plan, parameters, stats)
    tensors: dict[str, QuantParams] = {}
    for tensor in program.tensors:
        if not tensor.precision.floating and tensor.name not in tensors and maker.needs_params(tensor):
            members = maker.groups.get(tensor.name, (tensor.name,))
            tensors |= dict.fromkeys(members, maker.params(tensor, members))
    chains = (placed.op for placed in program.placed() if isinstance(placed.op, Elementwise))
    of_locals = {op.name: maker.locals(op, tensors) for op in chains if in_integers(op, program)}
    if stats.operands is None:
        return QuantParamsTable(tensors, of_locals)
    return QuantParamsTable(tensors, of_locals, refined(program, plan, parameters, tensors, stats.operands))


def in_integers(op: Op, program: Program) -> bool:
    """Whether all that an op reads and writes are integers."""
    rules = op_spec(op)
    views = (*rules.reads(op), *rules.writes(op))
    return not any(program.tensor(view.tensor).precision.floating for view in views)


class _Maker:
    """Makes quantisation parameters from a precision plan, parameters and statistics."""

    def __init__(
        self, program: Program, plan: PrecisionPlan, parameters: Mapping[str, Floats], stats: CalibrationStats
    ) -> None:
        self.program, self.plan, self.parameters, self.stats = program, plan, parameters, stats
        self.indices, self.groups, self.users = index_tensors(program), _groups(program), _matrix_users(program)
        chains = [placed.op for placed in program.placed() if isinstance(placed.op, Elementwise)]
        self.dynamic = {placed.op.write.tensor for placed in program.placed() if isinstance(placed.op, Quantise)}
        self.in_chains = {view.tensor for op in chains for _, view in op.reads}

    def needs_params(self, tensor: Tensor) -> bool:
        """Whether the integers of a tensor have scales of their own, decided beforehand: biases take the
        scales of the accumulators."""
        return tensor.name not in self.dynamic and (tensor.role is not Role.BIAS or tensor.name in self.in_chains)

    def params(self, tensor: Tensor, members: tuple[str, ...]) -> QuantParams:
        """The quantisation parameters of tensors between which integers go unchanged."""
        if tensor.name in self.indices:
            return plain(tensor.precision)
        tensors = [self.program.tensor(name) for name in members]
        readers = [self.users[name] for name in members if name in self.users]
        quantise = self.plan.quantisation(readers[0]) if readers else self.plan.quantise
        if tensor.role is Role.WEIGHT and len(members) == 1:
            try:
                return weight_grid(self.parameters[tensor.name], tensor.precision, tensor.scaling, quantise.weights)
            except InvalidValue as error:
                raise error.within(f"{tensor.name}.weights") from error
        held = [self.parameters[member.name] for member in tensors if member.role.parameter]
        if tensor.precision.bits > 8:
            precision = Precision.INT16 if tensor.role is Role.BIAS else tensor.precision
            reach = max([*map(largest, held), *(self.stats.largest_in(name) for name in members)])
            # Scores of 32 bits have two to spare: rescaling by 1 doubles before it halves.
            return power_of_two_grid(reach if precision.bits <= 16 else 4 * reach, precision)
        histogram = Histogram()
        for name in members:
            histogram.merge(self.stats.histogram(name))
        for values in held:
            histogram.add(values)
        return activation_grid(histogram, tensor.precision, quantise.activations)

    def locals(self, op: Elementwise, tensors: Mapping[str, QuantParams]) -> dict[str, QuantParams]:
        """The quantisation parameters of the local values of a chain."""
        params = {local: _read_params(self.program.tensor(view.tensor), tensors, op) for local, view in op.reads}
        counting = all(view.tensor in self.indices for _, view in op.reads)
        for local, value in op.constants:
            counted = counting and value == int(value)
            params[local] = plain(Precision.INT32) if counted else power_of_two_grid(abs(value), Precision.INT16)
        written: dict[str, QuantParams] = {}
        for local, view in op.writes:
            written.setdefault(local, tensors[view.tensor])
        for step in op.chain:
            args = [params[arg] for arg in step.args]
            wide = [arg for arg in args if arg.precision is Precision.INT32 and not _counts(arg)]
            if step.result in written:
                params[step.result] = written[step.result]
            elif step.function is Function.EQUAL or all(map(_counts, args)):
                params[step.result] = plain(Precision.INT32)
            elif wide:  # what a score is added to is a score
                params[step.result] = wide[0]
            elif step.function in KNOWN_RANGES:
                params[step.result] = even(Precision.INT16, 2.0**-15 * KNOWN_RANGES[step.function])
            else:
                reach = self.stats.largest_of(op.name, step.result)
                params[step.result] = power_of_two_grid(reach, Precision.INT16)
        return params


def _matrix_users(program: Program) -> dict[str, str]:
    """Of each tensor that matrix products read, the first op that does."""
    users: dict[str, str] = {}
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            for view in (placed.op.act, placed.op.weight):
                users.setdefault(view.tensor, placed.op.name)
    return users


def _read_params(tensor: Tensor, tensors: Mapping[str, QuantParams], op: Op) -> QuantParams:
    if tensor.name not in tensors:
        raise Unsupported(f"{op.name}: reads {tensor.name}, which has no scale of its own")
    params = tensors[tensor.name]
    if params.scale.size > 1:
        raise Unsupported(f"{op.name}: reads {tensor.name}, which has several scales, element by element")
    return params


def _counts(params: QuantParams) -> bool:
    """Whether integers stand for themselves."""
    return params.precision is Precision.INT32 and not params.symmetric


def _groups(program: Program) -> dict[str, tuple[str, ...]]:
    """Tensors that must share quantisation parameters, because the same integers go from one to the other."""
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
    copied = tuple(view.tensor for view in op_spec(op).copies(op))
    if copied:
        yield copied
    if isinstance(op, Elementwise):
        places = [*op.reads, *op.writes] if op.writes else []
        for local, view in op.writes:
            same = tuple(tied_view.tensor for name, tied_view in places if name == local)
            yield (view.tensor, *same)

"""On which chip each op works, and which parameters its scratchpad holds."""

from collections import Counter
from collections.abc import Mapping
from math import prod

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.program import Program
from hwsim.schedule.tiles import PlacedMatrix, Placement


@dataclass(frozen=True, slots=True)
class Homes:
    """The chip of each op, and of each tensor that an op writes."""

    ops: Mapping[str, int]
    tensors: Mapping[str, int]


def homes_of(program: Program, placement: Placement) -> Homes:
    """The chips of all ops.

    An op with weights on tiles works where these stand; another one where the largest of its operands was made that an
    earlier op makes; else on the first chip.
    """
    stands: dict[str, PlacedMatrix] = {}
    for matrix in placement.matrices:
        for name in matrix.ops:
            stands.setdefault(name, matrix)
    ops: dict[str, int] = {}
    made: dict[str, int] = {}
    for placed in program.placed():
        op, rules, shape = (
            placed.op,
            op_spec(placed.op),
            program.shapes(dict.fromkeys((loop.name for loop in placed.loops), 0)),
        )
        if op.name in stands:
            ops[op.name] = stands[op.name].chips[0]
        else:
            sizes = {view.tensor: prod(shape(view)) for view in reversed(rules.reads(op)) if view.tensor in made}
            ops[op.name] = made[max(reversed(sizes), key=sizes.__getitem__)] if sizes else 0
        made |= {view.tensor: ops[op.name] for view in rules.writes(op)}
    return Homes(ops, made)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Which parameters the vector units read: bytes that stay in the scratchpad of each chip, and those tensors, each
    with its chip, that are loaded whenever an op needs them."""

    kept_bytes: tuple[int, ...]
    streamed: frozenset[tuple[int, str]]


def parameters_of(program: Program, chip: AnalogChip, placement: Placement, homes: Homes) -> Parameters:
    """Those that ops of a chip read most often stay, of equals the smaller ones, as long as there is room."""
    runs: Counter[tuple[int, str]] = Counter()
    for placed in program.placed():
        times = placed.times
        for name in parameter_tensors(placed.op, program, placement):
            runs[homes.ops[placed.op.name], name] += times
    kept, streamed = [0] * chip.chips, set[tuple[int, str]]()
    size = {name: program.tensor(name).stored_bytes for _, name in runs}
    for home, name in sorted(runs, key=lambda key: (-runs[key], size[key[1]], key)):
        if kept[home] + size[name] <= chip.scratchpad.size:
            kept[home] += size[name]
        else:
            streamed.add((home, name))
    return Parameters(tuple(kept), frozenset(streamed))


def parameter_tensors(op: Op, program: Program, placement: Placement) -> tuple[str, ...]:
    """The parameters that the vector unit reads for an op: weights on tiles are none of them."""
    on_tiles = isinstance(op, (Gemm, Conv)) and next(placement.of_op(op.name), None) is not None
    return tuple(
        dict.fromkeys(
            view.tensor
            for view in op_spec(op).reads(op)
            if program.tensor(view.tensor).role.parameter
            and not (on_tiles and isinstance(op, (Gemm, Conv)) and view == op.weight)
        )
    )

"""The ops, and one table that says of each kind what it reads, writes, must obey and costs.

Whoever needs to know one of these things about an op asks `law(op)`; a new kind is a class and a row here,
a function in `tensor/` for its values and a case in `mapping/` for its steps.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import Annotated, Any

from hwsim.core.noun import Name, Noun, Whole
from hwsim.core.view import View
from hwsim.errors import InvalidValue

Dimension = Annotated[int, Whole(low=1, high=2**40)]
Shape = tuple[int, ...]
ShapeOf = Callable[[View], Shape]


class Function(Enum):
    """What a lane of the vector unit can do to an element. A comparison counts as an addition."""

    ADD = "add"
    MUL = "mul"
    SIGMOID = "sigmoid"
    TANH = "tanh"
    EXP = "exp"
    RECIPROCAL = "reciprocal"
    RSQRT = "rsqrt"
    REQUANTIZE = "requantize"


VectorWork = Mapping[Function, int]
"""Elements to which each function is applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemm(Noun):
    """out[b, m, n] = act[b, m, k] @ weight[b, k, n] + bias[n], brought to the format of `out`."""

    name: Name
    act: View
    weight: View
    out: View
    bias: View | None = None
    batch: Dimension = 1
    m: Dimension
    k: Dimension
    n: Dimension


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply(Noun):
    """One function applied to local values of a chain, element by element."""

    function: Function
    args: tuple[str, ...]
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise(Noun):
    """A chain of functions over local values that are read from views and written to views.

    All values have the same number of elements, but those of one row, which are repeated for each row.
    """

    name: Name
    reads: tuple[tuple[str, View], ...]
    chain: tuple[Apply, ...]
    writes: tuple[tuple[str, View], ...]

    def check(self) -> None:
        known = {local for local, _ in self.reads}
        for step in self.chain:
            for arg in step.args:
                if arg not in known:
                    raise InvalidValue(f"{self.name}.chain", arg, "is used before it is made")
            known.add(step.result)
        for local, _ in self.writes:
            if local not in known:
                raise InvalidValue(f"{self.name}.writes", local, "is made by no step of the chain")


class Reduction(Enum):
    """A function of a whole row."""

    SOFTMAX = "softmax"
    LAYER_NORM = "layer_norm"
    ARGMAX = "argmax"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(Noun):
    """A function of whole rows: the last axis is reduced, or normalised."""

    name: Name
    reduction: Reduction
    read: View
    write: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Noun):
    """One row of a table for each index."""

    name: Name
    table: View
    index: View
    out: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Noun):
    """A copy to another place or layout, element for element."""

    name: Name
    read: View
    write: View


Op = Gemm | Elementwise | Reduce | Lookup | Move


@dataclass(frozen=True, slots=True)
class Law:
    """A row of the op table."""

    reads: Callable[[Any], tuple[View, ...]]
    writes: Callable[[Any], tuple[View, ...]]
    shape_problem: Callable[[Any, ShapeOf], str | None]
    macs: Callable[[Any], int]
    vector_work: Callable[[Any, ShapeOf], VectorWork]


def law(op: Op) -> Law:
    """The row of the table for this op."""
    return OP_TABLE[type(op)]


def kind(op: Op) -> str:
    """The name of the op's kind, as reports print it."""
    return type(op).__name__.lower()


def _gemm_shapes(op: Gemm, shape: ShapeOf) -> str | None:
    expected = [("act", op.act, (op.batch, op.m, op.k)), ("weight", op.weight, (op.batch, op.k, op.n))]
    expected.append(("out", op.out, (op.batch, op.m, op.n)))
    for label, view, (batch, rows, cols) in expected:
        got = shape(view)
        if prod(got) != batch * rows * cols or got[-1] != cols:
            return f"{label} has shape {got}, expected {batch} × {rows} × {cols}"
    if op.bias is not None and prod(shape(op.bias)) != op.n:
        return f"bias has shape {shape(op.bias)}, expected {op.n} elements"
    return None


def _gemm_vector_work(op: Gemm, shape: ShapeOf) -> VectorWork:
    elements = op.batch * op.m * op.n
    work = {Function.REQUANTIZE: elements}
    return work if op.bias is None else {Function.ADD: elements, **work}


def _chain_elements(op: Elementwise, shape: ShapeOf) -> dict[str, int]:
    """Elements of each local value."""
    elements = {local: prod(shape(view)) for local, view in op.reads}
    for step in op.chain:
        elements[step.result] = max(elements[arg] for arg in step.args)
    return elements


def _elementwise_shapes(op: Elementwise, shape: ShapeOf) -> str | None:
    elements = _chain_elements(op, shape)
    most = max(elements.values())
    for local, view in op.reads:
        if elements[local] not in (most, shape(view)[-1]):
            return f"{local} has {elements[local]} elements, expected {most} or one row of {shape(view)[-1]}"
    for local, view in op.writes:
        if prod(shape(view)) != elements[local]:
            return f"{local} has {elements[local]} elements, its view {prod(shape(view))}"
    return None


def _elementwise_vector_work(op: Elementwise, shape: ShapeOf) -> VectorWork:
    elements = _chain_elements(op, shape)
    work: Counter[Function] = Counter()
    for step in op.chain:
        work[step.function] += elements[step.result]
    return work


_PER_ELEMENT: dict[Reduction, VectorWork] = {
    # maximum, subtraction, exponential, sum, scaling
    Reduction.SOFTMAX: {Function.ADD: 3, Function.EXP: 1, Function.MUL: 1, Function.REQUANTIZE: 1},
    # sum, subtraction of the mean, square, sum of squares, scaling, gain, offset
    Reduction.LAYER_NORM: {Function.ADD: 4, Function.MUL: 3, Function.REQUANTIZE: 1},
    Reduction.ARGMAX: {Function.ADD: 1},
}
_PER_ROW: dict[Reduction, VectorWork] = {
    Reduction.SOFTMAX: {Function.RECIPROCAL: 1},
    Reduction.LAYER_NORM: {Function.MUL: 2, Function.RSQRT: 1},
    Reduction.ARGMAX: {},
}


def _reduce_shapes(op: Reduce, shape: ShapeOf) -> str | None:
    read, write = shape(op.read), shape(op.write)
    wanted = (*read[:-1], 1) if op.reduction is Reduction.ARGMAX else read
    return None if prod(write) == prod(wanted) else f"output has shape {write}, expected {wanted}"


def _reduce_vector_work(op: Reduce, shape: ShapeOf) -> VectorWork:
    read = shape(op.read)
    work: Counter[Function] = Counter()
    for function, times in _PER_ELEMENT[op.reduction].items():
        work[function] += times * prod(read)
    for function, times in _PER_ROW[op.reduction].items():
        work[function] += times * prod(read[:-1])
    return work


def _lookup_shapes(op: Lookup, shape: ShapeOf) -> str | None:
    wanted = prod(shape(op.index)) * shape(op.table)[-1]
    return None if prod(shape(op.out)) == wanted else f"output has shape {shape(op.out)}, expected {wanted} elements"


def _move_shapes(op: Move, shape: ShapeOf) -> str | None:
    same = prod(shape(op.read)) == prod(shape(op.write))
    return None if same else f"moves {shape(op.read)} to {shape(op.write)}, which has another number of elements"


def _no_macs(op: Op) -> int:
    return 0


def _no_vector_work(op: Op, shape: ShapeOf) -> VectorWork:
    return {}


OP_TABLE: Mapping[type, Law] = {
    Gemm: Law(
        reads=lambda op: (op.act, op.weight) if op.bias is None else (op.act, op.weight, op.bias),
        writes=lambda op: (op.out,),
        shape_problem=_gemm_shapes,
        macs=lambda op: op.batch * op.m * op.k * op.n,
        vector_work=_gemm_vector_work,
    ),
    Elementwise: Law(
        reads=lambda op: tuple(view for _, view in op.reads),
        writes=lambda op: tuple(view for _, view in op.writes),
        shape_problem=_elementwise_shapes,
        macs=_no_macs,
        vector_work=_elementwise_vector_work,
    ),
    Reduce: Law(
        reads=lambda op: (op.read,),
        writes=lambda op: (op.write,),
        shape_problem=_reduce_shapes,
        macs=_no_macs,
        vector_work=_reduce_vector_work,
    ),
    Lookup: Law(
        reads=lambda op: (op.table, op.index),
        writes=lambda op: (op.out,),
        shape_problem=_lookup_shapes,
        macs=_no_macs,
        vector_work=_no_vector_work,
    ),
    Move: Law(
        reads=lambda op: (op.read,),
        writes=lambda op: (op.write,),
        shape_problem=_move_shapes,
        macs=_no_macs,
        vector_work=_no_vector_work,
    ),
}

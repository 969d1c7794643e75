"""The rows of the op table for the vector unit's kinds of op."""

from collections import Counter
from math import prod

from hwsim.ir.op_spec import OpSpec, ShapeOf, chain_elements, has_rows_of, no_products, repeated_shapes
from hwsim.ir.ops import Elementwise, Function, Lookup, Move, Quantise, Reduce, Reduction, Skew, VectorWork
from hwsim.ir.parallel import elementwise_axes, lookup_axes, move_axes, quantise_axes, reduce_axes, skew_axes


def _elementwise_shapes(op: Elementwise, shape: ShapeOf) -> str | None:
    elements = chain_elements(op, shape)
    most = max(elements.values())
    widest, repeated = max((shape(view) for _, view in (*op.reads, *op.writes)), key=prod), repeated_shapes(op, shape)
    for local, view in op.reads:
        if elements[local] == most or view in repeated:
            continue
        if not has_rows_of(elements[local], widest):
            return f"{local} has {elements[local]} elements, expected {most} or one row of {widest[-1]}"
    for local, view in op.writes:
        if prod(shape(view)) != elements[local]:
            return f"{local} has {elements[local]} elements, its view {prod(shape(view))}"
    return None


def _elementwise_vector_work(op: Elementwise, shape: ShapeOf) -> VectorWork:
    elements = chain_elements(op, shape)
    work: Counter[Function] = Counter()
    for step in op.chain:
        work[step.function.counts_as] += elements[step.result]
    return work


ELEMENTWISE = OpSpec(
    reads=lambda op: tuple(view for _, view in op.reads),
    writes=lambda op: tuple(view for _, view in op.writes),
    shape_problem=_elementwise_shapes,
    macs=no_products,
    vector_work=_elementwise_vector_work,
    parallel=elementwise_axes,
)


_PER_ELEMENT: dict[Reduction, VectorWork] = {
    # maximum, subtraction, exponential, sum, scaling
    Reduction.SOFTMAX: {Function.ADD: 3, Function.EXP: 1, Function.MUL: 1, Function.REQUANTIZE: 1},
    # maximum, subtraction, exponential, sum, subtraction of its logarithm
    Reduction.LOG_SOFTMAX: {Function.ADD: 4, Function.EXP: 1, Function.REQUANTIZE: 1},
    # sum, subtraction of the mean, square, sum of squares, scaling, gain, offset
    Reduction.LAYER_NORM: {Function.ADD: 4, Function.MUL: 3, Function.REQUANTIZE: 1},
    Reduction.ARGMAX: {Function.MAX: 1},
    Reduction.TOP: {Function.MAX: 1},
    Reduction.MAX: {Function.MAX: 1},
    Reduction.MIN: {Function.MIN: 1},
    Reduction.MEAN: {Function.ADD: 1},
    Reduction.SUM: {Function.ADD: 1},
}
_PER_ROW: dict[Reduction, VectorWork] = {
    Reduction.SOFTMAX: {Function.RECIPROCAL: 1},
    Reduction.LOG_SOFTMAX: {Function.LOG: 1},
    Reduction.LAYER_NORM: {Function.MUL: 2, Function.RSQRT: 1},
    Reduction.ARGMAX: {},
    Reduction.TOP: {},
    Reduction.MAX: {},
    Reduction.MIN: {},
    Reduction.MEAN: {Function.MUL: 1, Function.REQUANTIZE: 1},
    Reduction.SUM: {Function.REQUANTIZE: 1},
}
_GAIN_AND_OFFSET: VectorWork = {Function.ADD: 1, Function.MUL: 1}
"""What a layer norm without them saves for each element."""


def _reduce_shapes(op: Reduce, shape: ShapeOf) -> str | None:
    read, write = shape(op.read), shape(op.write)
    if not -len(read) <= op.axis < len(read):
        return f"reduces axis {op.axis} of a view with {len(read)} axes"
    if op.count > read[op.axis]:
        return f"finds {op.count} places among {read[op.axis]} entries"
    rest = prod(read) // read[op.axis]
    elements = rest * op.count if op.reduction.narrows else prod(read)
    if prod(write) != elements:
        return f"output has shape {write}, expected {elements} elements"
    counts = (0, 2) if op.reduction is Reduction.LAYER_NORM else (0,)
    sizes = [prod(shape(view)) for view in op.parameters]
    if sizes not in [[read[op.axis]] * count for count in counts]:
        return f"needs {' or '.join(map(str, counts))} parameters of {read[op.axis]} elements"
    return None


def _reduce_vector_work(op: Reduce, shape: ShapeOf) -> VectorWork:
    read = shape(op.read)
    work: Counter[Function] = Counter()
    plain = op.reduction is Reduction.LAYER_NORM and not op.parameters
    for function, times in _PER_ELEMENT[op.reduction].items():
        times -= plain * _GAIN_AND_OFFSET.get(function, 0)
        work[function.counts_as] += times * prod(read) * op.count  # one pass for each place that is found
    for function, times in _PER_ROW[op.reduction].items():
        work[function.counts_as] += times * (prod(read) // read[op.axis])
    return work


REDUCE = OpSpec(
    reads=lambda op: (op.read, *op.parameters),
    writes=lambda op: (op.write,),
    shape_problem=_reduce_shapes,
    macs=no_products,
    vector_work=_reduce_vector_work,
    parallel=reduce_axes,
)


def _lookup_shapes(op: Lookup, shape: ShapeOf) -> str | None:
    elements = prod(shape(op.index)) * shape(op.table)[-1]
    return (
        None if prod(shape(op.out)) == elements else f"output has shape {shape(op.out)}, expected {elements} elements"
    )


def _move_shapes(op: Move, shape: ShapeOf) -> str | None:
    same = prod(shape(op.read)) == prod(shape(op.write))
    return None if same else f"moves {shape(op.read)} to {shape(op.write)}, which has another number of elements"


def _skew_shapes(op: Skew, shape: ShapeOf) -> str | None:
    read, write = shape(op.read), shape(op.write)
    if len(read) < 2 or len(write) < 2:
        return f"needs rows and columns, has {read} and {write}"
    expected = (*read[:-1], read[-1] - read[-2] + 1)
    same = write[-2:] == expected[-2:] and prod(write) == prod(expected)
    return None if same else f"output has shape {write}, expected {expected}"


def _quantise_shapes(op: Quantise, shape: ShapeOf) -> str | None:
    read, write, rows = shape(op.read), shape(op.write), prod(shape(op.scales))
    if prod(read) != prod(write):
        return f"turns {read} into {write}, which has another number of elements"
    whole = prod(read) % rows == 0 and has_rows_of(prod(read) // rows, read)
    return None if whole else f"has {rows} scales for {read}, which are not so many rows"


def _quantise_vector_work(op: Quantise, shape: ShapeOf) -> VectorWork:
    """Largest magnitude and conversion of each element; the scale of a row and its reciprocal."""
    elements, rows = prod(shape(op.read)), prod(shape(op.scales))
    return {
        Function.MAX.counts_as: elements,
        Function.REQUANTIZE: elements,
        Function.MUL: rows,
        Function.RECIPROCAL: rows,
    }


LOOKUP = OpSpec(
    reads=lambda op: (op.table, op.index),
    writes=lambda op: (op.out,),
    shape_problem=_lookup_shapes,
    macs=no_products,
    vector_work=lambda op, shape: {},
    copies=lambda op: (op.table, op.out),
    parallel=lookup_axes,
)

MOVE = OpSpec(
    reads=lambda op: (op.read,),
    writes=lambda op: (op.write,),
    shape_problem=_move_shapes,
    macs=no_products,
    vector_work=lambda op, shape: {},
    copies=lambda op: (op.read, op.write),
    parallel=move_axes,
)

SKEW = OpSpec(
    reads=lambda op: (op.read,),
    writes=lambda op: (op.write,),
    shape_problem=_skew_shapes,
    macs=no_products,
    vector_work=lambda op, shape: {},
    copies=lambda op: (op.read, op.write),
    parallel=skew_axes,
)

QUANTISE = OpSpec(
    reads=lambda op: (op.read,),
    writes=lambda op: (op.write, op.scales),
    shape_problem=_quantise_shapes,
    macs=no_products,
    vector_work=_quantise_vector_work,
    parallel=quantise_axes,
)

"""The row type of the op table, and what rows of several kinds ask of shapes."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from hwsim.ir.ops import Elementwise, VectorWork
from hwsim.ir.view import View

Shape = tuple[int, ...]
ShapeOf = Callable[[View], Shape]

Parallel = tuple[tuple[View, int], ...]
"""An axis along which an op may be done piece by piece: in which views it is, and which axis of each.

For each piece the op reads and writes a piece of these views, and reads all of its other views.
"""


@dataclass(frozen=True, slots=True)
class OpSpec:
    """A row of the op table. Shapes of views come from outside: a view may move and grow with the loops around."""

    reads: Callable[[Any], tuple[View, ...]]
    writes: Callable[[Any], tuple[View, ...]]
    shape_problem: Callable[[Any, ShapeOf], str | None]
    macs: Callable[[Any, ShapeOf], int]
    vector_work: Callable[[Any, ShapeOf], VectorWork]
    copies: Callable[[Any], tuple[View, ...]] = lambda op: ()
    """Views between which elements go as they are, so that they must have one format."""
    on_array: Callable[[Any, ShapeOf], bool] = lambda op, shape: False
    """Whether the array does such an op; otherwise the vector unit does."""
    parallel: Callable[[Any, ShapeOf], tuple[Parallel, ...]] = lambda op, shape: ()
    """The axes along which it may be done piece by piece, with the same results and the same work; none in doubt."""


def no_products(op: Any, shape: ShapeOf) -> int:
    """The products of an op that multiplies no matrices: 0."""
    return 0


def has_rows_of(columns: int, shape: Shape) -> bool:
    """Whether the last axes of a shape, one or several, make up rows of that many elements."""
    row = 1
    for size in reversed(shape):
        row *= size
        if row >= columns:
            return row == columns
    return False


def repeated_shape(op: Elementwise, view: View, shape: ShapeOf) -> Shape | None:
    """The shape along whose axes a smaller view of a chain is repeated where it has one entry: that of a largest view
    with as many axes. None: it has all elements, or those of a row, which last axes make up.
    """
    own, views = shape(view), [other for _, other in (*op.writes, *op.reads)]
    most = max(prod(shape(other)) for other in views)
    if prod(own) == most or not _scattered(own):
        return None
    for other in views:
        whole = shape(other)
        fits = prod(whole) == most and len(whole) == len(own)
        if fits and all(size in (1, full) for size, full in zip(own, whole, strict=True)):
            return whole
    return None


def _scattered(shape: Shape) -> bool:
    """Whether an axis of one entry lies behind a longer one, or all have one."""
    longer = [size > 1 for size in shape]
    return True not in longer or not all(longer[longer.index(True) :])


def chain_elements(op: Elementwise, shape: ShapeOf) -> dict[str, int]:
    """Elements of each local value of a chain of functions: of one that is repeated along axes, those after that."""
    elements = {local: prod(repeated_shape(op, view, shape) or shape(view)) for local, view in op.reads}
    elements |= dict.fromkeys(dict(op.constants), 1)
    for step in op.chain:
        elements[step.result] = max(elements[arg] for arg in step.args)
    return elements

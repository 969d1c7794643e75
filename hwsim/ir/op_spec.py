"""The row type of the op table, and what rows of several kinds ask of shapes."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from hwsim.dataclass import dataclass
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
    return _repeated(shape(view), _shapes(op, shape))


def repeated_shapes(op: Elementwise, shape: ShapeOf) -> dict[View, Shape]:
    """The views that a chain reads and repeats along axes, with the shapes along which it does."""
    shapes = _shapes(op, shape)
    most = max(map(prod, shapes))
    found = {view: _repeated(shape(view), shapes, most) for _, view in op.reads}
    return {view: whole for view, whole in found.items() if whole is not None}


def _shapes(op: Elementwise, shape: ShapeOf) -> tuple[Shape, ...]:
    """The different shapes of a chain's views."""
    return tuple(dict.fromkeys(shape(view) for _, view in (*op.writes, *op.reads)))


def _repeated(own: Shape, shapes: Sequence[Shape], most: int | None = None) -> Shape | None:
    """Which of a chain's shapes a view of its `own` shape is repeated to; the largest of them has `most` elements."""
    most = max(map(prod, shapes)) if most is None else most
    if prod(own) == most or not _scattered(own):
        return None
    for whole in shapes:
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
    repeated = repeated_shapes(op, shape)
    elements = {local: prod(repeated.get(view) or shape(view)) for local, view in op.reads}
    elements |= dict.fromkeys(dict(op.constants), 1)
    for step in op.chain:
        elements[step.result] = max(elements[arg] for arg in step.args)
    return elements

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


def chain_elements(op: Elementwise, shape: ShapeOf) -> dict[str, int]:
    """Elements of each local value of a chain of functions."""
    elements = {local: prod(shape(view)) for local, view in op.reads} | dict.fromkeys(dict(op.constants), 1)
    for step in op.chain:
        elements[step.result] = max(elements[arg] for arg in step.args)
    return elements

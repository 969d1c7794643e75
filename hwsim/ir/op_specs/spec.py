"""A row of the op table: all that the house must know of a kind before anything is mapped or computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hwsim.ir.functions import VectorWork
from hwsim.ir.view import View

Shape = tuple[int, ...]
ShapeOf = Callable[[View], Shape]


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


def no_products(op: Any, shape: ShapeOf) -> int:
    """Of an op that multiplies no matrices."""
    return 0


def has_rows_of(columns: int, shape: Shape) -> bool:
    """Whether the last axes of a shape, one or several, make up rows of that many elements."""
    row = 1
    for size in reversed(shape):
        row *= size
        if row >= columns:
            return row == columns
    return False

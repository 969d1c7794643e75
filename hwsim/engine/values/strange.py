"""Names the tensor whose numbers an op cannot compute with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import InvalidValue, OutOfRange
from hwsim.ir.ops import Conv, Elementwise, Gemm, Reduce


@contextmanager
def naming_weight(op: Gemm | Conv, parameter: NDArray[Any] | None) -> Iterator[None]:
    """Refusals inside are raised in the name of the weight, with how large its numbers are."""
    try:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # what comes of it is refused by name
            yield
    except InvalidValue as error:
        largest = "" if parameter is None else f" holds numbers up to {float(np.abs(parameter).max()):.3g};"
        # A factor is what separates the integers of operands from those of the result.
        law = "they are out of proportion to what the op reads and makes" if error.path == "factor" else error.law
        raise OutOfRange(f"{op.weight.tensor}:{largest} {law}; scale them, or choose another policy") from error


@contextmanager
def naming_operands(op: Elementwise | Reduce) -> Iterator[None]:
    """Refusals of operands inside are raised in the name of the op."""
    try:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # what comes of it is refused by name
            yield
    except InvalidValue as error:
        law = "the ranges of its operands are too far apart for integers"
        raise OutOfRange(f"{op.name}: {law}; scale what makes them, or choose another policy") from error

"""What a format makes of the operands of a product: weights and activations rounded to it, in floats again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices, read
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.view import View
from hwsim.ir.workload import Workload
from hwsim.quantities.precision import Policy, Precision
from hwsim.quantities.quantisation import ActivationQuantiser
from hwsim.tensor.dynamic import quantised_rows
from hwsim.tensor.histogram import Histogram
from hwsim.tensor.quantise import activation_grid, weight_grid
from hwsim.tensor.rounding import rounded

Floats = NDArray[np.float32]
Product = Gemm | Conv


def rounded_weight(work: Workload, op: Product, weight: Floats) -> Floats:
    """The weight of an op as its workload holds it."""
    tensor = work.trained.tensor(op.weight.tensor)
    if tensor.precision.floating:
        return rounded(weight, tensor.precision)
    grid = weight_grid(weight, tensor.precision, tensor.scaling, work.precision.quantisation(op.name).weights)
    return grid.real(grid.quantised(weight))


def rounded_table(precision: Precision, table: Floats) -> Floats:
    """A table of rows, which has one scale, in a format."""
    if precision.floating:
        return rounded(table, precision)
    histogram = Histogram()
    histogram.add(table)
    grid = activation_grid(histogram, precision, ActivationQuantiser())
    return grid.real(grid.quantised(table))


@dataclass(frozen=True, slots=True)
class Rounding:
    """Rounds what an op reads as activations, as its workload would."""

    policy: Policy
    precision: Precision
    quantiser: ActivationQuantiser

    @classmethod
    def of(cls, work: Workload, op: Product) -> "Rounding":
        """That of an op in a workload."""
        policy = work.precision.of(op.name)
        return cls(policy, policy.activation, work.precision.quantisation(op.name).activations)

    def of_values(self, values: Floats, histogram: Histogram) -> Floats:
        """The values rounded; the histogram is that of all values that the op reads in a run."""
        if self.policy.rows is not None:
            integers, scales = quantised_rows(values.reshape(-1, values.shape[-1]), self.policy.rows)
            return np.asarray((integers * scales[:, None]).reshape(values.shape), np.float32)
        if self.precision.floating:
            return rounded(values, self.precision)
        grid = activation_grid(histogram, self.precision, self.quantiser)
        return grid.real(grid.quantised(values))


class OtherOperands:
    """The arrays of a run as one op sees them, which reads other weights and rounded activations; what it writes is
    kept apart, or goes where it belongs."""

    def __init__(
        self, memory: TensorStore, op: Product, weight: Floats, rounding: Rounding, histogram: Histogram, *, apart: bool
    ) -> None:
        self.memory, self.op, self.weight, self.rounding, self.histogram = memory, op, weight, rounding, histogram
        self.apart = apart
        self.written: Any = None

    def read(self, view: View, indices: Indices) -> NDArray[Any]:
        """What the op reads of a view."""
        if view is self.op.weight:
            return read(self.weight, view, indices)
        values = self.memory.read(view, indices)
        return self.rounding.of_values(values, self.histogram) if view is self.op.act else values

    def write(self, view: View, indices: Indices, values: NDArray[Any]) -> None:
        """What the op writes."""
        if self.apart:
            self.written = values
        else:
            self.memory.write(view, indices, values)


def others_of(parameters: Mapping[str, Floats], work: Workload, ops: Mapping[str, Product]) -> dict[str, Floats]:
    """The rounded weights of ops by their names."""
    return {name: rounded_weight(work, op, parameters[op.weight.tensor]) for name, op in ops.items()}

"""The ops of a program whose scales a file decides, in floats: its quantisers round nothing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.floats import FloatOps, SeenOne
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.ir.ops import Elementwise, Function, Op
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision
from hwsim.tensor.backend import ProductBackend
from hwsim.tensor.carried import Carried

Array = NDArray[Any]


class GivenFloats(FloatOps):
    """The same program in floats: its quantisers round nothing, but keep their ranges, which may stand for a function
    such as a rectifier."""

    def __init__(
        self,
        program: Program,
        carried: Carried,
        parameters: Mapping[str, Array],
        products: ProductBackend,
        seen: SeenOne,
    ) -> None:
        super().__init__(program, parameters, products, seen)
        self._grids = carried.grids
        self._counted = {tensor.name for tensor in program.tensors if tensor.precision is Precision.INT32}

    def keep(self, op: Op, view: View, memory: TensorStore, indices: Indices, values: NDArray[Any]) -> None:
        """Write a result to its view, within the range of its integers."""
        params = self._grids.get(view.tensor)
        if params is not None and params.scale.size == 1 and view.tensor not in self._counted:
            ends = [(end - params.offset) * params.single for end in (params.lowest, params.highest)]
            values = np.clip(values, min(ends), max(ends))
        super().keep(op, view, memory, indices, values)

    def elementwise(self, op: Elementwise, memory: TensorStore, indices: Indices) -> None:
        """A chain in which nothing is rounded."""
        steps = tuple(
            replace(step, function=Function.REQUANTIZE) if step.function is Function.ROUND else step
            for step in op.chain
        )
        super().elementwise(replace(op, chain=steps), memory, indices)

    def run(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run one op."""
        if isinstance(op, Elementwise):
            self.elementwise(op, memory, indices)
        else:
            super().run(op, memory, indices)

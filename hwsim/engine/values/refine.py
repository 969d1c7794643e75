"""Parameters that stand for trained ones once scales are known: rounded by what products read, biases corrected.

They are real numbers that lie on the grid of their scales, so that the integers which stand for them are the wanted
ones, and nothing else changes. A parameter that several ops read, or one of them in part, is left as it is.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.quantisation import Rounding, WeightQuantiser
from hwsim.tensor.nearest_plane import nearest_plane
from hwsim.tensor.quant_params import QuantParams, by_groups

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class OperandStats:
    """Of each op, for each matrix of its weight: Σ x·xᵀ and Σ x over the vectors that it read, and their number."""

    grams: dict[str, Doubles] = field(default_factory=dict)
    sums: dict[str, Doubles] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def see(self, op: str, act: NDArray[np.floating]) -> None:
        """Take note of act[b, m, k]."""
        wide = act.astype(np.float64)
        # Not a library's product, which adds in another order for another number of threads.
        gram = np.einsum("bmk,bml->bkl", wide, wide, optimize=False)
        self.grams[op] = self.grams[op] + gram if op in self.grams else gram
        self.sums[op] = self.sums.get(op, 0.0) + wide.sum(axis=1)
        self.counts[op] += act.shape[1]


def observed(program: Program, plan: PrecisionPlan) -> frozenset[str]:
    """The products whose operands must be seen."""
    return frozenset(
        op.name
        for op in (placed.op for placed in program.placed())
        if isinstance(op, (Gemm, Conv)) and plan.quantisation(op.name).weights.looks_at_operands
    )


def refined(
    program: Program,
    plan: PrecisionPlan,
    parameters: Mapping[str, Floats],
    grids: Mapping[str, QuantParams],
    seen: OperandStats,
) -> dict[str, Floats]:
    """The parameters that are others than the trained ones, by name."""
    readers = Counter(
        view.tensor
        for op in (placed.op for placed in program.placed())
        for view in op_spec(op).reads(op)
        if program.tensor(view.tensor).role.parameter
    )
    found: dict[str, Floats] = {}
    for op in (placed.op for placed in program.placed()):
        if not isinstance(op, (Gemm, Conv)) or op.name not in seen.grams or op.weight.tensor not in grids:
            continue
        if readers[op.weight.tensor] > 1 or not _whole(op.weight) or (isinstance(op, Gemm) and op.transposed):
            continue
        product = _Product(op, plan.quantisation(op.name).weights, parameters, grids[op.weight.tensor], seen)
        found[op.weight.tensor] = product.weight()
        if product.quantiser.correct_bias and op.bias is not None and readers[op.bias.tensor] == 1 and _whole(op.bias):
            bias = product.bias(op.bias.tensor, found[op.weight.tensor])
            found |= {} if bias is None else {op.bias.tensor: bias}
    return found


def _whole(view: View) -> bool:
    return not view.windows and view.order is None


@dataclass(frozen=True, slots=True, eq=False)
class _Product:
    """A product of a parameter, and what it read."""

    op: Gemm | Conv
    quantiser: WeightQuantiser
    parameters: Mapping[str, Floats]
    params: QuantParams
    seen: OperandStats

    def weight(self) -> Floats:
        """The weight on its grid."""
        trained = self.parameters[self.op.weight.tensor]
        if self.quantiser.rounding is Rounding.NEAREST:
            return self.params.real(self.params.quantised(trained))
        scale, zero = self._spread(self.params.scale, trained), self._spread(self.params.zero, trained)
        matrices, grams = self._matrices(trained), self.seen.grams[self.op.name]
        parts = [
            nearest_plane(matrix, gram, scales, zeros, self.params)
            for matrix, gram, scales, zeros in zip(matrices, grams, scale, zero, strict=True)
        ]
        return np.stack(parts).reshape(trained.shape).astype(np.float32)

    def bias(self, name: str, weight: Floats) -> Floats | None:
        """The bias, and what the mean of the inputs loses by the weight; None where matrices share it."""
        trained = self.parameters[name]
        lost = self._matrices(self.parameters[self.op.weight.tensor]) - self._matrices(weight)
        mean = self.seen.sums[self.op.name] / self.seen.counts[self.op.name]
        change = (mean[:, :, None] * lost).sum(axis=1)
        if change.size != trained.size:
            return None
        return np.asarray(trained + change.reshape(trained.shape), np.float32)

    def _matrices(self, values: NDArray[np.generic]) -> Doubles:
        return values.reshape(-1, *values.shape[-2:]).astype(np.float64)

    def _spread(self, entries: NDArray[np.generic], trained: Floats) -> Doubles:
        """Scales or zero points, one for each entry of the weight, as matrices."""
        group = self.params.group
        spread = entries if group is None else by_groups(entries, group, trained.shape[-2])
        return self._matrices(np.broadcast_to(spread, trained.shape))

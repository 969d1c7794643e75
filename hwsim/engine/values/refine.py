"""Parameters that stand for trained ones once scales are known: rounded by what products read, biases corrected.

They are real numbers that lie on the grid of their scales, so that the integers which stand for them are the wanted
ones, and nothing else changes. A parameter that several ops read, or one of them in part, is left as it is.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.kernels.grams import add_products
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
        wide = np.ascontiguousarray(act, np.float64)
        if op not in self.grams:
            self.grams[op] = np.zeros((len(wide), *2 * wide.shape[2:]))
        # Not a library's product, which adds in another order for another number of threads.
        for rows, gram in zip(wide, self.grams[op], strict=True):
            add_products(rows, rows, gram)
        self.sums[op] = self.sums.get(op, 0.0) + wide.sum(axis=1)
        self.counts[op] += act.shape[1]


def observed(program: Program, plan: PrecisionPlan) -> frozenset[str]:
    """The products whose operands must be seen in floats: of those that are rounded in turn, only the ones in loops."""
    return frozenset(
        placed.op.name
        for placed in program.placed()
        if isinstance(placed.op, (Gemm, Conv))
        and plan.quantisation(placed.op.name).weights.looks_at_operands
        and (placed.loops or not plan.in_turn)
    )


def refined(
    program: Program,
    plan: PrecisionPlan,
    parameters: Mapping[str, Floats],
    grids: Mapping[str, QuantParams],
    seen: OperandStats,
) -> dict[str, Floats]:
    """The parameters that are others than the trained ones, by name."""
    found: dict[str, Floats] = {}
    wanted = refinable(program, plan, grids)
    for op in (placed.op for placed in program.placed()):
        if op.name not in wanted or op.name not in seen.grams:
            continue
        assert isinstance(op, (Gemm, Conv))
        product = Product(op, plan.quantisation(op.name).weights, parameters, grids[op.weight.tensor])
        weight = found[op.weight.tensor] = product.weight(seen.grams[op.name])
        if product.quantiser.correct_bias and op.bias is not None and wanted[op.name] and product.bias_fits:
            found[op.bias.tensor] = product.bias(weight, seen.sums[op.name] / seen.counts[op.name])
    return found


def refinable(program: Program, plan: PrecisionPlan, grids: Mapping[str, QuantParams]) -> dict[str, bool]:
    """The products whose weights may change, as the plan asks for it, and whether their biases are theirs alone."""
    ops = [placed.op for placed in program.placed()]
    readers = Counter(
        view.tensor for op in ops for view in op_spec(op).reads(op) if program.tensor(view.tensor).role.parameter
    )
    found = {}
    for op in ops:
        if not isinstance(op, (Gemm, Conv)) or op.weight.tensor not in grids or readers[op.weight.tensor] != 1:
            continue
        if not _whole(op.weight) or (isinstance(op, Gemm) and op.transposed):
            continue
        if plan.quantisation(op.name).weights.looks_at_operands:
            found[op.name] = op.bias is not None and readers[op.bias.tensor] == 1 and _whole(op.bias)
    return found


def _whole(view: View) -> bool:
    return not view.windows and view.order is None


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A product of a parameter that may be rounded otherwise than to the nearest."""

    op: Gemm | Conv
    quantiser: WeightQuantiser
    parameters: Mapping[str, Floats]
    params: QuantParams

    def weight(self, grams: Doubles) -> Floats:
        """The weight on its grid; of each of its matrices the inputs have these sums."""
        if self.quantiser.rounding is Rounding.NEAREST:
            return self.nearest()
        return self.on_plane(self.matrices(self.parameters[self.op.weight.tensor]), grams)

    def nearest(self) -> Floats:
        """The weight on its grid, each entry for itself."""
        return self.params.real(self.params.quantised(self.parameters[self.op.weight.tensor]))

    def on_plane(self, matrices: Doubles, grams: Doubles) -> Floats:
        """The values on the grid of the weight whose products are nearest to those of these matrices."""
        trained = self.parameters[self.op.weight.tensor]
        scale, zero = self._spread(self.params.scale, trained), self._spread(self.params.zero, trained)
        parts = [
            nearest_plane(matrix, gram, scales, zeros, self.params)
            for matrix, gram, scales, zeros in zip(matrices, grams, scale, zero, strict=True)
        ]
        return np.stack(parts).reshape(trained.shape).astype(np.float32)

    @property
    def bias_fits(self) -> bool:
        """Whether the bias has an entry for each result: that of several matrices may be shared."""
        assert self.op.bias is not None
        matrices = self.matrices(self.parameters[self.op.weight.tensor])
        return bool(self.parameters[self.op.bias.tensor].size == len(matrices) * matrices.shape[2])

    def bias(self, weight: Floats, mean: Doubles) -> Floats:
        """The bias, and what the mean of the inputs loses by the weight."""
        assert self.op.bias is not None
        trained = self.parameters[self.op.bias.tensor]
        lost = self.matrices(self.parameters[self.op.weight.tensor]) - self.matrices(weight)
        change = (mean[:, :, None] * lost).sum(axis=1)
        return np.asarray(trained + change.reshape(trained.shape), np.float32)

    def matrices(self, values: NDArray[np.generic]) -> Doubles:
        """A weight as matrices [b, k, n]."""
        return values.reshape(-1, *values.shape[-2:]).astype(np.float64)

    def _spread(self, entries: NDArray[np.generic], trained: Floats) -> Doubles:
        """Scales or zero points, one for each entry of the weight, as matrices."""
        group = self.params.group
        spread = entries if group is None else by_groups(entries, group, trained.shape[-2])
        return self.matrices(np.broadcast_to(spread, trained.shape))

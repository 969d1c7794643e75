"""Weights rounded one product after another: each so that its results on what it will read come nearest to what they
were on what it read in floats, and so that it makes up for what those before it lost.

Two runs go through the program side by side, in floats and rounded: values on the grids that integers will have,
weights as they were found so far. Of a product let x be what it reads in floats and y what it reads rounded. Least is
Σ (x·w - y·q)² + λ (w - q)², with the damping λ of `nearest_plane`: that is (t - q)ᵀ (Σ y·yᵀ + λ) (t - q) and a rest,
for t = (Σ y·yᵀ + λ)⁻¹ (Σ y·xᵀ + λ) w, so that the nearest plane to t takes the place of that to w. Where the bias may
change, x and y are less their means, and the bias gets what is left between the means.

Holding the rounded network's results against those in floats is the asymmetric reconstruction of Nagel et al., "Up or
down? Adaptive rounding for post-training quantization", ICML 2020 (arXiv 2004.10568).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.floats import FloatOps
from hwsim.engine.values.refine import Product, refinable
from hwsim.engine.values.tensor_store import TensorStore, index_tensors, last_uses
from hwsim.engine.values.walk import run_nodes
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.kernels.grams import add_products
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.quantisation import Rounding
from hwsim.tensor.backend import ProductBackend
from hwsim.tensor.nearest_plane import moved_by_what_is_read
from hwsim.tensor.quant_params import QuantParams

Array = NDArray[Any]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

Heard = tuple[Program, Mapping[str, Array]]
"""The program of an utterance at its length, and its inputs."""


def refined_in_turn(
    heard: Sequence[Heard],
    plan: PrecisionPlan,
    parameters: Mapping[str, Floats],
    grids: Mapping[str, QuantParams],
    known: Mapping[str, Floats],
    products: ProductBackend,
) -> dict[str, Floats]:
    """The parameters that are others than the trained ones, by name; `known` are those of products inside of loops.

    Products outside of loops are refined, the first to the last; behind them nothing is run.
    """
    found = dict(known)
    wanted = refinable(heard[0][0], plan, grids)
    last = max((place for place, node in enumerate(heard[0][0].body) if node.name in wanted), default=-1)
    pairs = [_Pair.of(program, inputs, parameters, found, grids, products) for program, inputs in heard]
    for place in range(last + 1):
        node, sums = heard[0][0].body[place], None
        for pair in pairs:
            pair.run(place, pair.floats)
            pair.run(place, pair.rounded)
            x, y = pair.floats.rows, pair.rounded.rows
            if node.name in wanted and x is not None and y is not None:
                sums = sums or _Sums.of(x)
                sums.add(x, y)
        if sums is not None:
            assert isinstance(node, (Gemm, Conv))
            changed = _changed(node, plan, parameters, grids[node.weight.tensor], sums, wanted[node.name])
            found |= changed
            for pair in pairs:
                pair.rounded.take(changed)
                pair.run(place, pair.rounded)
        for pair in pairs:
            pair.forget(place)
    return found


class _Watched(FloatOps):
    """Ops in floats, with what the last product read."""

    rows: Array | None = None
    memory_of: TensorStore

    def _product(self, op: Gemm | Conv, act: Array, weight: Array) -> Floats:
        self.rows = act
        return super()._product(op, act, weight)

    def take(self, changed: Mapping[str, Floats]) -> None:
        """Go on with other parameters."""
        for name, values in changed.items():
            self.memory_of[name] = values


class _Rounded(_Watched):
    """The same, each result on the grid that its integers will have."""

    def __init__(
        self, program: Program, parameters: Mapping[str, Floats], products: ProductBackend,
        grids: Mapping[str, QuantParams],
    ) -> None:  # fmt: skip
        super().__init__(program, parameters, products)
        self._grids, self._indices = grids, index_tensors(program)

    def on_grid(self, name: str, values: Array) -> Array:
        """What the integers of a tensor stand for, if it has integers."""
        grid = None if name in self._indices else self._grids.get(name)
        return values if grid is None else grid.real(grid.quantised(values))

    def keep(self, op: Any, view: View, memory: TensorStore, indices: Mapping[str, int], values: Array) -> None:
        """Write a result as it will be kept."""
        super().keep(op, view, memory, indices, self.on_grid(view.tensor, values))


@dataclass(slots=True, eq=False)
class _Pair:
    """One utterance in floats and rounded."""

    program: Program
    floats: _Watched
    rounded: _Rounded
    done: tuple[frozenset[str], ...]

    @classmethod
    def of(
        cls,
        program: Program,
        inputs: Mapping[str, Array],
        parameters: Mapping[str, Floats],
        found: Mapping[str, Floats],
        grids: Mapping[str, QuantParams],
        products: ProductBackend,
    ) -> "_Pair":
        """Both before the first op."""
        floats, rounded = _Watched(program, parameters, products), _Rounded(program, parameters, products, grids)
        floats.memory_of = floats.memory(inputs)
        on_grid = {name: rounded.on_grid(name, values) for name, values in inputs.items()}
        rounded.memory_of = rounded.memory(on_grid)
        rounded.take({name: rounded.on_grid(name, values) for name, values in parameters.items()})
        rounded.take(found)
        return cls(program, floats, rounded, last_uses(program))

    def run(self, place: int, ops: _Watched) -> None:
        """Run a node of the body."""
        ops.rows = None
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            run_nodes((self.program.body[place],), ops.memory_of, {}, ops.run)

    def forget(self, place: int) -> None:
        """Give back what no later node reads."""
        for ops in (self.floats, self.rounded):
            ops.memory_of.forget(self.done[place])


@dataclass(slots=True, eq=False)
class _Sums:
    """Of each matrix of a product Σ y·yᵀ, Σ y·xᵀ, Σ x and Σ y over the vectors that it read in floats and rounded."""

    grams: Doubles
    cross: Doubles
    in_floats: Doubles
    rounded: Doubles
    count: int = 0

    @classmethod
    def of(cls, x: Array) -> "_Sums":
        """Nothing yet, of vectors like these."""
        matrices, _, k = x.shape
        square, line = (matrices, k, k), (matrices, k)
        return cls(np.zeros(square), np.zeros(square), np.zeros(line), np.zeros(line))

    def add(self, x: Array, y: Array) -> None:
        """Take note of x[b, m, k] and y[b, m, k]."""
        wide_x, wide_y = (np.ascontiguousarray(rows, np.float64) for rows in (x, y))
        for place in range(len(wide_x)):
            add_products(wide_y[place], wide_y[place], self.grams[place])
            add_products(wide_y[place], wide_x[place], self.cross[place])
        self.in_floats += wide_x.sum(axis=1)
        self.rounded += wide_y.sum(axis=1)
        self.count += wide_x.shape[1]


def _changed(
    op: Gemm | Conv,
    plan: PrecisionPlan,
    parameters: Mapping[str, Floats],
    params: QuantParams,
    sums: _Sums,
    bias_is_its_own: bool,
) -> dict[str, Floats]:
    """The weight of a product on its grid, and its bias, if that may change."""
    quantiser = plan.quantisation(op.name).weights
    product = Product(op, quantiser, parameters, params)
    corrects = quantiser.correct_bias and bias_is_its_own and op.bias is not None and product.bias_fits
    grams, cross, mean_x, mean_y = sums.grams, sums.cross, sums.in_floats / sums.count, sums.rounded / sums.count
    if corrects:
        grams = grams - sums.count * mean_y[:, :, None] * mean_y[:, None, :]
        cross = cross - sums.count * mean_y[:, :, None] * mean_x[:, None, :]
    weight = parameters[op.weight.tensor]
    if quantiser.rounding is Rounding.NEAREST:
        found = product.nearest()
    else:
        wanted = [
            moved_by_what_is_read(matrix, gram, mixed)
            for matrix, gram, mixed in zip(product.matrices(weight), grams, cross, strict=True)
        ]
        found = product.on_plane(np.stack(wanted), grams)
    changed = {op.weight.tensor: found}
    if corrects:
        assert op.bias is not None
        before = (mean_x[:, :, None] * product.matrices(weight)).sum(axis=1)
        after = (mean_y[:, :, None] * product.matrices(found)).sum(axis=1)
        trained = parameters[op.bias.tensor]
        changed[op.bias.tensor] = np.asarray(trained + (before - after).reshape(trained.shape), np.float32)
    return changed

"""Narrower bottlenecks of factored layers: which directions stay, and the factors that hold them.

The rows x that a run puts into a bottleneck leave it through a matrix A. Of all matrices of a rank the one that is best
for Σ |x·A − x·M·A|² keeps the first left singular vectors of S·A, where S² = Σ xᵀx: M = S⁻¹·U·Uᵀ·S. So a layer becomes
one with factors W·S⁻¹·U and Uᵀ·S·A, and no factor is trained anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.errors import InvalidValue, Unsupported
from hwsim.inputs.changed import changed_recipe
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.models.tdnnf import Tdnnf
from hwsim.quantities.precision import policy
from hwsim.study.allocation.formats import Floats, Product, Rounding
from hwsim.study.allocation.noise import OtherProduct, Reference, Watching, run_watched
from hwsim.study.allocation.units import Unit

Doubles = NDArray[np.float64]

_LEAST = 1e-6
"""Directions that rows have in a smaller share of the largest one's power are as good as none."""


@dataclass(frozen=True, slots=True)
class Factored:
    """A layer of two factors with a bottleneck between them: its place in the recipe, its width, its units."""

    place: int
    width: int
    enter: Unit
    leave: Unit

    @property
    def path(self) -> str:
        """The field that says how wide it is."""
        return f"encoder.layers.{self.place}.bottleneck"


def factored_layers(work: Workload, units: Sequence[Unit]) -> tuple[Factored, ...]:
    """The factored layers of a workload."""
    if not isinstance(work.recipe, Tdnnf):
        law = "has no factored layers whose bottlenecks could be narrowed; workloads of kind tdnnf have"
        raise Unsupported(f"{work.name}: {law}")
    named = {unit.name: unit for unit in units}
    return tuple(
        Factored(place, layer.bottleneck, named[f"encoder.{place + 2}.linear"], named[f"encoder.{place + 2}.affine"])
        for place, layer in enumerate(work.recipe.encoder.layers)
    )


def check_widths(widths: Sequence[int], layers: Sequence[Factored]) -> None:
    """Refuse widths that are no narrowing of any layer."""
    widest = max(layer.width for layer in layers)
    for width in widths:
        if not 1 <= width <= widest:
            raise InvalidValue("bottlenecks", width, f"must be from 1 to {widest}, which the widest layer has")


def with_widths(work: Workload, widths: Mapping[str, int]) -> Workload:
    """The workload with bottlenecks of other widths, by the paths of their fields."""
    if not widths:
        return work
    assert isinstance(work.recipe, Tdnnf)
    return workload(changed_recipe(work.recipe, widths, "allocation:"), work.precision)


@dataclass(frozen=True, slots=True)
class Directions:
    """Of a layer, what rows become before its bottleneck is cut off (into), and what leads back (back)."""

    into: Doubles
    back: Doubles

    def kept(self, width: int) -> tuple[Doubles, Doubles]:
        """Into so many directions, and back."""
        return self.into[:, :width], self.back[:width]


def directions_of(reference: Reference, layers: Sequence[Factored]) -> dict[int, Directions]:
    """The directions of each layer's bottleneck, those first that its results need most."""
    power: dict[str, Doubles] = {layer.enter.name: np.zeros((layer.width, layer.width)) for layer in layers}

    def watch(ops: Watching, op: Op, memory: TensorStore, indices: Indices) -> bool:
        if op.name not in power or not isinstance(op, (Gemm, Conv)):
            return False
        ops.itself(op, memory, indices)
        rows = memory.read(op.out, indices).reshape(-1, len(power[op.name])).astype(np.float64)
        power[op.name] += rows.T @ rows
        return True

    run_watched(reference, watch, forced=reference.chosen)
    return {
        layer.place: _directions(power[layer.enter.name], _leaving(reference.given.parameters, layer))
        for layer in layers
    }


def _leaving(parameters: Mapping[str, Floats], layer: Factored) -> Doubles:
    """The weight by which rows leave a bottleneck, all taps side by side."""
    return np.concatenate(list(_taps(parameters[f"{layer.leave.name}.weight"], layer)), axis=1)


def _taps(weight: Floats, layer: Factored) -> Doubles:
    """The weight behind a bottleneck as [tap, direction, result]."""
    return weight.astype(np.float64).reshape(-1, layer.width, weight.shape[-1])


def _directions(power: Doubles, leaving: Doubles) -> Directions:
    strength, basis = np.linalg.eigh(power)
    strength = np.sqrt(np.maximum(strength, _LEAST * max(strength[-1], np.finfo(np.float64).tiny)))
    root, inverse = (basis * strength) @ basis.T, (basis / strength) @ basis.T
    turned, _, _ = np.linalg.svd(root @ leaving)
    return Directions(inverse @ turned, turned.T @ root)


def narrowed(
    parameters: Mapping[str, Any],
    layers: Sequence[Factored],
    widths: Mapping[str, int],
    directions: Mapping[int, Directions],
) -> dict[str, Any]:
    """The parameters of a workload with narrower bottlenecks."""
    fresh = dict(parameters)
    for layer in layers:
        width = widths.get(layer.path, layer.width)
        if width < layer.width:
            into, back = directions[layer.place].kept(width)
            enter, leave = f"{layer.enter.name}.weight", f"{layer.leave.name}.weight"
            fresh[enter] = np.asarray(parameters[enter] @ into, np.float32)
            taps = np.asarray(back @ _taps(parameters[leave], layer), np.float32)
            fresh[leave] = taps.reshape(1, -1, taps.shape[-1])
    return fresh


def cut_off(reference: Reference, op: Product, directions: Directions, width: int) -> OtherProduct:
    """The product before a bottleneck, whose rows lose all but so many directions; nothing is rounded."""
    into, back = directions.kept(width)
    weight = np.asarray(reference.given.parameters[op.weight.tensor] @ (into @ back), np.float32)
    plain = policy("fp32")
    rounding = Rounding(plain, plain.activation, reference.work.precision.quantisation(op.name).activations)
    return OtherProduct(op, weight, rounding, reference.histograms[op.name])

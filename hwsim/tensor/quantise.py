"""Quantisers: quantisation parameters from weights, or from a histogram of activations."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.tensor import Granularity, Scaling
from hwsim.quantities.precision import Precision
from hwsim.quantities.quantisation import ActivationQuantiser, WeightQuantiser
from hwsim.tensor.clip import Range, Sample, clip_range
from hwsim.tensor.histogram import Histogram
from hwsim.tensor.quant_params import QuantParams

_BLOCK_ELEMENTS = 1 << 20


def weight_grid(
    weight: NDArray[np.float32], precision: Precision, scaling: Scaling, quantiser: WeightQuantiser
) -> QuantParams:
    """The quantisation parameters of a weight[…, K, N]: one scale, one a column, or one a group of K and column."""
    clip = quantiser.clip_for(precision.bits)
    parts = [
        clip_range(Sample(rows), precision, clip, quantiser.percentile, quantiser.symmetric)
        for rows in _rows(weight, scaling)
    ]
    bounds = Range(np.concatenate([part.low for part in parts]), np.concatenate([part.high for part in parts]))
    *leading, k, n = weight.shape
    match scaling.granularity:
        case Granularity.TENSOR:
            shape: tuple[int, ...] = ()
        case Granularity.CHANNEL:
            shape = (*leading, 1, n)
        case _:
            assert scaling.group is not None
            shape = (*leading, -(-k // scaling.group), n)
    return _grid(bounds, precision, quantiser.symmetric, shape, scaling.group)


def _rows(weight: NDArray[np.float32], scaling: Scaling) -> Iterator[NDArray[np.float64]]:
    """The values that share a scale, as rows, in the order of the scales; at most a million values at a time."""
    k, n = weight.shape[-2:]
    if scaling.granularity is Granularity.TENSOR:
        yield weight.reshape(1, -1).astype(np.float64)
        return
    if scaling.granularity is Granularity.CHANNEL:
        columns = np.moveaxis(weight, -2, -1).reshape(-1, k)
        block = max(1, _BLOCK_ELEMENTS // k)
        for start in range(0, len(columns), block):
            yield columns[start : start + block].astype(np.float64)
        return
    assert scaling.group is not None
    for matrix in weight.reshape(-1, k, n):
        for start in range(0, k, scaling.group):
            yield matrix[start : start + scaling.group].T.astype(np.float64)


def activation_grid(histogram: Histogram, precision: Precision, quantiser: ActivationQuantiser) -> QuantParams:
    """The quantisation parameters of a tensor from the histogram of its values."""
    sample = Sample(histogram.centres[None, :], histogram.counts[None, :].astype(np.float64))
    clip = quantiser.clip_for(precision.bits)
    bounds = clip_range(sample, precision, clip, quantiser.percentile, quantiser.symmetric)
    return _grid(bounds, precision, quantiser.symmetric, (), None)


def state_grid(histogram: Histogram, precision: Precision) -> QuantParams:
    """Parameters of what a vector unit keeps: the least power of two that clips nothing, so that rescaling is a shift.

    >>> state_grid(Histogram.of(np.array([-5.0, 3.0])), Precision.INT16).single == 2.0**-12
    True
    """
    return power_of_two_grid(histogram.largest, precision)


def power_of_two_grid(largest: float, precision: Precision) -> QuantParams:
    """Symmetric parameters whose scale is the least power of two at which that value is not clipped."""
    mantissa, exponent = np.frexp(np.float64(largest if largest > 0 else 1.0))
    exponent = exponent - 1 if mantissa == 0.5 else exponent
    scale = 2.0 ** int(exponent - (precision.bits - 1))
    if largest > scale * precision.highest:
        scale *= 2
    return QuantParams(precision, np.asarray(scale, np.float32), np.asarray(0, np.int32))


def _grid(
    bounds: Range, precision: Precision, symmetric: bool, shape: tuple[int, ...], group: int | None
) -> QuantParams:
    steps = precision.highest if symmetric else precision.highest - precision.lowest
    spread = bounds.high if symmetric else bounds.high - bounds.low
    # A tensor of zeros may have any scale.
    scale = np.where(spread > 0, spread / steps, 1.0).astype(np.float32)
    scale = np.maximum(scale, np.finfo(np.float32).tiny)
    zero = np.zeros(len(scale), np.int32)
    if not symmetric:
        nearest = np.rint(precision.lowest - bounds.low / scale)
        zero = np.clip(nearest, precision.lowest, precision.highest).astype(np.int32)
    return QuantParams(precision, scale.reshape(shape), zero.reshape(shape), symmetric, group)

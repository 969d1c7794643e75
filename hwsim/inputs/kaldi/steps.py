"""What components compute, in few kinds of steps; a component whose numbers do not fit one another is refused."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.inputs.kaldi.fields import RECURRENT
from hwsim.inputs.kaldi.model import Component

Reals = NDArray[np.float64]
LEAST_SCALE = 1e-4
"""Scales of `ScaleAndOffsetComponent` are kept this far from zero (its function `Epsilon`)."""
LEAST_SQUARES = 2.0**-66
"""The least mean square of `NormalizeComponent` (`kSquaredNormFloor` in cudamatrix/cu-math.cc)."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A matrix [columns, inputs of all taps], a bias or none; a tap is a distance in frames. A fixed one was no part of
    the training."""

    matrix: Reals
    bias: Reals | None
    taps: tuple[int, ...] = (0,)
    fixed: bool = False

    @property
    def inputs(self) -> int:
        """Columns that it reads at each tap."""
        return int(self.matrix.shape[1]) // len(self.taps)

    @property
    def columns(self) -> int:
        return int(self.matrix.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Convolved:
    """A convolution along time and height; columns are heights, and filters inside each.

    `kernel` is [filters out, filters in, times, heights] at these distances; frames that none of `required` names may
    be missing, and are zeros then.
    """

    kernel: Reals
    bias: Reals
    times: tuple[int, ...]
    heights: tuple[int, ...]
    height: int
    outputs: int
    every: int
    required: tuple[int, ...]

    @property
    def inputs(self) -> int:
        return self.height * int(self.kernel.shape[1])

    @property
    def columns(self) -> int:
        return self.outputs * int(self.kernel.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Stretched:
    """Each column times a number of its own, plus another one."""

    scale: Reals | None
    offset: Reals | None
    inputs: int


@dataclass(frozen=True, slots=True)
class Passed:
    """What comes in goes out."""

    inputs: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function of each element, or of each row, by its name in ONNX."""

    name: str
    inputs: int


@dataclass(frozen=True, slots=True, eq=False)
class Permuted:
    """Columns in another order: each is the one of that place."""

    places: NDArray[np.int64]

    @property
    def inputs(self) -> int:
        return self.places.size


@dataclass(frozen=True, slots=True)
class Multiplied:
    """The product of several vectors that come one behind another."""

    inputs: int
    columns: int


@dataclass(frozen=True, slots=True)
class Normalised:
    """Rows brought to a root of their mean square."""

    inputs: int
    target: float


Step = Affine | Convolved | Stretched | Passed | Function | Permuted | Multiplied | Normalised


def step_of(component: Component) -> Step:
    """What a component computes when it is not trained."""
    made = _STEPS.get(component.kind)
    if made is None:
        reason = (
            "it stands in recurrent networks"
            if component.kind in RECURRENT
            else "docs/kaldi.md lists those that it reads"
        )
        raise Unsupported(f"{component.title}: hwsim does not read this kind; {reason}")
    return made(component)


def _refused(component: Component, reason: str) -> Unsupported:
    return Unsupported(f"{component.title}: {reason}")


def _positive(component: Component, field: str) -> int:
    value: int = component.get(field)
    if value < 1:
        raise _refused(component, f"has <{field}> {value}")
    return value


def _repeated(component: Component, values: Any, columns: int, what: str) -> Reals:
    """Numbers of a block of columns, for all columns."""
    if not values.size or columns % values.size:
        raise _refused(component, f"has {values.size} {what} for {columns} columns")
    return np.tile(values.astype(np.float64), columns // values.size)


def _affine(component: Component) -> Affine:
    matrix, bias = component.get("LinearParams"), component.get("BiasParams")
    taps = component.fields.get("TimeOffsets", (0,))
    if not matrix.size or not taps or len(set(taps)) < len(taps) or matrix.shape[1] % len(taps):
        raise _refused(component, f"has a matrix of {list(matrix.shape)} for the frames {list(taps)[:8]}")
    if component.kind == "TdnnComponent" and not bias.size:
        bias = None
    elif bias.size != matrix.shape[0]:
        raise _refused(component, f"has {bias.size} biases for {matrix.shape[0]} columns")
    fixed = component.kind == "FixedAffineComponent"
    wide = None if bias is None else bias.astype(np.float64)
    return Affine(matrix.astype(np.float64), wide, tuple(taps), fixed)


def _linear(component: Component) -> Affine:
    matrix = component.get("Params")
    if not matrix.size:
        raise _refused(component, "has an empty matrix")
    return Affine(matrix.astype(np.float64), None)


def _batch_norm(component: Component) -> Stretched:
    """Outside of training: by the mean and the variance that training met."""
    columns, block = _positive(component, "Dim"), _positive(component, "BlockDim")
    mean, variance = component.get("StatsMean"), component.get("StatsVar")
    if mean.size != block or variance.size != block or columns % block:
        raise _refused(component, f"has {mean.size} means and {variance.size} variances for blocks of {block}")
    epsilon, target = component.get("Epsilon"), component.get("TargetRms")
    floored = np.maximum(variance.astype(np.float64), 0) + epsilon
    if not (floored > 0).all() or not target > 0 or not np.isfinite(target):
        raise _refused(component, f"has the epsilon {epsilon:g} and the target {target:g}, which must be positive")
    scale = target / np.sqrt(floored)
    return Stretched(
        _repeated(component, scale, columns, "scales"),
        _repeated(component, -mean.astype(np.float64) * scale, columns, "means"),
        columns,
    )


def _scales(field: str) -> Callable[[Component], Stretched]:
    def made(component: Component) -> Stretched:
        scale = component.get(field)
        if not scale.size:
            raise _refused(component, "has no scales")
        return Stretched(scale.astype(np.float64), None, scale.size)

    return made


def _offsets(field: str) -> Callable[[Component], Stretched]:
    def made(component: Component) -> Stretched:
        offset = component.get(field)
        columns = _positive(component, "Dim") if "Dim" in component.fields else offset.size
        return Stretched(None, _repeated(component, offset, columns, "offsets"), columns)

    return made


def _scale_and_offset(component: Component) -> Stretched:
    columns, scales, offsets = _positive(component, "Dim"), component.get("Scales"), component.get("Offsets")
    scale = _repeated(component, scales, columns, "scales")
    away = np.where(scale < 0, -LEAST_SCALE, LEAST_SCALE)
    kept = np.where(np.abs(scale) < LEAST_SCALE, away, scale)
    return Stretched(kept, _repeated(component, offsets, columns, "offsets"), columns)


def _function(name: str) -> Callable[[Component], Function]:
    return lambda component: Function(name, _positive(component, "Dim"))


def _passed(component: Component) -> Passed:
    return Passed(_positive(component, "Dim"))


def _dropout(component: Component) -> Stretched | Passed:
    """Outside of training this one scales by what it would have kept."""
    columns, dropped = _positive(component, "Dim"), component.get("DropoutProportion")
    if not 0 <= dropped <= 1:
        raise _refused(component, f"drops the share {dropped:g}")
    return Stretched(np.full(columns, 1 - dropped), None, columns) if dropped else Passed(columns)


def _permuted(component: Component) -> Permuted:
    places = np.asarray(component.get("ColumnMap"), np.int64)
    if not places.size or not np.array_equal(np.sort(places), np.arange(places.size)):
        raise _refused(component, "is no order of its columns")
    return Permuted(places)


def _multiplied(component: Component) -> Multiplied:
    inputs, columns = _positive(component, "InputDim"), _positive(component, "OutputDim")
    if inputs % columns or inputs == columns:
        raise _refused(component, f"makes {columns} columns of {inputs}")
    return Multiplied(inputs, columns)


def _normalised(component: Component) -> Normalised:
    columns = _positive(component, "InputDim" if "InputDim" in component.fields else "Dim")
    target = component.fields.get("TargetRms", 1.0)
    if component.fields.get("BlockDim", columns) != columns or component.fields.get("AddLogStddev", False):
        raise _refused(component, "normalises blocks, or adds a column of deviations, which hwsim does not read")
    if not target > 0 or not np.isfinite(target):
        raise _refused(component, f"has the target {target:g}; it must be greater than zero")
    return Normalised(columns, float(target))


def _convolved(component: Component) -> Convolved:
    fields = ("NumFiltersIn", "NumFiltersOut", "HeightIn", "HeightOut", "HeightSubsampleOut")
    filters, made, height, outputs, every = (_positive(component, field) for field in fields)
    matrix, bias, pairs = (component.get(field) for field in ("LinearParams", "BiasParams", "Offsets"))
    times, heights = (tuple(sorted({pair[place] for pair in pairs})) for place in (0, 1))
    if not pairs or list(pairs) != [(time, at) for time in times for at in heights]:
        raise _refused(component, "has offsets that form no grid, which hwsim does not read")
    if matrix.shape != (made, filters * len(pairs)) or bias.size != made:
        raise _refused(component, f"has a matrix of {list(matrix.shape)} for {filters} filters at {len(pairs)} places")
    required = component.get("RequiredTimeOffsets")
    if not required or not set(required) <= set(times):
        raise _refused(component, "requires no frames, or frames that it does not read")
    kernel = matrix.astype(np.float64).reshape(made, len(times), len(heights), filters).transpose(0, 3, 1, 2)
    return Convolved(kernel, bias.astype(np.float64), times, heights, height, outputs, every, tuple(required))


_STEPS: Mapping[str, Callable[[Component], Step]] = {
    "AffineComponent": _affine,
    "NaturalGradientAffineComponent": _affine,
    "FixedAffineComponent": _affine,
    "TdnnComponent": _affine,
    "LinearComponent": _linear,
    "TimeHeightConvolutionComponent": _convolved,
    "BatchNormComponent": _batch_norm,
    "NormalizeComponent": _normalised,
    "RectifiedLinearComponent": _function("Relu"),
    "SigmoidComponent": _function("Sigmoid"),
    "TanhComponent": _function("Tanh"),
    "SoftmaxComponent": _function("Softmax"),
    "LogSoftmaxComponent": _function("LogSoftmax"),
    "NoOpComponent": _passed,
    "GeneralDropoutComponent": _passed,
    "SpecAugmentTimeMaskComponent": _passed,
    "DropoutComponent": _dropout,
    "FixedScaleComponent": _scales("Scales"),
    "PerElementScaleComponent": _scales("Params"),
    "NaturalGradientPerElementScaleComponent": _scales("Params"),
    "FixedBiasComponent": _offsets("Bias"),
    "PerElementOffsetComponent": _offsets("Offsets"),
    "ScaleAndOffsetComponent": _scale_and_offset,
    "PermuteComponent": _permuted,
    "ElementwiseProductComponent": _multiplied,
}
"""What each kind of component becomes."""

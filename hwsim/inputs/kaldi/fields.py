"""What components of nnet3 hold: the fields of each kind, and how each is written.

Source: the functions `Write` and `Read` of nnet3/nnet-simple-component.cc, nnet-tdnn-component.cc,
nnet-normalize-component.cc, nnet-general-component.cc, nnet-convolutional-component.cc and nnet-component-itf.cc
(github.com/kaldi-asr/kaldi, commit f400766). Fields may come in any order here; those that training alone needs are
read and left.
"""

from collections.abc import Mapping
from enum import Enum


class Form(Enum):
    """How a field is written."""

    WHOLE = "whole"
    REAL = "real"
    TRUTH = "truth"
    WHOLES = "wholes"
    PAIRS = "pairs"
    VECTOR = "vector"
    MATRIX = "matrix"
    TWO_WHOLES = "two wholes"
    TWO_REALS = "two reals"
    NOTHING = "nothing"


Fields = Mapping[str, Form]
_R, _W, _T, _V, _M = Form.REAL, Form.WHOLE, Form.TRUTH, Form.VECTOR, Form.MATRIX

_UPDATABLE: Fields = {
    "LearningRateFactor": _R, "IsGradient": _T, "MaxChange": _R, "L2Regularize": _R, "LearningRate": _R,
    "OrthonormalConstraint": _R, "UseNaturalGradient": _T, "NumSamplesHistory": _R, "Alpha": _R, "RankIn": _W,
    "RankOut": _W, "Rank": _W, "UpdatePeriod": _W, "RankInOut": Form.TWO_WHOLES, "AlphaInOut": Form.TWO_REALS,
    "NumMinibatchesHistory": _R, "MaxChangePerSample": _R, "UpdateCount": _R, "ActiveScalingCount": _R,
    "MaxChangeScaleStats": _R,
}  # fmt: skip
_AFFINE: Fields = {**_UPDATABLE, "LinearParams": _M, "BiasParams": _V}
_NONLINEAR: Fields = {
    "Dim": _W, "BlockDim": _W, "ValueAvg": _V, "DerivAvg": _V, "Count": _R, "OderivRms": _V, "OderivCount": _R,
    "NumDimsSelfRepaired": _R, "NumDimsProcessed": _R, "SelfRepairLowerThreshold": _R, "SelfRepairUpperThreshold": _R,
    "SelfRepairScale": _R,
}  # fmt: skip

COMPONENTS: Mapping[str, Fields] = {
    "AffineComponent": _AFFINE,
    "NaturalGradientAffineComponent": _AFFINE,
    "FixedAffineComponent": {"LinearParams": _M, "BiasParams": _V},
    "LinearComponent": {**_UPDATABLE, "Params": _M},
    "TdnnComponent": {**_AFFINE, "TimeOffsets": Form.WHOLES},
    "TimeHeightConvolutionComponent": {
        **_AFFINE, "Model": Form.NOTHING, "ConvolutionModel": Form.NOTHING, "NumFiltersIn": _W, "NumFiltersOut": _W,
        "HeightIn": _W, "HeightOut": _W, "HeightSubsampleOut": _W, "Offsets": Form.PAIRS,
        "RequiredTimeOffsets": Form.WHOLES, "/ConvolutionModel": Form.NOTHING, "MaxMemoryMb": _R,
    },
    "BatchNormComponent": {
        "Dim": _W, "BlockDim": _W, "Epsilon": _R, "TargetRms": _R, "TestMode": _T, "Count": _R, "StatsMean": _V,
        "StatsVar": _V,
    },
    "NormalizeComponent": {
        "InputDim": _W, "Dim": _W, "BlockDim": _W, "TargetRms": _R, "AddLogStddev": _T, "ValueAvg": _V,
        "DerivAvg": _V, "Count": _R,
    },
    "RectifiedLinearComponent": _NONLINEAR,
    "SigmoidComponent": _NONLINEAR,
    "TanhComponent": _NONLINEAR,
    "SoftmaxComponent": _NONLINEAR,
    "LogSoftmaxComponent": _NONLINEAR,
    "NoOpComponent": {**_NONLINEAR, "BackpropScale": _R},
    "DropoutComponent": {"Dim": _W, "DropoutProportion": _R, "DropoutPerFrame": _T, "TestMode": _T},
    "GeneralDropoutComponent": {
        "Dim": _W, "BlockDim": _W, "TimePeriod": _W, "DropoutProportion": _R, "SpecAugmentMaxProportion": _R,
        "SpecAugmentMaxRegions": _W, "TestMode": Form.NOTHING, "Continuous": Form.NOTHING,
    },
    "SpecAugmentTimeMaskComponent": {
        "Dim": _W, "ZeroedProportion": _R, "TimeMaskMaxFrames": _W, "TestMode": Form.NOTHING,
    },
    "FixedScaleComponent": {"Scales": _V},
    "FixedBiasComponent": {"Bias": _V},
    "PerElementScaleComponent": {**_UPDATABLE, "Params": _V},
    "NaturalGradientPerElementScaleComponent": {**_UPDATABLE, "Params": _V},
    "PerElementOffsetComponent": {**_UPDATABLE, "Offsets": _V, "Dim": _W},
    "ScaleAndOffsetComponent": {**_UPDATABLE, "Dim": _W, "Scales": _V, "Offsets": _V},
    "PermuteComponent": {"ColumnMap": Form.WHOLES},
    "ElementwiseProductComponent": {"InputDim": _W, "OutputDim": _W},
}  # fmt: skip
"""Fields of the kinds of components that are read, without their angle brackets."""

RECURRENT = (
    "LstmNonlinearityComponent", "GruNonlinearityComponent", "OutputGruNonlinearityComponent",
    "BackpropTruncationComponent", "ClipGradientComponent",
)  # fmt: skip
"""Kinds that stand in recurrent networks alone."""

"""A workload from a Kaldi file: its program for so many frames, and its numbers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.inputs.kaldi.layers import Layers, layers_of
from hwsim.inputs.kaldi.model import read_network
from hwsim.inputs.kaldi.times import Context, context_of, features_of, planned
from hwsim.inputs.kaldi.translation import graph_of, shapes_of
from hwsim.inputs.onnx.finishing import finished
from hwsim.inputs.onnx.lowering import lowered, outputs
from hwsim.inputs.onnx.workload import SECOND, carried_by
from hwsim.inputs.opened import ReadModel
from hwsim.ir.workload import Workload
from hwsim.passes.precision import workload_of
from hwsim.quantities.precision import PrecisionPlan

FRAMES, SUBSAMPLING = "frames", "subsampling"
"""What `--dim` may say: frames of features, context among them, and frames for each of the output."""
MOST_FRAMES = 1 << 20
MOST_SUBSAMPLING = 100
FRAME = 10**10
"""Picoseconds from a frame of features to the next (the default of `frame-shift` in Kaldi's feat/feature-window.h)."""
CHAIN = 3
"""Of how many frames chain models make one output (`frame_subsampling_factor` in steps/nnet3/chain/train.py)."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked of a file: it can be asked again for another number of frames."""

    path: Path
    precision: str | PrecisionPlan | None
    dims: Mapping[str, int]
    name: str | None
    audio: int
    floats: str

    def for_shapes(self, features: str, shapes: Mapping[str, tuple[int, ...]]) -> Workload | None:
        """The same with as many frames as an array of features has."""
        shape = shapes.get(features)
        if shape is None or len(shape) != 2:
            return None
        return _workload(replace(self, dims={**self.dims, FRAMES: shape[0]}))[0]


def kaldi_workload(
    path: Path,
    precision: str | PrecisionPlan | None = None,
    dims: Mapping[str, int] | None = None,
    *,
    name: str | None = None,
    audio: int = SECOND,
    floats: str = "fp16",
) -> ReadModel:
    """The workload of a file, and hashes; `floats` is the format of floats where no precision is given.

    Without a number of frames there are those of `audio`; with one, that says how much audio there is.
    """
    return _workload(_Asked(path, precision, dict(dims or {}), name, audio, floats))


def _workload(asked: _Asked) -> ReadModel:
    _known(asked.dims)
    network, file = read_network(asked.path), str(asked.path)
    try:
        layers = layers_of(network)
        context = context_of(layers)
        subsampling = asked.dims.get(SUBSAMPLING, 1 if layers.log_softmax else CHAIN)
        around = context.frames - 1
        frames = asked.dims.get(FRAMES, -(-asked.audio // FRAME) + around)
        title = (asked.name or asked.path.stem)[:80]
        graph = graph_of(layers, planned(layers, frames, subsampling), title, network.sha256)
        builder = lowered(graph, shapes_of(graph))
        leaving = outputs(builder)
        program = finished(builder, title)
    except (Unsupported, InvalidValue) as error:
        if isinstance(error, InvalidValue) and error.path.startswith("--dim"):
            raise
        raise FileProblem(file, str(error)) from error
    carried = carried_by(builder, program, leaving, _told(layers, context, subsampling))
    if FRAMES not in asked.dims:
        features = features_of(layers)
        carried = replace(carried, for_shapes=lambda shapes: asked.for_shapes(features, shapes))
    audio = max(1, frames - around) * FRAME if FRAMES in asked.dims else asked.audio
    work = workload_of(program, asked.precision or asked.floats, audio=audio)
    return ReadModel(replace(work, carried=carried), network.sha256)


def _known(dims: Mapping[str, int]) -> None:
    """Refuse sizes that a Kaldi file does not leave open."""
    most = {FRAMES: MOST_FRAMES, SUBSAMPLING: MOST_SUBSAMPLING}
    for dim, size in dims.items():
        if dim not in most:
            law = f"is no size that a Kaldi file leaves open; known: {FRAMES} (of features), {SUBSAMPLING}"
            raise InvalidValue("--dim", dim, law)
        if not 1 <= size <= most[dim]:
            raise InvalidValue(f"--dim {dim}", size, f"must be from 1 to {most[dim]}")


def _told(layers: Layers, context: Context, subsampling: int) -> tuple[str, ...]:
    """What a reader should know of how the file was read."""
    around = f"one output for {subsampling} frames, from {context.left} before to {context.right} behind it"
    return around, *layers.told

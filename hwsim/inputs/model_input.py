"""What a model hears: a recording through the front end, or features from a file."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue
from hwsim.inputs.archives import ArrayFile, finite, open_arrays
from hwsim.inputs.audio.logmel import FrontEnd, features
from hwsim.inputs.audio.resample import resampled
from hwsim.inputs.audio.wav import Recording, read_wav
from hwsim.inputs.carried_inputs import PREFIX, carried_inputs
from hwsim.inputs.features import inputs_in
from hwsim.ir.workload import Features, Workload
from hwsim.tensor.carried import Carried

Array = NDArray[Any]

RATE = 16_000
"""Samples per second of the front end (assumed; the usual rate of read speech)."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """A file of inputs, a recording or arrays; a recording also has a length, in picoseconds."""

    path: Path
    sha256: str
    recording: Recording | None = None
    arrays: ArrayFile | None = None

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of its arrays."""
        return {} if self.arrays is None else self.arrays.shapes

    @property
    def audio(self) -> int | None:
        """How long the recording is."""
        if self.recording is None:
            return None
        return max(1, len(self.recording.samples) * 10**12 // self.recording.rate)


def read_source(path: Path) -> ModelInput:
    """A WAV file by its name, anything else as arrays."""
    if path.suffix.lower() == ".wav":
        recording = read_wav(path)
        return ModelInput(path, recording.sha256, recording)
    arrays = open_arrays(path)
    return ModelInput(path, arrays.sha256, arrays=arrays)


def shapes_heard(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays of a file, by the names that a model has for its inputs."""
    return {name.removeprefix(PREFIX): shape for name, shape in read_source(path).shapes.items()}


def lengths(source: ModelInput, workload: Workload) -> tuple[int, ...]:
    """Lengths of audio, in picoseconds, that give as many features as the file has; the likeliest first."""
    if source.audio is not None:
        return (source.audio,)
    spec = workload.features
    shape = None if spec is None else source.shapes.get(spec.tensor)
    if spec is None or shape is None or fits(source, workload):
        return ()
    shape_now = workload.program.tensor(spec.tensor).shape
    frames, remainder = divmod(prod(shape) * shape_now[spec.frames_axis], prod(shape_now))
    if remainder or not frames:
        return ()
    # Audio of so many frames; or as many more or fewer than now, where a network needs context.
    now = -(-workload.audio // spec.step) * spec.step
    return frames * spec.frame, now + (frames - shape_now[spec.frames_axis]) * spec.frame


def fits(source: ModelInput, workload: Workload) -> bool:
    """Whether a file of features has as many of them as the workload reads."""
    spec = workload.features
    elements = None if spec is None else workload.program.tensor(spec.tensor).elements
    return spec is not None and prod(source.shapes[spec.tensor]) == elements


def shapes_of_inputs(source: ModelInput, carried: Carried) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays of a file that are inputs of a model, by the model's names."""
    found = {}
    for one in carried.inputs:
        shape = source.shapes.get(one.name, source.shapes.get(f"{PREFIX}{one.name}"))
        if shape is not None:
            found[one.name] = shape
    return found


def model_input(source: ModelInput, workload: Workload) -> dict[str, Array]:
    """The inputs that the file gives to a workload."""
    if source.arrays is not None:
        if isinstance(workload.carried, Carried):
            return carried_inputs(source.arrays, workload.carried, workload.program)
        return inputs_in(source.arrays, workload.trained)
    assert source.recording is not None
    spec = workload.features
    if spec is None:
        raise FileProblem(str(source.path), f"is audio, which {workload.name} does not read")
    shape, frames_axis = workload.program.tensor(spec.tensor).shape, spec.frames_axis
    fitted_frames = _fitted(_recorded(source, source.recording, spec, prod(shape[2:])), shape[frames_axis])
    utterance = fitted_frames[:, None] if frames_axis == 0 else fitted_frames[None]
    return {
        spec.tensor: np.ascontiguousarray(
            np.broadcast_to(utterance.reshape(_utterance_shape(shape, frames_axis)), shape)
        )
    }


def utterance_frames(source: ModelInput, spec: Features, size: int, count: int) -> NDArray[np.float32]:
    """So many frames of one utterance, which has no other inputs: [frames, features]."""
    if source.arrays is None:
        assert source.recording is not None
        return _fitted(_recorded(source, source.recording, spec, size), count)
    shape = source.shapes.get(spec.tensor)
    if shape is None or prod(shape) != count * size:
        law = f"must have an array {spec.tensor} of {count} frames of {size} features"
        raise FileProblem(source.arrays.name, f"{law}; it has {dict(source.shapes)}")
    values = source.arrays.read(spec.tensor).reshape(count, size)
    return finite(source.arrays.name, spec.tensor, values).astype(np.float32)


def _recorded(source: ModelInput, recording: Recording, spec: Features, size: int) -> NDArray[np.float32]:
    """The frames that the front end makes of a recording."""
    try:
        front_end = FrontEnd.for_features(size, max(1, spec.frame // 10**9))
    except InvalidValue as error:
        raise FileProblem(str(source.path), str(error)) from error
    return features(resampled(recording.samples, recording.rate, RATE), RATE, front_end)


def _utterance_shape(shape: tuple[int, ...], frames_axis: int) -> tuple[int, ...]:
    """The shape of one utterance."""
    return tuple(1 if axis == 1 - frames_axis else size for axis, size in enumerate(shape))


def _fitted(frames: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """That many frames: first and last repeated for context that the audio does not give, or the last ones dropped."""
    if len(frames) >= count:
        return frames[:count]
    before = (count - len(frames)) // 2
    return np.pad(frames, ((before, count - len(frames) - before), (0, 0)), mode="edge")

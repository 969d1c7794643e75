"""Utterances that run together: where padding and batches change no number, so that each hears what it hears alone.

That is so for an encoder without a look ahead whose search ends, for each utterance, with the utterance's own frames:
unidirectional LSTMs that are not streamed, with a greedy search. All other networks run each utterance by itself, at
its own length.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.engine.decode.greedy import MOST_SYMBOLS_PER_FRAME
from hwsim.engine.values.evaluate import Given
from hwsim.engine.values.seeded import inputs_from
from hwsim.errors import FileProblem, InvalidValue
from hwsim.inputs.archives import ArrayFile
from hwsim.inputs.datasets import ALONE, DataSet, Utterance
from hwsim.inputs.model_input import ModelInput, model_input, shapes_of_inputs, utterance_frames
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import at_length, with_batch
from hwsim.models.decoding import Greedy
from hwsim.models.rnnt import Rnnt
from hwsim.study.values import as_long_as, as_searched
from hwsim.tensor.carried import Carried

LARGEST = 16
"""Utterances of a lot: a search makes its steps for all of them at once, and more would be padded more."""

FRAME = 10**10
"""Picoseconds of a frame of features that a model file reads, if no table says how long utterances are: 10 ms, the
hop of most front ends (assumed)."""

Floats = dict[str, "np.typing.NDArray[np.float32]"]


@dataclass(frozen=True, slots=True, eq=False)
class Lot:
    """A workload with the inputs of some utterances, and the audio of each, in picoseconds."""

    work: Workload
    given: Given
    audio: tuple[int, ...]


def padded(work: Workload) -> Rnnt | None:
    """The recipe of a workload whose utterances may be padded; None for any other."""
    recipe = work.recipe
    if not isinstance(recipe, Rnnt) or recipe.streaming is not None or recipe.encoder.bidirectional:
        return None
    return recipe if isinstance(recipe.decoding, Greedy) else None


def lots_of(
    data: DataSet, utterances: Sequence[Utterance], work: Workload, *, alone: bool = False
) -> list[tuple[Utterance, ...]]:
    """The utterances in lots, those of like lengths together, or each by itself."""
    recipe = padded(work)
    if recipe is None or alone:
        return [(one,) for one in utterances]
    frames = {one.name: _frames(_heard(data, one, work), recipe) for one in utterances}
    ordered = sorted(utterances, key=lambda one: (frames[one.name], one.line))
    return [tuple(ordered[first : first + LARGEST]) for first in range(0, len(ordered), LARGEST)]


def equal_lots(data: DataSet, utterances: Sequence[Utterance], work: Workload) -> list[tuple[Utterance, ...]]:
    """The utterances in lots without any padding, which statistics of values would see."""
    recipe = padded(work)
    if recipe is None:
        return [(one,) for one in utterances]
    by_frames: dict[int, list[Utterance]] = {}
    for one in utterances:
        by_frames.setdefault(_frames(_heard(data, one, work), recipe), []).append(one)
    return [tuple(same) for same in by_frames.values()]


def lot_of(data: DataSet, utterances: Sequence[Utterance], work: Workload, parameters: Floats, *, seed: int = 0) -> Lot:
    """A lot, ready to run."""
    recipe = padded(work)
    if recipe is None:
        (one,) = utterances
        return _alone(one, _heard(data, one, work), work, parameters, seed)
    sources = [_heard(data, one, work) for one in utterances]
    frames = [_frames(source, recipe) for source in sources]
    longest = at_length(work, max(frames) * recipe.encoder.frame)
    whole = with_batch(longest, len(sources))
    spec, size = recipe.features, recipe.encoder.features
    inputs = inputs_from(whole.trained, seed)
    features = np.zeros((max(frames), len(sources), size), np.float32)
    for place, (source, count) in enumerate(zip(sources, frames, strict=True)):
        features[:count, place] = utterance_frames(source, spec, size, count)
    given = Given(
        parameters=parameters,
        inputs={**inputs, spec.tensor: features},
        most_symbols=MOST_SYMBOLS_PER_FRAME,
        ends=tuple(count // recipe.encoder.factor for count in frames),
    )
    lengths = (count * recipe.encoder.frame for count in frames)
    heard = zip(utterances, sources, lengths, strict=True)
    return Lot(whole, given, tuple(_audio(one, source, length) for one, source, length in heard))


def own_work(data: DataSet, utterance: Utterance, work: Workload) -> Workload:
    """The workload as long as an utterance."""
    return as_long_as(_heard(data, utterance, work), work)


def _alone(utterance: Utterance, source: ModelInput, work: Workload, parameters: Floats, seed: int) -> Lot:
    own = as_searched(as_long_as(source, work))
    inputs = {**inputs_from(own.trained, seed), **model_input(source, own)}
    given = Given(parameters=parameters, inputs=inputs, most_symbols=MOST_SYMBOLS_PER_FRAME)
    return Lot(own, given, (_audio(utterance, source, _of_frames(source, own)),))


def _of_frames(source: ModelInput, work: Workload) -> int:
    """How long the inputs are: as long as their workload is, or, of a model file, by the longest axis of the first."""
    if not isinstance(work.carried, Carried):
        return work.audio
    first = next(iter(shapes_of_inputs(source, work.carried).values()), ())
    return FRAME * max(first[:-1], default=1)


def _audio(utterance: Utterance, source: ModelInput, of_frames: int) -> int:
    """How long an utterance is: as its table says, as its recording is, or as its frames are."""
    if utterance.audio is not None:
        return utterance.audio
    return of_frames if source.audio is None else source.audio


def _heard(data: DataSet, utterance: Utterance, work: Workload) -> ModelInput:
    """What is heard, its only array under the name of the model's only input."""
    source = data.heard(utterance)
    if source.arrays is None or ALONE not in source.shapes:
        return source
    name, file = _only_input(work, source), source.arrays
    renamed = ArrayFile(file.name, file.sha256, {name: file.shapes[ALONE]}, lambda _: file.read(ALONE))
    return replace(source, arrays=renamed)


def _only_input(work: Workload, source: ModelInput) -> str:
    if work.features is not None:
        return work.features.tensor
    named = work.carried.inputs if isinstance(work.carried, Carried) else ()
    if len(named) != 1:
        assert source.arrays is not None
        names = ", ".join(one.name for one in named) or "none"
        law = f"is one array, and {work.name} has these inputs: {names}; name arrays UTTERANCE.INPUT"
        raise FileProblem(source.arrays.name, law)
    return named[0].name


def _frames(source: ModelInput, recipe: Rnnt) -> int:
    """Frames of one utterance, as many as the encoder's time stacking takes."""
    factor, frame = recipe.encoder.factor, recipe.encoder.frame
    if source.audio is not None:
        return -(-source.audio // (frame * factor)) * factor
    assert source.arrays is not None
    name, size = recipe.features.tensor, recipe.encoder.features
    shape = source.shapes.get(name)
    elements = 0 if shape is None else int(np.prod(shape))
    if not elements or elements % size or elements // size % factor:
        law = f"must be [frames, {size}], and frames a multiple of {factor}"
        raise FileProblem(source.arrays.name, str(InvalidValue(f"shape of {name}", shape, law)))
    return elements // size

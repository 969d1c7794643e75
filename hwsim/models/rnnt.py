"""The recurrent neural network transducer: LSTM encoder, prediction and joint network, and a search.

The default sizes of the shipped workload are those of Saon et al., ICASSP 2021 (arXiv 2103.09935): `docs/model.md`.
"""

from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.lengths import Lengths
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View, window
from hwsim.ir.workload import Features, Streaming
from hwsim.models.beam import search
from hwsim.models.blocks.pooling import time_stacked
from hwsim.models.decoding import CHUNKS, Decoding, Joint, Layers, Prediction, Size, Speech, steps_of, symbols_in
from hwsim.models.fragment import Fragment, tensor
from hwsim.models.transducer import BACKWARD, FORWARD, EncoderOutput, Sequence, Transducer, lstm_sequence
from hwsim.quantities.fields import FRAME_TIME, FrameTime, Utterance
from hwsim.quantities.noun import Name, Noun, Remark, Whole
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import PrecisionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStacking(Noun):
    """After so many layers, so many neighbouring frames become one."""

    after: Layers
    factor: Annotated[int, Whole(low=2, high=16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder(Noun):
    """Stacked LSTM layers over frames of features."""

    features: Size
    frame: FrameTime
    layers: Layers
    cells: Size
    bidirectional: bool = False
    stacking: TimeStacking | None = None

    def check(self) -> None:
        if self.stacking is not None and self.stacking.after >= self.layers:
            raise InvalidValue("stacking.after", self.stacking.after, f"must leave some of the {self.layers} layers")

    @property
    def factor(self) -> int:
        """Frames of the input for one of the output."""
        return 1 if self.stacking is None else self.stacking.factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks(Noun):
    """Streaming: the audio is recognised in pieces of that length, the states of all layers carried on."""

    chunk: FrameTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rnnt(Noun):
    """A workload file of kind `rnnt`."""

    kind: Literal["rnnt"] = "rnnt"
    name: Name
    audio: Utterance
    batch: Annotated[int, Whole(low=1, high=65_536)] = 1
    lengths: Lengths | None = None
    precision: Name | PrecisionPlan = "fp16"
    fold: bool = False
    encoder: Encoder
    prediction: Prediction
    joint: Joint
    decoding: Decoding
    streaming: Chunks | None = None
    about: Remark | None = None
    sources: Sources = ()

    def check(self) -> None:
        check_sources(self, self.sources)
        if self.streaming is None:
            return
        if self.encoder.bidirectional:
            law = "cannot be: a bidirectional encoder needs the whole utterance; set encoder.bidirectional to false"
            raise InvalidValue("streaming", FRAME_TIME.written(self.streaming.chunk), law)
        whole = self.encoder.frame * self.encoder.factor
        if self.streaming.chunk % whole:
            written = FRAME_TIME.written(self.streaming.chunk)
            law = f"must be a multiple of {FRAME_TIME.written(whole)}, one frame"
            raise InvalidValue("streaming.chunk", written, law)

    @property
    def chunks(self) -> int:
        """Pieces in which one utterance is recognised, the last one padded."""
        return 1 if self.streaming is None else -(-self.audio // self.streaming.chunk)

    @property
    def frames(self) -> int:
        """Frames of one piece, the last ones padded."""
        length = self.audio if self.streaming is None else self.streaming.chunk
        return -(-length // (self.encoder.frame * self.encoder.factor)) * self.encoder.factor

    @property
    def features(self) -> Features:
        """How its features lie."""
        return Features(frames_axis=0, frame=self.encoder.frame, step=self.encoder.frame)

    @property
    def speech(self) -> Speech:
        """What the search goes through."""
        return Speech(self.frames // self.encoder.factor, self.chunks, symbols_in(self.decoding, self.audio))

    @property
    def streamed(self) -> Streaming | None:
        """What streaming adds."""
        if self.streaming is None:
            return None
        chunk, speech = self.streaming.chunk, self.speech
        padding = speech.pieces * chunk - self.audio
        return Streaming(chunks=speech.pieces, chunk=chunk, padding=padding, symbols=speech.symbols)

    @property
    def decoding_steps(self) -> int:
        return steps_of(self.decoding, self.speech)


def extract_rnnt(recipe: Rnnt) -> Program:
    """The loop tree: all encoder layers, then the search; once, or for each chunk."""
    net = Transducer(recipe.prediction, recipe.joint, recipe.batch)
    features, encoder, encoded = _encoder(recipe)
    piece = encoder + search(net, recipe.decoding, encoded)
    if recipe.streaming is not None:
        piece = piece.looped(CHUNKS, recipe.chunks)
    return (features + piece).program(recipe.name)


def _encoder(recipe: Rnnt) -> tuple[Fragment, Fragment, EncoderOutput]:
    """The features, the layers, and what the last one leaves."""
    sizes, batch, frames = recipe.encoder, recipe.batch, recipe.frames
    directions = (FORWARD, BACKWARD) if sizes.bidirectional else (FORWARD,)
    x = tensor("features", (recipe.chunks * frames, batch, sizes.features), Role.INPUT)
    chunk = (window(0, count=frames, loop=CHUNKS),) if recipe.streaming is not None else ()
    read = Sequence(View(tensor=x.name, windows=chunk), frames, batch, sizes.features)
    features, part = Fragment((x,)), Fragment()
    for layer in range(sizes.layers):
        name = f"encoder.{layer}"
        out = tensor(f"{name}.out", (read.frames, batch, sizes.cells * len(directions)))
        part += lstm_sequence(name, read, sizes.cells, out, directions)
        read = Sequence.of(out)
        if sizes.stacking is not None and layer + 1 == sizes.stacking.after:
            factor = sizes.stacking.factor
            stacked = tensor("encoder.stacked", (read.frames // factor, batch, factor, read.features))
            part += time_stacked("encoder.stack", View(tensor=out.name), stacked)
            read = Sequence.of(stacked)
    return features, part, EncoderOutput(read.view, read.features, recipe.speech, frames_first=True)

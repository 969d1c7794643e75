"""The Conformer (Gulati et al., Interspeech 2020, arXiv 2005.08100) with a CTC head or a transducer's second half."""

from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.lengths import Lengths
from hwsim.ir.ops import Reduce, Reduction
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.ir.workload import Features, Streaming
from hwsim.models.beam import search
from hwsim.models.conformer_encoder import STRIDE, EncoderSizes, Stream, encoder, frames_under, subsampled
from hwsim.models.decoding import CHUNKS, Decoding, Joint, Layers, Prediction, Size, Speech, steps_of, symbols_in
from hwsim.models.fragment import Fragment, indices, linear, tensor
from hwsim.models.transducer import EncoderOutput, Transducer
from hwsim.quantities.fields import FRAME_TIME, FrameTime, Picoseconds, Utterance
from hwsim.quantities.noun import ByKind, Name, Noun, Remark, Whole
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import PrecisionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformerEncoder(Noun):
    """Subsampling by four, then blocks. The feed-forwards have 4 · size hidden units, if nothing else is said."""

    mels: Annotated[int, Whole(low=7, high=1024)] = 80
    frame: FrameTime
    layers: Layers
    size: Size
    heads: Annotated[int, Whole(low=1, high=1024)]
    kernel: Annotated[int, Whole(low=1, high=1023)]
    feed_forward: Size | None = None

    def check(self) -> None:
        if self.size % self.heads:
            raise InvalidValue("heads", self.heads, f"must divide the size of {self.size}")
        if self.kernel % 2 == 0:
            raise InvalidValue("kernel", self.kernel, "must be odd, so that it has a middle")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedAttention(Noun):
    """Streaming: each chunk sees itself, so much before it and so much after it; the convolutions see no later frame.

    The frames of the look-ahead are computed through all layers, and again when they become part of a chunk.
    """

    chunk: FrameTime
    left_context: Picoseconds
    look_ahead: Picoseconds = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CtcHead(Noun):
    """One output layer over the encoder's frames, and the best output of each."""

    kind: Literal["ctc"] = "ctc"
    outputs: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class TransducerDecoder(Noun):
    """Prediction network, joint network and search, as in an RNN transducer."""

    kind: Literal["transducer"] = "transducer"
    prediction: Prediction
    joint: Joint
    decoding: Decoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformer(Noun):
    """A workload file of kind `conformer`."""

    kind: Literal["conformer"] = "conformer"
    name: Name
    audio: Utterance
    batch: Annotated[int, Whole(low=1, high=65_536)] = 1
    lengths: Lengths | None = None
    precision: Name | PrecisionPlan = "fp16"
    fold: bool = False
    encoder: ConformerEncoder
    decoder: Annotated[CtcHead | TransducerDecoder, ByKind()]
    streaming: ChunkedAttention | None = None
    about: Remark | None = None
    sources: Sources = ()

    def check(self) -> None:
        check_sources(self, self.sources)
        if self.input_frames < frames_under(1):
            least = FRAME_TIME.written(frames_under(1) * self.encoder.frame)
            raise InvalidValue("audio", FRAME_TIME.written(self.audio), f"must be at least {least}, one encoded frame")
        if self.streaming is not None:
            whole = self.encoder.frame * STRIDE
            for name in ("chunk", "left_context", "look_ahead"):
                length = getattr(self.streaming, name)
                if length % whole:
                    law = f"must be a multiple of {FRAME_TIME.written(whole)}, one encoded frame"
                    raise InvalidValue(f"streaming.{name}", FRAME_TIME.written(length), law)

    @property
    def input_frames(self) -> int:
        """Frames of features in one utterance, the last one padded."""
        return -(-self.audio // self.encoder.frame)

    @property
    def frames(self) -> int:
        """Encoded frames of one utterance."""
        return subsampled(self.input_frames)

    @property
    def features(self) -> Features:
        """How its features lie."""
        return Features(frames_axis=1, frame=self.encoder.frame, step=self.encoder.frame)

    @property
    def stream(self) -> Stream | None:
        if self.streaming is None:
            return None
        whole = self.encoder.frame * STRIDE
        chunk, ahead, left = (
            length // whole for length in (self.streaming.chunk, self.streaming.look_ahead, self.streaming.left_context)
        )
        return Stream(-(-self.frames // chunk), chunk, ahead, left)

    @property
    def pieces(self) -> tuple[int, int]:
        """In how many pieces an utterance is recognised, and the encoded frames of one."""
        return (1, self.frames) if self.stream is None else (self.stream.chunks, self.stream.chunk)

    @property
    def streamed(self) -> Streaming | None:
        """What streaming adds."""
        if self.streaming is None:
            return None
        pieces, frames = self.pieces
        decoder = self.decoder
        return Streaming(
            chunks=pieces,
            chunk=self.streaming.chunk,
            padding=(pieces * frames - self.frames) * self.encoder.frame * STRIDE,
            repeated=pieces * self.streaming.look_ahead,
            symbols=None if isinstance(decoder, CtcHead) else self.speech(decoder.decoding).symbols,
        )

    @property
    def decoding_steps(self) -> int:
        if isinstance(self.decoder, CtcHead):
            return 0
        return steps_of(self.decoder.decoding, self.speech(self.decoder.decoding))

    def speech(self, decoding: Decoding) -> Speech:
        """What a search goes through."""
        pieces, frames = self.pieces
        return Speech(frames, pieces, symbols_in(decoding, self.audio))


def extract_conformer(recipe: Conformer) -> Program:
    """The loop tree: encoder and decoder, once or for each chunk; projections of positions before all."""
    sizes, decoder, (pieces, frames) = recipe.encoder, recipe.decoder, recipe.pieces
    encoder_sizes = EncoderSizes(
        batch=recipe.batch,
        mels=sizes.mels,
        frames=recipe.frames,
        layers=sizes.layers,
        size=sizes.size,
        heads=sizes.heads,
        kernel=sizes.kernel,
        feed_forward=sizes.feed_forward or 4 * sizes.size,
        stream=recipe.stream,
    )
    if isinstance(decoder, CtcHead):
        once, part, encoded = encoder(encoder_sizes)
        part += _ctc(encoded, recipe.batch, frames, sizes.size, decoder.outputs)
    else:
        net = Transducer(decoder.prediction, decoder.joint, recipe.batch)
        once, part, encoded = encoder(encoder_sizes)
        speech = recipe.speech(decoder.decoding)
        part += search(net, decoder.decoding, EncoderOutput(encoded, sizes.size, speech, frames_first=False))
    return (once + (part if recipe.streaming is None else part.looped(CHUNKS, pieces))).program(recipe.name)


def _ctc(encoded: View, batch: int, frames: int, size: int, outputs: int) -> Fragment:
    """The best output of each frame; what repeats and blanks is left to the host."""
    scores = tensor("ctc.scores", (batch, frames, outputs))
    best = indices("ctc.best", (batch, frames, 1))
    choose = Reduce(
        name="ctc.choose", reduction=Reduction.ARGMAX, read=View(tensor=scores.name), write=View(tensor=best.name)
    )
    return linear("ctc.output", encoded, size, scores) + Fragment((best,), (choose,))

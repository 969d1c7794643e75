"""What a workload file says of a transducer's second half: prediction, joint network, search, language models.

How many symbols an utterance has is declared, never decoded; so are the evaluations that a search makes.
"""

from enum import Enum
from fractions import Fraction
from math import ceil
from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.ir.view import Share, spread
from hwsim.quantities.fields import PerSecond, Picoseconds
from hwsim.quantities.noun import ByKind, Noun, Number, Whole

Size = Annotated[int, Whole(low=1, high=65_536)]
Layers = Annotated[int, Whole(low=1, high=100)]
Weight = Annotated[float, Number(low=0, high=10)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(Noun):
    """Embedding and LSTM layers over symbols; the embedding has a row for each output, if `symbols` says nothing."""

    embedding: Size
    cells: Size
    layers: Layers = 1
    symbols: Size | None = None


class Combination(Enum):
    """How the joint network combines encoder and prediction."""

    MULTIPLY = "multiply"  # both projected to `size`, multiplied, tanh
    ADD = "add"  # both projected to `size`, added, tanh
    CONCATENATE = "concatenate"  # side by side, then one layer of `size` with relu


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint(Noun):
    """Combines encoder and prediction in `size` hidden units, and projects these to the outputs (blank included)."""

    size: Size
    combine: Combination = Combination.MULTIPLY
    outputs: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmLm(Noun):
    """A language model over the transducer's symbols: embedding, LSTM layers, output layer."""

    embedding: Size
    cells: Size
    layers: Layers = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityRatio(Noun):
    """Fusion: at each expansion scores of an external model are added, those of a source-domain one taken off."""

    source: LstmLm
    external: LstmLm
    source_weight: Weight = 0.5
    external_weight: Weight = 0.5


Times = Annotated[int, Whole(low=1, high=2**30)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedyCounts(Noun):
    """What a greedy search of this length and batch does, in all chunks of a stream together.

    Runs of the joint network, and of the prediction network.
    """

    evaluations: Times
    predictions: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamCounts(Noun):
    """What a beam search of this length and batch does, in all chunks of a stream together.

    Steps, and in all of them the new prefixes of all utterances.
    """

    steps: Times
    new_prefixes: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Greedy(Noun):
    """The best output at each evaluation: one for each frame, which ends in blank, and one for each symbol.

    `counts` take the place of what frames and symbols give.
    """

    kind: Literal["greedy"] = "greedy"
    symbols_per_second: PerSecond
    counts: GreedyCounts | None = None
    host: Picoseconds = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beam(Noun):
    """What searches with several hypotheses have in common.

    A cached prediction is made once for each new prefix. What is not batched runs once for each hypothesis. `counts`
    take the place of what frames and symbols give. `host` is what the host does in each step while the chip waits.
    """

    beam: Annotated[int, Whole(low=1, high=1024)]
    symbols_per_second: PerSecond
    cache_prediction: bool = True
    batch_prediction: bool = True
    batch_joint: bool = True
    fusion: DensityRatio | None = None
    counts: BeamCounts | None = None
    host: Picoseconds = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSynchronous(_Beam):
    """Beam search frame by frame: in each frame all hypotheses are expanded `expansions` times."""

    kind: Literal["time_synchronous"] = "time_synchronous"
    expansions: Annotated[int, Whole(low=1, high=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentLength(_Beam):
    """Alignment-length synchronous beam search (Saon et al., ICASSP 2020): one expansion for each frame and symbol."""

    kind: Literal["alignment_length"] = "alignment_length"


BeamSearch = TimeSynchronous | AlignmentLength
Decoding = Annotated[Greedy | TimeSynchronous | AlignmentLength, ByKind()]


CHUNKS = "chunks"
"""The loop over the pieces in which an utterance is recognised."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What a search goes through: `frames` in each of so many pieces of an utterance, with `symbols` in all of them."""

    frames: int
    pieces: int
    symbols: int

    @property
    def all_frames(self) -> int:
        return self.frames * self.pieces


def symbols_in(decoding: Greedy | BeamSearch, audio: int) -> int:
    """Symbols that so many picoseconds of audio are declared to have."""
    return ceil(decoding.symbols_per_second * Fraction(audio, 10**12))


def steps_of(decoding: Greedy | BeamSearch, speech: Speech) -> int:
    """Expansions of all hypotheses, or evaluations of a greedy search, in the whole utterance."""
    if decoding.counts is not None:
        counts = decoding.counts
        return counts.evaluations if isinstance(counts, GreedyCounts) else counts.steps
    frames = speech.all_frames
    return frames * decoding.expansions if isinstance(decoding, TimeSynchronous) else frames + speech.symbols


def steps_in_piece(decoding: Greedy | BeamSearch, speech: Speech) -> int | Share:
    """The steps of a search, spread over the pieces of the utterance."""
    return spread(_of_piece(steps_of(decoding, speech), speech))


def predictions_in_piece(search: Greedy, speech: Speech) -> int | Share:
    """Runs of the prediction network in a greedy search: one at the start, then one after each symbol."""
    runs = speech.symbols + 1 if search.counts is None else search.counts.predictions
    return spread(_of_piece(runs - 1, speech, first=1))


def _of_piece(total: int, speech: Speech, first: int = 0) -> Share:
    return Share(loop=CHUNKS, over=speech.pieces, total=total, first=first)


def new_prefixes(search: BeamSearch, speech: Speech, batch: int, loop: str) -> Share:
    """The new prefixes in a step, an iteration of that loop: of all utterances, or of one, if they are not batched.

    Prediction network and language models run for new prefixes. Over the whole search each hypothesis that survives was
    extended by a symbol in as many steps as there are symbols, by blank in the others; the empty prefix of each
    utterance is new in the first step, as far as that has room. Without a cache all hypotheses count as new.

    >>> search = AlignmentLength(beam=16, symbols_per_second=Fraction(14))
    >>> share = new_prefixes(search, Speech(frames=500, pieces=1, symbols=140), 1, "steps")
    >>> share.all, share.least, share.most
    (2241, 3, 4)
    """
    utterances = batch if search.batch_prediction else 1
    steps, room = steps_of(search, speech), utterances * search.beam
    total = most = steps * room
    if search.cache_prediction:
        counts = search.counts
        new = room * speech.symbols + utterances if counts is None else -(-counts.new_prefixes * utterances // batch)
        total = min(most, new)
    starts = 0 if total == most else min(utterances, total)
    first = next(n for n in range(starts, -1, -1) if (total - n) // steps + n <= room)
    earlier = None if speech.pieces == 1 else _of_piece(steps, speech)
    return Share(loop=loop, over=steps, total=total - first, first=first, earlier=earlier)

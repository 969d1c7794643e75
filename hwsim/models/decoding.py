"""What a workload file says of a transducer's second half: prediction, joint network, search, language models.

How many symbols an utterance has is declared, never decoded; so are the evaluations that a search makes.
"""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil
from typing import Annotated, Literal

from hwsim.core.noun import ByKind, Noun, Number, Whole
from hwsim.core.units import PerSecond, Picoseconds

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
    """What a greedy search of this length and batch does: runs of the joint network and of the prediction network."""

    evaluations: Times
    predictions: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamCounts(Noun):
    """What a beam search of this length and batch does: steps, and in each of them new prefixes of one utterance."""

    steps: Times
    new_prefixes: Annotated[int, Whole(low=1, high=1024)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Greedy(Noun):
    """The best output at each evaluation: one for each frame, which ends in blank, and one for each symbol.

    `counts`, of each chunk of a stream, take the place of what frames and symbols give.
    """

    kind: Literal["greedy"] = "greedy"
    symbols_per_second: PerSecond
    counts: GreedyCounts | None = None
    host: Picoseconds = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beam(Noun):
    """What searches with several hypotheses have in common.

    A cached prediction is made once for each new prefix. What is not batched runs once for each hypothesis. `counts`,
    of each chunk of a stream, take the place of what frames and symbols give. `host` is what the host does in each step
    while the chip waits.
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


def symbols_in(decoding: Greedy | BeamSearch, audio: int) -> int:
    """Symbols that so many picoseconds of audio are declared to have."""
    return ceil(decoding.symbols_per_second * Fraction(audio, 10**12))


def steps_of(decoding: Greedy | BeamSearch, frames: int, symbols: int) -> int:
    """Expansions of all hypotheses, or evaluations of a greedy search."""
    if decoding.counts is not None:
        counts = decoding.counts
        return counts.evaluations if isinstance(counts, GreedyCounts) else counts.steps
    return frames * decoding.expansions if isinstance(decoding, TimeSynchronous) else frames + symbols


def predictions_of(search: Greedy, symbols: int) -> int:
    """Runs of the prediction network in a greedy search: at the start, and after each symbol."""
    return symbols + 1 if search.counts is None else search.counts.predictions


def new_prefixes(search: BeamSearch, frames: int, symbols: int) -> int:
    """Hypotheses of one utterance for which prediction network and language models run in each step.

    Over the whole search each hypothesis that survives was extended by a symbol in `symbols` of the steps, by blank in
    the others. The average is rounded up. Without a cache all hypotheses are computed in each step.

    >>> new_prefixes(AlignmentLength(beam=16, symbols_per_second=Fraction(14)), 500, 140)
    4
    """
    if not search.cache_prediction:
        return search.beam
    if search.counts is not None:
        return min(search.beam, search.counts.new_prefixes)
    return min(search.beam, ceil(Fraction(search.beam * symbols, steps_of(search, frames, symbols))))

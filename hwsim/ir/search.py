"""Which loops of a program only count what a search decides, and where that search finds what it needs."""

from dataclasses import dataclass
from typing import Annotated

from hwsim.quantities.noun import Name, Noun, Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedyLoops(Noun):
    """A greedy transducer search: a loop over runs of the prediction network, one over runs of the joint network.

    `symbol` holds the last symbol of each utterance, `frame` the row of its frame among those that the encoder left:
    all utterances of a frame one after another, if they are `frames_first`, else all frames of an utterance.
    """

    predictions: Name
    evaluations: Name
    symbol: Name
    frame: Name
    frames_first: bool

    @property
    def loops(self) -> tuple[str, ...]:
        return (self.predictions, self.evaluations)

    @property
    def tensors(self) -> tuple[str, ...]:
        return (self.symbol, self.frame)

    @property
    def ops(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamLoop(Noun):
    """A beam search of a transducer: a loop over steps, each of which expands all hypotheses by one output.

    `symbol` holds the last symbols of new prefixes; `frame` and `score` those of each hypothesis, frames as rows (see
    `GreedyLoops`); `total` the score of each hypothesis with each output. `expansions` are those of one frame; None, if
    hypotheses of one length are compared. The ops in `books` keep account of hypotheses, which a search does itself.
    The scores in `blankless` come from language models, which know no blank.
    """

    steps: Name
    symbol: Name
    frame: Name
    score: Name
    total: Name
    frames_first: bool
    expansions: Annotated[int, Whole(low=1)] | None
    books: tuple[str, ...]
    blankless: tuple[str, ...] = ()

    @property
    def loops(self) -> tuple[str, ...]:
        return (self.steps,)

    @property
    def tensors(self) -> tuple[str, ...]:
        return (self.symbol, self.frame, self.score, self.total, *self.blankless)

    @property
    def ops(self) -> tuple[str, ...]:
        return self.books


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolLoop(Noun):
    """A language model alone: each iteration of a loop reads the next symbols, which come from outside.

    They stand in `symbol`, one of each sequence, and are rows of `table`.
    """

    symbols: Name
    symbol: Name
    table: Name

    @property
    def loops(self) -> tuple[str, ...]:
        return (self.symbols,)

    @property
    def tensors(self) -> tuple[str, ...]:
        return (self.symbol, self.table)

    @property
    def ops(self) -> tuple[str, ...]:
        return ()


Steered = GreedyLoops | BeamLoop | SymbolLoop
"""Loops that run as often as they are declared to where only work is counted, and as decided where values are."""

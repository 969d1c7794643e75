"""Tensors, with shape, format, scales and role, and the marks of tensors and loops that a search steers."""

from enum import Enum
from math import prod
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Whole
from hwsim.quantities.precision import Precision, Purpose
from hwsim.quantities.quantisation import Granularity as Granularity
from hwsim.quantities.quantisation import Scaling as Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedyLoops(Noun):
    """A greedy transducer search: a loop over runs of the prediction network, one over runs of the joint network.

    `symbol` holds the last symbol of each utterance, `frame` the row of its frame among those that the encoder left:
    all utterances of a frame one after another, if they are `frames_first`, else all frames of an utterance. Where
    `frames` says how many there are, ops find theirs by the index of the loop `evaluations`, not by a lookup.
    """

    predictions: Name
    evaluations: Name
    symbol: Name
    frame: Name
    frames_first: bool
    frames: Annotated[int, Whole(low=1)] | None = None
    blank: Annotated[int, Whole()] = 0

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

    The symbols stand in `symbol`, one of each sequence, and name rows of `table`.
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
"""Loops that run as often as declared where only work is counted, and as the search decides where values are."""


class Role(Enum):
    """What a tensor is for."""

    INPUT = "input"  # comes from outside
    WEIGHT = "weight"  # a matrix that Gemms read
    BIAS = "bias"
    TABLE = "table"  # rows that Lookups read
    STATE = "state"  # carried from one iteration of a loop to the next, zero at first
    ACTIVATION = "activation"  # made by one op, read by others
    OUTPUT = "output"  # made by one op, read outside

    @property
    def parameter(self) -> bool:
        """Whether training made its values, so that the model's size counts it."""
        return self in (Role.WEIGHT, Role.BIAS, Role.TABLE)

    @property
    def given(self) -> bool:
        """Whether its values are there before the first op, and stay as they are."""
        return self.parameter or self is Role.INPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatOf(Noun):
    """Whose policy decides a tensor's format, and which of that policy's formats it is.

    `op` is the name that rules match, usually that of an op.
    """

    op: Name
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor(Noun):
    """A named array. Its elements are packed along one axis, and each such row is rounded up to bytes once.

    Weights of shape (..., K, N) pack along K, so that a column is addressable; everything else along its last axis.
    `format_of` names the op that decides the format where neither products nor the graph do; a `positional`
    input holds encodings of positions.

    >>> weight = Tensor(name="w", shape=(5, 3), precision=Precision.INT4, role=Role.WEIGHT)
    >>> weight.rows, weight.row_elements, weight.packed_bytes
    (3, 5, 9)
    """

    name: Name
    shape: tuple[int, ...]
    precision: Precision
    role: Role
    scaling: Scaling = Scaling()
    format_of: FormatOf | None = None
    positional: bool = False

    def check(self) -> None:
        if not self.shape or any(not isinstance(size, int) or size < 1 for size in self.shape):
            raise InvalidValue(f"{self.name}.shape", self.shape, "must have at least one axis, each of at least 1")
        if self.role is Role.WEIGHT and len(self.shape) < 2:
            raise InvalidValue(f"{self.name}.shape", self.shape, "a weight has the axes K and N")
        if self.precision.floating and self.scaling.granularity is not Granularity.NONE:
            raise InvalidValue(f"{self.name}.scaling", self.scaling.granularity.value, "float tensors have no scales")

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def packed_axis(self) -> int:
        return len(self.shape) - (2 if self.role is Role.WEIGHT else 1)

    @property
    def row_elements(self) -> int:
        return self.shape[self.packed_axis]

    @property
    def rows(self) -> int:
        return self.elements // self.row_elements

    @property
    def packed_bytes(self) -> int:
        """Bytes of the elements as stored and moved, scales apart."""
        return self.rows * self.precision.row_bytes(self.row_elements)

    @property
    def stored_bytes(self) -> int:
        """Bytes of the elements and of their scales."""
        return self.packed_bytes + self.scaling.stored_bytes(rows=self.rows, elements=self.row_elements)

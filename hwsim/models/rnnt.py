"""The recurrent neural network transducer: LSTM encoder, LSTM prediction network, joint network, greedy search.

The default sizes of the shipped workload are those of Saon et al., ICASSP 2021 (arXiv 2103.09935): `docs/model.md`.
"""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil
from typing import Annotated, Literal

from hwsim.core.functions import Function
from hwsim.core.noun import Name, Noun, Remark, Whole
from hwsim.core.ops import Apply, Elementwise, Lookup, Reduce, Reduction
from hwsim.core.precision import Precision, PrecisionPlan
from hwsim.core.program import Program
from hwsim.core.sources import Sources, check_sources
from hwsim.core.tensor import Role, Tensor
from hwsim.core.units import FrameTime, PerSecond, Utterance
from hwsim.core.view import View, window
from hwsim.models.blocks.linear import linear
from hwsim.models.blocks.lstm import BACKWARD, FORWARD, input_products, lstm_sequence, lstm_step
from hwsim.models.part import Part, tensor, widest

Size = Annotated[int, Whole(low=1, high=65_536)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder(Noun):
    """Stacked LSTM layers over frames of features."""

    features: Size
    frame: FrameTime
    layers: Annotated[int, Whole(low=1, high=100)]
    cells: Size
    bidirectional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(Noun):
    """Embedding and one LSTM layer over symbols."""

    embedding: Size
    cells: Size


class Combination(Enum):
    """How the joint network combines encoder and prediction."""

    MULTIPLY = "multiply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint(Noun):
    """Both sides projected to `size`, combined, squashed by tanh, and projected to the outputs (blank included)."""

    size: Size
    combine: Combination = Combination.MULTIPLY
    outputs: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Greedy(Noun):
    """The best output at each evaluation. How many symbols an utterance has is declared, not decoded."""

    kind: Literal["greedy"] = "greedy"
    symbols_per_second: PerSecond


@dataclass(frozen=True, slots=True, kw_only=True)
class Rnnt(Noun):
    """A workload file of kind `rnnt`."""

    kind: Literal["rnnt"] = "rnnt"
    name: Name
    audio: Utterance
    batch: Annotated[int, Whole(low=1, high=65_536)] = 1
    precision: Name | PrecisionPlan = "fp16"
    encoder: Encoder
    prediction: Prediction
    joint: Joint
    decoding: Greedy
    about: Remark | None = None
    sources: Sources = ()

    def check(self) -> None:
        check_sources(self, self.sources)

    @property
    def frames(self) -> int:
        """Frames of one utterance, the last one padded."""
        return -(-self.audio // self.encoder.frame)

    @property
    def symbols(self) -> int:
        """Symbols that one utterance is declared to have."""
        return ceil(self.decoding.symbols_per_second * Fraction(self.audio, 10**12))


def extract_rnnt(recipe: Rnnt, plan: PrecisionPlan) -> Program:
    """The loop tree: all encoder layers, then the search.

    A greedy search evaluates the joint network once per frame (it ends in blank) and once per symbol, and runs the
    prediction network at the start and after each symbol.
    """
    encoder, encoded = _encoder(recipe, plan)
    projected = tensor("joint.encoder.out", (*encoded.shape[:2], recipe.joint.size), plan.of("joint.encoder").state)
    projection = linear("joint.encoder", View(tensor=encoded.name), encoded.shape[2], projected, plan)
    predicted = tensor("joint.prediction.out", (recipe.batch, recipe.joint.size), plan.of("joint.prediction").state)
    symbol = tensor("search.symbol", (recipe.batch, 1), Precision.INT32, Role.STATE)
    prediction = _prediction(recipe, symbol, predicted, plan).looped("search.symbols", recipe.symbols + 1)
    evaluation = _evaluation(recipe, symbol, projected, predicted, plan)
    evaluations = evaluation.looped("search.evaluations", recipe.frames + recipe.symbols)
    return (encoder + projection + Part((symbol,)) + prediction + evaluations).program(recipe.name)


def _encoder(recipe: Rnnt, plan: PrecisionPlan) -> tuple[Part, Tensor]:
    """The layers, and the tensor that the last one writes."""
    directions = (FORWARD, BACKWARD) if recipe.encoder.bidirectional else (FORWARD,)
    names = [f"encoder.{layer}" for layer in range(recipe.encoder.layers)]
    readers = [*(input_products(name, directions) for name in names), ("joint.encoder",)]
    formats = [widest(*(plan.of(op).activation for op in ops)) for ops in readers]
    shape = (recipe.frames, recipe.batch)
    x = tensor("features", (*shape, recipe.encoder.features), formats[0], Role.INPUT)
    part = Part((x,))
    for name, precision in zip(names, formats[1:], strict=True):
        out = tensor(f"{name}.out", (*shape, recipe.encoder.cells * len(directions)), precision)
        part += lstm_sequence(name, x, recipe.encoder.cells, out, directions, plan)
        x = out
    return part, x


def _prediction(recipe: Rnnt, symbol: Tensor, predicted: Tensor, plan: PrecisionPlan) -> Part:
    """From the last symbol to the joint network's second input."""
    batch, size, cells = recipe.batch, recipe.prediction.embedding, recipe.prediction.cells
    policy = plan.of("prediction.input")
    table = tensor("prediction.embedding", (recipe.joint.outputs, size), policy.activation, Role.TABLE)
    embedded = tensor("prediction.embedded", (batch, size), policy.activation)
    embed = Lookup(
        name="prediction.embed",
        table=View(tensor=table.name),
        index=View(tensor=symbol.name),
        out=View(tensor=embedded.name),
    )
    sums = tensor("prediction.input.sums", (batch, 4 * cells), policy.state)
    gates = tuple(View(tensor=sums.name, windows=(window(1, start=gate * cells, count=cells),)) for gate in range(4))
    project = "joint.prediction"
    wanted = tensor("prediction.out", (batch, cells), plan.of(project).activation)
    return (
        Part((table, embedded, wanted), (embed,))
        + linear("prediction.input", View(tensor=embedded.name), size, sums, plan)
        + lstm_step("prediction", gates, batch, cells, plan, also=(View(tensor=wanted.name), wanted))
        + linear(project, View(tensor=wanted.name), cells, predicted, plan)
    )


def _evaluation(recipe: Rnnt, symbol: Tensor, projected: Tensor, predicted: Tensor, plan: PrecisionPlan) -> Part:
    """One evaluation of the joint network: fetch the frame, combine, project, choose, go on."""
    batch, size = recipe.batch, recipe.joint.size
    frame = tensor("search.frame", (batch, 1), Precision.INT32, Role.STATE)
    row = tensor("joint.frame", (batch, size), projected.precision)
    hidden = tensor("joint.hidden", (batch, size), plan.of("joint.output").activation)
    scores = tensor("joint.scores", (batch, recipe.joint.outputs), plan.of("joint.output").state)
    fetch = Lookup(
        name="joint.fetch",
        table=View(tensor=projected.name),
        index=View(tensor=frame.name),
        out=View(tensor=row.name),
    )
    combine = Elementwise(
        name="joint.combine",
        reads=(("frame", View(tensor=row.name)), ("predicted", View(tensor=predicted.name))),
        chain=(
            Apply(function=Function.MUL, args=("frame", "predicted"), result="product"),
            Apply(function=Function.TANH, args=("product",), result="squashed"),
            Apply(function=Function.REQUANTIZE, args=("squashed",), result="hidden"),
        ),
        writes=(("hidden", View(tensor=hidden.name)),),
    )
    choose = Reduce(
        name="search.choose",
        reduction=Reduction.ARGMAX,
        read=View(tensor=scores.name),
        write=View(tensor=symbol.name),
    )
    # On blank the frame moves on: one comparison, one addition.
    advance = Elementwise(
        name="search.advance",
        reads=(("symbol", View(tensor=symbol.name)), ("frame", View(tensor=frame.name))),
        chain=(
            Apply(function=Function.ADD, args=("symbol",), result="is blank"),
            Apply(function=Function.ADD, args=("frame", "is blank"), result="next"),
        ),
        writes=(("next", View(tensor=frame.name)),),
    )
    output = linear("joint.output", View(tensor=hidden.name), size, scores, plan)
    return Part((frame, row, hidden), (fetch, combine)) + output + Part(nodes=(choose, advance))

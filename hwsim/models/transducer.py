"""LSTM layers and the networks made of them: language models, prediction and joint networks.

Gates as PyTorch defines them: input, forget, cell, output; two bias vectors, one for each product.
"""

from hwsim.dataclass import dataclass
from hwsim.ir.ops import Elementwise, Function, Reduce, Reduction
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import View, window
from hwsim.models.decoding import Combination, Joint, LstmLm, Prediction, Speech
from hwsim.models.fragment import Fragment, chain, embedding, linear, matrix, relu, step, tensor
from hwsim.quantities.precision import Purpose

GATES = "ifgo"


@dataclass(frozen=True, slots=True)
class Direction:
    """One of the two ways in which a layer can go through the frames."""

    name: str
    backward: bool = False


FORWARD = Direction("forward")
BACKWARD = Direction("backward", backward=True)


@dataclass(frozen=True, slots=True)
class LstmState:
    """Where a step finds the state of a layer, and where it leaves the new one."""

    hidden: View
    cell: View
    new_hidden: View
    new_cell: View


@dataclass(frozen=True, slots=True)
class Sequence:
    """What a layer reads: rows of `features` for each of `batch` utterances in each of `frames` frames."""

    view: View
    frames: int
    batch: int
    features: int

    @classmethod
    def of(cls, x: Tensor) -> "Sequence":
        """A whole tensor of frames, batch and features; features may lie over several axes."""
        frames, batch, *_ = x.shape
        return cls(View(tensor=x.name), frames, batch, x.elements // (frames * batch))


def cell_format(name: str) -> FormatOf:
    """The format of a layer's cell: no product reads the cell, so the recurrent product decides."""
    return FormatOf(op=f"{name}.recurrent", purpose=Purpose.STATE)


def lstm_sequence(name: str, x: Sequence, cells: int, out: Tensor, directions: tuple[Direction, ...]) -> Fragment:
    """x → out[frames, batch, directions · cells], all directions in one loop over frames; makes out."""
    frames, batch = x.frames, x.batch
    hoisted, looped = Fragment(), Fragment()
    loop = f"{name}.frames"
    for place, direction in enumerate(directions):
        direction_name = f"{name}.{direction.name}"
        sums = tensor(f"{direction_name}.input.sums", (frames, batch, 4 * cells))
        hoisted += linear(f"{direction_name}.input", x.view, x.features, sums)
        first, by = (frames - 1, -1) if direction.backward else (0, 1)
        frame = window(0, start=first, loop=loop, step=by)
        gates = tuple(
            View(tensor=sums.name, windows=(frame, window(2, start=gate * cells, count=cells))) for gate in range(4)
        )
        hidden = View(tensor=out.name, windows=(frame, window(2, start=place * cells, count=cells)))
        looped += lstm_step(direction_name, gates, batch, cells, also=hidden)
    return Fragment((out,)) + hoisted + looped.looped(loop, frames)


def lstm_step(
    name: str,
    input_gates: tuple[View, ...],
    batch: int,
    cells: int,
    *,
    also: View | None = None,
    memory: LstmState | None = None,
) -> Fragment:
    """One step: the recurrent product, the gates, the new state; the new hidden state also goes to a view, if given.

    Without a memory the layer has a state of its own, which it makes.
    """
    state = Fragment()
    if memory is None:
        hidden = tensor(f"{name}.hidden", (batch, cells), Role.STATE)
        cell = tensor(f"{name}.cell", (batch, cells), Role.STATE, cell_format(name))
        state, memory = Fragment((hidden, cell)), _kept(View(tensor=hidden.name), View(tensor=cell.name))
    sums = tensor(f"{name}.recurrent.sums", (batch, 4 * cells))
    recurrent = linear(f"{name}.recurrent", memory.hidden, cells, sums)

    reads = [(f"x{gate}", view) for gate, view in zip(GATES, input_gates, strict=True)]
    reads += [(f"h{gate}", _gate(sums, place, cells)) for place, gate in enumerate(GATES)]
    reads.append(("before", memory.cell))
    writes = [("after", memory.new_cell), ("hidden", memory.new_hidden)]
    if also is not None:
        writes.append(("hidden", also))
    gates = Elementwise(name=f"{name}.gates", reads=tuple(reads), chain=_CELL, writes=tuple(writes))
    return state + recurrent + Fragment(nodes=(gates,))


def lstm_layer_step(
    name: str, x: View, inputs: int, rows: int, cells: int, out: View, memory: LstmState | None = None
) -> Fragment:
    """One step of a layer with both products: x[rows, inputs] → a view of a tensor with rows of `cells`."""
    sums = tensor(f"{name}.input.sums", (rows, 4 * cells))
    gates = tuple(_gate(sums, gate, cells) for gate in range(4))
    return linear(f"{name}.input", x, inputs, sums) + lstm_step(name, gates, rows, cells, also=out, memory=memory)


def _kept(hidden: View, cell: View) -> LstmState:
    """A state that is replaced where it stands."""
    return LstmState(hidden, cell, hidden, cell)


def _gate(sums: Tensor, place: int, cells: int) -> View:
    return View(tensor=sums.name, windows=(window(1, start=place * cells, count=cells),))


_CELL = (
    *(step(f"sum {gate}", Function.ADD, f"x{gate}", f"h{gate}") for gate in GATES),
    *(step(gate, Function.TANH if gate == "g" else Function.SIGMOID, f"sum {gate}") for gate in GATES),
    step("kept", Function.MUL, "f", "before"),
    step("new", Function.MUL, "i", "g"),
    step("after", Function.ADD, "kept", "new"),
    step("squashed", Function.TANH, "after"),
    step("wide", Function.MUL, "o", "squashed"),
    step("hidden", Function.REQUANTIZE, "wide"),
)


def lstm_stack(
    name: str,
    x: View,
    inputs: int,
    rows: int,
    cells: int,
    memories: tuple[LstmState | None, ...],
    out: View,
) -> Fragment:
    """One step of stacked layers, one for each memory: x[rows, inputs] → a view of a tensor with rows of `cells`."""
    part, read, width = Fragment(), x, inputs
    for layer, memory in enumerate(memories):
        layer_out = out
        if layer < len(memories) - 1:
            hidden = tensor(f"{name}.{layer}.out", (rows, cells))
            part, layer_out = part + Fragment((hidden,)), View(tensor=hidden.name)
        part += lstm_layer_step(f"{name}.{layer}", read, width, rows, cells, layer_out, memory)
        read, width = layer_out, cells
    return part


def lm_step(
    name: str,
    lm: LstmLm,
    outputs: int,
    symbol: View,
    rows: int,
    memories: tuple[LstmState | None, ...],
    scores: View,
) -> Fragment:
    """symbol[rows] → scores[rows, outputs], logarithms of probabilities."""
    embedded = tensor(f"{name}.embedded", (rows, lm.embedding))
    hidden = tensor(f"{name}.out", (rows, lm.cells))
    logits = tensor(f"{name}.logits", (rows, outputs))
    x, h = View(tensor=embedded.name), View(tensor=hidden.name)
    return (
        Fragment((embedded, hidden))
        + embedding(f"{name}.embed", outputs, lm.embedding, symbol, x)
        + lstm_stack(name, x, lm.embedding, rows, lm.cells, memories, h)
        + linear(f"{name}.output", h, lm.cells, logits)
        + log_softmax(f"{name}.normalise", View(tensor=logits.name), scores)
    )


def log_softmax(name: str, read: View, write: View) -> Fragment:
    """Scores as logarithms of probabilities."""
    return Fragment(nodes=(Reduce(name=name, reduction=Reduction.LOG_SOFTMAX, read=read, write=write),))


@dataclass(frozen=True, slots=True)
class EncoderOutput:
    """What an encoder leaves of each piece of the speech: `size` numbers for each of its frames.

    All utterances of a frame lie one after another, if they are `frames_first`, else all frames of an utterance.
    """

    view: View
    size: int
    speech: Speech
    frames_first: bool


@dataclass(frozen=True, slots=True)
class Transducer:
    """Both networks, and how many utterances run together."""

    prediction: Prediction
    joint: Joint
    batch: int

    @property
    def concatenates(self) -> bool:
        return self.joint.combine is Combination.CONCATENATE

    @property
    def predicted_size(self) -> int:
        """How many numbers the prediction network gives to the joint network for each prefix."""
        return self.prediction.cells if self.concatenates else self.joint.size

    def table(self, encoded: EncoderOutput) -> tuple[Fragment, View, int]:
        """The rows that the joint network fetches, and their size: the encoder's own, or projected for all frames."""
        if self.concatenates:
            return Fragment(), encoded.view, encoded.size
        shape = (encoded.speech.frames * self.batch, self.joint.size)
        out = tensor("joint.encoder.out", shape)
        part = linear("joint.encoder", encoded.view, encoded.size, out)
        return part, View(tensor=out.name), self.joint.size

    def inputs(self, rows: int, frame_size: int, role: Role = Role.ACTIVATION) -> tuple[Fragment, View, View]:
        """Where rows of frames and of predictions meet: two tensors, or two sides of one. The role is that of the
        predictions: a state, if they are kept where no new ones are made."""
        if not self.concatenates:
            frame = tensor("joint.frame", (rows, frame_size))
            predicted = tensor("joint.predicted", (rows, self.predicted_size), role)
            return Fragment((frame, predicted)), View(tensor=frame.name), View(tensor=predicted.name)
        cells = self.prediction.cells
        both = tensor("joint.input", (rows, frame_size + cells), role)
        left, right = window(1, count=frame_size), window(1, start=frame_size, count=cells)
        frames, predictions = (View(tensor=both.name, windows=(side,)) for side in (left, right))
        return Fragment((both,)), frames, predictions

    def predict(self, symbol: View, rows: int, memories: tuple[LstmState | None, ...], out: View) -> Fragment:
        """symbol[rows] → the joint network's second input."""
        size = self.prediction
        embedded = tensor("prediction.embedded", (rows, size.embedding))
        x, symbols = View(tensor=embedded.name), size.symbols or self.joint.outputs
        embed = embedding("prediction.embed", symbols, size.embedding, symbol, x)
        part, last = Fragment((embedded,)) + embed, out
        if not self.concatenates:
            hidden = tensor("prediction.out", (rows, size.cells))
            part, last = part + Fragment((hidden,)), View(tensor=hidden.name)
        part += lstm_stack("prediction", x, size.embedding, rows, size.cells, memories, last)
        if self.concatenates:
            return part
        return part + matrix("joint.prediction", last, size.cells, self.joint.size, out)

    def evaluate(self, frame: View, predicted: View, frame_size: int, rows: int, scores: View) -> Fragment:
        """The joint network on rows of frames and predictions → scores[rows, outputs]."""
        joint = self.joint
        squashed = tensor("joint.hidden", (rows, joint.size))
        hidden = View(tensor=squashed.name)
        if self.concatenates:
            sums = tensor("joint.hidden.sums", (rows, joint.size))
            whole = View(tensor=frame.tensor)
            part = linear("joint.hidden", whole, frame_size + self.predicted_size, sums)
            part += relu("joint.relu", View(tensor=sums.name), hidden)
        else:
            combine = Function.MUL if joint.combine is Combination.MULTIPLY else Function.ADD
            steps = (
                step("combined", combine, "frame", "predicted"),
                step("squashed", Function.TANH, "combined"),
                step("out", Function.REQUANTIZE, "squashed"),
            )
            reads = {"frame": frame, "predicted": predicted}
            part = chain("joint.combine", reads, steps, {"out": hidden})
        return Fragment((squashed,)) + part + matrix("joint.output", hidden, joint.size, joint.outputs, scores)

"""The networks of a transducer's second half: prediction and joint network on encoded frames."""

from dataclasses import dataclass

from hwsim.ir.functions import Function
from hwsim.ir.tensor import Role
from hwsim.ir.view import View, window
from hwsim.models.blocks.chain import chain, relu, step
from hwsim.models.blocks.embedding import embedding
from hwsim.models.blocks.language_model import lstm_stack
from hwsim.models.blocks.linear import linear, matrix
from hwsim.models.blocks.lstm import LstmState
from hwsim.models.decoding import Combination, Joint, Prediction, Speech
from hwsim.models.fragment import Fragment, tensor


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

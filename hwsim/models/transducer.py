"""The networks of a transducer's second half: prediction and joint network on encoded frames."""

from dataclasses import dataclass, replace

from hwsim.ir.functions import Function
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View, window
from hwsim.models.blocks.chain import chain, relu, step
from hwsim.models.blocks.embedding import embedding
from hwsim.models.blocks.language_model import lstm_stack
from hwsim.models.blocks.linear import linear, matrix
from hwsim.models.blocks.lstm import LstmState
from hwsim.models.decoding import Combination, Joint, Prediction, Speech
from hwsim.models.fragment import Fragment, tensor
from hwsim.quantities.precision import PrecisionPlan


@dataclass(frozen=True, slots=True)
class EncoderOutput:
    """What an encoder leaves of each piece of the speech: `size` numbers for each of its frames."""

    view: View
    size: int
    speech: Speech


@dataclass(frozen=True, slots=True)
class TypedView:
    """A view of a tensor, whose format whoever writes it must know."""

    view: View
    tensor: Tensor


@dataclass(frozen=True, slots=True)
class Transducer:
    """Both networks, their precisions, and how many utterances run together."""

    prediction: Prediction
    joint: Joint
    plan: PrecisionPlan
    batch: int

    @property
    def concatenates(self) -> bool:
        return self.joint.combine is Combination.CONCATENATE

    @property
    def encoder_reader(self) -> str:
        """The op that reads what the encoder writes, and so decides its format."""
        return "joint.hidden" if self.concatenates else "joint.encoder"

    def predicted(self, name: str, rows: int) -> Tensor:
        """A tensor for what the prediction network gives to the joint network."""
        if self.concatenates:
            return tensor(name, (rows, self.prediction.cells), self.plan.of("joint.hidden").activation)
        return tensor(name, (rows, self.joint.size), self.plan.of("joint.prediction").state)

    def table(self, encoded: EncoderOutput) -> tuple[Fragment, View, int]:
        """The rows that the joint network fetches, and their size: the encoder's own, or projected for all frames."""
        if self.concatenates:
            return Fragment(), encoded.view, encoded.size
        shape = (encoded.speech.frames * self.batch, self.joint.size)
        out = tensor("joint.encoder.out", shape, self.plan.of("joint.encoder").state)
        part = linear("joint.encoder", encoded.view, encoded.size, out, self.plan)
        return part, View(tensor=out.name), self.joint.size

    def inputs(self, rows: int, frame_size: int, role: Role = Role.ACTIVATION) -> tuple[Fragment, TypedView, TypedView]:
        """Where rows of frames and of predictions meet: two tensors, or two sides of one. The role is that of the
        predictions: a state, if they are kept where no new ones are made."""
        if not self.concatenates:
            frame = tensor("joint.frame", (rows, frame_size), self.plan.of("joint.encoder").state)
            predicted = replace(self.predicted("joint.predicted", rows), role=role)
            return Fragment((frame, predicted)), _whole(frame), _whole(predicted)
        cells = self.prediction.cells
        both = tensor("joint.input", (rows, frame_size + cells), self.plan.of("joint.hidden").activation, role)
        left, right = window(1, count=frame_size), window(1, start=frame_size, count=cells)
        left_view, right_view = (View(tensor=both.name, windows=(side,)) for side in (left, right))
        return Fragment((both,)), TypedView(left_view, both), TypedView(right_view, both)

    def predict(self, symbol: View, rows: int, memories: tuple[LstmState | None, ...], out: TypedView) -> Fragment:
        """symbol[rows] → the joint network's second input."""
        size, plan = self.prediction, self.plan
        embedded = tensor("prediction.embedded", (rows, size.embedding), plan.of("prediction.0.input").activation)
        x, symbols = View(tensor=embedded.name), size.symbols or self.joint.outputs
        embed = embedding("prediction.embed", symbols, size.embedding, symbol, x, embedded.precision)
        part, last = Fragment((embedded,)) + embed, out
        if not self.concatenates:
            hidden = tensor("prediction.out", (rows, size.cells), plan.of("joint.prediction").activation)
            part, last = part + Fragment((hidden,)), _whole(hidden)
        ends = (last.view, last.tensor)
        part += lstm_stack("prediction", x, size.embedding, rows, size.cells, plan, memories, ends)
        if self.concatenates:
            return part
        return part + matrix("joint.prediction", last.view, size.cells, self.joint.size, out.view, plan)

    def evaluate(self, frame: TypedView, predicted: TypedView, rows: int, scores: View) -> Fragment:
        """The joint network on rows of frames and predictions → scores[rows, outputs]."""
        joint, plan = self.joint, self.plan
        squashed = tensor("joint.hidden", (rows, joint.size), plan.of("joint.output").activation)
        hidden = View(tensor=squashed.name)
        if self.concatenates:
            sums = tensor("joint.hidden.sums", (rows, joint.size), plan.of("joint.hidden").state)
            whole = View(tensor=frame.tensor.name)
            part = linear("joint.hidden", whole, frame.tensor.shape[-1], sums, plan)
            part += relu("joint.relu", View(tensor=sums.name), hidden)
        else:
            combine = Function.MUL if joint.combine is Combination.MULTIPLY else Function.ADD
            steps = (
                step("combined", combine, "frame", "predicted"),
                step("squashed", Function.TANH, "combined"),
                step("out", Function.REQUANTIZE, "squashed"),
            )
            reads = {"frame": frame.view, "predicted": predicted.view}
            part = chain("joint.combine", reads, steps, {"out": hidden})
        return Fragment((squashed,)) + part + matrix("joint.output", hidden, joint.size, joint.outputs, scores, plan)


def _whole(made: Tensor) -> TypedView:
    return TypedView(View(tensor=made.name), made)

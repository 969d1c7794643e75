"""Long short-term memory: products over all frames where the data allows, a loop over frames where it does not.

Gates as PyTorch defines them: input, forget, cell, output; two bias vectors, one for each product.
"""

from dataclasses import dataclass

from hwsim.ir.functions import Function
from hwsim.ir.ops import Elementwise
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import View, window
from hwsim.models.blocks.chain import step
from hwsim.models.blocks.linear import linear
from hwsim.models.fragment import Fragment, tensor
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
    """The format of a layer's cell: no product reads it, the one that steps it is recurrent."""
    return FormatOf(op=f"{name}.recurrent", purpose=Purpose.STATE)


def lstm_sequence(name: str, x: Sequence, cells: int, out: Tensor, directions: tuple[Direction, ...]) -> Fragment:
    """x → out[frames, batch, directions · cells], all directions in one loop over frames; makes out."""
    frames, batch = x.frames, x.batch
    hoisted, looped = Fragment(), Fragment()
    loop = f"{name}.frames"
    for place, direction in enumerate(directions):
        own = f"{name}.{direction.name}"
        sums = tensor(f"{own}.input.sums", (frames, batch, 4 * cells))
        hoisted += linear(f"{own}.input", x.view, x.features, sums)
        first, by = (frames - 1, -1) if direction.backward else (0, 1)
        frame = window(0, start=first, loop=loop, step=by)
        gates = tuple(
            View(tensor=sums.name, windows=(frame, window(2, start=gate * cells, count=cells))) for gate in range(4)
        )
        wanted = View(tensor=out.name, windows=(frame, window(2, start=place * cells, count=cells)))
        looped += lstm_step(own, gates, batch, cells, also=wanted)
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
    own = Fragment()
    if memory is None:
        hidden = tensor(f"{name}.hidden", (batch, cells), Role.STATE)
        cell = tensor(f"{name}.cell", (batch, cells), Role.STATE, cell_format(name))
        own, memory = Fragment((hidden, cell)), _kept(View(tensor=hidden.name), View(tensor=cell.name))
    sums = tensor(f"{name}.recurrent.sums", (batch, 4 * cells))
    recurrent = linear(f"{name}.recurrent", memory.hidden, cells, sums)

    reads = [(f"x{gate}", view) for gate, view in zip(GATES, input_gates, strict=True)]
    reads += [(f"h{gate}", _gate(sums, place, cells)) for place, gate in enumerate(GATES)]
    reads.append(("before", memory.cell))
    writes = [("after", memory.new_cell), ("hidden", memory.new_hidden)]
    if also is not None:
        writes.append(("hidden", also))
    gates = Elementwise(name=f"{name}.gates", reads=tuple(reads), chain=_CELL, writes=tuple(writes))
    return own + recurrent + Fragment(nodes=(gates,))


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

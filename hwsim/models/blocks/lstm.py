"""Long short-term memory: products over all frames where the data allows, a loop over frames where it does not.

Gates as PyTorch defines them: input, forget, cell, output; two bias vectors, one for each product.
"""

from dataclasses import dataclass

from hwsim.core.functions import Function
from hwsim.core.ops import Apply, Elementwise
from hwsim.core.precision import PrecisionPlan
from hwsim.core.tensor import Role, Tensor
from hwsim.core.view import View, window
from hwsim.models.blocks.linear import linear
from hwsim.models.part import Part, tensor

GATES = "ifgo"


@dataclass(frozen=True, slots=True)
class Direction:
    """One of the two ways in which a layer can go through the frames."""

    name: str
    backward: bool = False


FORWARD = Direction("forward")
BACKWARD = Direction("backward", backward=True)


def input_products(name: str, directions: tuple[Direction, ...]) -> tuple[str, ...]:
    """The names of the ops that read the input of a sequence layer."""
    return tuple(f"{name}.{direction.name}.input" for direction in directions)


def lstm_sequence(
    name: str, x: Tensor, cells: int, out: Tensor, directions: tuple[Direction, ...], plan: PrecisionPlan
) -> Part:
    """x[frames, batch, features] → out[frames, batch, directions · cells], all directions in one loop over frames."""
    frames, batch, features = x.shape
    hoisted, looped = Part(), Part()
    loop = f"{name}.frames"
    for place, direction in enumerate(directions):
        own = f"{name}.{direction.name}"
        sums = tensor(f"{own}.input.sums", (frames, batch, 4 * cells), plan.of(f"{own}.input").state)
        hoisted += linear(f"{own}.input", View(tensor=x.name), features, sums, plan)
        first, step = (frames - 1, -1) if direction.backward else (0, 1)
        frame = window(0, start=first, loop=loop, step=step)
        gates = tuple(
            View(tensor=sums.name, windows=(frame, window(2, start=gate * cells, count=cells))) for gate in range(4)
        )
        wanted = View(tensor=out.name, windows=(frame, window(2, start=place * cells, count=cells)))
        looped += lstm_step(own, gates, batch, cells, plan, also=(wanted, out))
    return Part((out,)) + hoisted + looped.looped(loop, frames)


def lstm_step(
    name: str,
    input_gates: tuple[View, ...],
    batch: int,
    cells: int,
    plan: PrecisionPlan,
    also: tuple[View, Tensor] | None = None,
) -> Part:
    """One step: the recurrent product, the gates, the new state; the new hidden state also goes to a view, if given."""
    policy = plan.of(f"{name}.recurrent")
    hidden = tensor(f"{name}.hidden", (batch, cells), policy.activation, Role.STATE)
    cell = tensor(f"{name}.cell", (batch, cells), policy.state, Role.STATE)
    sums = tensor(f"{name}.recurrent.sums", (batch, 4 * cells), policy.state)
    recurrent = linear(f"{name}.recurrent", View(tensor=hidden.name), cells, sums, plan)

    reads = [(f"x{gate}", view) for gate, view in zip(GATES, input_gates, strict=True)]
    for place, gate in enumerate(GATES):
        part = window(1, start=place * cells, count=cells)
        reads.append((f"h{gate}", View(tensor=sums.name, windows=(part,))))
    reads.append(("before", View(tensor=cell.name)))
    writes = [("after", View(tensor=cell.name)), ("hidden", View(tensor=hidden.name))]
    chain = _CELL
    if also is not None:
        view, out = also
        same = out.precision is hidden.precision
        chain = chain if same else (*chain, Apply(function=Function.REQUANTIZE, args=("wide",), result="out"))
        writes.append(("hidden" if same else "out", view))
    gates = Elementwise(name=f"{name}.gates", reads=tuple(reads), chain=chain, writes=tuple(writes))
    return Part((hidden, cell)) + recurrent + Part(nodes=(gates,))


def _apply(result: str, function: Function, *args: str) -> Apply:
    return Apply(function=function, args=args, result=result)


_CELL = (
    *(_apply(f"sum {gate}", Function.ADD, f"x{gate}", f"h{gate}") for gate in GATES),
    *(_apply(gate, Function.TANH if gate == "g" else Function.SIGMOID, f"sum {gate}") for gate in GATES),
    _apply("kept", Function.MUL, "f", "before"),
    _apply("new", Function.MUL, "i", "g"),
    _apply("after", Function.ADD, "kept", "new"),
    _apply("squashed", Function.TANH, "after"),
    _apply("wide", Function.MUL, "o", "squashed"),
    _apply("hidden", Function.REQUANTIZE, "wide"),
)

"""LSTM, GRU and RNN: the products of all inputs at once, then a loop over frames of a product and a chain of gates."""

from collections.abc import Callable, Sequence

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.graph import Array
from hwsim.inputs.onnx.parts import Held, Looped, Made, copy
from hwsim.inputs.onnx.products import multiply
from hwsim.inputs.onnx.stored import Stored, Value, sliced
from hwsim.ir.ops import Apply, Elementwise, Function, Gemm, Op
from hwsim.ir.tensor import Role
from hwsim.ir.view import View, Window, window

Applied = tuple[str, Function, tuple[str, ...]]
"""A step of a chain: its result, its function, what that is applied to."""

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@dataclass(slots=True, eq=False)
class Layer:
    """What a recurrent node reads, checked."""

    x: Value
    frames: int
    batch: int
    cells: int
    backward: tuple[bool, ...]
    weights: Held
    recurrent: Held
    biases: Array | None
    gates: int
    out: Stored
    states: list[list[Stored]]

    def bias(self, direction: int, both: bool = True) -> Array | None:
        """The bias of a direction: that of the inputs' product, and that of the recurrent one if `both`."""
        if self.biases is None:
            return None
        half = self.gates * self.cells
        row = self.biases[direction]
        return np.asarray(row[:half] + row[half:] if both else row[:half], np.float32)

    def recurrent_bias(self, direction: int) -> Array | None:
        return (
            None if self.biases is None else np.asarray(self.biases[direction][self.gates * self.cells :], np.float32)
        )


def layer_of(builder: Builder, gates: int, states: int, *, turned: bool = False) -> Layer:
    """The layer of the node at hand; its weights may come turned, inputs first."""
    x = builder.as_value(builder.value(0))
    weights, recurrent, bias = (
        builder.constant(place, what) for place, what in ((1, "weights"), (2, "weights"), (3, "bias"))
    )
    if weights is None or recurrent is None:
        raise builder.refused("has no weights")
    if builder.attribute("layout", 0):
        raise builder.refused("has batches first (layout 1); hwsim reads frames first")
    if builder.attribute("clip") is not None or builder.attribute("input_forget", 0):
        raise builder.refused("clips, or couples its gates, which hwsim does not read")
    way = builder.attribute("direction", "forward")
    if way not in _DIRECTIONS:
        raise builder.refused(f"goes through its frames {way!r}")
    backward = _DIRECTIONS[way]
    frames, batch, inputs = x.shape
    cells = recurrent.shape[-2 if turned else -1]
    expected = (len(backward), gates * cells, inputs), (len(backward), gates * cells, cells)
    if turned:
        expected = (len(backward), inputs, gates * cells), (len(backward), cells, gates * cells)
    if (weights.shape, recurrent.shape) != expected:
        raise builder.refused(f"has weights {list(weights.shape)} and {list(recurrent.shape)}")
    lengths = builder.constant(4, "lengths")
    if lengths is not None and not (np.asarray(lengths.values) == frames).all():
        raise builder.refused("has sequences of different lengths")
    biases = None if bias is None else np.asarray(bias.real, np.float32)
    if biases is not None and biases.shape != (len(backward), 2 * gates * cells):
        raise builder.refused(f"has a bias {list(biases.shape)}")
    out = builder.stored(f"{builder.name}.out", (frames, batch, len(backward), cells))
    out.locked.update(range(4))
    kept = [_states(builder, place, len(backward), batch, cells) for place in range(states)]
    return Layer(x, frames, batch, cells, backward, weights, recurrent, biases, gates, out, kept)


_STATES = ("hidden", "cell")


def _states(builder: Builder, place: int, directions: int, batch: int, cells: int) -> list[Stored]:
    """The states of all directions, filled with what the graph gives for them."""
    given = builder.operand(5 + place)
    if given is not None and given.shape != (directions, batch, cells):
        raise builder.refused(f"begins with states {list(given.shape)}, expected {[directions, batch, cells]}")
    states = []
    for direction in range(directions):
        name = f"{builder.name}.{_STATES[place]}" + (f".{direction}" if directions > 1 else "")
        state = builder.stored(name, (batch, cells), role=Role.STATE)
        state.locked.update((0, 1))
        states.append(state)
        if given is None or (isinstance(given, Held) and not np.asarray(given.real).any()):
            continue
        value = builder.as_value(given)
        with builder.part(f"begin.{_STATES[place]}{direction}") as part:
            one = sliced(value, 0, direction, 1, 1)
            assert one is not None
            builder.parts.append(Made(part, [one], [state.whole((batch, cells))], copy))
    return states


def _input_sums(builder: Builder, layer: Layer, direction: int, bias: Array | None) -> Stored:
    """The products of all inputs with the weights of a direction."""
    weight = Held(layer.weights.values[direction].T, layer.weights.kind, None)
    with builder.part(_named(layer, direction, "input")):
        added = None if bias is None else Held(bias, "float32")
        return multiply(builder, layer.x, weight, added).stored


def _named(layer: Layer, direction: int, what: str) -> str:
    if len(layer.backward) == 1:
        return what
    return f"{'backward' if layer.backward[direction] else 'forward'}.{what}"


@dataclass(slots=True, eq=False)
class Step:
    """The body of a loop under construction, for one direction."""

    builder: Builder
    layer: Layer
    direction: int
    loop: str
    body: list[Made]

    def frame(self) -> Window:
        last, by = (self.layer.frames - 1, -1) if self.layer.backward[self.direction] else (0, 1)
        return window(0, start=last, loop=self.loop, step=by)

    def gate(self, sums: Stored, place: int, *, framed: bool) -> View:
        """One gate's part of sums, of one frame if they are `framed`."""
        cells, axis = self.layer.cells, len(sums.sizes) - 1
        columns = window(axis, start=place * cells, count=cells)
        return View(tensor=sums.name, windows=(self.frame(), columns) if framed else (columns,))

    def product(self, what: str, act: Stored, values: Array, bias: Array | None = None) -> Stored:
        """act[batch, k] times a weight of the file, in the loop."""
        with self.builder.part(_named(self.layer, self.direction, what)) as name:
            weight = self.builder.parameter(f"{name}.weight", values, Role.WEIGHT)
            sums = self.builder.stored(f"{name}.sums", (self.layer.batch, values.shape[-1]))
            row = None if bias is None else self.builder.parameter(f"{name}.bias", bias, Role.BIAS)
        for tensor in (weight, sums, *([] if row is None else [row])):
            tensor.locked.update(range(len(tensor.sizes)))

        def make(made: Made) -> Op:
            return Gemm(
                name=made.name, act=View(tensor=act.name), weight=View(tensor=weight.name), out=View(tensor=sums.name),
                bias=None if row is None else View(tensor=row.name),
            )  # fmt: skip

        reads = [_whole(tensor) for tensor in (act, weight, *([] if row is None else [row]))]
        self.body.append(Made(name, reads, [_whole(sums)], make))
        return sums

    def chain(
        self,
        what: str,
        reads: Sequence[tuple[str, View, Stored]],
        steps: Sequence[Applied],
        writes: Sequence[tuple[str, View, Stored]],
        constants: Sequence[tuple[str, float]] = (),
    ) -> None:
        """A chain of gates; what it writes is converted to the format in which it is kept."""
        with self.builder.part(_named(self.layer, self.direction, what)) as name:
            pass
        applied = [Apply(function=function, args=args, result=result) for result, function, args in steps]
        kept = {local: f"{local} kept" for local, _, _ in writes}
        applied += [Apply(function=Function.REQUANTIZE, args=(local,), result=kept[local]) for local in kept]
        op = Elementwise(
            name=name,
            reads=tuple((local, view) for local, view, _ in reads),
            chain=tuple(applied),
            writes=tuple((kept[local], view) for local, view, _ in writes),
            constants=tuple(constants),
        )
        self.body.append(
            Made(name, [_whole(one) for _, _, one in reads], [_whole(one) for _, _, one in writes], lambda made: op)
        )

    def named(self, what: str) -> str:
        """A part of this direction."""
        return _named(self.layer, self.direction, what)

    def add(self, op: Op, reads: Sequence[Stored], writes: Sequence[Stored]) -> None:
        """One more op of the loop."""
        self.body.append(
            Made(op.name, [_whole(one) for one in reads], [_whole(one) for one in writes], lambda made: op)
        )

    def written(self, local: str) -> list[tuple[str, View, Stored]]:
        """Where a new hidden state goes: to the state, and to this frame of the results."""
        hidden, out = self.layer.states[0][self.direction], self.layer.out
        place = View(tensor=out.name, windows=(self.frame(), window(2, start=self.direction)))
        return [(local, View(tensor=hidden.name), hidden), (local, place, out)]


def _whole(tensor: Stored) -> Value:
    return tensor.whole(tuple(tensor.sizes))


Body = Callable[[Step, Stored], None]


def run_layer(
    builder: Builder,
    layer: Layer,
    body: Body,
    *,
    both: bool = True,
    input_sums: Callable[[int, Array | None], Stored] | None = None,
) -> None:
    """The products of all inputs, and the loop of all directions; gives the results of the node."""
    loop = builder.names.free(f"{builder.name}.frames")
    made: list[Made] = []
    for direction in range(len(layer.backward)):
        bias = layer.bias(direction, both)
        if input_sums is None:
            sums = _input_sums(builder, layer, direction, bias)
        else:
            with builder.part(_named(layer, direction, "input")):
                sums = input_sums(direction, bias)
        sums.locked.update(range(len(sums.sizes)))
        body(Step(builder, layer, direction, loop, made), sums)
    builder.parts.append(Looped(loop, layer.frames, list(made)))
    frames, batch, cells, count = layer.frames, layer.batch, layer.cells, len(layer.backward)
    builder.give(Value(layer.out, [0, 2, 1, 3], {}, (frames, count, batch, cells)))
    for place, states in enumerate(layer.states):
        output = builder.node.outputs[1 + place] if len(builder.node.outputs) > 1 + place else ""
        if builder.readers.get(output):
            builder.give(_ended(builder, states, batch, cells), 1 + place)


def _ended(builder: Builder, states: list[Stored], batch: int, cells: int) -> Value:
    """The states after the last frame."""
    if len(states) == 1:
        with builder.part("end"):
            return builder.copied(states[0].whole((1, batch, cells)))
    with builder.part("end") as part:
        tensor = builder.stored(f"{part}.out", (len(states), batch, cells))
        for direction, state in enumerate(states):
            name = builder.names.free(f"{part}.{direction}")
            target = Value(tensor, [0, 1, 2], {0: (direction, 1, 1)}, (1, batch, cells))
            builder.parts.append(Made(name, [state.whole((1, batch, cells))], [target], copy))
    return tensor.whole((len(states), batch, cells))

"""The gates of LSTM, GRU and RNN: what a step makes of the sums of its inputs and of its state."""

from collections.abc import Sequence

import numpy as np

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.graph import Array
from hwsim.inputs.onnx.parts import Held
from hwsim.inputs.onnx.recurrent import Applied, Layer, Step, layer_of, run_layer
from hwsim.inputs.onnx.stored import Stored
from hwsim.ir.ops import Function
from hwsim.ir.view import View


def _activations(builder: Builder, layer: Layer, expected: Sequence[str]) -> None:
    named = builder.attribute("activations")
    if named is not None and [one.lower() for one in named] != [one.lower() for one in expected] * len(layer.backward):
        raise builder.refused(f"has the activations {list(named)}; hwsim reads {list(expected)}")


def _real(held: Held, direction: int) -> Array:
    return np.asarray(held.real[direction].T, np.float32)


def lstm(builder: Builder) -> None:
    """`LSTM`: gates in the order input, output, forget, cell."""
    layer = layer_of(builder, 4, 2)
    _activations(builder, layer, ("Sigmoid", "Tanh", "Tanh"))
    if builder.operand(7) is not None:
        raise builder.refused("has peepholes, which hwsim does not read")

    def body(step: Step, inputs: Stored) -> None:
        sums = step.product("recurrent", layer.states[0][step.direction], _real(layer.recurrent, step.direction))
        lstm_gates(step, inputs, sums)

    run_layer(builder, layer, body)


def lstm_gates(step: Step, inputs: Stored, sums: Stored) -> None:
    """The gates of an LSTM, from the sums of inputs and those of the hidden state."""
    cell = step.layer.states[1][step.direction]
    reads = [(f"x{gate}", step.gate(inputs, place, framed=True), inputs) for place, gate in enumerate("iofg")]
    reads += [(f"h{gate}", step.gate(sums, place, framed=False), sums) for place, gate in enumerate("iofg")]
    reads.append(("before", View(tensor=cell.name), cell))
    squash = {"g": Function.TANH}
    steps: list[Applied] = [(f"sum {gate}", Function.ADD, (f"x{gate}", f"h{gate}")) for gate in "iofg"]
    steps += [(gate, squash.get(gate, Function.SIGMOID), (f"sum {gate}",)) for gate in "iofg"]
    steps += [
        ("kept", Function.MUL, ("f", "before")),
        ("new", Function.MUL, ("i", "g")),
        ("after", Function.ADD, ("kept", "new")),
        ("squashed", Function.TANH, ("after",)),
        ("hidden", Function.MUL, ("o", "squashed")),
    ]
    step.chain("gates", reads, steps, [("after", View(tensor=cell.name), cell), *step.written("hidden")])


def rnn(builder: Builder) -> None:
    """`RNN`: one function of the sum of both products."""
    layer = layer_of(builder, 1, 1)
    named = builder.attribute("activations", ("Tanh",) * len(layer.backward))
    kinds = {one.lower() for one in named}
    if len(kinds) != 1 or not kinds <= {"tanh", "relu", "sigmoid"}:
        raise builder.refused(f"has the activations {list(named)}; hwsim reads Tanh, Relu and Sigmoid")
    (kind,) = kinds

    def body(step: Step, inputs: Stored) -> None:
        sums = step.product("recurrent", layer.states[0][step.direction], _real(layer.recurrent, step.direction))
        reads = [("x", step.gate(inputs, 0, framed=True), inputs), ("h", step.gate(sums, 0, framed=False), sums)]
        steps: list[Applied] = [("sum", Function.ADD, ("x", "h"))]
        if kind == "relu":
            steps.append(("hidden", Function.MAX, ("sum", "zero")))
        else:
            steps.append(("hidden", Function.TANH if kind == "tanh" else Function.SIGMOID, ("sum",)))
        step.chain("gates", reads, steps, step.written("hidden"), [("zero", 0.0)] if kind == "relu" else [])

    run_layer(builder, layer, body)


def gru(builder: Builder) -> None:
    """`GRU`: gates in the order update, reset, new; the reset before or after the product."""
    layer = layer_of(builder, 3, 1)
    _activations(builder, layer, ("Sigmoid", "Tanh"))
    after = bool(builder.attribute("linear_before_reset", 0))
    cells = layer.cells

    def body(step: Step, inputs: Stored) -> None:
        hidden = layer.states[0][step.direction]
        weight, bias = _real(layer.recurrent, step.direction), layer.recurrent_bias(step.direction)
        before = ("before", View(tensor=hidden.name), hidden)
        x = [(f"x{gate}", step.gate(inputs, place, framed=True), inputs) for place, gate in enumerate("zrn")]
        mixed: list[Applied] = [
            ("squashed", Function.TANH, ("sum n",)),
            ("far", Function.SUB, ("before", "squashed")),
            ("moved", Function.MUL, ("z", "far")),
            ("hidden", Function.ADD, ("squashed", "moved")),
        ]
        opened: list[Applied] = [(f"sum {gate}", Function.ADD, (f"x{gate}", f"h{gate}")) for gate in "zr"]
        opened += [(gate, Function.SIGMOID, (f"sum {gate}",)) for gate in "zr"]
        if after:
            sums = step.product("recurrent", hidden, weight, bias)
            h = [(f"h{gate}", step.gate(sums, place, framed=False), sums) for place, gate in enumerate("zrn")]
            steps = [*opened, ("reset", Function.MUL, ("r", "hn")), ("sum n", Function.ADD, ("xn", "reset")), *mixed]
            step.chain("gates", [*x, *h, before], steps, step.written("hidden"))
            return
        split = 2 * cells
        sums = step.product(
            "recurrent", hidden, np.ascontiguousarray(weight[:, :split]), None if bias is None else bias[:split]
        )
        h = [(f"h{gate}", step.gate(sums, place, framed=False), sums) for place, gate in enumerate("zr")]
        update, reset = (
            builder.stored(f"{builder.name}.{what}{step.direction}", (layer.batch, cells))
            for what in ("update", "reset")
        )
        writes = [("z", View(tensor=update.name), update), ("kept", View(tensor=reset.name), reset)]
        step.chain("open", [*x[:2], *h, before], [*opened, ("kept", Function.MUL, ("r", "before"))], writes)
        news = step.product(
            "new", reset, np.ascontiguousarray(weight[:, split:]), None if bias is None else bias[split:]
        )
        reads = [x[2], ("hn", View(tensor=news.name), news), ("z", View(tensor=update.name), update), before]
        step.chain("gates", reads, [("sum n", Function.ADD, ("xn", "hn")), *mixed], step.written("hidden"))

    run_layer(builder, layer, body, both=False)

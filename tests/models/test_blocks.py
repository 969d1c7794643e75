"""What the blocks compute, op by op, is what their formulas say: an interpreter beside plain NumPy."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.ir.ops import ConvAxis, Reduction
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.models.blocks.attention import Heads, all_frames, relative_attention
from hwsim.models.blocks.convolution import convolution, depthwise
from hwsim.models.blocks.norm import batch_norm_swish, layer_norm
from hwsim.models.blocks.pooling import pooled, time_stacked
from hwsim.models.fragment import Fragment, embedding, gated_linear, indices, relu, swish, tensor
from hwsim.models.transducer import BACKWARD, FORWARD, Sequence, lstm_sequence
from witnesses.interpreter import Array, interpreted

SMALL = st.integers(1, 4)


def given_tensor(name: str, *shape: int) -> tuple[Fragment, View]:
    return Fragment((tensor(name, shape, Role.INPUT),)), View(tensor=name)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def lstm(x: Array, w: Callable[[str], Array], cells: int) -> Array:
    """PyTorch's LSTM over x[frames, batch, features]."""
    hidden, cell, out = np.zeros((x.shape[1], cells)), np.zeros((x.shape[1], cells)), []
    for frame in x:
        sums = frame @ w("input.weight") + w("input.bias") + hidden @ w("recurrent.weight") + w("recurrent.bias")
        i, f, g, o = np.split(sums, 4, axis=-1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        out.append(hidden)
    return np.array(out)


@settings(max_examples=20)
@given(SMALL, SMALL, SMALL, SMALL, st.booleans())
def test_an_lstm_layer_is_that_of_pytorch(frames: int, batch: int, features: int, cells: int, both: bool) -> None:
    directions = (FORWARD, BACKWARD) if both else (FORWARD,)
    part, _ = given_tensor("x", frames, batch, features)
    out = tensor("out", (frames, batch, cells * len(directions)))
    part += lstm_sequence("l", Sequence.of(part.tensors[0]), cells, out, directions)
    done = interpreted(part.program("one")).values
    ways = []
    for direction in directions:
        turn = slice(None, None, -1 if direction.backward else 1)
        ways.append(lstm(done["x"][turn], lambda what, d=direction: done[f"l.{d.name}.{what}"], cells)[turn])  # type: ignore[misc]
    assert np.allclose(done["out"], np.concatenate(ways, axis=-1))


@settings(max_examples=30)
@given(SMALL, SMALL, SMALL, st.integers(1, 3), st.integers(1, 5))
def test_relative_attention_is_that_of_transformer_xl(
    batch: int, frames: int, heads: int, head: int, seed: int
) -> None:
    """score(i, j) = ((q_i + u) · k_j + (q_i + v) · p_(i - j)) / √d, softmax over j."""
    size = heads * head
    part, x = given_tensor("x", batch, frames, size)
    more, positions = given_tensor("positions", 2 * frames - 1, size)
    sizes = Heads(batch, heads, head, frames, frames)
    cache = all_frames("a", sizes)
    out = tensor("out", (batch, frames, size))
    hoisted, rest = relative_attention("a", x, positions, out, sizes, cache)
    done = interpreted((part + more + Fragment((cache.key, cache.value)) + hoisted + rest).program("one"), seed).values

    def projected(what: str, of: Array, bias: bool = True) -> Array:
        made = of @ done[f"a.{what}.weight"] + (done[f"a.{what}.bias"] if bias else 0)
        return made.reshape(*of.shape[:-1], heads, head)

    q, k, v = (projected(what, done["x"]) for what in ("query", "key", "value"))
    p = projected("project", done["positions"], bias=False)
    u, w = (done[f"a.{bias}"].reshape(heads, head) for bias in ("u", "v"))
    expected = np.zeros((batch, frames, heads, head))
    for b in range(batch):
        for h in range(heads):
            for i in range(frames):
                scores = np.array(
                    [
                        (q[b, i, h] + u[h]) @ k[b, j, h] + (q[b, i, h] + w[h]) @ p[frames - 1 - (i - j), h]
                        for j in range(frames)
                    ]
                )
                shares = np.exp(scores / np.sqrt(head))
                expected[b, i, h] = shares / shares.sum() @ v[b, :, h]
    flat = expected.reshape(batch, frames, size)
    assert np.allclose(done["out"], flat @ done["a.output.weight"] + done["a.output.bias"])


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 2, 4]), st.integers(1, 9))
def test_a_convolution_is_a_sum_over_its_taps(
    kernel: int, stride: int, dilation: int, groups: int, frames: int
) -> None:
    axis = ConvAxis(size=frames, kernel=kernel, stride=stride, dilation=dilation, before=dilation * (kernel - 1))
    part, x = given_tensor("x", 2, frames, 4)
    out = tensor("out", (2, axis.outputs, 8))
    part += convolution("c", x, 4, (axis,), out, groups=groups)
    done = interpreted(part.program("one")).values
    weight = done["c.weight"].reshape(groups, kernel, 4 // groups, 8 // groups)
    for t in range(axis.outputs):
        for o in range(8):
            total = np.full(2, done["c.bias"][o])
            g, column = divmod(o, 8 // groups)
            for tap in range(kernel):
                place = t * stride + tap * dilation - axis.before
                if 0 <= place < frames:
                    mine = done["x"][:, place, g * (4 // groups) : (g + 1) * (4 // groups)]
                    total = total + mine @ weight[g, tap, :, column]
            assert np.allclose(done["out"][:, t, o], total)


def test_a_depthwise_convolution_has_a_kernel_for_each_channel() -> None:
    part, x = given_tensor("x", 2, 9, 5)
    out = tensor("out", (2, 9, 5))
    part += depthwise("d", x, ConvAxis(size=9, kernel=3, before=1, after=1), out)
    done = interpreted(part.program("one")).values
    for channel in range(5):
        for row in range(2):
            kernel = done["d.weight"][channel, ::-1, 0]
            expected = np.convolve(done["x"][row, :, channel], kernel, mode="same") + done["d.bias"][channel]
            assert np.allclose(done["out"][row, :, channel], expected)


def test_norms_and_activations_by_their_formulas() -> None:
    part, x = given_tensor("x", 3, 4, 6)
    y, out = tensor("y", (3, 4, 6)), {n: View(tensor=n) for n in ("relu", "swish", "glu")}
    z = tensor("z", (3, 4, 6))
    part += layer_norm("ln", x, y) + batch_norm_swish("bn", x, z)
    for name, shape in (("relu", (3, 4, 6)), ("swish", (3, 4, 6)), ("glu", (3, 4, 6))):
        part += Fragment((tensor(name, shape),))
    part += relu("r", x, out["relu"]) + swish("s", x, out["swish"])
    part += gated_linear("g", x, View(tensor="y"), out["glu"])
    done = interpreted(part.program("one")).values
    a = done["x"]
    normed = (a - a.mean(-1, keepdims=True)) / a.std(-1, keepdims=True) * done["ln.gain"] + done["ln.offset"]
    scaled = a * done["bn.gain"] + done["bn.offset"]
    assert np.allclose(done["y"], normed)
    assert np.allclose(done["z"], scaled * sigmoid(scaled))
    assert np.allclose(done["relu"], np.maximum(a, 0))
    assert np.allclose(done["swish"], a * sigmoid(a))
    assert np.allclose(done["glu"], a * sigmoid(done["y"]))


@pytest.mark.parametrize(("reduction", "formula"), [(Reduction.MEAN, np.mean), (Reduction.MAX, np.max)])
def test_pooling_is_over_the_frames_of_a_group(reduction: Reduction, formula: Callable[..., Array]) -> None:
    part, x = given_tensor("x", 2, 5, 3, 4)
    part += pooled("p", reduction, x, tensor("out", (2, 5, 4)))
    done = interpreted(part.program("one")).values
    assert np.allclose(done["out"], formula(done["x"], axis=2))


def test_time_stacking_puts_neighbours_side_by_side() -> None:
    part, x = given_tensor("x", 6, 2, 3)
    part += time_stacked("s", x, tensor("out", (3, 2, 2, 3)))
    done = interpreted(part.program("one")).values
    for t in range(3):
        assert (done["out"][t].reshape(2, 6) == np.concatenate([done["x"][2 * t], done["x"][2 * t + 1]], -1)).all()


def test_an_embedding_is_a_row_of_its_table() -> None:
    index = Fragment((indices("i", (3, 1), Role.INPUT), tensor("out", (3, 4))))
    part = index + embedding("e", 7, 4, View(tensor="i"), View(tensor="out"))
    done = interpreted(part.program("one")).values
    assert (done["out"] == done["e.table"][0]).all()
    assert Fraction(part.program("one").parameters) == 7 * 4

"""Small networks of ops that follow each other along rows, columns and heads, some of which mix what lies apart."""

from functools import cache

from hypothesis import strategies as st

from hwsim.ir.nodes import Loop
from hwsim.ir.ops import Gemm, Move, Reduce, Reduction, Skew
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View, window
from hwsim.models.blocks.attention import Heads, all_frames, attention, relative_attention
from hwsim.models.blocks.residual import feed_forward
from hwsim.models.fragment import Fragment, linear, relu, residual, swish, tensor

_STEPS = st.sampled_from(
    ("linear", "linear", "swish", "softmax", "across", "add", "scores", "turned", "skewed", "some rows")
)


@st.composite
def chained(draw: st.DrawFn) -> Program:
    """A network on x[batch, rows, columns], in a loop or not; each op reads what was made last, as a rule."""
    there = [tensor("x", (draw(st.integers(1, 2)), draw(st.integers(2, 4)), draw(st.integers(2, 4))), Role.INPUT)]
    part = Fragment((there[0],))
    for number in range(draw(st.integers(2, 6))):
        read = there[-1] if draw(st.integers(0, 3)) else draw(st.sampled_from(there))
        step, out = _step(draw(_STEPS), f"op{number}", read, draw(st.sampled_from(there)))
        part += Fragment((out,)) + step if out not in step.tensors else step
        there.append(out)
    nodes = (Loop(name="again", times=2, body=part.nodes),) if draw(st.booleans()) else part.nodes
    return Fragment(part.tensors, nodes).program("chained")


def _step(kind: str, name: str, read: Tensor, other: Tensor) -> tuple[Fragment, Tensor]:
    """An op of that kind, or a swish where the shapes do not suit it, and what it makes."""
    batch, rows, columns = read.shape
    x, made = View(tensor=read.name), f"{name}.out"
    if kind == "linear":
        out = tensor(made, (batch, rows, 3))
        return linear(name, x, columns, out), out
    if kind in ("softmax", "across"):
        out, axis = tensor(made, read.shape), -1 if kind == "softmax" else -2
        op = Reduce(name=name, reduction=Reduction.SOFTMAX, read=x, write=View(tensor=made), axis=axis)
        return Fragment(nodes=(op,)), out
    if kind == "add" and other.elements in (read.elements, columns):  # in order, whatever the shapes; or one row
        return residual(name, x, View(tensor=other.name), View(tensor=made)), tensor(made, read.shape)
    if kind == "scores" and (other.shape[0], other.shape[2]) == (batch, columns):
        by = View(tensor=other.name)
        product = Gemm(name=name, act=x, weight=by, out=View(tensor=made), transposed=True)
        return Fragment(nodes=(product,)), tensor(made, (batch, rows, other.shape[1]))
    if kind == "turned":
        turn = Move(name=name, read=x, write=View(tensor=made, order=(0, 2, 1)))
        return Fragment(nodes=(turn,)), tensor(made, (batch, columns, rows))
    if kind == "skewed" and columns >= rows:
        skew = Skew(name=name, read=x, write=View(tensor=made))
        return Fragment(nodes=(skew,)), tensor(made, (batch, rows, columns - rows + 1))
    if kind == "some rows" and rows > 1:
        later = View(tensor=read.name, windows=(window(1, start=1, count=rows - 1),))
        return Fragment(nodes=(Move(name=name, read=later, write=View(tensor=made)),)), tensor(
            made, (batch, rows - 1, columns)
        )
    return swish(name, x, View(tensor=made)), tensor(made, read.shape)


SIZES = Heads(batch=2, heads=4, head=3, queries=5, keys=5)


@cache
def relative() -> Program:
    x, positions = tensor("x", (2, 5, 12), Role.INPUT), tensor("positions", (9, 12), Role.INPUT)
    cache = all_frames("a", SIZES)
    out = tensor("out", (2, 5, 12))
    hoisted, products = relative_attention("a", View(tensor="x"), View(tensor="positions"), out, SIZES, cache)
    return (Fragment((x, positions, cache.key, cache.value)) + hoisted + products).program("relative")


@cache
def plain() -> Program:
    x, cache, out = tensor("x", (2, 5, 12), Role.INPUT), all_frames("a", SIZES), tensor("out", (2, 5, 12))
    given = Fragment((x, cache.key, cache.value))
    return (given + attention("a", View(tensor="x"), out, SIZES, cache)).program("plain")


@cache
def deep() -> Program:
    """Two feed-forwards of 12 → 20 → 12 on six frames."""
    x = tensor("x", (1, 6, 12), Role.INPUT)
    after, first = feed_forward("first", x, 20, swish)
    _, second = feed_forward("second", after, 20, relu)
    return (Fragment((x,)) + first + second).program("deep")


def divisors(size: int) -> list[int]:
    """The numbers of equal pieces of an axis of that size."""
    return [pieces for pieces in range(1, size + 1) if size % pieces == 0]

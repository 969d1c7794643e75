"""`Einsum` of one operand is another order of its axes; of two it is a product of matrices for each of a batch."""

from collections.abc import Sequence
from math import prod

import numpy as np

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.parts import Held, Operand
from hwsim.inputs.onnx.products import multiply, real


def einsum(builder: Builder) -> None:
    """A node of an equation such as `bij,bjk->bik`."""
    equation = str(builder.attribute("equation", "")).replace(" ", "")
    sides, _, out = equation.partition("->")
    operands = [builder.value(place) for place in range(len(builder.node.inputs))]
    terms = sides.split(",")
    if "->" not in equation:
        out = "".join(sorted(letter for letter in set(sides) - {","} if sides.count(letter) == 1))
    if len(terms) != len(operands) or len(terms) > 2 or any(len(set(term)) < len(term) for term in (*terms, out)):
        raise builder.refused(f"has the equation {equation!r}; hwsim reads one or two operands, each letter once in it")
    if not (equation.replace(",", "").replace("->", "").isalpha() or equation in ("->", ",", ",->")):
        raise builder.refused(f"has the equation {equation!r}; hwsim reads letters alone")
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        if len(term) != len(operand.shape):
            raise builder.refused(f"calls {list(operand.shape)} {term!r}")
        for letter, size in zip(term, operand.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise builder.refused(f"has {sizes[letter]} and {size} entries along {letter!r}")
    if not set(out) <= set(sizes):
        raise builder.refused(f"makes {out!r} of {sides!r}")
    if len(terms) == 1:
        if set(terms[0]) != set(out):
            raise builder.refused("sums one operand; hwsim reads ReduceSum for that")
        builder.give(_turned(builder, operands[0], [terms[0].index(letter) for letter in out]))
        return
    builder.give(_product(builder, operands, (terms[0], terms[1]), out, sizes))


def _turned(builder: Builder, operand: Operand, perm: Sequence[int]) -> Operand:
    if list(perm) == list(range(len(perm))):
        return operand
    if isinstance(operand, Held):
        return Held(np.asarray(operand.real).transpose(perm), "float32")
    return builder.turned(operand, tuple(perm))


def _product(
    builder: Builder, operands: Sequence[Operand], terms: tuple[str, str], out: str, sizes: dict[str, int]
) -> Operand:
    """Axes in the order batch, rows, what is summed; and batch, what is summed, columns."""
    one, other = terms
    batch = [letter for letter in one if letter in other and letter in out]
    summed = [letter for letter in one if letter in other and letter not in out]
    rows = [letter for letter in one if letter not in other]
    columns = [letter for letter in other if letter not in one]
    if not summed or not set(rows + columns) <= set(out):
        raise builder.refused("sums nothing that both operands have, or what one has alone; hwsim reads products")
    act = _as(builder, operands[0], one, [batch, rows, summed], sizes)
    weight = _as(builder, operands[1], other, [batch, summed, columns], sizes)
    result = multiply(builder, act, weight)
    made = [*batch, *rows, *columns]
    seen = result.other(shape=tuple(sizes[letter] for letter in made))
    return _turned(builder, seen, [made.index(letter) for letter in out])


def _as(
    builder: Builder, operand: Operand, term: str, groups: Sequence[Sequence[str]], sizes: dict[str, int]
) -> Operand:
    """An operand whose axes are three: those of each group as one; without a batch two."""
    letters = [letter for group in groups for letter in group]
    shape = tuple(prod(sizes[letter] for letter in group) for group in groups)
    shape = shape if groups[0] else shape[1:]
    turned = _turned(builder, operand, [term.index(letter) for letter in letters])
    if isinstance(turned, Held):
        return Held(np.asarray(turned.real).reshape(shape), "float32")
    return (real(builder, turned) if turned.real else turned).other(shape=shape)

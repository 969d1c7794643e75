"""A program with its sizes filled in: loops whose iterations are all alike, ops with the shapes of their views.

A loop that makes some view grow becomes stretches: neighbouring iterations with equal shapes, written once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from hwsim.core.laws import Shape, ShapeOf, is_depthwise, law
from hwsim.core.ops import Conv, Gemm, Op
from hwsim.core.program import Loop, Node, Program
from hwsim.core.view import View


@dataclass(frozen=True, slots=True)
class SizedOp:
    """An op, the shape of each of its views, and the op that works on its tiles, if one does."""

    op: Op
    shapes: tuple[tuple[View, Shape], ...]
    shape: ShapeOf = field(compare=False)
    follower: "SizedOp | None" = None

    @property
    def on_array(self) -> bool:
        """Whether the array does it; otherwise the vector unit does."""
        return isinstance(self.op, (Gemm, Conv)) and not is_depthwise(self.op, self.shape)


@dataclass(frozen=True, slots=True)
class SizedLoop:
    """Iterations of a loop that are all alike, the `first` ones of it or later ones."""

    name: str
    times: int
    body: tuple["SizedNode", ...]
    first: bool = True


SizedNode = Union[SizedLoop, SizedOp]


def lower(program: Program) -> tuple[SizedNode, ...]:
    """The whole program, sized."""
    return tuple(_lower(program.body, program, {}))


def sized_ops(nodes: Iterable[SizedNode]) -> Iterator[SizedOp]:
    """All sized ops in order, one for each of an op's sizes and stretches."""
    for node in nodes:
        if isinstance(node, SizedLoop):
            yield from sized_ops(node.body)
        else:
            yield node


def _lower(nodes: Iterable[Node], program: Program, indices: Mapping[str, int]) -> Iterator[SizedNode]:
    for node in nodes:
        if not isinstance(node, Loop):
            yield _sized(node, program, indices)
        elif node.name in _growing_with(node.body):
            yield from _stretches(node, program, indices)
        else:
            yield SizedLoop(node.name, node.times, tuple(_lower(node.body, program, indices)))


def _stretches(loop: Loop, program: Program, indices: Mapping[str, int]) -> Iterator[SizedLoop]:
    body: tuple[SizedNode, ...] | None = None
    times, first = 0, True
    for index in range(loop.times):
        now = tuple(_lower(loop.body, program, {**indices, loop.name: index}))
        if body is not None and now != body:
            yield SizedLoop(loop.name, times, body, first)
            times, first = 0, False
        body, times = now, times + 1
    assert body is not None  # a loop runs at least once
    yield SizedLoop(loop.name, times, body, first)


def _sized(op: Op, program: Program, indices: Mapping[str, int]) -> SizedOp:
    rules, shape = law(op), program.shapes(indices)
    shapes = {view: shape(view) for view in (*rules.reads(op), *rules.writes(op))}
    return SizedOp(op, tuple(shapes.items()), shapes.__getitem__)


def _growing_with(nodes: Iterable[Node]) -> frozenset[str]:
    """The loops whose index changes the size of some view."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Loop):
            found |= _growing_with(node.body)
        else:
            for view in (*law(node).reads(node), *law(node).writes(node)):
                found |= view.loops
    return frozenset(found)

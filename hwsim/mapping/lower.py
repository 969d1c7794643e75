"""A program with its sizes filled in: loops whose iterations are all alike, ops with the shapes of their views.

A loop that makes some view grow, or some loop in it run more or less often, becomes segments: neighbouring iterations
with equal sizes, written once, and sequences of them that come again. An op with an empty view is not there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from hwsim.ir.op_table import Shape, ShapeOf, is_depthwise, op_spec
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.program import Loop, Node, Program, counts_of
from hwsim.ir.view import Affine, View
from hwsim.mapping.repeats import Repeated, repeats
from hwsim.quantities.share import Share


@dataclass(frozen=True, slots=True)
class SizedOp:
    """An op, the shape of each of its views, and the op that works on its tiles, if one does."""

    op: Op
    shapes: tuple[tuple[View, Shape], ...]
    shape: ShapeOf = field(compare=False)
    epilogue: "SizedOp | None" = None

    @property
    def on_array(self) -> bool:
        """Whether the array does it; otherwise the vector unit does."""
        return isinstance(self.op, (Gemm, Conv)) and not is_depthwise(self.op, self.shape)


@dataclass(frozen=True, slots=True)
class SizedLoop:
    """Iterations of a loop that are all alike, or sequences of them that are: the `first` ones or later ones."""

    name: str
    times: int
    body: tuple["SizedNode", ...]
    first: bool = True


SizedNode = Union[SizedLoop, SizedOp]
Indices = Mapping[str, int]
_Signature = tuple[object, ...]
"""All sizes in a loop's body during one iteration: what has equal ones is lowered alike."""


def lower(program: Program) -> tuple[SizedNode, ...]:
    """The whole program, sized."""
    return tuple(_Lowering(program).nodes(program.body, {}))


def sized_ops(nodes: Iterable[SizedNode]) -> Iterator[SizedOp]:
    """All sized ops in order, one for each of an op's sizes and segments."""
    for node in nodes:
        if isinstance(node, SizedLoop):
            yield from sized_ops(node.body)
        else:
            yield node


def sized_runs(nodes: Iterable[SizedNode], times: int = 1) -> Iterator[tuple[SizedOp, int]]:
    """The same, with how often each one runs."""
    for node in nodes:
        if isinstance(node, SizedLoop):
            yield from sized_runs(node.body, times * node.times)
        else:
            yield node, times


class _Lowering:
    """Lowers each loop's body once for all iterations that are alike."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._counts: dict[int, tuple[Affine | Share, ...]] = {}
        self._steering: dict[int, frozenset[str]] = {}
        self._bodies: dict[tuple[int, _Signature], tuple[SizedNode, ...]] = {}

    def nodes(self, nodes: Iterable[Node], indices: Indices) -> Iterator[SizedNode]:
        for node in nodes:
            if isinstance(node, Loop):
                yield from self._loop(node, indices)
            elif all(count.at(indices) for count in counts_of(node)):
                yield _sized(node, self.program, indices)

    def _loop(self, loop: Loop, indices: Indices) -> Iterator[SizedNode]:
        times = loop.runs(indices)
        if loop.name not in self._steers(loop):
            body = self._body(loop, self._signature(loop, indices), indices) if times else ()
            if body:
                yield SizedLoop(loop.name, times, body)
            return
        found: dict[_Signature, Indices] = {}  # of each kind of iteration the first one
        kinds = []
        for index in range(times):
            here = {**indices, loop.name: index}
            kind = self._signature(loop, here)
            found.setdefault(kind, here)
            kinds.append(kind)
        bodies = {kind: self._body(loop, kind, here) for kind, here in found.items()}
        numbers = {kind: number for number, kind in enumerate(found)}
        made = tuple(bodies.values())
        first = True
        for piece in repeats([numbers[kind] for kind in kinds]):
            body = _unfolded(loop.name, piece, made)
            if body:
                yield SizedLoop(loop.name, piece.times, body, first)
                first = False

    def _body(self, loop: Loop, kind: _Signature, indices: Indices) -> tuple[SizedNode, ...]:
        """The loop's body in iterations of a kind, of which one has these indices."""
        key = id(loop), kind
        if key not in self._bodies:
            self._bodies[key] = tuple(self.nodes(loop.body, indices))
        return self._bodies[key]

    def _signature(self, loop: Loop, indices: Indices) -> _Signature:
        sizes: list[object] = [count.at(indices) for count in self._counts_in(loop)]
        for inner in loop.body:
            if not isinstance(inner, Loop):
                continue
            times = inner.runs(indices)
            if inner.name in self._steers(inner):
                sizes.append(tuple(self._signature(inner, {**indices, inner.name: i}) for i in range(times)))
            else:
                sizes.append((times, self._signature(inner, indices) if times else ()))
        return tuple(sizes)

    def _counts_in(self, loop: Loop) -> tuple[Affine | Share, ...]:
        """The sizes that change in the ops of a loop's body, those in inner loops apart."""
        if id(loop) not in self._counts:
            ops = [node for node in loop.body if not isinstance(node, Loop)]
            self._counts[id(loop)] = tuple(dict.fromkeys(count for op in ops for count in counts_of(op)))
        return self._counts[id(loop)]

    def _steers(self, loop: Loop) -> frozenset[str]:
        """The loops whose index changes sizes in the loop's body, or how often loops in it run."""
        if id(loop) not in self._steering:
            inner = [node for node in loop.body if isinstance(node, Loop)]
            steering = [count.loops for count in self._counts_in(loop)]
            steering += [one.depends_on | self._steers(one) for one in inner]
            self._steering[id(loop)] = frozenset[str]().union(*steering)
        return self._steering[id(loop)]


def _unfolded(loop: str, piece: Repeated[int], bodies: tuple[tuple[SizedNode, ...], ...]) -> tuple[SizedNode, ...]:
    """What one repetition of a piece is; bodies that come again are the same objects."""
    if isinstance(piece.what, int):
        return bodies[piece.what]
    found: list[SizedNode] = []
    for inner in piece.what:
        body = _unfolded(loop, inner, bodies)
        if body:
            found.append(SizedLoop(loop, inner.times, body, first=False))
    return tuple(found)


def _sized(op: Op, program: Program, indices: Indices) -> SizedOp:
    rules, shape = op_spec(op), program.shapes(indices)
    shapes = {view: shape(view) for view in (*rules.reads(op), *rules.writes(op))}
    return SizedOp(op, tuple(shapes.items()), shapes.__getitem__)

"""A program with the sizes of all its ops, in which equal iterations are written once.

A loop that makes some view grow, or some loop in it run more or less often, becomes loop segments: neighbouring
iterations with equal sizes, written once, and sequences of segments that come again. Ops with an empty view are left
out.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import groupby, repeat
from typing import Generic, TypeVar, Union

from hwsim.dataclass import dataclass
from hwsim.ir.limits import MOST_SIZED, too_many_sizes
from hwsim.ir.nodes import Loop, Node, counts_of
from hwsim.ir.op_table import Shape, ShapeOf, op_spec
from hwsim.ir.ops import Op
from hwsim.ir.program import Program
from hwsim.ir.view import Affine, Share, View

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Repeated(Generic[T]):
    """One thing, or several in a row, so many times."""

    what: Union[T, tuple["Repeated[T]", ...]]
    times: int


def repeats(sequence: Sequence[T]) -> tuple[Repeated[T], ...]:
    """The sequence as repetitions.

    Equal neighbours become one piece; then the sequence is cut at each of its most frequent pieces, and the words
    between cuts are the next sequence to shorten, until no word comes again. Things that are evenly spread have gaps
    of two lengths, which are evenly spread themselves: some tens of pieces stand for thousands.

    >>> [(piece.what, piece.times) for piece in repeats("aaab")]
    [('a', 3), ('b', 1)]
    >>> [piece.times for piece in repeats("xaabaabaab")]
    [1, 3]
    """
    alone = {thing: number for number, thing in enumerate(dict.fromkeys(sequence))}
    words: dict[_Word, int] = {}  # numbered behind the things
    pieces = _joined(alone[thing] for thing in sequence)
    while pieces:
        cuts = [
            [words.setdefault(word, len(alone) + len(words)) for word in _cut(pieces, before=before)]
            for before in (False, True)
        ]
        joined = [_joined(numbers) for numbers in cuts if len(set(numbers)) < len(numbers)]
        if not joined:
            break
        pieces = min(joined, key=lambda candidate: (len(candidate), len(set(candidate))))
    return tuple(_meant(pieces, tuple(alone), tuple(words)))


_Piece = tuple[int, int]
"""The number of a thing or a word, and how often it comes."""
_Word = tuple[_Piece, ...]


def _joined(numbers: Iterable[int]) -> list[_Piece]:
    return [(number, sum(1 for _ in equal)) for number, equal in groupby(numbers)]


def _cut(pieces: Sequence[_Piece], *, before: bool) -> Iterator[_Word]:
    """The words between two cuts, which lie before or behind the most frequent pieces."""
    ((most, _),) = Counter(pieces).most_common(1)
    start = 0
    for place, piece in enumerate(pieces):
        at = place if before else place + 1
        if piece == most and start < at:
            yield tuple(pieces[start:at])
            start = at
    if start < len(pieces):
        yield tuple(pieces[start:])


def _meant(pieces: Iterable[_Piece], things: Sequence[T], words: Sequence[_Word]) -> Iterator[Repeated[T]]:
    """The repetitions that pieces stand for; a word that comes once is no repetition."""
    for number, times in pieces:
        if number < len(things):
            yield Repeated(things[number], times)
            continue
        inner = tuple(_meant(words[number - len(things)], things, words))
        if times == 1:
            yield from inner
        elif len(inner) == 1:
            yield Repeated(inner[0].what, inner[0].times * times)
        else:
            yield Repeated(inner, times)


@dataclass(frozen=True, slots=True)
class SizedOp:
    """An op, the shape of each of its views, and its epilogue, if it has one."""

    op: Op
    shapes: tuple[tuple[View, Shape], ...]
    shape: ShapeOf = field(compare=False)
    epilogue: "SizedOp | None" = None

    @property
    def on_array(self) -> bool:
        """Whether the op runs on the array; otherwise it runs on the vector unit."""
        return op_spec(self.op).on_array(self.op, self.shape)


@dataclass(frozen=True, slots=True)
class SizedLoop:
    """Iterations of a loop, or sequences of iterations, that are all alike; `first` if the loop begins with them."""

    name: str
    times: int
    body: tuple["SizedNode", ...]
    first: bool = True


SizedNode = Union[SizedLoop, SizedOp]
Indices = Mapping[str, int]
_Signature = tuple[object, ...]
"""All sizes in a loop's body during one iteration: iterations with equal sizes are lowered alike."""


def lower(program: Program) -> tuple[SizedNode, ...]:
    """The whole program, sized."""
    return tuple(_Lowering(program, _sized).nodes(program.body, {}))


def unshaped(program: Program) -> tuple[SizedNode, ...]:
    """The same without the shapes of views, for whoever counts ops: they are found when they are asked for."""
    return tuple(_Lowering(program, lambda op, shape: SizedOp(op, (), shape)).nodes(program.body, {}))


def sized_ops(nodes: Iterable[SizedNode]) -> Iterator[SizedOp]:
    """All sized ops in order, one for each of an op's sizes and segments."""
    for node in nodes:
        if isinstance(node, SizedLoop):
            yield from sized_ops(node.body)
        else:
            yield node


def sized_runs(nodes: Iterable[SizedNode], times: int = 1) -> Iterator[tuple[SizedOp, int]]:
    """All sized ops in order, each with how often it runs."""
    for node in nodes:
        if isinstance(node, SizedLoop):
            yield from sized_runs(node.body, times * node.times)
        else:
            yield node, times


class _Lowering:
    """Lowers each loop's body once for all iterations that are alike."""

    def __init__(self, program: Program, sized: Callable[[Op, ShapeOf], SizedOp]) -> None:
        self.program = program
        self._sized = sized
        self._counts_of: dict[int, tuple[Affine | Share, ...]] = {}
        self._shapes = program.sizing()
        self._counts: dict[int, tuple[Affine | Share, ...]] = {}
        self._changing: dict[int, tuple[list[Affine | Share], list[Loop]]] = {}
        self._steering: dict[int, frozenset[str]] = {}
        self._bodies: dict[tuple[int, _Signature], tuple[SizedNode, ...]] = {}
        self._made = 0

    def nodes(self, nodes: Iterable[Node], indices: Indices) -> Iterator[SizedNode]:
        for node in nodes:
            if isinstance(node, Loop):
                yield from self._loop(node, indices)
            elif all(count.at(indices) for count in self._counts_of_op(node)):
                self._made += 1
                if self._made > MOST_SIZED:
                    raise too_many_sizes(self.program.name)
                yield self._sized(node, self._shapes(indices))

    def _counts_of_op(self, op: Op) -> tuple[Affine | Share, ...]:
        """The sizes that change in an op's views, where a body is lowered for many kinds of iterations."""
        if id(op) not in self._counts_of:
            self._counts_of[id(op)] = counts_of(op)
        return self._counts_of[id(op)]

    def _loop(self, loop: Loop, indices: Indices) -> Iterator[SizedNode]:
        times = loop.runs(indices)
        if loop.name not in self._steers(loop):
            body = self._body(loop, self._signature(loop, indices), indices) if times else ()
            if body:
                yield SizedLoop(loop.name, times, body)
            return
        numbers: dict[_Signature, int] = {}  # of kinds of iterations
        starts, kinds = list[int](), list[int]()
        for index, kind in enumerate(self._signatures(loop, loop.name, indices, times)):
            number = numbers.setdefault(kind, len(numbers))
            if number == len(starts):
                starts.append(index)
            kinds.append(number)
        firsts = zip(numbers, starts, strict=True)
        bodies = tuple(self._body(loop, kind, {**indices, loop.name: index}) for kind, index in firsts)
        first = True
        for piece in repeats(kinds):
            body = _unfolded(loop.name, piece, bodies)
            if body:
                yield SizedLoop(loop.name, piece.times, body, first)
                first = False

    def _body(self, loop: Loop, kind: _Signature, indices: Indices) -> tuple[SizedNode, ...]:
        """The loop's body in iterations of a kind; `indices` are those of any such iteration."""
        key = id(loop), kind
        if key not in self._bodies:
            self._bodies[key] = tuple(self.nodes(loop.body, indices))
        return self._bodies[key]

    def _signature(self, loop: Loop, indices: Indices) -> _Signature:
        counts, loops = self._changing_in(loop, indices)
        sizes: list[object] = [count.at(indices) for count in counts]
        for inner in loops:
            times = inner.runs(indices)
            if inner.name in self._steers(inner):
                sizes.append(tuple(self._signature(inner, {**indices, inner.name: i}) for i in range(times)))
            else:
                sizes.append((times, self._signature(inner, indices) if times else ()))
        return tuple(sizes)

    def _signatures(self, loop: Loop, steering: str, indices: Indices, times: int) -> Iterator[_Signature]:
        """The signature of a loop's body in each of so many iterations of a loop that steers it."""
        counts, loops = self._changing_in(loop, {**indices, steering: 0})
        columns: list[Iterator[object]] = [count.along(steering, indices, times) for count in counts]
        for inner in loops:
            if inner.name in self._steers(inner):
                columns.append(self._signatures_of_steered(inner, steering, indices, times))
                continue
            often = inner.times.along(steering, indices, times) if isinstance(inner.times, Share) else None
            bodies = self._signatures(inner, steering, indices, times)
            columns.append(
                (runs, body if runs else ())
                for runs, body in zip(repeat(inner.times, times) if often is None else often, bodies, strict=True)
            )
        return zip(*columns, strict=True) if columns else repeat((), times)

    def _signatures_of_steered(self, inner: Loop, steering: str, indices: Indices, times: int) -> Iterator[_Signature]:
        """The same of a loop in it whose own iterations differ: the signatures of all of them."""
        for index in range(times):
            here = {**indices, steering: index}
            yield tuple(self._signatures(inner, inner.name, here, inner.runs(here)))

    def _changing_in(self, loop: Loop, indices: Indices) -> tuple[list[Affine | Share], list[Loop]]:
        """The sizes and the inner loops of a loop's body that these indices change: all others are always alike."""
        if id(loop) not in self._changing:
            inner = [node for node in loop.body if isinstance(node, Loop)]
            self._changing[id(loop)] = (
                [count for count in self._counts_in(loop) if not count.loops.isdisjoint(indices)],
                [each for each in inner if not (each.depends_on | self._steers(each)).isdisjoint(indices)],
            )
        return self._changing[id(loop)]

    def _counts_in(self, loop: Loop) -> tuple[Affine | Share, ...]:
        """The sizes that change in the ops of a loop's body, without the ops of inner loops."""
        if id(loop) not in self._counts:
            ops = [node for node in loop.body if not isinstance(node, Loop)]
            self._counts[id(loop)] = tuple(dict.fromkeys(count for op in ops for count in counts_of(op)))
        return self._counts[id(loop)]

    def _steers(self, loop: Loop) -> frozenset[str]:
        """The loops whose index changes sizes in the loop's body, or how often loops in it run."""
        if id(loop) not in self._steering:
            inner = [node for node in loop.body if isinstance(node, Loop)]
            steering = [count.loops for count in self._counts_in(loop)]
            steering += [inner_loop.depends_on | self._steers(inner_loop) for inner_loop in inner]
            self._steering[id(loop)] = frozenset[str]().union(*steering)
        return self._steering[id(loop)]


def _unfolded(loop: str, piece: Repeated[int], bodies: tuple[tuple[SizedNode, ...], ...]) -> tuple[SizedNode, ...]:
    """The body of one repetition of a piece; bodies that come again are the same objects."""
    if isinstance(piece.what, int):
        return bodies[piece.what]
    segments: list[SizedNode] = []
    for inner in piece.what:
        body = _unfolded(loop, inner, bodies)
        if body:
            segments.append(SizedLoop(loop, inner.times, body, first=False))
    return tuple(segments)


def _sized(op: Op, shape: ShapeOf) -> SizedOp:
    rules = op_spec(op)
    shapes = {view: shape(view) for view in (*rules.reads(op), *rules.writes(op))}
    return SizedOp(op, tuple(shapes.items()), shapes.__getitem__)

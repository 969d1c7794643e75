"""The loop tree of a program: ops in sequence inside loops, and the ways through it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, Union

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Op
from hwsim.ir.view import Affine, Share, View
from hwsim.quantities.noun import Name, Noun, Whole

_TIMES = Whole(low=1, high=2**40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Noun):
    """A sequence that runs `times` times; views inside may move and grow with its index.

    If `times` is a share, it runs more often in some iterations of the loop around it than in others, in some perhaps
    not at all.
    """

    name: Name
    times: int | Share
    body: tuple["Node", ...]

    def check(self) -> None:
        problem = _TIMES.broken_by(self.most)
        if problem is not None:
            raise InvalidValue(f"{self.name}.times", self.most, problem)
        if not self.body:
            raise InvalidValue(f"{self.name}.body", self.body, "must not be empty")

    def runs(self, indices: Mapping[str, int]) -> int:
        """How often it runs while the loops around it stand at these indices."""
        return self.times.at(indices) if isinstance(self.times, Share) else self.times

    @property
    def most(self) -> int:
        """How often it runs at most."""
        return self.times.most if isinstance(self.times, Share) else self.times

    @property
    def depends_on(self) -> frozenset[str]:
        """The loops whose index changes how often it runs."""
        return self.times.loops if isinstance(self.times, Share) else frozenset()


Node = Union[Loop, Op]


@dataclass(frozen=True, slots=True)
class Placed:
    """An op together with the loops around it, outermost first."""

    op: Op
    loops: tuple[Loop, ...]

    @property
    def times(self) -> int:
        """How often the op runs: an op with an empty view does not."""
        return sum(times for _, times in self.runs())

    @property
    def counts(self) -> tuple[Affine | Share, ...]:
        """The sizes in the op's views that change with the loops around it."""
        return counts_of(self.op)

    @property
    def shares(self) -> tuple[Share, ...]:
        """The shares that decide how often the op runs, and on how much."""
        counts = (*(loop.times for loop in self.loops), *self.counts)
        return tuple(dict.fromkeys(count for count in counts if isinstance(count, Share)))

    def runs(self) -> tuple[tuple[dict[str, int], int], ...]:
        """For each set of sizes of the op's views: the loops' indices at the first run, and how many runs there are."""
        counts = self.counts
        steering = frozenset().union(*(c.loops for c in counts), *(loop.depends_on for loop in self.loops))
        deepest = max((depth for depth, loop in enumerate(self.loops) if loop.name in steering), default=-1)
        runs_by_sizes: dict[tuple[int, ...], tuple[dict[str, int], int]] = {}

        def walk(depth: int, indices: dict[str, int], times: int) -> None:
            if depth == len(self.loops):
                sizes = tuple(count.at(indices) for count in counts)
                if 0 not in sizes:
                    first, before = runs_by_sizes.get(sizes, (indices, 0))
                    runs_by_sizes[sizes] = first, before + times
                return
            loop = self.loops[depth]
            runs = loop.runs(indices)
            if loop.name not in steering:
                if runs:
                    walk(depth + 1, indices, times * runs)
                return
            if depth < deepest:
                for index in range(runs):
                    walk(depth + 1, {**indices, loop.name: index}, times)
                return
            # All that changes any more changes with this loop: iterations in which it is alike are walked once.
            inner = (inside.times for inside in self.loops[depth + 1 :] if isinstance(inside.times, Share))
            changing = [count for count in (*counts, *inner) if loop.name in count.loops]
            kinds: dict[tuple[int, ...], list[int]] = {}  # the first iteration of each kind, and how many there are
            columns = (count.along(loop.name, indices, runs) for count in changing)
            for index, kind in enumerate(zip(*columns, strict=True)):
                kinds.setdefault(kind, [index, 0])[1] += 1
            for index, often in kinds.values():
                walk(depth + 1, {**indices, loop.name: index}, times * often)

        walk(0, {}, 1)
        return tuple(runs_by_sizes.values())


def counts_of(op: Op) -> tuple[Affine | Share, ...]:
    """The sizes in an op's views that change with the loops around it; where a size is 0, the op does not run."""
    return tuple(dict.fromkeys(count for view in views_of(op) for count in view.counts))


def views_of(op: Op) -> tuple[View, ...]:
    """All that an op reads, then all that it writes."""
    rules = op_spec(op)
    return (*rules.reads(op), *rules.writes(op))


def placed_in(body: tuple[Node, ...], loops: tuple[Loop, ...] = ()) -> Iterator[Placed]:
    """All ops with the loops around them, in order."""
    for node in body:
        if isinstance(node, Loop):
            yield from placed_in(node.body, (*loops, node))
        else:
            yield Placed(node, loops)


def loops_in(body: tuple[Node, ...]) -> Iterator[Loop]:
    """All loops, an outer one before those inside."""
    for node in body:
        if isinstance(node, Loop):
            yield node
            yield from loops_in(node.body)


def ops_in(*nodes: Node) -> Iterator[Op]:
    """All ops, in order, also those inside loops."""
    return (placed.op for placed in placed_in(nodes))


def rewritten(nodes: tuple[Node, ...], change: Callable[[Op], Op | None]) -> tuple[Node, ...]:
    """The nodes with each op changed, or left out where the change is to None."""
    fresh: list[Node] = []
    for node in nodes:
        if isinstance(node, Loop):
            fresh.append(replace(node, body=rewritten(node.body, change)))
        elif (op := change(node)) is not None:
            fresh.append(op)
    return tuple(fresh)


def with_views(node: Node, change: Callable[[View], View]) -> Node:
    """The node with all its views changed; in a loop, those of all ops inside."""
    if isinstance(node, Loop):
        return replace(node, body=tuple(with_views(inner, change) for inner in node.body))
    changes = {field.name: _changed(getattr(node, field.name), change) for field in fields(node)}
    changed: Op = replace(node, **changes)
    return changed


def _changed(value: Any, change: Callable[[View], View]) -> Any:
    """A field of an op: a view, several of them, some with names, or something else."""
    if isinstance(value, View):
        return change(value)
    return tuple(_changed(item, change) for item in value) if isinstance(value, tuple) else value

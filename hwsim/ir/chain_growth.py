"""How far a chain reaches: from an axis of one op over neighbours that divide the same tensors alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from hwsim.dataclass import dataclass
from hwsim.ir.nodes import Placed
from hwsim.ir.op_table import Parallel, op_spec
from hwsim.ir.ops import Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import BeamLoop, GreedyLoops, Tensor
from hwsim.ir.view import View, Window

Slab = tuple[int, Window | None]
"""Along what pieces divide a tensor: an axis of it, and the part of that axis that an op sees, if not all."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An axis of an op, and along what it divides each tensor; None, if some view of the tensor is not divided so."""

    axis: Parallel
    slabs: Mapping[str, Slab | None]


@dataclass(frozen=True, slots=True)
class Link:
    """An op, the tensors that it writes, and its axes."""

    placed: Placed
    written: frozenset[str]
    choices: tuple[Choice, ...]


def links(program: Program, may_be: Callable[[Op], bool] = lambda op: True) -> Iterator[tuple[Link, ...]]:
    """The ops that have axes, and may be in a chain, neighbours together."""
    every = [_link(program, placed, may_be=may_be(placed.op)) for placed in program.placed()]
    for (_, divisible), run in groupby(every, lambda link: (link.placed.loops, bool(link.choices))):
        if divisible:
            yield tuple(run)


def _link(program: Program, placed: Placed, *, may_be: bool) -> Link:
    """An op, without axes if it may not be in a chain: in a loop that a search walks in its own way, or if it does not
    run in each iteration."""
    rules, searched = op_spec(placed.op), set[str]()
    if isinstance(program.search, (GreedyLoops, BeamLoop)):
        searched.update(program.search.loops)
    skipped = any(loop.name in searched for loop in placed.loops) or any(share.least == 0 for share in placed.shares)
    shapes = [] if skipped or not may_be else [program.shapes(indices) for indices, _ in placed.runs()]
    axes = rules.parallel(placed.op, shapes[0]) if shapes else ()
    # Where views grow, an axis must be there in all their sizes.
    for shape in shapes[1:]:
        axes = tuple(axis for axis in axes if axis in rules.parallel(placed.op, shape)) if axes else ()
    choices = (_choice(program, placed, axis) for axis in axes)
    written = frozenset(view.tensor for view in rules.writes(placed.op))
    return Link(placed, written, tuple(choice for choice in choices if choice is not None))


def _choice(program: Program, placed: Placed, axis: Parallel) -> Choice | None:
    """An axis of an op, if each piece of it is a window of whole bytes."""
    rules, divided = op_spec(placed.op), dict(axis)
    slabs: dict[str, Slab | None] = {}
    for view in (*rules.reads(placed.op), *rules.writes(placed.op)):
        slab = None
        if view in divided:
            slab = slab_of(view, divided[view])
            if not _divisible(program.tensor(view.tensor), slab):
                return None
        slabs[view.tensor] = slab if slabs.get(view.tensor, slab) == slab else None
    return Choice(axis, slabs)


def slab_of(view: View, axis: int) -> Slab:
    """Along what pieces of that axis of a view divide its tensor."""
    of_tensor = axis if view.order is None else view.order[axis]
    return of_tensor, next((window for window in view.windows if window.axis == of_tensor), None)


def _divisible(tensor: Tensor, slab: Slab) -> bool:
    """Whether pieces are windows: of whole bytes, always as large, and of no parameter, which an op has ready."""
    axis, window = slab
    packed = axis == tensor.packed_axis and tensor.precision.bits % 8 != 0
    return not (packed or tensor.role.parameter or (window is not None and not isinstance(window.count, int)))


def grown(run: Sequence[Link], seed: int, choice: Choice) -> tuple[int, tuple[Choice, ...]]:
    """As far as a chain reaches from an op of a run, first to later ops: where it begins, and the axis of each op."""
    chosen, ends = {seed: choice}, {1: seed, -1: seed}
    for step in ends:
        here = ends[step] + step
        while 0 <= here < len(run):
            first, last = sorted((here, ends[-step]))
            agreed = _agreed(run[first : last + 1], {place - first: one for place, one in chosen.items()})
            if agreed is None:
                break
            if len(agreed) == last + 1 - first:
                ends[step], chosen = here, {place + first: one for place, one in agreed.items()}
            here += step
    return ends[-1], tuple(chosen[place] for place in sorted(chosen))


def _agreed(chain: Sequence[Link], chosen: Mapping[int, Choice]) -> dict[int, Choice] | None:
    """The axes of ops that follow from those chosen, through tensors that one of the ops writes; None, if two differ.

    All ops must divide alike what one of them writes: then no piece touches what another one writes, and it does not
    matter whether an op is done for all pieces before the next op, or all ops for a piece before the next piece.
    """
    agreed, slabs = dict(chosen), dict[str, Slab | None]()
    written = frozenset[str]().union(*(link.written for link in chain))
    waiting = list(agreed)
    while waiting:
        new = {name: slab for name, slab in agreed[waiting.pop()].slabs.items() if name in written}
        if any(slab is None or slabs.get(name, slab) != slab for name, slab in new.items()):
            return None
        slabs |= new
        for place, link in enumerate(chain):
            if place in agreed or slabs.keys().isdisjoint(link.choices[0].slabs):
                continue
            alike = [
                one for one in link.choices if all(one.slabs.get(name, slab) == slab for name, slab in slabs.items())
            ]
            if not alike:
                return None
            agreed[place] = alike[0]
            waiting.append(place)
    return agreed

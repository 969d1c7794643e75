"""A program whose chains run piece by piece: a loop over pieces in place of the ops of each chain.

The rewritten program computes the same: every op does the same work, in as many runs as there are pieces, and tensors
that no op outside a chain uses hold one piece of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from hwsim.errors import InvalidValue
from hwsim.ir.chain_growth import slab_of
from hwsim.ir.chains import Chain
from hwsim.ir.nodes import Loop, Node, with_views
from hwsim.ir.program import Program
from hwsim.ir.view import Affine, View, window


def looped(program: Program, pieces: Mapping[Chain, int]) -> Program:
    """The program with each of these chains in so many equal pieces, a divisor of the size of its axis."""
    for chain, times in pieces.items():
        if times < 1 or chain.size % times:
            raise InvalidValue(chain.name, times, f"pieces must divide the {chain.size} entries of its axis")
    heads = {chain.ops[0]: (chain, times) for chain, times in pieces.items()}
    body = tuple(_rewritten(program.body, heads))
    if heads:
        raise InvalidValue(program.name, next(iter(heads)), "is no op that begins a chain of the program")
    shapes: dict[str, tuple[int, ...]] = {}
    for chain, times in pieces.items():
        shapes |= _shapes(program, chain, times)
    tensors = tuple(replace(one, shape=shapes.get(one.name, one.shape)) for one in program.tensors)
    return replace(program, tensors=tensors, body=body)


def _shapes(program: Program, chain: Chain, times: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors of which one piece is there at a time."""
    shapes: dict[str, tuple[int, ...]] = {}
    for view, axis in (divided for axes in chain.axes for divided in axes):
        if view.tensor in chain.shrinking:
            sizes = list(program.tensor(view.tensor).shape)
            sizes[slab_of(view, axis)[0]] //= times
            shapes[view.tensor] = tuple(sizes)
    return shapes


def _rewritten(nodes: tuple[Node, ...], heads: dict[str, tuple[Chain, int]]) -> Iterator[Node]:
    """The nodes with loops in place of chains; each chain leaves `heads` as it is found."""
    place = 0
    while place < len(nodes):
        node = nodes[place]
        if isinstance(node, Loop):
            yield replace(node, body=tuple(_rewritten(node.body, heads)))
        elif node.name in heads:
            chain, times = heads.pop(node.name)
            ops = nodes[place : place + len(chain.ops)]
            if tuple(op.name for op in ops) != chain.ops:
                raise InvalidValue(chain.name, node.name, "does not begin the ops of the chain in this program")
            yield _loop(ops, chain, times)
            place += len(chain.ops) - 1
        else:
            yield node
        place += 1


def _loop(ops: tuple[Node, ...], chain: Chain, times: int) -> Loop:
    """The ops, each on one piece in each iteration."""
    entries, body = chain.size // times, list[Node]()
    for op, axes in zip(ops, chain.axes, strict=True):
        pieces = {view: _piece(view, axis, chain, entries) for view, axis in axes}
        body.append(with_views(op, partial(_or_whole, pieces)))
    return Loop(name=chain.name, times=times, body=tuple(body))


def _or_whole(pieces: Mapping[View, View], view: View) -> View:
    """The piece of a view that has pieces; any other view as it is."""
    return pieces.get(view, view)


def _piece(view: View, axis: int, chain: Chain, entries: int) -> View:
    """The part of a view that an iteration works on: a window that moves, or all of a tensor that shrinks."""
    if view.tensor in chain.shrinking:
        return view
    of_tensor, whole = slab_of(view, axis)
    if whole is None:
        piece = window(of_tensor, count=entries, loop=chain.name)
    else:
        moved = whole.start + Affine(terms=((chain.name, entries * whole.every),))
        piece = replace(whole, start=moved, count=entries)
    others = (one for one in view.windows if one is not whole)
    return replace(view, windows=tuple(sorted((*others, piece), key=lambda one: one.axis)))

"""A program under other names: those of its ops, loops and tensors."""

from collections.abc import Callable
from dataclasses import replace
from typing import overload

from hwsim.ir.nodes import Loop, Node, with_views
from hwsim.ir.program import Program
from hwsim.ir.tensor import Tensor
from hwsim.ir.view import Affine, Share, View

Named = Callable[[str], str]


def renamed(program: Program, named: Named) -> Program:
    """The program in which everything has the name that `named` makes of its own, each another one."""
    return replace(
        program,
        tensors=tuple(sorted((_tensor(one, named) for one in program.tensors), key=lambda one: one.name)),
        body=tuple(_node(node, named) for node in program.body),
        stored=tuple(_tensor(one, named) for one in program.stored),
    )


def renamed_view(view: View, named: Named) -> View:
    """A view of a tensor under its new name, its windows along loops under theirs."""
    windows = tuple(replace(one, start=_size(one.start, named), count=_size(one.count, named)) for one in view.windows)
    return replace(view, tensor=named(view.tensor), windows=windows)


def _tensor(tensor: Tensor, named: Named) -> Tensor:
    like = tensor.format_of
    return replace(
        tensor, name=named(tensor.name), format_of=None if like is None else replace(like, op=named(like.op))
    )


def _node(node: Node, named: Named) -> Node:
    if isinstance(node, Loop):
        body = tuple(_node(inner, named) for inner in node.body)
        return replace(node, name=named(node.name), times=_size(node.times, named), body=body)
    return replace(with_views(node, lambda view: renamed_view(view, named)), name=named(node.name))


@overload
def _size(size: Affine, named: Named) -> Affine: ...
@overload
def _size(size: int | Share, named: Named) -> int | Share: ...
@overload
def _size(size: int | Affine | Share, named: Named) -> int | Affine | Share: ...
def _size(size: int | Affine | Share, named: Named) -> int | Affine | Share:
    """A size that depends on loops."""
    match size:
        case Affine():
            terms = tuple(sorted((named(loop), factor) for loop, factor in size.terms))
            return replace(size, terms=terms, shares=tuple((_share(one, named), k) for one, k in size.shares))
        case Share():
            return _share(size, named)
        case _:
            return size


def _share(share: Share, named: Named) -> Share:
    earlier = None if share.earlier is None else _share(share.earlier, named)
    return replace(share, loop=named(share.loop), earlier=earlier)

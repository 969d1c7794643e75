"""Batches whose size changes from step to step: the tensors have room for the largest, ops work on what is there."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from hwsim.ir.ops import Op
from hwsim.ir.program import Loop, Node
from hwsim.ir.tensor import Role
from hwsim.ir.view import View, window
from hwsim.models.fragment import Fragment
from hwsim.quantities.share import Share


def with_rows(part: Fragment, rows: Share) -> Fragment:
    """The part, of whose activations only so many first rows are there."""
    own = {tensor.name for tensor in part.tensors if tensor.role is Role.ACTIVATION}

    def here(view: View) -> View:
        if view.tensor not in own:
            return view
        return replace(view, windows=(window(0, count=rows), *view.windows))

    return Fragment(part.tensors, tuple(_viewed(node, here) for node in part.nodes))


def _viewed(node: Node, change: Callable[[View], View]) -> Node:
    """The node with its views changed."""
    if isinstance(node, Loop):
        return replace(node, body=tuple(_viewed(inner, change) for inner in node.body))
    changes = {field.name: _changed(getattr(node, field.name), change) for field in fields(node)}
    changed: Op = replace(node, **changes)
    return changed


def _changed(value: Any, change: Callable[[View], View]) -> Any:
    """A field of an op: a view, several of them, some with names, or something else."""
    if isinstance(value, View):
        return change(value)
    return tuple(_changed(one, change) for one in value) if isinstance(value, tuple) else value

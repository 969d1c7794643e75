"""Changing the views of ops, whatever kinds these are."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from hwsim.ir.ops import Op
from hwsim.ir.program import Loop, Node
from hwsim.ir.view import View


def with_views(node: Node, change: Callable[[View], View]) -> Node:
    """The node with all its views changed, in loops those of all their ops."""
    if isinstance(node, Loop):
        return replace(node, body=tuple(with_views(inner, change) for inner in node.body))
    changes = {field.name: _changed(getattr(node, field.name), change) for field in fields(node)}
    changed: Op = replace(node, **changes)
    return changed


def _changed(value: Any, change: Callable[[View], View]) -> Any:
    """A field of an op: a view, several of them, some with names, or something else."""
    if isinstance(value, View):
        return change(value)
    return tuple(_changed(one, change) for one in value) if isinstance(value, tuple) else value

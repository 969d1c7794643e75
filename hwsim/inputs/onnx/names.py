"""Names of ops after the scopes of a graph's nodes."""

import re
from collections.abc import Iterable

from hwsim.inputs.onnx.graph import Graph, GraphNode

LONGEST = 56
"""Letters of an op's name, so that those of its tensors fit a name as well."""


class Names:
    """Gives each node a name of its own: its scopes with dots between them, without those that all nodes share.

    A node without scopes stands in that of a parameter that it reads, or in that of the node before it.
    """

    def __init__(self, graph: Graph) -> None:
        self._stored = graph.stored.keys()
        paths = [path for node in graph.nodes if len(path := _path(node.name)) > 1]
        paths += [path for name in graph.stored if len(path := _path(name)) > 2]
        self._shared = _shared([path[:-1] for path in paths])
        while self._shared and any(path[self._shared].isdecimal() for path in paths):
            self._shared -= 1  # a number is no name of a part
        self._scope: tuple[str, ...] = ()
        self._taken: set[str] = set()

    def of(self, node: GraphNode) -> str:
        """The name of a node's op."""
        own = _path(node.name) or (node.op,)
        path = own[self._shared :] or own[-1:]
        if len(own) > 1:
            self._scope = path[:-1]
        else:
            for name in node.inputs:
                if name in self._stored and len(_path(name)) > self._shared + 1 and "::" not in name:
                    self._scope = _path(name)[self._shared : -1]
            path = (*self._scope, own[-1])
        return self.free(".".join(path))

    def free(self, name: str) -> str:
        """The name, shortened where it is too long, and numbered where it is taken."""
        if not name.isprintable():
            name = "".join(letter if letter.isprintable() else "_" for letter in name)
        name = name.strip() or "op"
        if len(name) > LONGEST:
            head, _, tail = name.partition(".")
            name = f"{head[:20]}..{tail[-(LONGEST - 22) :].lstrip('.')}" if tail else name[:LONGEST]
        whole, number = name, 1
        while whole in self._taken:
            number += 1
            whole = f"{name}~{number}"
        self._taken.add(whole)
        return whole


def _shared(paths: list[tuple[str, ...]]) -> int:
    """How many first scopes all paths have in common."""
    if not paths:
        return 0
    return next(
        (place for place, scopes in enumerate(zip(*paths, strict=False)) if len(set(scopes)) > 1), min(map(len, paths))
    )


def _path(name: str) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"[/.]", name)))


def shown_nodes(nodes: Iterable[GraphNode], most: int = 3) -> str:
    """Some nodes by their names.

    >>> shown_nodes([GraphNode("Sqrt", "", "a", (), ()), GraphNode("Div", "", "b", (), ())])
    'a (Sqrt), b (Div)'
    """
    listed = [f"{node.name} ({node.op})" for node in nodes]
    rest = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {rest} more" if rest > 0 else "")

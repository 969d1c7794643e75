"""Other values for some fields of a document, as a command line gives them."""

from collections.abc import Mapping

from hwsim.errors import InvalidValue, suggestion
from hwsim.inputs.yaml.document import Node
from hwsim.inputs.yaml.scalars import resolve


def overridden(document: Node, values: Mapping[str, str]) -> Node:
    """The document with a scalar put at each dotted path; all but the last name must be there.

    >>> overridden(Node(1, {"a": Node(1, {"b": Node(1, 2)})}), {"a.b": "3"}).plain()
    {'a': {'b': 3}}
    """
    for path, text in values.items():
        document = _with(document, path.split("."), path, text)
    return document


def _with(node: Node, steps: list[str], path: str, text: str) -> Node:
    if not isinstance(node.value, dict):
        raise InvalidValue(path, text, "lies inside something that is not a mapping")
    name, *rest = steps
    if not rest:
        try:
            inner = Node(0, resolve(text))
        except ValueError as error:
            raise InvalidValue(path, text, str(error)) from error
    elif name in node.value:
        inner = _with(node.value[name], rest, path, text)
    else:
        raise InvalidValue(path, text, f"there is no {name}; {suggestion(name, list(node.value))}")
    return Node(node.line, {**node.value, name: inner}, node.key_lines, node.size)

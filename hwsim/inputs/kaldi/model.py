"""A Kaldi file as plain nouns: the nodes of its nnet3 network and the components that they apply."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, Unsupported, shown
from hwsim.inputs.kaldi.descriptors import MOST_COLUMNS, Descriptor, Named, names_in, parsed
from hwsim.inputs.kaldi.fields import COMPONENTS, Form
from hwsim.inputs.kaldi.stream import Stream, stream_of

MOST_NODES = 1 << 14
_LONGEST_LINE = 1 << 16
_MOST_FILE = 1 << 31
"""Bytes of a file: what numbers of 32 bits may count in it."""
_KEYS = re.compile(r"\s([\w-]+)=")


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """What nodes apply: its kind and its fields. One of a kind that hwsim does not read has none."""

    name: str
    kind: str
    fields: Mapping[str, Any]

    @property
    def title(self) -> str:
        """How messages speak of it."""
        return f"component {shown(self.name)} ({self.kind})"

    def get(self, field: str) -> Any:
        """A field that must be there."""
        if field not in self.fields:
            raise Unsupported(f"{self.title}: has no <{field}>")
        return self.fields[field]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node of a network: an input (of so many columns), the result of a component, columns of another node, or an
    output."""

    name: str
    reads: Descriptor | None = None
    component: Component | None = None
    columns: int = 0
    first: int = 0
    output: bool = False

    @property
    def title(self) -> str:
        """How messages speak of it."""
        kind = "output-node" if self.output else "component-node" if self.component else "node"
        return f"{kind} {shown(self.name)}"

    @property
    def sources(self) -> list[str]:
        """The nodes that it reads."""
        return [] if self.reads is None else list(dict.fromkeys(names_in(self.reads)))


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network: its nodes by name, and the hash of its file."""

    nodes: Mapping[str, Node]
    sha256: str


def read_network(path: Path) -> Network:
    """The network in a file; FileProblem says in one line what is wrong with it."""
    try:
        if path.stat().st_size > _MOST_FILE:
            raise FileProblem(str(path), "is larger than 2 GiB, which no Kaldi model is")
        data = path.read_bytes()
    except OSError as error:
        raise FileProblem(str(path), f"cannot be read: {error.strerror}") from error
    try:
        return Network(_nodes(stream_of(data, str(path))), hashlib.sha256(data).hexdigest())
    except Unsupported as error:
        raise FileProblem(str(path), str(error)) from error


def _nodes(stream: Stream) -> dict[str, Node]:
    if not stream.data:
        raise FileProblem(stream.file, "is empty, and so no Kaldi model")
    if stream.peek() == "<TransitionModel>":
        stream.skip_behind("</TransitionModel>")
    if (first := stream.peek()) != "<Nnet3>":
        raise FileProblem(stream.file, f"is no Kaldi model of nnet3: it has {shown(first[:40])} where <Nnet3> is due")
    stream.token()
    lines = list(_lines(stream))
    components = dict(_components(stream))
    nodes: dict[str, Node] = {}
    for line in lines:
        stream.where = f"line {shown(line[:80])}"
        try:
            node = _node(line, components)
        except Unsupported as error:
            raise stream.refused(str(error)) from error
        if node.name in nodes:
            raise stream.refused("is of a node that is there already")
        nodes[node.name] = node
    for node in nodes.values():
        for name in node.sources:
            if name not in nodes or nodes[name].output:
                raise Unsupported(f"{node.title}: reads {shown(name)}, which is no input and no result of the network")
    return nodes


def _lines(stream: Stream) -> Iterator[str]:
    """The lines of the network's configuration, which an empty one ends."""
    stream.where = "the network's configuration"
    if stream.line():
        raise stream.refused("has something behind <Nnet3> on its line")
    count = 0
    while line := stream.line():
        count += 1
        if count > MOST_NODES or len(line) > _LONGEST_LINE:
            raise stream.refused(f"has more than {MOST_NODES:,} lines, or one longer than {_LONGEST_LINE:,} letters")
        if not line.startswith("#"):
            yield line


def _node(line: str, components: Mapping[str, Component]) -> Node:
    """The node of a line such as `component-node name=a component=b input=Offset(c, 1)`."""
    kind, *rest = _KEYS.split(line)
    entries = dict(zip(rest[::2], (value.strip() for value in rest[1::2]), strict=True))

    def text(key: str) -> str:
        value: str = entries.get(key, "")
        if not value:
            raise Unsupported(f"has no {key}=")
        return value

    def whole(key: str, least: int) -> int:
        value = text(key)
        if not value.isdecimal() or len(value) > 9 or not least <= int(value) <= MOST_COLUMNS:
            raise Unsupported(f"has {key}={shown(value)}; it must be a whole number of {least} to {MOST_COLUMNS:,}")
        return int(value)

    match kind.strip():
        case "input-node":
            return Node(text("name"), columns=whole("dim", 1))
        case "component-node":
            name = text("component")
            if name not in components:
                raise Unsupported(f"names the component {shown(name)}, which the file does not hold")
            return Node(text("name"), parsed(text("input")), components[name])
        case "dim-range-node":
            source = Named(text("input-node"))
            return Node(text("name"), source, columns=whole("dim", 1), first=whole("dim-offset", 0))
        case "output-node":
            return Node(text("name"), parsed(text("input")), output=True)
    raise Unsupported("is of no kind that hwsim reads: input-node, component-node, dim-range-node, output-node")


def _components(stream: Stream) -> Iterator[tuple[str, Component]]:
    stream.where = "the list of components"
    stream.expect("<NumComponents>")
    count, names = stream.whole(), set()
    if not 0 <= count <= MOST_NODES:
        raise stream.refused(f"would have {count:,} components; hwsim reads {MOST_NODES:,} at most")
    for number in range(count):
        stream.where = f"component {number}"
        stream.expect("<ComponentName>")
        name = stream.token()
        kind = stream.token()
        stream.where = f"component {shown(name)}"
        if len(kind) < 3 or not (kind.startswith("<") and kind.endswith(">") and kind.isprintable()):
            raise stream.refused(f"has {shown(kind)} where its kind is due")
        if name in names:
            raise stream.refused("is there twice")
        names.add(name)
        yield name, _component(stream, name, kind[1:-1])
    stream.where = "the end of the network"
    stream.expect("</Nnet3>")


def _component(stream: Stream, name: str, kind: str) -> Component:
    stream.where = f"component {shown(name)} ({kind[:60]})"
    known = COMPONENTS.get(kind)
    if known is None:
        stream.skip_behind(f"</{kind}>")
        return Component(name, kind, {})
    fields: dict[str, Any] = {}
    while (token := stream.token()) != f"</{kind}>":
        field = token[1:-1]
        if token != f"<{field}>" or field not in known:
            raise stream.refused(f"has {shown(token)}, which is no field of its kind")
        if field in fields:
            raise stream.refused(f"has <{field}> twice")
        fields[field] = _value(stream, known[field])
    return Component(name, kind, fields)


def _value(stream: Stream, form: Form) -> Any:
    match form:
        case Form.WHOLE:
            return stream.whole()
        case Form.REAL:
            return stream.real()
        case Form.TRUTH:
            return stream.truth()
        case Form.WHOLES:
            return stream.wholes()
        case Form.PAIRS:
            return stream.pairs()
        case Form.VECTOR:
            return stream.vector()
        case Form.MATRIX:
            return stream.matrix()
        case Form.TWO_WHOLES:
            return stream.whole(), stream.whole()
        case Form.TWO_REALS:
            return stream.real(), stream.real()
        case Form.NOTHING:
            return True

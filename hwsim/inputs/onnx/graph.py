"""An ONNX file as a plain graph: nodes in order, constants as arrays, inputs and outputs with their shapes.

This file alone knows the package `onnx`, which is loaded when a file is opened.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, UserError, shown

Array = NDArray[Any]

LEAST_OPSET, MOST_OPSET = 13, 28
MOST_NODES = 1 << 15
DEEPEST = 8
"""Graphs inside of graphs."""
MOST_ELEMENTS = 1 << 33
"""Elements of one array: more than any recogniser has, so that a shape that lies asks for no memory."""
_MOST_FILE = 1 << 31
"""Bytes of a file in this format; larger models keep their weights in files of their own."""
_OURS = ("", "ai.onnx")

KINDS = (
    "float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32",
    "uint64", "bool", "int4", "uint4", "int2", "uint2",
)  # fmt: skip
"""The types of numbers that are read; `bfloat16` and those of 2 and 4 bits are kept in wider arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Numbers of a graph; `kind` is their type in the file, which may be narrower than that of the array."""

    values: Array
    kind: str

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)


@dataclass(frozen=True, slots=True, eq=False)
class GraphNode:
    """A node; an input or output that is left out has an empty name."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bodies(self) -> "list[Body]":
        """The graphs inside it."""
        return [value for value in self.attributes.values() if isinstance(value, Body)]

    @property
    def reads(self) -> tuple[str, ...]:
        """All that it reads: its inputs, and what the graphs inside it read around them."""
        return (*self.inputs, *(name for body in self.bodies for name in body.around))

    @property
    def kind(self) -> str:
        """The operator, with its domain if that is not ONNX's own."""
        return f"{self.domain}:{self.op}" if self.domain else self.op

    @property
    def title(self) -> str:
        """How messages speak of it."""
        kind = self.kind if self.kind.isprintable() else shown(self.kind)
        return f"node {shown(self.name or '/'.join(filter(None, self.outputs)))} ({kind})"


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A graph inside a node: its nodes in order, the names of what it is given and of what it makes; `around` are those
    that it reads of the graph around it."""

    nodes: tuple[GraphNode, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    stored: Mapping[str, Constant]

    @property
    def readers(self) -> dict[str, int]:
        """How often each of its own values is read."""
        own = {*self.inputs, *self.stored, *(name for node in self.nodes for name in node.outputs)}
        read = Counter([*self.outputs, *(name for node in self.nodes for name in node.reads)])
        return {name: read[name] for name in own}

    @property
    def around(self) -> tuple[str, ...]:
        known = {"", *self.inputs, *self.stored, *(name for node in self.nodes for name in node.outputs)}
        read = [*(name for node in self.nodes for name in node.reads), *self.outputs]
        return tuple(dict.fromkeys(name for name in read if name not in known))


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph: its name, its type, and its axes, which are sizes or names."""

    name: str
    kind: str
    axes: tuple[int | str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph, each value of which is made once; `stored` are its constants by name."""

    name: str
    opset: int
    nodes: tuple[GraphNode, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    stored: Mapping[str, Constant]
    sha256: str
    producer: str
    beside: tuple[tuple[Path, str], ...] = ()
    """The files that hold its external data, with their hashes."""


def read_graph(path: Path) -> Graph:
    """The graph in a file; FileProblem says in one line what is wrong with it."""
    onnx = _package(path)
    try:
        if path.stat().st_size > _MOST_FILE:
            raise FileProblem(str(path), "is larger than 2 GiB; keep its weights as external data")
        data = path.read_bytes()
    except OSError as error:
        raise FileProblem(str(path), f"cannot be read: {error.strerror}") from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # the parser has errors of several packages
        raise FileProblem(str(path), "is no readable ONNX file: damaged, cut off, or of another format") from error
    try:
        return _Reader(onnx, path).graph(model, hashlib.sha256(data).hexdigest())
    except UserError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, MemoryError, OverflowError) as error:
        text = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise FileProblem(str(path), f"is a damaged ONNX file: {text}") from error


def _hash_of(path: Path) -> str:
    """The hash of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _package(path: Path) -> Any:
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise FileProblem(str(path), "needs the package onnx to be read: pip install 'hwsim[onnx]'") from error
    return onnx


@dataclass(slots=True)
class _Reader:
    onnx: Any
    path: Path
    beside: set[Path] = field(default_factory=set)

    def refused(self, problem: str) -> FileProblem:
        return FileProblem(str(self.path), problem)

    def graph(self, model: Any, sha256: str) -> Graph:
        if not model.HasField("graph"):
            raise self.refused("is no ONNX model: it has no graph")
        versions = {entry.domain: entry.version for entry in model.opset_import}
        opset = next((versions[domain] for domain in _OURS if domain in versions), 0)
        if not LEAST_OPSET <= opset <= MOST_OPSET:
            law = f"is of opset {opset}; hwsim reads {LEAST_OPSET} to {MOST_OPSET}; export it anew"
            raise self.refused(law)
        if model.functions:
            import onnx.inliner

            model = onnx.inliner.inline_local_functions(model)
        graph = model.graph
        if len(graph.node) > MOST_NODES:
            raise self.refused(f"has {len(graph.node):,} nodes; hwsim reads {MOST_NODES:,} at most")
        if graph.sparse_initializer:
            raise self.refused("has sparse initialisers, which hwsim does not read; store them whole")
        stored: dict[str, Constant] = {}
        for tensor in graph.initializer:
            name = _text(tensor.name)
            if not name or name in stored:
                raise self.refused(f"initialiser {shown(name)}: has no name, or one that is there twice")
            stored[name] = self.constant(tensor, f"initialiser {shown(name)}")
        inputs = tuple(self.port(value) for value in graph.input if _text(value.name) not in stored)
        nodes = tuple(self.in_order(graph, stored, {port.name for port in inputs}))
        outputs = tuple(self.port(value, output=True) for value in graph.output)
        if not outputs:
            raise self.refused("has no outputs")
        made = {name for node in nodes for name in node.outputs} | set(stored) | {port.name for port in inputs}
        for port in (*inputs, *outputs):
            if not port.name or port.name not in made:
                raise self.refused(f"output {shown(port.name)}: no node makes it")
        if len({port.name for port in (*inputs, *outputs)}) < len(inputs) + len(outputs):
            raise self.refused("has inputs or outputs of the same name")
        producer = " ".join(filter(None, map(_text, (model.producer_name, model.producer_version))))
        beside = tuple((file, _hash_of(file)) for file in sorted(self.beside))
        return Graph(_text(graph.name), opset, nodes, inputs, outputs, stored, sha256, producer, beside)

    def in_order(self, graph: Any, stored: Mapping[str, Constant], inputs: set[str]) -> Iterator[GraphNode]:
        """The nodes, each after those whose results it reads."""
        return self.ordered([self.node(node, 0) for node in graph.node], stored, inputs)

    def ordered(
        self, nodes: list[GraphNode], stored: Mapping[str, Constant], inputs: set[str], inside: bool = False
    ) -> Iterator[GraphNode]:
        """The nodes in order; inside of a node they may read whatever is around it."""
        writer: dict[str, GraphNode] = {}
        for node in nodes:
            for name in filter(None, node.outputs):
                if name in writer or name in stored or name in inputs:
                    raise self.refused(f"{node.title}: makes {shown(name)}, which something else makes already")
                writer[name] = node
        ready = {"", *stored, *inputs}
        if inside:
            ready |= {name for node in nodes for name in node.reads if name not in writer}
        waiting = nodes
        while waiting:
            later: list[GraphNode] = []
            for node in waiting:
                if ready.issuperset(node.reads):
                    ready.update(node.outputs)
                    yield node
                else:
                    later.append(node)
            if len(later) == len(waiting):
                node = later[0]
                for name in node.reads:
                    if name not in ready and name not in writer:
                        raise self.refused(f"{node.title}: reads {shown(name)}, which nothing makes")
                raise self.refused(f"{node.title}: waits for its own result: the nodes form a cycle")
            waiting = later

    def body(self, graph: Any, where: str, depth: int) -> Body:
        """A graph inside a node."""
        if depth >= DEEPEST or len(graph.node) > MOST_NODES:
            raise self.refused(
                f"{where}: holds graphs more than {DEEPEST} deep, or one of more than {MOST_NODES:,} nodes"
            )
        stored = {_text(tensor.name): self.constant(tensor, where) for tensor in graph.initializer}
        inputs = tuple(name for value in graph.input if (name := _text(value.name)) not in stored)
        nodes = [self.node(node, depth + 1) for node in graph.node]
        ordered = tuple(self.ordered(nodes, stored, set(inputs), inside=True))
        return Body(ordered, inputs, tuple(_text(value.name) for value in graph.output), stored)

    def node(self, node: Any, depth: int) -> GraphNode:
        attributes: dict[str, Any] = {}
        domain = "" if node.domain in _OURS else node.domain
        inputs, outputs = (tuple(map(_text, names)) for names in (node.input, node.output))
        plain = GraphNode(_text(node.op_type), _text(domain), _text(node.name), inputs, outputs)
        kinds = self.onnx.AttributeProto
        for attribute in node.attribute:
            name, where = _text(attribute.name), f"{plain.title}: attribute {shown(_text(attribute.name))}"
            if attribute.type == kinds.GRAPHS:
                raise self.refused(f"{plain.title}: holds several graphs in one attribute, which hwsim does not read")
            if attribute.type == kinds.GRAPH:
                attributes[name] = self.body(attribute.g, where, depth)
                continue
            if attribute.type == kinds.TENSOR:
                attributes[name] = self.constant(attribute.t, where)
                continue
            try:
                value = self.onnx.helper.get_attribute_value(attribute)
            except ValueError as error:
                raise self.refused(f"{where}: has no value of a known type") from error
            attributes[name] = _plain(value)
        return GraphNode(plain.op, plain.domain, plain.name, plain.inputs, plain.outputs, attributes)

    def port(self, value: Any, output: bool = False) -> Port:
        kind, name = value.type, _text(value.name)
        if not kind.HasField("tensor_type"):
            raise self.refused(f"{shown(name)}: is no tensor, which hwsim alone reads")
        axes: list[int | str] = []
        for place, axis in enumerate(kind.tensor_type.shape.dim):
            if axis.HasField("dim_value"):
                if axis.dim_value < (0 if output else 1) or axis.dim_value > MOST_ELEMENTS:
                    raise self.refused(f"{shown(name)}: axis {place} has the size {axis.dim_value}")
                axes.append(int(axis.dim_value))
            else:
                axes.append(_text(axis.dim_param) or f"{name}.{place}")
        return Port(name, self.kind(kind.tensor_type.elem_type, shown(name)), tuple(axes))

    def kind(self, code: int, where: str) -> str:
        try:
            name = str(self.onnx.TensorProto.DataType.Name(code)).lower()
        except ValueError as error:
            raise self.refused(f"{where}: has numbers of an unknown type {code}") from error
        kind = {"float": "float32", "double": "float64"}.get(name, name)
        if kind not in KINDS:
            raise self.refused(f"{where}: holds numbers of the type {kind}, which hwsim does not read")
        return kind

    def constant(self, tensor: Any, where: str) -> Constant:
        kind = self.kind(tensor.data_type, where)
        elements = math.prod(tensor.dims)
        if any(size < 0 for size in tensor.dims) or elements > MOST_ELEMENTS or len(tensor.dims) > 16:
            raise self.refused(f"{where}: cannot have the shape {shown(list(tensor.dims))}")
        if tensor.data_location == self.onnx.TensorProto.EXTERNAL:
            tensor = self.external(tensor, where)
        if tensor.HasField("raw_data"):
            bits = int("".join(filter(str.isdigit, kind)) or 8)
            expected = -(-elements * bits // 8)
            if len(tensor.raw_data) != expected:
                law = f"{where}: says that it is {shown(list(tensor.dims))}, {expected} bytes, but has"
                raise self.refused(f"{law} {len(tensor.raw_data)}")
        try:
            values = self.onnx.numpy_helper.to_array(tensor)
        except Exception as error:  # whatever numpy or ml_dtypes say of lengths and types
            raise self.refused(f"{where}: its numbers do not fit its shape {shown(list(tensor.dims))}") from error
        if kind in ("int4", "uint4", "int2", "uint2"):
            values = values.astype(np.uint8 if kind.startswith("u") else np.int8)
        elif kind in ("bfloat16", "float16", "float64"):
            values = values.astype(np.float32)
        if values.dtype.kind == "f" and not np.isfinite(values).all() and np.isnan(values).any():
            raise self.refused(f"{where}: holds numbers that are none (NaN)")
        return Constant(np.asarray(values), kind)

    def external(self, tensor: Any, where: str) -> Any:
        """The tensor with its numbers, which must lie in the folder of the model."""
        entries = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
        location, folder = entries.get("location", ""), self.path.parent.resolve()
        file = (folder / location).resolve() if location and "\0" not in location else folder
        if not location or Path(location).is_absolute() or not file.is_relative_to(folder) or not file.is_file():
            raise self.refused(f"{where}: its data are in {shown(location)}, which is no file in the model's folder")
        try:
            offset, size = int(entries.get("offset", 0)), file.stat().st_size
            length = int(entries.get("length", size - offset))
        except ValueError as error:
            raise self.refused(f"{where}: says no whole numbers of where its data lie") from error
        if offset < 0 or length < 0 or offset + length > size:
            raise self.refused(f"{where}: its data go from {offset} on for {length} bytes; {file.name} has {size}")
        with file.open("rb") as source:
            source.seek(offset)
            data = source.read(length)
        self.beside.add(file)
        whole = self.onnx.TensorProto()
        whole.dims.extend(tensor.dims)
        whole.data_type = tensor.data_type
        whole.raw_data = data
        return whole


def _text(value: Any) -> str:
    """A text of the file; one that is no UTF-8 comes as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _plain(value: Any) -> Any:
    """Bytes as text, sequences as tuples."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (str, int, float)):
        return value
    return tuple(_plain(item) for item in value)


def bound(graph: Graph, dims: Mapping[str, int], heard: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The shape of each input, its named axes of the given sizes, or of those that arrays of these shapes have."""
    named = dict.fromkeys(axis for port in graph.inputs for axis in port.axes if isinstance(axis, str))
    for name in dims:
        if name not in named:
            known = f"its named axes are {', '.join(named)}" if named else "its axes all have sizes"
            raise InvalidValue("--dim", name, f"is no axis of {graph.name or 'the model'}; {known}")
    dims = {**_heard(graph, heard), **dims}
    missing = [name for name in named if name not in dims]
    if missing:
        given = " ".join(f"--dim {name}=N" for name in missing)
        raise InvalidValue(
            "--dim", ", ".join(missing), f"is the size of an axis that the file leaves open; give {given}"
        )
    return {
        port.name: tuple(dims[axis] if isinstance(axis, str) else axis for axis in port.axes) for port in graph.inputs
    }


def _heard(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The sizes of named axes in arrays for the inputs, the first one's where they differ."""
    found: dict[str, int] = {}
    for port in graph.inputs:
        shape = shapes.get(port.name, ())
        if len(shape) == len(port.axes):
            for axis, size in zip(port.axes, shape, strict=True):
                if isinstance(axis, str) and size:
                    found.setdefault(axis, size)
    return found

"""A TensorFlow Lite file as plain nouns: tensors with their numbers and scales, operators in the order they run."""

import hashlib
from collections.abc import Mapping
from dataclasses import field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, shown
from hwsim.inputs.tflite.flatbuffer import Bytes, Table
from hwsim.inputs.tflite.schema import CUSTOM, IDENTIFIER, OPERATORS, OPTIONS, TYPES, VERSION

Array = NDArray[Any]

MOST_TENSORS, MOST_OPERATORS, MOST_BUFFERS, MOST_SUBGRAPHS = 1 << 16, 1 << 15, 1 << 17, 256
MOST_AXES = 8
MOST_ELEMENTS = 1 << 26
"""Elements of one tensor: more than any network here has, so that a shape that lies asks for no memory."""
_MOST_FILE = 1 << 31
"""Bytes of a file in this format, whose offsets have 32 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """Scales and zero points of integers: one of each, or one for each index of an axis."""

    scale: NDArray[np.float32]
    zero: NDArray[np.int64]
    axis: int

    @property
    def single(self) -> bool:
        return self.scale.size == 1


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A tensor of a file; `values` are its numbers, if the file holds them. `scales` stand at integers alone."""

    place: int
    name: str
    kind: str
    shape: tuple[int, ...]
    values: Array | None = None
    scales: Scales | None = None
    variable: bool = False
    open: bool = False
    """Whether the file leaves the size of an axis open."""

    @property
    def title(self) -> str:
        """How messages speak of it."""
        return f"tensor {self.place} {shown(self.name)}"


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """An operator; an input that is left out is -1."""

    place: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Subgraph:
    """Tensors and the operators that work on them, one after another."""

    name: str
    tensors: tuple[Entry, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A file: its first subgraph is the network, others are called by operators."""

    subgraphs: tuple[Subgraph, ...]
    sha256: str


def read_model(path: Path) -> Model:
    """The model in a file; FileProblem says in one line what is wrong with it."""
    try:
        if path.stat().st_size > _MOST_FILE:
            raise FileProblem(str(path), "is larger than 2 GiB, which no TensorFlow Lite file can be")
        data = path.read_bytes()
    except OSError as error:
        raise FileProblem(str(path), f"cannot be read: {error.strerror}") from error
    return model_in(data, str(path))


def model_in(data: bytes, file: str) -> Model:
    """The model in the bytes of a file of that name."""
    return _Reader(Bytes(data, file)).model()


@dataclass(slots=True)
class _Reader:
    source: Bytes

    def model(self) -> Model:
        root = self.source.root(IDENTIFIER, "TensorFlow Lite file")
        version = root.whole(0, "I")
        if version != VERSION:
            raise FileProblem(self.source.file, f"is of schema version {version}; hwsim reads {VERSION}")
        kinds = [self.kind(code) for code in root.tables(1, "operator code", MOST_OPERATORS)]
        buffers = [self.buffer(table) for table in root.tables(4, "buffer", MOST_BUFFERS)]
        graphs = [self.subgraph(table, kinds, buffers) for table in root.tables(2, "subgraph", MOST_SUBGRAPHS)]
        if not graphs:
            raise FileProblem(self.source.file, "has no subgraph, and so nothing to run")
        return Model(tuple(graphs), hashlib.sha256(self.source.data).hexdigest())

    def kind(self, code: Table) -> str:
        """The name of an operator: newer files say its number in a field of 32 bits."""
        number = max(code.whole(0, "b"), code.whole(3, "i"))
        if number == CUSTOM:
            return f"CUSTOM {shown(code.text(1, 'name'))}"
        return OPERATORS[number] if 0 <= number < len(OPERATORS) else f"operator number {number}"

    def buffer(self, table: Table) -> memoryview:
        """Bytes inside the table, or behind all tables of a large file."""
        offset, size = table.whole(1, "Q"), table.whole(2, "Q")
        if offset > 1:
            if offset + size > len(self.source.data):
                raise self.source.refused(table.where, f"lies at byte {offset:,} for {size:,}, beyond the file's end")
            return memoryview(self.source.data)[offset : offset + size]
        return memoryview(table.numbers(0, "u1", "byte"))  # type: ignore[arg-type]

    def subgraph(self, table: Table, kinds: list[str], buffers: list[memoryview]) -> Subgraph:
        tensors = tuple(
            self.tensor(one, place, buffers) for place, one in enumerate(table.tables(0, "tensor", MOST_TENSORS))
        )
        operators = tuple(
            self.operator(one, place, kinds, len(tensors))
            for place, one in enumerate(table.tables(3, "operator", MOST_OPERATORS))
        )
        inputs, outputs = (
            self.places(table, slot, what, len(tensors), 0) for slot, what in ((1, "input"), (2, "output"))
        )
        self.in_order(table.where, tensors, operators, inputs, outputs)
        return Subgraph(table.text(4, "name"), tensors, operators, inputs, outputs)

    def places(self, table: Table, slot: int, what: str, count: int, least: int) -> tuple[int, ...]:
        """Tensors by their places."""
        places = table.numbers(slot, "i4", what)
        if places.size and (places.min() < least or places.max() >= count):
            worst = places.min() if places.min() < least else places.max()
            raise self.source.refused(table.where, f"names tensor {worst} as {what}; there are {count}")
        return tuple(places.tolist())

    def tensor(self, table: Table, place: int, buffers: list[memoryview]) -> Entry:
        name = table.text(3, "name")
        where = f"tensor {place} {shown(name)}"
        number = table.whole(1, "b")
        if number not in TYPES:
            raise self.source.refused(where, f"holds numbers of type {number}, which hwsim does not read")
        kind, stored = TYPES[number]
        sizes = table.numbers(0, "i4", "axis")
        if len(sizes) > MOST_AXES or (sizes.size and sizes.min() < 1):
            raise self.source.refused(where, f"cannot have the shape {shown(sizes[:12].tolist())}")
        shape = tuple(int(size) for size in sizes)
        if prod(shape) > MOST_ELEMENTS:
            raise self.source.refused(where, f"would have {prod(shape):,} elements; hwsim takes {MOST_ELEMENTS:,}")
        if table.has(6):
            raise self.source.refused(where, "is kept sparse, which hwsim does not read; store it whole")
        buffer = table.whole(2, "I")
        if buffer >= max(1, len(buffers)):
            raise self.source.refused(where, f"names buffer {buffer}; there are {len(buffers)}")
        values = None
        if buffer and buffers and len(buffers[buffer]) and stored:
            values = self.numbers(buffers[buffer], kind, stored, shape, where)
        scales = self.scales(table, kind, shape, where)
        said = table.numbers(7, "i4", "axis")
        left_open = not shape or bool(said.size and said.min() < 0)
        return Entry(place, name, kind, shape, values, scales, bool(table.whole(5, "?")), left_open)

    def numbers(self, data: memoryview, kind: str, stored: str, shape: tuple[int, ...], where: str) -> Array:
        elements, dtype = prod(shape), np.dtype(stored).newbyteorder("<")
        expected = -(-elements // 2) if kind == "int4" else elements * dtype.itemsize
        if len(data) != expected:
            law = f"says that it is {shown(list(shape))}, {expected:,} bytes, but its buffer has {len(data):,}"
            raise self.source.refused(where, law)
        values = np.frombuffer(data, dtype)
        if kind == "int4":
            values = _nibbles(values)[:elements]
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise self.source.refused(where, "holds numbers that are none (NaN)")
        return values.reshape(shape)

    def scales(self, table: Table, kind: str, shape: tuple[int, ...], where: str) -> Scales | None:
        """The scales of a tensor of integers; what training left at others is passed over."""
        quantisation = table.table(4, where)
        if quantisation is None or kind not in ("int4", "int8", "uint8", "int16", "int32", "int64"):
            return None
        scale = quantisation.numbers(2, "f4", "scale").astype(np.float32)
        zero = quantisation.numbers(3, "i8", "zero point").astype(np.int64)
        if quantisation.whole(4, "B"):
            raise self.source.refused(where, "has scales of a custom form, which hwsim does not read")
        if not scale.size:
            return None
        if not np.isfinite(scale).all() or (scale <= 0).any():
            raise self.source.refused(where, "has a scale that is not greater than zero, or no finite number")
        if zero.size == 0:
            zero = np.zeros(scale.size, np.int64)
        if zero.size == 1:
            zero = np.broadcast_to(zero, scale.shape)
        axis = quantisation.whole(6, "i")
        if zero.size != scale.size:
            raise self.source.refused(where, f"has {scale.size} scales and {zero.size} zero points")
        bits = int("".join(filter(str.isdigit, kind)))
        low, high = (0, (1 << bits) - 1) if kind.startswith("u") else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        if zero.min() < low or zero.max() > high:
            raise self.source.refused(where, f"has a zero point outside of {kind}")
        if scale.size > 1 and (not 0 <= axis < len(shape) or shape[axis] != scale.size):
            raise self.source.refused(where, f"has {scale.size} scales for axis {axis} of {list(shape)}")
        return Scales(scale, zero, axis)

    def operator(self, table: Table, place: int, kinds: list[str], tensors: int) -> Operator:
        index = table.whole(0, "I")
        if index >= len(kinds):
            raise self.source.refused(table.where, f"names operator code {index}; there are {len(kinds)}")
        kind = kinds[index]
        inputs = self.places(table, 1, "input", tensors, -1)
        outputs = self.places(table, 2, "output", tensors, 0)
        options: dict[str, Any] = {}
        if kind in OPTIONS:
            number, fields = OPTIONS[kind]
            said, held = table.whole(3, "B"), table.table(4, f"options of operator {place} ({kind})")
            if said not in (0, number):
                raise self.source.refused(f"operator {place} ({kind})", "carries the options of another operator")
            for name, (slot, code, default) in fields.items():
                options[name] = _option(held if said else None, slot, code, default, name)
        return Operator(place, kind, inputs, outputs, options)

    def in_order(
        self,
        where: str,
        tensors: tuple[Entry, ...],
        operators: tuple[Operator, ...],
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
    ) -> None:
        """Refuse a graph in which something is read before it is made, or made twice."""
        made = {one.place for one in tensors if one.values is not None or one.variable} | set(inputs)
        if len(set(inputs)) < len(inputs):
            raise self.source.refused(where, "has the same input twice")
        for one in operators:
            title = f"operator {one.place} ({one.kind})"
            for place in one.inputs:
                if place >= 0 and place not in made:
                    law = f"reads {tensors[place].title}, which nothing has made by then"
                    raise self.source.refused(title, law)
            for place in one.outputs:
                if place in made:
                    raise self.source.refused(title, f"makes {tensors[place].title}, which is there already")
                made.add(place)
        for place in outputs:
            if place not in made:
                raise self.source.refused(where, f"has the output {tensors[place].title}, which nothing makes")


def _option(held: Table | None, slot: int, code: str, default: int | float, name: str) -> Any:
    if code == "text":
        return "" if held is None else held.text(slot, name)
    if code == "axes":
        return () if held is None else tuple(held.numbers(slot, "i4", name)[: MOST_AXES + 1].tolist())
    return default if held is None else held.number(slot, code, default)


def _nibbles(packed: Array) -> NDArray[np.int8]:
    """Integers of four bits, the lower half of a byte first."""
    halves = np.stack([packed & 15, packed >> 4], axis=1).reshape(-1).astype(np.int8)
    return np.where(halves > 7, halves - 16, halves).astype(np.int8)

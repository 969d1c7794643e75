"""A program under construction from a graph: tensors whose axes may still be split, ops that hold values."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import Unsupported, shown
from hwsim.inputs.onnx.graph import Constant, Graph, GraphNode
from hwsim.inputs.onnx.names import Names
from hwsim.inputs.onnx.stored import Quant, Stored, Value, transposed
from hwsim.ir.ops import Apply, Elementwise, Function, Move, Op
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Numbers of the file; with scales, integers that stand for real ones."""

    values: Array
    kind: str
    quant: Quant | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    @property
    def real(self) -> Array:
        """What they stand for."""
        if self.quant is None:
            return self.values
        return dequantised(self.values, self.quant)


def dequantised(values: Array, quant: Quant) -> NDArray[np.float32]:
    """What integers stand for, computed as `DequantizeLinear` says."""
    scale, zero = (along(entries, quant, values.shape) for entries in (quant.scale, quant.zero))
    return np.asarray((values.astype(np.int32) - zero).astype(np.float32) * scale, np.float32)


def along(entries: Array, quant: Quant, shape: tuple[int, ...]) -> Array:
    """Scales or zero points in a shape that goes with the numbers."""
    if quant.axis is None or entries.size == 1:
        return entries.reshape(())
    if quant.block:
        return np.repeat(entries, quant.block, axis=quant.axis)[
            tuple(slice(0, size) if axis == quant.axis else slice(None) for axis, size in enumerate(shape))
        ]
    return entries.reshape([-1 if axis == quant.axis else 1 for axis in range(len(shape))])


Operand = Held | Value


@dataclass(slots=True, eq=False)
class Made:
    """An op that takes and gives values; `make` builds it when all axes are settled."""

    name: str
    reads: list[Value]
    writes: list[Value]
    make: Callable[["Made"], Op]


@dataclass(slots=True, eq=False)
class Chain:
    """A chain of functions of values that come in one order."""

    name: str
    reads: list[tuple[str, Value]] = field(default_factory=list)
    steps: list[Apply] = field(default_factory=list)
    writes: list[tuple[str, Value]] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def local(self) -> str:
        """A name for one more value."""
        self.count += 1
        return f"v{self.count}"

    def apply(self, function: Function, *args: str) -> str:
        """One more step; the name of its result."""
        result = self.local()
        self.steps.append(Apply(function=function, args=args, result=result))
        return result

    def constant(self, value: float) -> str:
        """The name of a number that stands in the chain."""
        for name, known in self.constants.items():
            if known == value and np.signbit(known) == np.signbit(value):
                return name
        self.constants[name := self.local()] = float(value)
        return name

    def built(self) -> Elementwise:
        """The op: what is written is converted to the format in which it is kept."""
        reads: dict[View, str] = {}
        same: dict[str, str] = {}
        for local, value in self.reads:
            same[local] = reads.setdefault(value.view(), local)
        steps = [
            Apply(function=one.function, args=tuple(same.get(arg, arg) for arg in one.args), result=one.result)
            for one in self.steps
        ]
        writes = []
        for place, (local, value) in enumerate(self.writes):
            result = "out" if place == 0 else f"out{place}"
            steps.append(Apply(function=Function.REQUANTIZE, args=(same.get(local, local),), result=result))
            writes.append((result, value.view()))
        return Elementwise(
            name=self.name,
            reads=tuple((local, view) for view, local in reads.items()),
            chain=tuple(steps),
            writes=tuple(writes),
            constants=tuple(self.constants.items()),
        )


@dataclass(slots=True, eq=False)
class Looped:
    """Ops that run several times, already built."""

    name: str
    times: int
    body: list["Made | Chain"]


Part = Made | Chain | Looped

ACTIVATION_FLOAT = Precision.FP32


class Builder:
    """The values of a graph by name, and the parts of the program so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.names = graph, Names(graph)
        self.values: dict[str, Operand] = {}
        self.tensors: list[Stored] = []
        self.parts: list[Part] = []
        self.parameters: dict[str, Array] = {}
        self.folded: list[GraphNode] = []
        self.readers: dict[str, int] = {}
        self.node = graph.nodes[0] if graph.nodes else GraphNode("", "", "", (), ())
        self.name = ""
        self._kept: dict[tuple[object, ...], Stored] = {}
        self._arrays: list[Array] = []
        self._tensor_names: set[str] = set()
        for node in graph.nodes:
            for name in node.inputs:
                self.readers[name] = self.readers.get(name, 0) + 1
        for port in graph.outputs:
            self.readers[port.name] = self.readers.get(port.name, 0) + 1

    # -- what nodes read and write

    def refused(self, reason: str) -> Unsupported:
        """The refusal of the node at hand."""
        return Unsupported(f"{self.node.title}: {reason}")

    def operand(self, place: int) -> Operand | None:
        """An input of the node at hand; None, if it is left out."""
        if place >= len(self.node.inputs) or not self.node.inputs[place]:
            return None
        name = self.node.inputs[place]
        if name not in self.values:
            raise self.refused(f"reads {shown(name)}, a result of its node that hwsim does not compute")
        return self.values[name]

    def value(self, place: int) -> Operand:
        """An input that must be there."""
        found = self.operand(place)
        if found is None:
            raise self.refused(f"has no input {place}")
        return found

    def constant(self, place: int, what: str) -> Held | None:
        """An input that must be known beforehand."""
        found = self.operand(place)
        if isinstance(found, Value):
            raise self.refused(f"its {what} depends on data; hwsim needs it beforehand")
        return found

    def numbers(self, place: int, what: str) -> Array | None:
        """The numbers of such an input."""
        found = self.constant(place, what)
        return None if found is None else found.values

    def give(self, operand: Operand, place: int = 0) -> None:
        """Name a result of the node at hand."""
        if place < len(self.node.outputs) and self.node.outputs[place]:
            self.values[self.node.outputs[place]] = operand

    def attribute(self, name: str, default: Any = None) -> Any:
        return self.node.attributes.get(name, default)

    @contextmanager
    def part(self, what: str) -> Iterator[str]:
        """Inside, ops are named as a part of the node at hand."""
        whole = self.name
        self.name = self.names.free(f"{whole}.{what}")
        try:
            yield self.name
        finally:
            self.name = whole

    # -- tensors

    def stored(
        self,
        name: str,
        sizes: list[int] | tuple[int, ...],
        precision: Precision = ACTIVATION_FLOAT,
        role: Role = Role.ACTIVATION,
        quant: Quant | None = None,
    ) -> Stored:
        """A new tensor."""
        free, number = name, 1
        while free in self._tensor_names:
            number += 1
            free = f"{name}~{number}"
        self._tensor_names.add(free)
        tensor = Stored(free, list(sizes) or [1], precision, role, quant)
        self.tensors.append(tensor)
        return tensor

    def parameter(
        self, name: str, values: Array, role: Role, *, key: object = None, quant: Quant | None = None
    ) -> Stored:
        """A tensor of numbers of the file; the same numbers in the same layout are one tensor."""
        known = self._kept.get((key, role, values.shape)) if key is not None else None
        if known is not None:
            return known
        precision = ACTIVATION_FLOAT
        if quant is not None:
            precision = quant.precision
        elif values.dtype.kind in "iub":
            precision = Precision.INT32
        tensor = self.stored(name, values.shape, precision, role, quant)
        kept = np.ascontiguousarray(values if values.dtype.kind != "f" else values.astype(np.float32, copy=False))
        if kept.dtype.kind == "b" or kept.dtype.itemsize == 8:
            kept = kept.astype(np.int32)
        self.parameters[tensor.name] = kept.reshape(tuple(tensor.sizes))
        if key is not None:
            self._kept[key, role, values.shape] = tensor
        return tensor

    def key(self, array: Array, how: object) -> object:
        """What stands for an array of the file in a layout, so that it is kept once."""
        self._arrays.append(array)  # so that no other array gets its identity
        base = array
        while base.base is not None and isinstance(base.base, np.ndarray):
            base = base.base
        return id(base), array.__array_interface__["data"][0], array.shape, array.strides, how

    def table(self, held: Held) -> Value:
        """Numbers of the file as a value that ops read."""
        values = np.asarray(held.real)
        tensor = self.parameter(
            f"{self.name}.constant",
            values.reshape(values.shape or (1,)),
            Role.TABLE,
            key=self.key(held.values, "table"),
        )
        return tensor.whole(held.shape)

    def as_value(self, operand: Operand) -> Value:
        return self.table(operand) if isinstance(operand, Held) else operand

    # -- layouts

    def copied(self, value: Value, shape: tuple[int, ...] | None = None) -> Value:
        """The value in a tensor of its own, whose axes are those of its shape, or of that one."""
        name = self.names.free(f"{self.name}.copy")
        sizes = tuple(shape or value.shape)
        tensor = self.stored(f"{name}.out", sizes, value.stored.precision, quant=value.stored.quant)
        out = tensor.whole(value.shape)
        out.real = value.real
        self.parts.append(Made(name, [value], [out], _moved))
        return out

    def exact(self, value: Value, *, lock: bool = True) -> Value:
        """The value with one axis of its tensor for each of its shape, in that order."""
        if not value.shape:
            value = value.other(shape=(1,))
        groups = value.groups()
        if groups is None or any(len([a for a in group if value.size_of(a) > 1]) > 1 for group in groups):
            value = self.copied(value)
            groups = value.groups()
            assert groups is not None
        if value.sizes != list(value.shape):
            settled = self._with_ones(value)
            value = self.copied(value) if settled is None else settled
        if lock:
            value.stored.locked.update(range(len(value.stored.sizes)))
        return value

    def _with_ones(self, value: Value) -> Value | None:
        """With an axis of one entry wherever its shape has one; None, if its tensor cannot get any."""
        stored = value.stored
        if stored.locked or (stored.role.given and stored.name in self.parameters):
            return None
        if len(stored.sizes) > len(value.shape) + 1 or len(value.order) > len(value.shape):
            return None
        missing = len(value.shape) - len(value.order)
        for _ in range(missing):
            stored.split(len(stored.sizes) - 1, 1)
        ones = [axis for axis in value.order if value.size_of(axis) == 1]
        others = [axis for axis in value.order if value.size_of(axis) > 1]
        order = [(ones if size == 1 else others).pop(0) for size in value.shape]
        return value.other(order=order)

    def turned(self, value: Value, perm: tuple[int, ...]) -> Value:
        """Its axes in another order."""
        result = transposed(value, perm)
        if result is None:
            result = transposed(self.copied(value), perm)
            assert result is not None
        return result

    def grouped(self, value: Value) -> Value:
        """The value so that each axis of its shape is made up of whole axes of the view."""
        return value if value.groups() is not None else self.copied(value)


def _moved(made: Made) -> Op:
    return Move(name=made.name, read=made.reads[0].view(), write=made.writes[0].view())


def held_of(constant: Constant) -> Held:
    """Numbers of the file as nodes read them."""
    return Held(constant.values, constant.kind)


def elements(shape: Mapping[int, int] | tuple[int, ...]) -> int:
    """How many elements an array of that shape has."""
    return prod(shape)

"""A program under construction from a graph: tensors whose axes may still be split, ops that hold values."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hwsim.errors import FileProblem, InvalidValue, Unsupported, shown
from hwsim.inputs.onnx.graph import Array, Constant, Graph, GraphNode
from hwsim.inputs.onnx.names import Names
from hwsim.inputs.onnx.parts import Held, Made, Operand, Part, copy
from hwsim.inputs.onnx.stored import Quant, Stored, Value, transposed
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision


class Builder:
    """The values of a graph by name, and the parts of the program so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.names = graph, Names(graph)
        self.values: dict[str, Operand] = {}
        self.tensors: list[Stored] = []
        self.parts: list[Part] = []
        self.parameters: dict[str, Array] = {}
        self.folded: list[GraphNode] = []
        self.named: dict[str, str] = {}
        """The ops that nodes become, by the names that the file has for these."""
        self.inside: dict[str, str] = {}
        """The ops that others became part of, once the program is put together."""
        self.readers: dict[str, int] = {}
        self.node = graph.nodes[0] if graph.nodes else GraphNode("", "", "", (), ())
        self.name = ""
        self.inlined = 0
        """Nodes of graphs inside of nodes so far."""
        self.lower: Callable[[Builder], None] = _nothing
        """Lowers the node at hand."""
        self._kept: dict[tuple[object, ...], Stored] = {}
        self._arrays: list[Array] = []
        self._tensor_names: set[str] = set()
        for node in graph.nodes:
            for name in node.reads:
                self.readers[name] = self.readers.get(name, 0) + 1
        for port in graph.outputs:
            self.readers[port.name] = self.readers.get(port.name, 0) + 1

    # -- what nodes read and write

    def refused(self, reason: str) -> Unsupported:
        """The refusal of the node at hand."""
        return Unsupported(f"{self.node.title}: {reason}")

    @contextmanager
    def reading(self, node: GraphNode) -> Iterator[None]:
        """Inside, that node is at hand, and whatever does not go with what it reads is a refusal of it: files say
        anything, and a reader of an operator may trust that its inputs fit one another."""
        self.node = node
        try:
            yield
        except (InvalidValue, FileProblem) as error:
            raise self.refused(str(error)) from error
        except Unsupported:
            raise
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError, OverflowError,
                MemoryError, ZeroDivisionError) as error:  # fmt: skip
            text = (str(error).splitlines() or [type(error).__name__])[0][:120]
            raise self.refused(f"does not go with what it reads: {text}") from error

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
        precision: Precision = Precision.FP32,
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
        precision = Precision.FP32
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
        self.parts.append(Made(name, [value], [out], copy))
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


def _nothing(builder: Builder) -> None:
    raise builder.refused("holds a graph of its own, where none can stand")


def held_of(constant: Constant) -> Held:
    """Numbers of the file as nodes read them."""
    return Held(constant.values, constant.kind)

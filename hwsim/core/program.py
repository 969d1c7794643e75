"""A network as the loop tree that speech needs: ops in sequence, inside loops over frames and symbols."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Annotated, Union

from hwsim.core.laws import ShapeOf, law
from hwsim.core.noun import Name, Noun, Whole
from hwsim.core.ops import Op
from hwsim.core.tensor import Role, Tensor
from hwsim.core.view import View
from hwsim.errors import InvalidValue

Times = Annotated[int, Whole(low=1, high=2**40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Noun):
    """A sequence that runs `times` times; views inside may move and grow with its index."""

    name: Name
    times: Times
    body: tuple["Node", ...]

    def check(self) -> None:
        if not self.body:
            raise InvalidValue(f"{self.name}.body", self.body, "must not be empty")


Node = Union[Loop, Op]


@dataclass(frozen=True, slots=True)
class Placed:
    """An op together with the loops around it, outermost first."""

    op: Op
    loops: tuple[Loop, ...]

    @property
    def times(self) -> int:
        """How often the op runs."""
        return prod(loop.times for loop in self.loops)


@dataclass(frozen=True, slots=True)
class Instance:
    """Runs of an op in which all its views have the same shapes."""

    op: Op
    times: int
    shape: ShapeOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Noun):
    """A loop tree whose ops have the shapes that they say and stay inside their tensors.

    Every tensor that an op reads is a parameter, an input or a state, or was written before, at least in part. `stored`
    are parameters that the model holds but no op uses, such as a branch that only training needs.
    """

    name: Name
    tensors: tuple[Tensor, ...]
    body: tuple[Node, ...]
    stored: tuple[Tensor, ...] = ()

    def check(self) -> None:
        self._check_names()
        written = {t.name for t in self.tensors if t.role.given or t.role is Role.STATE}
        used: set[str] = set()
        for placed in self.placed():
            op, rules = placed.op, law(placed.op)
            for view in (*rules.reads(op), *rules.writes(op)):
                self._check_view(view, placed)
                used.add(view.tensor)
            for view in rules.reads(op):
                if view.tensor not in written:
                    raise InvalidValue(op.name, view.tensor, "is read before any op writes it")
            for view in rules.writes(op):
                if self.tensor(view.tensor).role.given:
                    raise InvalidValue(op.name, view.tensor, "is written, but is a parameter or an input")
                written.add(view.tensor)
            formats = {self.tensor(view.tensor).precision.value for view in rules.copies(op)}
            if len(formats) > 1:
                raise InvalidValue(op.name, sorted(formats), "copies between formats; a conversion is a function")
        for instance in self.instances():
            problem = law(instance.op).shape_problem(instance.op, instance.shape)
            if problem is not None:
                raise InvalidValue(instance.op.name, type(instance.op).__name__, problem)
        for tensor in self.tensors:
            if tensor.name not in used:
                raise InvalidValue(self.name, tensor.name, "is a tensor that no op uses")

    def _check_names(self) -> None:
        tensors = [tensor.name for tensor in self.tensors]
        named = {
            "tensors": [*tensors, *(tensor.name for tensor in self.stored)],
            "ops": [placed.op.name for placed in self.placed()],
            "loops": [loop.name for loop in _loops(self.body)],
        }
        for what, names in named.items():
            for name, count in Counter(names).items():
                if count > 1:
                    raise InvalidValue(f"{self.name}.{what}", name, "is named twice")
        if tensors != sorted(tensors):
            raise InvalidValue(f"{self.name}.tensors", tensors[0], "must be sorted by name")

    def _check_view(self, view: View, placed: Placed) -> None:
        tensor = self.tensor(view.tensor)
        if view.order is not None and len(view.order) != len(tensor.shape):
            raise InvalidValue(placed.op.name, view.order, f"{view.tensor} has {len(tensor.shape)} axes")
        times = {loop.name: loop.times for loop in placed.loops}
        for window in view.windows:
            if window.axis >= len(tensor.shape):
                raise InvalidValue(placed.op.name, window.axis, f"{view.tensor} has only {len(tensor.shape)} axes")
            unknown = [loop for loop in (*dict(window.start.terms), *window.loops) if loop not in times]
            if unknown:
                raise InvalidValue(placed.op.name, unknown[0], "is not a loop around this op")
            first, end = window.reach(times)
            size = tensor.shape[window.axis]
            longest = window.size({}) if window.wraps else end
            if first < 0 or longest > size:
                law_text = f"lies outside axis {window.axis} of {view.tensor}, which has {size} entries"
                raise InvalidValue(placed.op.name, (first, end), law_text)

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name."""
        place = bisect_left(self.tensors, name, key=lambda tensor: tensor.name)
        if place == len(self.tensors) or self.tensors[place].name != name:
            raise InvalidValue(self.name, name, "names no tensor of the program")
        return self.tensors[place]

    def shapes(self, indices: Mapping[str, int] | None = None) -> ShapeOf:
        """The shapes of views while loops stand at these indices."""
        return lambda view: view.shape_in(self.tensor(view.tensor).shape, indices)

    def first_shapes(self, placed: Placed) -> ShapeOf:
        """The shapes of an op's views in the first of its runs."""
        return self.shapes({loop.name: 0 for loop in placed.loops})

    def view_bytes(self, view: View, shape: ShapeOf) -> int:
        """Bytes of a view: whole packed rows, or parts of them rounded up to bytes."""
        tensor, sizes = self.tensor(view.tensor), shape(view)
        axis = tensor.packed_axis if view.order is None else view.order.index(tensor.packed_axis)
        return prod(sizes) // sizes[axis] * tensor.precision.row_bytes(sizes[axis])

    def placed(self) -> Iterator[Placed]:
        """All ops with their loops, in program order."""
        return _placed(self.body, ())

    def instances(self) -> Iterator[Instance]:
        """All ops with their shapes, in program order; an op whose views grow comes once for each size."""
        for placed in self.placed():
            yield from self._instances_of(placed)

    def _instances_of(self, placed: Placed) -> Iterator[Instance]:
        rules = law(placed.op)
        views = (*rules.reads(placed.op), *rules.writes(placed.op))
        growing = [loop for loop in placed.loops if any(loop.name in view.loops for view in views)]
        constant = placed.times // prod(loop.times for loop in growing)
        for position in product(*(range(loop.times) for loop in growing)):
            indices = dict(zip((loop.name for loop in growing), position, strict=True))
            yield Instance(placed.op, constant, self.shapes(indices))

    @property
    def macs(self) -> int:
        """Products of all runs of all ops."""
        return sum(law(i.op).macs(i.op, i.shape) * i.times for i in self.instances())

    @property
    def parameter_tensors(self) -> tuple[Tensor, ...]:
        """All that training made."""
        return (*(tensor for tensor in self.tensors if tensor.role.parameter), *self.stored)

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.parameter_tensors)

    @property
    def model_bytes(self) -> int:
        """Bytes of the parameters as stored, scales counted."""
        return sum(tensor.stored_bytes for tensor in self.parameter_tensors)


def _placed(body: tuple[Node, ...], loops: tuple[Loop, ...]) -> Iterator[Placed]:
    for node in body:
        if isinstance(node, Loop):
            yield from _placed(node.body, (*loops, node))
        else:
            yield Placed(node, loops)


def _loops(body: tuple[Node, ...]) -> Iterator[Loop]:
    for node in body:
        if isinstance(node, Loop):
            yield node
            yield from _loops(node.body)

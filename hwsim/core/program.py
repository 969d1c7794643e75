"""A network as the loop tree that speech needs: ops in sequence, inside loops over frames and symbols."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Union

from hwsim.core.noun import Name, Noun, Whole
from hwsim.core.ops import Op, law
from hwsim.core.tensor import Role, Tensor
from hwsim.core.view import View
from hwsim.errors import InvalidValue

Times = Annotated[int, Whole(low=1, high=2**40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Noun):
    """A sequence that runs `times` times; views inside may move with its index."""

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
        times = 1
        for loop in self.loops:
            times *= loop.times
        return times


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Noun):
    """A loop tree whose ops have the shapes that they say, read what was written and stay inside their tensors."""

    name: Name
    tensors: tuple[Tensor, ...]
    body: tuple[Node, ...]

    def check(self) -> None:
        self._check_names()
        written = {t.name for t in self.tensors if t.role.parameter or t.role in (Role.INPUT, Role.STATE)}
        used: set[str] = set()
        for placed in self.placed():
            rules = law(placed.op)
            for view in (*rules.reads(placed.op), *rules.writes(placed.op)):
                self._check_view(view, placed)
                used.add(view.tensor)
            for view in rules.reads(placed.op):
                if view.tensor not in written:
                    raise InvalidValue(placed.op.name, view.tensor, "is read before any op writes it")
            written |= {view.tensor for view in rules.writes(placed.op)}
            problem = rules.shape_problem(placed.op, self.shape_of)
            if problem is not None:
                raise InvalidValue(placed.op.name, type(placed.op).__name__, problem)
        for tensor in self.tensors:
            if tensor.name not in used:
                raise InvalidValue(self.name, tensor.name, "is a tensor that no op uses")

    def _check_names(self) -> None:
        tensors = [tensor.name for tensor in self.tensors]
        ops = [placed.op.name for placed in self.placed()]
        for what, names in (("tensors", tensors), ("ops", ops)):
            for name, count in Counter(names).items():
                if count > 1:
                    raise InvalidValue(f"{self.name}.{what}", name, "is named twice")
        if tensors != sorted(tensors):
            raise InvalidValue(f"{self.name}.tensors", tensors[0], "must be sorted by name")

    def _check_view(self, view: View, placed: Placed) -> None:
        tensor = self.tensor(view.tensor)
        times = {loop.name: loop.times for loop in placed.loops}
        for window in view.windows:
            if window.axis >= len(tensor.shape):
                raise InvalidValue(placed.op.name, window.axis, f"{view.tensor} has only {len(tensor.shape)} axes")
            unknown = [loop for loop, _ in window.start.terms if loop not in times]
            if unknown:
                raise InvalidValue(placed.op.name, unknown[0], "is not a loop around this op")
            low, high = window.start.extremes(times)
            size = tensor.shape[window.axis]
            if low < 0 or high + window.count > size:
                law_text = f"lies outside axis {window.axis} of {view.tensor}, which has {size} entries"
                raise InvalidValue(placed.op.name, (low, high + window.count), law_text)

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name."""
        place = bisect_left(self.tensors, name, key=lambda tensor: tensor.name)
        if place == len(self.tensors) or self.tensors[place].name != name:
            raise InvalidValue(self.name, name, "names no tensor of the program")
        return self.tensors[place]

    def shape_of(self, view: View) -> tuple[int, ...]:
        return view.shape_in(self.tensor(view.tensor).shape)

    def view_bytes(self, view: View) -> int:
        """Bytes of a view: whole packed rows, or parts of them rounded up to bytes."""
        tensor = self.tensor(view.tensor)
        shape = self.shape_of(view)
        row = shape[tensor.packed_axis]
        rows = 1
        for axis, size in enumerate(shape):
            rows *= size if axis != tensor.packed_axis else 1
        return rows * tensor.precision.row_bytes(row)

    def placed(self) -> Iterator[Placed]:
        """All ops with their loops, in program order."""
        return _placed(self.body, ())

    @property
    def macs(self) -> int:
        return sum(law(placed.op).macs(placed.op) * placed.times for placed in self.placed())

    @property
    def parameters(self) -> int:
        return sum(t.elements for t in self.tensors if t.role.parameter)

    @property
    def model_bytes(self) -> int:
        """Bytes of the parameters as stored, scales counted."""
        return sum(t.stored_bytes for t in self.tensors if t.role.parameter)


def _placed(body: tuple[Node, ...], loops: tuple[Loop, ...]) -> Iterator[Placed]:
    for node in body:
        if isinstance(node, Loop):
            yield from _placed(node.body, (*loops, node))
        else:
            yield Placed(node, loops)

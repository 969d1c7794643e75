"""A network as a program: tensors, and a loop tree of the ops that work on them."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import prod

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.limits import MOST_SIZED, too_many_sizes
from hwsim.ir.nodes import Node, Placed, loops_in, placed_in, views_of
from hwsim.ir.op_table import ShapeOf, op_spec
from hwsim.ir.ops import Op
from hwsim.ir.tensor import Role, Steered, Tensor
from hwsim.ir.view import Share, View, spread
from hwsim.quantities.noun import Name, Noun


@dataclass(frozen=True, slots=True)
class Instance:
    """Runs of an op in which all its views have the same shapes."""

    op: Op
    times: int
    shape: ShapeOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Noun):
    """A loop tree whose ops have the shapes that they say and stay inside their tensors.

    Every tensor that an op reads is a parameter, an input or a state, or was written before, at least in part, by one
    op that ran if this one runs; what several wrote is not added up. `stored` are parameters that the model holds but
    no op uses, such as a branch that only training needs. A share is over all iterations of its loop.
    `search` says which loops a search steers, if there is one.
    """

    name: Name
    tensors: tuple[Tensor, ...]
    body: tuple[Node, ...]
    stored: tuple[Tensor, ...] = ()
    search: Steered | None = None

    def check(self) -> None:
        self._check_names()
        # For each tensor that has values, and each op that wrote it: the shares that decide whether that op ran.
        always = {frozenset[Share]()}
        written = {t.name: always for t in self.tensors if t.role.given or t.role is Role.STATE}
        used: set[str] = set()
        tensors = {tensor.name: tensor for tensor in self.tensors}
        for placed in self.placed():
            op, rules = placed.op, op_spec(placed.op)
            _check_shares(placed)
            skips = frozenset(share for share in placed.shares if share.least == 0)
            for view in (*rules.reads(op), *rules.writes(op)):
                if view.tensor not in tensors:
                    self.tensor(view.tensor)  # says so
                _check_view(view, placed, tensors[view.tensor])
                used.add(view.tensor)
            for view in rules.reads(op):
                if view.tensor not in written:
                    raise InvalidValue(op.name, view.tensor, "is read before any op writes it")
                if not any(shares <= skips for shares in written[view.tensor]):
                    raise InvalidValue(op.name, view.tensor, "is read where no op may have written it; make it a state")
            for view in rules.writes(op):
                if tensors[view.tensor].role.given:
                    raise InvalidValue(op.name, view.tensor, "is written, but is a parameter or an input")
                written[view.tensor] = written.get(view.tensor, set()) | {skips}
            formats = {tensors[view.tensor].precision.value for view in rules.copies(op)}
            if len(formats) > 1:
                raise InvalidValue(op.name, sorted(formats), "copies between formats; a conversion is a function")
        for count, instance in enumerate(self.instances()):
            if count == MOST_SIZED:
                raise too_many_sizes(self.name)
            problem = op_spec(instance.op).shape_problem(instance.op, instance.shape)
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
            "loops": [loop.name for loop in loops_in(self.body)],
        }
        for what, names in named.items():
            for name, count in Counter(names).items():
                if count > 1:
                    raise InvalidValue(f"{self.name}.{what}", name, "is named twice")
        if tensors != sorted(tensors):
            raise InvalidValue(f"{self.name}.tensors", tensors[0], "must be sorted by name")
        if self.search is not None:
            steered = {"tensors": self.search.tensors, "ops": self.search.ops, "loops": self.search.loops}
            for what, marks in steered.items():
                for name in marks:
                    if name not in named[what]:
                        raise InvalidValue(f"{self.name}.search", name, f"is none of the program's {what}")

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name."""
        place = bisect_left(self.tensors, name, key=lambda tensor: tensor.name)
        if place == len(self.tensors) or self.tensors[place].name != name:
            raise InvalidValue(self.name, name, "names no tensor of the program")
        return self.tensors[place]

    def shapes(self, indices: Mapping[str, int] | None = None) -> ShapeOf:
        """The shapes of views while loops stand at these indices."""
        return lambda view: view.shape_in(self.tensor(view.tensor).shape, indices)

    def sizing(self) -> Callable[[Mapping[str, int]], ShapeOf]:
        """What gives the shapes of views while loops stand at some indices, for whoever asks for those of all ops."""
        whole = {tensor.name: tensor.shape for tensor in self.tensors}
        return lambda indices: lambda view: view.shape_in(whole[view.tensor], indices)

    def view_bytes(self, view: View, shape: ShapeOf) -> int:
        """Bytes of a view: whole packed rows, or parts of them rounded up to bytes."""
        tensor, sizes = self.tensor(view.tensor), shape(view)
        axis = tensor.packed_axis if view.order is None else view.order.index(tensor.packed_axis)
        return prod(sizes) // sizes[axis] * tensor.precision.row_bytes(sizes[axis])

    def placed(self) -> Iterator[Placed]:
        """All ops with their loops, in program order."""
        return placed_in(self.body)

    def instances(self) -> Iterator[Instance]:
        """All ops with their shapes, in program order; an op whose views grow comes once for each size."""
        runs_by_loops: dict[object, tuple[tuple[dict[str, int], int], ...]] = {}
        shapes = self.sizing()
        for placed in self.placed():
            key = tuple(map(id, placed.loops)), placed.counts
            if key not in runs_by_loops:
                runs_by_loops[key] = placed.runs()
            for indices, times in runs_by_loops[key]:
                yield Instance(placed.op, times, shapes(indices))

    @property
    def macs(self) -> int:
        """Products of all runs of all ops."""
        return sum(op_spec(i.op).macs(i.op, i.shape) * i.times for i in self.instances())

    @property
    def parameter_tensors(self) -> tuple[Tensor, ...]:
        """All tensors that training made, unused ones included."""
        return (*(tensor for tensor in self.tensors if tensor.role.parameter), *self.stored)

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.parameter_tensors)

    @property
    def model_bytes(self) -> int:
        """Bytes of the parameters as stored, scales counted."""
        return sum(tensor.stored_bytes for tensor in self.parameter_tensors)


def _check_shares(placed: Placed) -> None:
    """Refuse a share around or in an op that is not over all iterations of its loop."""
    around = {loop.name: loop for loop in placed.loops}
    starts = (window.start.shares for view in views_of(placed.op) for window in view.windows)
    shares = [*placed.shares, *(share for shares in starts for share, _ in shares)]
    for share in shares:
        loop, earlier = around.get(share.loop), share.earlier
        if loop is None:
            raise InvalidValue(placed.op.name, share.loop, "is not a loop around this op")
        if loop.times != (share.over if earlier is None else spread(earlier)):
            raise InvalidValue(placed.op.name, share.loop, f"does not run as often as a share of {share.total} says")
        if earlier is not None:
            if earlier.all != share.over:
                raise InvalidValue(placed.op.name, share.over, f"must be {earlier.all}, the iterations of {share.loop}")
            shares.append(earlier)


def _check_view(view: View, placed: Placed, tensor: Tensor) -> None:
    if view.order is None and not view.windows:
        return
    if view.order is not None and len(view.order) != len(tensor.shape):
        raise InvalidValue(placed.op.name, view.order, f"{view.tensor} has {len(tensor.shape)} axes")
    times = {loop.name: loop.most for loop in placed.loops}
    for window in view.windows:
        if window.axis >= len(tensor.shape):
            raise InvalidValue(placed.op.name, window.axis, f"{view.tensor} has only {len(tensor.shape)} axes")
        unknown = sorted(loop for loop in window.start.loops | window.loops if loop not in times)
        if unknown:
            raise InvalidValue(placed.op.name, unknown[0], "is not a loop around this op")
        first, end = window.reach(times)
        size = tensor.shape[window.axis]
        longest = window.longest(times) if window.wraps else end
        if first < 0 or longest > size:
            law = f"lies outside axis {window.axis} of {view.tensor}, which has {size} entries"
            raise InvalidValue(placed.op.name, (first, end), law)

"""The arrays of a program while it runs: made when first needed, given back after their last use."""

from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.views import Indices, read, write
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Op, Reduce, Reduction
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision
from hwsim.quantities.registry import IdentityCache

Array = NDArray[Any]


_INDICES = IdentityCache[frozenset[str]](most=8)
_LAST_USES = IdentityCache[tuple[frozenset[str], ...]](most=8)
_TENSORS = IdentityCache[Mapping[str, Tensor]](most=8)
_COUNTS = IdentityCache[Mapping[str, tuple[Any, ...]]](most=8)
"""Of the last programs, which are run several times: in floats, in integers, over chunks."""


def index_tensors(program: Program) -> frozenset[str]:
    """The tensors whose integers stand for themselves: places, symbols, counts, but not scores of 32 bits."""
    return _INDICES.of(program, make=lambda: _index_tensors(program))


def _index_tensors(program: Program) -> frozenset[str]:
    int32_tensors = {t.name for t in program.tensors if t.precision is Precision.INT32 and t.role is not Role.BIAS}
    ops = [placed.op for placed in program.placed()]
    scores: set[str] = set()
    for op in ops:
        finds = isinstance(op, Reduce) and op.reduction in (Reduction.ARGMAX, Reduction.TOP)
        if not finds and any(view.tensor not in int32_tensors for view in op_spec(op).reads(op)):
            scores |= int32_tensors.intersection(view.tensor for view in _computed(op))
    copies = [{view.tensor for view in op_spec(op).copies(op)} for op in ops]
    while True:
        tied = set().union(*(names for names in copies if names & scores)) if scores else set()
        if tied <= scores:
            return frozenset(int32_tensors - scores)
        scores |= tied


def _computed(op: Op) -> tuple[View, ...]:
    """The results that an op computes; none of an op that only copies."""
    return () if op_spec(op).copies(op) else op_spec(op).writes(op)


def _counts(program: Program) -> dict[str, tuple[Any, ...]]:
    """How often ops run that some iterations skip."""
    return {placed.op.name: placed.counts for placed in program.placed() if placed.shares}


class TensorStore:
    """Arrays by the names of tensors, new ones zero; `integer` says whether quantised ones hold integers or floats."""

    def __init__(self, program: Program, arrays: Mapping[str, Array], integer: bool) -> None:
        self.program = program
        self._arrays: dict[str, Array] = dict(arrays)
        self._permanent = set(arrays)
        self._integer = integer
        self._indices = index_tensors(program)
        self._counts = _COUNTS.of(program, make=lambda: _counts(program))
        self._tensors = _TENSORS.of(program, make=lambda: {tensor.name: tensor for tensor in program.tensors})

    def __getitem__(self, name: str) -> Array:
        array = self._arrays.get(name)
        if array is None:
            if name not in self._tensors:
                self.program.tensor(name)  # which says that there is none
            array = self._arrays[name] = np.zeros(self._tensors[name].shape, self._kind(name))
        return array

    def __setitem__(self, name: str, array: Array) -> None:
        self._arrays[name] = array

    def copy(self) -> "TensorStore":
        """The same arrays for another run: what was given is shared, what ops wrote is copied."""
        other = copy(self)
        other._arrays = {
            name: array if name in self._permanent else array.copy() for name, array in self._arrays.items()
        }
        return other

    def read(self, view: View, indices: Indices) -> Array:
        return read(self[view.tensor], view, indices)

    def write(self, view: View, indices: Indices, values: Array) -> None:
        write(self[view.tensor], view, indices, values)

    def take(self, view: View, indices: Indices, values: Array) -> None:
        """Write an array that nobody else has: it becomes the tensor's, where the view is all of a new one."""
        name = view.tensor
        if name in self._arrays or view.windows or view.order is not None or not values.flags.c_contiguous:
            self.write(view, indices, values)
            return
        tensor = self._tensors[name]
        if values.dtype != self._kind(name) or tensor.role is Role.STATE:
            self.write(view, indices, values)
        else:
            self._arrays[name] = values.reshape(tensor.shape)

    def _kind(self, name: str) -> type[np.generic]:
        """The type of the numbers of a tensor."""
        is_integer = name in self._indices or (self._integer and not self._tensors[name].precision.floating)
        return np.int32 if is_integer else np.float32

    def runs(self, op: Op, indices: Indices) -> bool:
        """Whether an op has something to do in this iteration."""
        return all(count.at(indices) for count in self._counts.get(op.name, ()))

    def forget(self, names: frozenset[str]) -> None:
        """Give back arrays that no later op reads."""
        for name in names - self._permanent:
            self._arrays.pop(name, None)


def ops_of(node: Node) -> Iterator[Op]:
    """The ops of a node, in program order."""
    if isinstance(node, Loop):
        for inner in node.body:
            yield from ops_of(inner)
    else:
        yield node


def touched(node: Node) -> frozenset[str]:
    """The tensors that a node reads or writes."""
    return frozenset(view.tensor for op in ops_of(node) for view in (*op_spec(op).reads(op), *op_spec(op).writes(op)))


def outputs(program: Program) -> tuple[str, ...]:
    """What a program is run for: tensors of that role, and what ops write and none reads."""
    written, was_read = set(), set()
    for placed in program.placed():
        written |= {view.tensor for view in op_spec(placed.op).writes(placed.op)}
        was_read |= {view.tensor for view in op_spec(placed.op).reads(placed.op)}
    declared = {tensor.name for tensor in program.tensors if tensor.role is Role.OUTPUT}
    return tuple(sorted((written - was_read) | declared))


def last_uses(program: Program) -> tuple[frozenset[str], ...]:
    """Of each node of the program's body, the tensors that no later one touches, outputs apart."""
    return _LAST_USES.of(program, make=lambda: _last_uses(program))


def _last_uses(program: Program) -> tuple[frozenset[str], ...]:
    later = set(outputs(program))
    dying = []
    searched = frozenset() if program.search is None else frozenset(program.search.loops)
    # The loops of a search run in turns.
    in_turns = frozenset[str]().union(*(touched(node) for node in program.body if node.name in searched))
    for node in reversed(program.body):
        names = in_turns if node.name in searched else touched(node)
        dying.append(frozenset(names - later))
        later |= names
    return tuple(reversed(dying))

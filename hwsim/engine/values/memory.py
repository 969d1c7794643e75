"""The arrays of a program while it runs: made when first needed, given back after their last use."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.core.laws import law
from hwsim.core.ops import Op
from hwsim.core.precision import Precision
from hwsim.core.program import Loop, Node, Program
from hwsim.core.tensor import Role, Tensor
from hwsim.core.view import View
from hwsim.engine.values.views import Indices, read, write

Array = NDArray[Any]


def is_index(tensor: Tensor) -> bool:
    """Whether a tensor holds integers that stand for themselves: places, symbols, counts."""
    return tensor.precision is Precision.INT32 and tensor.role is not Role.BIAS


class Memory:
    """Arrays by the names of tensors, new ones zero; `integer` says whether quantised ones hold integers or floats."""

    def __init__(self, program: Program, given: Mapping[str, Array], integer: bool) -> None:
        self.program = program
        self._arrays: dict[str, Array] = dict(given)
        self._kept = set(given)
        self._integer = integer

    def __getitem__(self, name: str) -> Array:
        array = self._arrays.get(name)
        if array is None:
            tensor = self.program.tensor(name)
            whole = is_index(tensor) or (self._integer and not tensor.precision.floating)
            array = self._arrays[name] = np.zeros(tensor.shape, np.int32 if whole else np.float32)
        return array

    def __setitem__(self, name: str, array: Array) -> None:
        self._arrays[name] = array

    def read(self, view: View, indices: Indices) -> Array:
        return read(self[view.tensor], view, indices)

    def write(self, view: View, indices: Indices, values: Array) -> None:
        write(self[view.tensor], view, indices, values)

    def forget(self, names: frozenset[str]) -> None:
        """Give back what nobody reads any more."""
        for name in names - self._kept:
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
    return frozenset(view.tensor for op in ops_of(node) for view in (*law(op).reads(op), *law(op).writes(op)))


def outputs(program: Program) -> tuple[str, ...]:
    """What a program is run for: tensors of that role, and what ops write and none reads."""
    written, was_read = set(), set()
    for placed in program.placed():
        written |= {view.tensor for view in law(placed.op).writes(placed.op)}
        was_read |= {view.tensor for view in law(placed.op).reads(placed.op)}
    wanted = {tensor.name for tensor in program.tensors if tensor.role is Role.OUTPUT}
    return tuple(sorted((written - was_read) | wanted))


def last_uses(program: Program) -> tuple[frozenset[str], ...]:
    """Of each node of the program's body, the tensors that no later one touches, outputs apart."""
    later = set(outputs(program))
    found = []
    for node in reversed(program.body):
        own = touched(node)
        found.append(frozenset(own - later))
        later |= own
    return tuple(reversed(found))

"""A piece of a program under construction: some nodes, and the tensors that they need."""

from dataclasses import dataclass
from typing import Self

from hwsim.ir.program import Loop, Node, Program
from hwsim.ir.tensor import Granularity, Role, Scaling, Tensor
from hwsim.quantities.precision import Precision
from hwsim.quantities.share import Share


@dataclass(frozen=True, slots=True)
class Fragment:
    """Nodes in order, with their tensors; parts add up in program order."""

    tensors: tuple[Tensor, ...] = ()
    nodes: tuple[Node, ...] = ()

    def __add__(self, other: Self) -> Self:
        return type(self)(self.tensors + other.tensors, self.nodes + other.nodes)

    def looped(self, name: str, times: int | Share) -> Self:
        """The same tensors; the nodes run `times` times."""
        return type(self)(self.tensors, (Loop(name=name, times=times, body=self.nodes),))

    def program(self, name: str) -> Program:
        """The finished program."""
        return Program(name=name, tensors=tuple(sorted(self.tensors, key=lambda t: t.name)), body=self.nodes)


def tensor(
    name: str, shape: tuple[int, ...], precision: Precision, role: Role = Role.ACTIVATION, group: int | None = None
) -> Tensor:
    """A tensor with the scales that its format and role ask for.

    An integer weight has one for each column, or for each group of that many elements of a column; any other integer
    tensor has one in all.
    """
    if precision.floating or role is Role.BIAS or precision is Precision.INT32:
        return Tensor(name=name, shape=shape, precision=precision, role=role)
    if role is not Role.WEIGHT:
        scaling = Scaling(granularity=Granularity.TENSOR)
    elif group is None:
        scaling = Scaling(granularity=Granularity.CHANNEL)
    else:
        scaling = Scaling(granularity=Granularity.GROUP, group=group)
    return Tensor(name=name, shape=shape, precision=precision, role=role, scaling=scaling)

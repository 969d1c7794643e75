"""A piece of a program under construction: some nodes, and the tensors that they need."""

from dataclasses import dataclass
from typing import Self

from hwsim.core.precision import Precision
from hwsim.core.program import Loop, Node, Program
from hwsim.core.tensor import Granularity, Role, Scaling, Tensor


@dataclass(frozen=True, slots=True)
class Part:
    """Nodes in order, with their tensors; parts add up in program order."""

    tensors: tuple[Tensor, ...] = ()
    nodes: tuple[Node, ...] = ()

    def __add__(self, other: Self) -> Self:
        return type(self)(self.tensors + other.tensors, self.nodes + other.nodes)

    def looped(self, name: str, times: int) -> Self:
        """The same tensors; the nodes run `times` times."""
        return type(self)(self.tensors, (Loop(name=name, times=times, body=self.nodes),))

    def program(self, name: str) -> Program:
        """The finished program."""
        return Program(name=name, tensors=tuple(sorted(self.tensors, key=lambda t: t.name)), body=self.nodes)


def tensor(name: str, shape: tuple[int, ...], precision: Precision, role: Role = Role.ACTIVATION) -> Tensor:
    """A tensor with the scales that its format and role ask for: one per column of an integer weight, else one."""
    if precision.floating or role is Role.BIAS or precision is Precision.INT32:
        return Tensor(name=name, shape=shape, precision=precision, role=role)
    granularity = Granularity.CHANNEL if role is Role.WEIGHT else Granularity.TENSOR
    return Tensor(name=name, shape=shape, precision=precision, role=role, scaling=Scaling(granularity=granularity))


def widest(*precisions: Precision) -> Precision:
    """The format with the most bits, in which a tensor is stored whose readers want different ones."""
    return max(precisions, key=lambda precision: precision.bits)

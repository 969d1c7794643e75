"""A piece of a program under construction: some nodes, and the tensors that they need."""

from dataclasses import dataclass
from typing import Self

from hwsim.ir.program import Loop, Node, Program
from hwsim.ir.search import Steered
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.quantities.precision import Precision
from hwsim.quantities.share import Share


@dataclass(frozen=True, slots=True)
class Fragment:
    """Nodes in order, with their tensors, and the loops that a search steers; parts add up in program order."""

    tensors: tuple[Tensor, ...] = ()
    nodes: tuple[Node, ...] = ()
    search: Steered | None = None

    def __add__(self, other: Self) -> Self:
        search = self.search if other.search is None else other.search
        return type(self)(self.tensors + other.tensors, self.nodes + other.nodes, search)

    def looped(self, name: str, times: int | Share) -> Self:
        """The same tensors; the nodes run `times` times."""
        return type(self)(self.tensors, (Loop(name=name, times=times, body=self.nodes),), self.search)

    def program(self, name: str) -> Program:
        """The finished program."""
        tensors = tuple(sorted(self.tensors, key=lambda t: t.name))
        return Program(name=name, tensors=tensors, body=self.nodes, search=self.search)


def tensor(
    name: str, shape: tuple[int, ...], role: Role = Role.ACTIVATION, format_of: FormatOf | None = None
) -> Tensor:
    """A tensor of values, whose format no plan has decided yet."""
    return Tensor(name=name, shape=shape, precision=Precision.FP32, role=role, format_of=format_of)


def indices(name: str, shape: tuple[int, ...], role: Role = Role.ACTIVATION) -> Tensor:
    """A tensor of places and symbols, which no plan changes."""
    return Tensor(name=name, shape=shape, precision=Precision.INT32, role=role)


def positions_of(name: str, rows: int, size: int) -> Tensor:
    """Encodings of so many positions, which come from outside."""
    return Tensor(name=name, shape=(rows, size), precision=Precision.FP32, role=Role.INPUT, positional=True)

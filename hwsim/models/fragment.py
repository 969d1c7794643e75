"""Fragments of a program under construction: nodes with their tensors, put together, and the smallest ones."""

from dataclasses import replace
from typing import Self

from hwsim.dataclass import dataclass
from hwsim.ir.nodes import Loop, Node, with_views
from hwsim.ir.ops import Apply, Elementwise, Function, Gemm, Lookup
from hwsim.ir.program import Program
from hwsim.ir.tensor import FormatOf, Role, Steered, Tensor
from hwsim.ir.view import Share, View, window
from hwsim.quantities.precision import Precision


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


def with_rows(part: Fragment, rows: Share) -> Fragment:
    """The part with only that many first rows of its activations."""
    activations = {tensor.name for tensor in part.tensors if tensor.role is Role.ACTIVATION}

    def here(view: View) -> View:
        if view.tensor not in activations:
            return view
        return replace(view, windows=(window(0, count=rows), *view.windows))

    return replace(part, nodes=tuple(with_views(node, here) for node in part.nodes))


def step(result: str, function: Function, *args: str) -> Apply:
    """One function of a chain."""
    return Apply(function=function, args=args, result=result)


def chain(
    name: str,
    reads: dict[str, View],
    steps: tuple[Apply, ...],
    writes: dict[str, View],
    constants: dict[str, float] | None = None,
) -> Fragment:
    """A chain over local values, as a part."""
    op = Elementwise(
        name=name,
        reads=tuple(reads.items()),
        chain=steps,
        writes=tuple(writes.items()),
        constants=tuple((constants or {}).items()),
    )
    return Fragment(nodes=(op,))


def relu(name: str, read: View, write: View) -> Fragment:
    """max(x, 0)."""
    steps = (step("kept", Function.MAX, "x", "zero"), step("out", Function.REQUANTIZE, "kept"))
    return chain(name, {"x": read}, steps, {"out": write}, {"zero": 0.0})


def swish(name: str, read: View, write: View) -> Fragment:
    """x · sigmoid(x)."""
    return chain(name, {"x": read}, SWISH, {"out": write})


def gated_linear(name: str, value: View, gate: View, write: View) -> Fragment:
    """value · sigmoid(gate)."""
    steps = (
        step("open", Function.SIGMOID, "gate"),
        step("product", Function.MUL, "value", "open"),
        step("out", Function.REQUANTIZE, "product"),
    )
    return chain(name, {"value": value, "gate": gate}, steps, {"out": write})


def residual(name: str, before: View, change: View, write: View, factor: float = 1.0) -> Fragment:
    """before + factor · change."""
    scaled = (step("scaled", Function.MUL, "change", "factor"),) if factor != 1 else ()
    steps = (
        *scaled,
        step("sum", Function.ADD, "before", "scaled" if scaled else "change"),
        step("out", Function.REQUANTIZE, "sum"),
    )
    constants = {"factor": factor} if scaled else {}
    return chain(name, {"before": before, "change": change}, steps, {"out": write}, constants)


SWISH = (
    step("open", Function.SIGMOID, "x"),
    step("product", Function.MUL, "x", "open"),
    step("out", Function.REQUANTIZE, "product"),
)


def linear(name: str, act: View, inputs: int, out: Tensor) -> Fragment:
    """out[…, outputs] = act[…, inputs] @ weight + bias; makes weight, bias and out."""
    return Fragment((out,)) + matrix(name, act, inputs, out.shape[-1], View(tensor=out.name))


def matrix(name: str, act: View, inputs: int, outputs: int, out: View, *, bias: bool = True) -> Fragment:
    """As `linear`, into a view of a tensor that is made elsewhere; rows may lie over several axes, as heads do."""
    weight = tensor(f"{name}.weight", (inputs, outputs), Role.WEIGHT)
    offset = tensor(f"{name}.bias", (outputs,), Role.BIAS)
    gemm = Gemm(
        name=name,
        act=act,
        weight=View(tensor=weight.name),
        bias=View(tensor=offset.name) if bias else None,
        out=out,
    )
    return Fragment((weight, offset) if bias else (weight,), (gemm,))


def embedding(name: str, symbols: int, size: int, index: View, out: View) -> Fragment:
    """out = table[index]; makes the table."""
    table = tensor(f"{name}.table", (symbols, size), Role.TABLE)
    return Fragment((table,), (Lookup(name=name, table=View(tensor=table.name), index=index, out=out),))


def gathered(name: str, table: View, index: View, out: View) -> Fragment:
    """out = table[index] from a table that is there."""
    return Fragment(nodes=(Lookup(name=name, table=table, index=index, out=out),))

"""Elementwise ops: one short way to write a chain, and the chains that networks share."""

from hwsim.ir.functions import Function
from hwsim.ir.ops import Apply, Elementwise
from hwsim.ir.view import View
from hwsim.models.fragment import Fragment


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

"""A matrix product with bias."""

from hwsim.ir.ops import Gemm
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View
from hwsim.models.fragment import Fragment, tensor


def linear(name: str, act: View, inputs: int, out: Tensor) -> Fragment:
    """out[…, outputs] = act[…, inputs] @ weight + bias; makes weight, bias and out."""
    return Fragment((out,)) + matrix(name, act, inputs, out.shape[-1], View(tensor=out.name))


def matrix(name: str, act: View, inputs: int, outputs: int, out: View, *, bias: bool = True) -> Fragment:
    """The same into a view of a tensor that is made elsewhere; rows may lie over several axes, as heads do."""
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

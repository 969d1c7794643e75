"""A matrix product with bias."""

from hwsim.core.ops import Gemm
from hwsim.core.precision import PrecisionPlan
from hwsim.core.tensor import Role, Tensor
from hwsim.core.view import View
from hwsim.models.part import Part, tensor


def linear(name: str, act: View, inputs: int, out: Tensor, plan: PrecisionPlan) -> Part:
    """out[…, outputs] = act[…, inputs] @ weight + bias; makes weight, bias and out."""
    outputs = out.shape[-1]
    policy = plan.of(name)
    weight = tensor(f"{name}.weight", (inputs, outputs), policy.weight, Role.WEIGHT)
    bias = tensor(f"{name}.bias", (outputs,), policy.bias, Role.BIAS)
    gemm = Gemm(
        name=name,
        act=act,
        weight=View(tensor=weight.name),
        bias=View(tensor=bias.name),
        out=View(tensor=out.name),
    )
    return Part((weight, bias, out), (gemm,))

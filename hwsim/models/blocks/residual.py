"""Sub-blocks that begin with a layer norm and are added to what they began with."""

from collections.abc import Callable

from hwsim.ir.tensor import Tensor
from hwsim.ir.view import View
from hwsim.models.blocks.chain import residual
from hwsim.models.blocks.linear import linear
from hwsim.models.blocks.norm import layer_norm
from hwsim.models.fragment import Fragment, tensor
from hwsim.quantities.precision import PrecisionPlan


def normalised(name: str, x: Tensor, plan: PrecisionPlan, *readers: str) -> tuple[Tensor, Fragment]:
    """The layer norm of x in the format that its readers want."""
    out = tensor(f"{name}.out", x.shape, plan.widest(*readers))
    return out, layer_norm(name, View(tensor=x.name), out, plan.of(name).bias)


def added(name: str, x: Tensor, change: Tensor, factor: float = 1.0) -> tuple[Tensor, Fragment]:
    """x + factor · change."""
    out = tensor(f"{name}.out", x.shape, x.precision)
    before, after = View(tensor=x.name), View(tensor=out.name)
    return out, Fragment((out,)) + residual(name, before, View(tensor=change.name), after, factor)


def feed_forward(
    name: str,
    x: Tensor,
    width: int,
    activation: Callable[[str, View, View], Fragment],
    plan: PrecisionPlan,
    factor: float = 1.0,
) -> tuple[Tensor, Fragment]:
    """x + factor · W₂ activation(W₁ norm(x))."""
    inner, outer = f"{name}.inner", f"{name}.outer"
    normed, norm = normalised(f"{name}.norm", x, plan, inner)
    sums = tensor(f"{inner}.sums", (*x.shape[:-1], width), plan.of(inner).state)
    hidden = tensor(f"{name}.hidden", sums.shape, plan.of(outer).activation)
    out = tensor(f"{outer}.out", x.shape, plan.of(outer).state)
    result, add = added(f"{name}.add", x, out, factor)
    part = norm + linear(inner, View(tensor=normed.name), x.shape[-1], sums, plan) + Fragment((hidden,))
    part += activation(f"{name}.activation", View(tensor=sums.name), View(tensor=hidden.name))
    return result, part + linear(outer, View(tensor=hidden.name), width, out, plan) + add

"""Sub-blocks that begin with a layer norm and are added to what they began with."""

from collections.abc import Callable

from hwsim.ir.tensor import Tensor
from hwsim.ir.view import View
from hwsim.models.blocks.norm import layer_norm
from hwsim.models.fragment import Fragment, linear, residual, tensor


def normalised(name: str, x: Tensor) -> tuple[Tensor, Fragment]:
    """The layer norm of x."""
    out = tensor(f"{name}.out", x.shape)
    return out, layer_norm(name, View(tensor=x.name), out)


def added(name: str, x: Tensor, change: Tensor, factor: float = 1.0) -> tuple[Tensor, Fragment]:
    """x + factor · change."""
    out = tensor(f"{name}.out", x.shape)
    before, after = View(tensor=x.name), View(tensor=out.name)
    return out, Fragment((out,)) + residual(name, before, View(tensor=change.name), after, factor)


def feed_forward(
    name: str,
    x: Tensor,
    width: int,
    activation: Callable[[str, View, View], Fragment],
    factor: float = 1.0,
) -> tuple[Tensor, Fragment]:
    """x + factor · W₂ activation(W₁ norm(x))."""
    inner, outer = f"{name}.inner", f"{name}.outer"
    normed, norm = normalised(f"{name}.norm", x)
    sums = tensor(f"{inner}.sums", (*x.shape[:-1], width))
    hidden = tensor(f"{name}.hidden", sums.shape)
    out = tensor(f"{outer}.out", x.shape)
    result, add = added(f"{name}.add", x, out, factor)
    part = norm + linear(inner, View(tensor=normed.name), x.shape[-1], sums) + Fragment((hidden,))
    part += activation(f"{name}.activation", View(tensor=sums.name), View(tensor=hidden.name))
    return result, part + linear(outer, View(tensor=hidden.name), width, out) + add

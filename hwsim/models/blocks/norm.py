"""Layer norm, and batch norm as what is left of it after training: a gain and an offset for each channel."""

from hwsim.core.functions import Function
from hwsim.core.ops import Reduce, Reduction
from hwsim.core.precision import Precision
from hwsim.core.tensor import Role, Tensor
from hwsim.core.view import View
from hwsim.models.blocks.chain import SWISH, chain, step
from hwsim.models.part import Part, tensor


def layer_norm(name: str, read: View, out: Tensor, precision: Precision) -> Part:
    """Each row brought to mean 0 and variance 1, then gain and offset, which are of that format; makes out."""
    parameters = _gain_and_offset(name, out.shape[-1], precision)
    norm = Reduce(
        name=name,
        reduction=Reduction.LAYER_NORM,
        read=read,
        write=View(tensor=out.name),
        parameters=tuple(View(tensor=parameter.name) for parameter in parameters),
    )
    return Part((*parameters, out), (norm,))


def batch_norm_swish(name: str, read: View, out: Tensor, precision: Precision) -> Part:
    """The gain and the offset of a batch norm, and the swish behind it, in one chain; makes out.

    The gain is costed, not folded into the convolution before it, so that the model keeps all that it was trained with.
    """
    gain, offset = _gain_and_offset(name, out.shape[-1], precision)
    steps = (
        step("stretched", Function.MUL, "in", "gain"),
        step("x", Function.ADD, "stretched", "offset"),
        *SWISH,
    )
    reads = {"in": read, "gain": View(tensor=gain.name), "offset": View(tensor=offset.name)}
    return Part((gain, offset, out)) + chain(name, reads, steps, {"out": View(tensor=out.name)})


def _gain_and_offset(name: str, size: int, precision: Precision) -> tuple[Tensor, Tensor]:
    gain, offset = (tensor(f"{name}.{what}", (size,), precision, Role.BIAS) for what in ("gain", "offset"))
    return gain, offset

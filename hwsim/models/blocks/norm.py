"""Layer norm, and batch norm as what is left of it after training: a gain and an offset for each channel."""

from hwsim.ir.ops import Function, Reduce, Reduction
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import View
from hwsim.models.fragment import SWISH, Fragment, chain, step, tensor


def layer_norm(name: str, read: View, out: Tensor) -> Fragment:
    """Each row brought to mean 0 and variance 1, then gain and offset; makes out."""
    parameters = _gain_and_offset(name, out.shape[-1])
    norm = Reduce(
        name=name,
        reduction=Reduction.LAYER_NORM,
        read=read,
        write=View(tensor=out.name),
        parameters=tuple(View(tensor=parameter.name) for parameter in parameters),
    )
    return Fragment((*parameters, out), (norm,))


def batch_norm_swish(name: str, read: View, out: Tensor, format_of: FormatOf | None = None) -> Fragment:
    """The gain and the offset of a batch norm, and the swish behind it, in one chain; makes out.

    The gain is costed, not folded into the convolution before it, so that the model keeps all that it was trained with.
    Gain and offset have the format that `format_of` names.
    """
    gain, offset = _gain_and_offset(name, out.shape[-1], format_of)
    steps = (
        step("stretched", Function.MUL, "in", "gain"),
        step("x", Function.ADD, "stretched", "offset"),
        *SWISH,
    )
    reads = {"in": read, "gain": View(tensor=gain.name), "offset": View(tensor=offset.name)}
    return Fragment((gain, offset, out)) + chain(name, reads, steps, {"out": View(tensor=out.name)})


def _gain_and_offset(name: str, size: int, format_of: FormatOf | None = None) -> tuple[Tensor, Tensor]:
    gain, offset = (tensor(f"{name}.{what}", (size,), Role.BIAS, format_of) for what in ("gain", "offset"))
    return gain, offset

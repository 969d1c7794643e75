"""Which operands a tile takes: what its inputs and columns cannot do is refused, whoever asks."""

from hwsim.errors import Unsupported
from hwsim.hardware.analog.conversion import Scaling
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.ir.tensor import Tensor
from hwsim.quantities.quantisation import Granularity


def check_operands(op: str, tile: AnalogTile, act: Tensor, weight: Tensor) -> None:
    """Refuse a product on tiles whose activations have no full scale, or no sign, there, or whose weights have scales
    within a column."""
    floating = act.precision.floating
    grouped = weight.scaling.granularity is Granularity.GROUP
    if grouped and not (weight.precision.floating or floating):
        law = "and a column of a tile adds all its rows alike; use a scale a tensor or a channel"
        raise Unsupported(f"{op}: its weights have scales for groups of {weight.scaling.group} rows, {law}")
    if floating and tile.input.bits is not None and tile.input.scaling is Scaling.RANGE:
        law = "takes them with input.scaling: largest, or with input.bits: null"
        raise Unsupported(f"{op}: multiplies {act.precision.value}, which has no full scale; a tile {law}")
    if not tile.input.signed and (floating or act.precision.signed):
        raise Unsupported(
            f"{op}: multiplies {act.precision.value}, on tiles whose inputs have no sign; set input.signed: true"
        )

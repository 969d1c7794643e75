"""The bytes of weights as they lie in the DRAM: without gaps, or in whole tiles of the array."""

from typing import NamedTuple

from hwsim.hardware.chip import WeightLayout
from hwsim.ir.ops import Conv, Gemm
from hwsim.mapping.op_rows import padded, weight_tile
from hwsim.mapping.operands import Operands
from hwsim.mapping.plan import Plan
from hwsim.mapping.target import mode_of


class LaidOut(NamedTuple):
    """The bytes of a tensor with all that pads it, and what a report says of that."""

    bytes: int
    remark: str = ""


def laid_out(name: str, plan: Plan) -> LaidOut:
    """A tensor as it lies in the DRAM; of a weight that products read only in part, without what pads it."""
    uses = plan.analysed.uses.tensors[name]
    compact = LaidOut(uses.tensor.packed_bytes)
    if not plan.target.tiled_weights:
        return compact
    for use in uses.uses:
        sized = plan.analysed.largest.get(use.op.name)
        if sized is None or not sized.on_array or not isinstance(sized.op, (Gemm, Conv)):
            continue
        operands = Operands.of(sized, plan.analysed.program)
        tile, size = weight_tile(operands, mode_of(operands, plan.target), plan.target), operands.size
        if sized.op.weight.tensor != name or tile is None or size.batch * size.k * size.n != uses.tensor.elements:
            continue
        k, n = padded(size.k, tile[0]), padded(size.n, tile[1])
        across, along = (n, k) if operands.weight_packs_k else (k, n)
        layout = f"; in {WeightLayout.TILES.value} of {tile[0]:,} × {tile[1]:,}, padded"
        return LaidOut(size.batch * across * operands.weight.row_bytes(along), layout)
    return compact

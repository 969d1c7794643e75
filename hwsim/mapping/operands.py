"""The operands of a matrix product and of its epilogue: their sizes and formats.

An op can be an epilogue if it reads the product's result element by element and no other op reads it. The result is
then elided: it never leaves the tile, so that neither the scratchpad nor the DRAM sees it.
"""

from math import prod

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.ir.op_spec import repeated_shapes
from hwsim.ir.op_table import MatrixSize, matrix_size, op_spec
from hwsim.ir.ops import Conv, Elementwise, Gemm, VectorWork
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Role
from hwsim.ir.view import View
from hwsim.mapping.liveness import ProgramUses
from hwsim.mapping.lower import SizedOp
from hwsim.quantities.precision import Precision


@dataclass(frozen=True, slots=True)
class Operand:
    """A view that an epilogue reads or writes beside the product's result.

    It has a value for every element of a tile if it `grows`, else one for each column.
    """

    tensor: str
    precision: Precision
    grows: bool


@dataclass(frozen=True, slots=True)
class Epilogue:
    """An epilogue as it works on tiles: its op, and its operands beside the product's result."""

    op: Elementwise
    growing: frozenset[View]
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]

    def work(self, m: int, n: int) -> VectorWork:
        """The epilogue's work on a tile of m rows and n columns."""
        return op_spec(self.op).vector_work(self.op, lambda view: (m, n) if view in self.growing else (n,))


def can_fuse(first: SizedOp, second: SizedOp, uses: ProgramUses) -> bool:
    """Whether the second op can be an epilogue of the first."""
    gemm, chain = first.op, second.op
    if not isinstance(gemm, (Gemm, Conv)) or not isinstance(chain, Elementwise) or not gemm.out.whole:
        return False
    between = uses.tensors[gemm.out.tensor]
    if {use.op.name for use in between.uses} != {gemm.name, chain.name} or between.carried:
        return False
    if any(view.tensor == gemm.out.tensor and view != gemm.out for _, view in chain.reads):
        return False
    if isinstance(gemm, Conv) and gemm.groups > 1:
        return False
    size = matrix_size(gemm, first.shape)
    elements = size.batch * size.m * size.n
    sizes = [prod(second.shape(view)) for _, view in chain.reads]
    if repeated_shapes(chain, second.shape):
        return False
    if size.batch > 1 and any(count != elements for count in sizes):
        return False
    whole = all(prod(second.shape(view)) == elements for _, view in chain.writes)
    # A view in another order would be read or written across tiles.
    straight = all(view.order == gemm.out.order for _, view in (*chain.reads, *chain.writes) if view.order is not None)
    return whole and straight and all(count in (elements, size.n) for count in sizes)


def epilogue_of(first: SizedOp, second: SizedOp, program: Program) -> Epilogue:
    """The second op as an epilogue of the first."""
    chain = second.op
    assert isinstance(first.op, (Gemm, Conv))
    assert isinstance(chain, Elementwise)
    size = matrix_size(first.op, first.shape)
    elements = size.batch * size.m * size.n
    views = dict.fromkeys(view for _, view in (*chain.reads, *chain.writes))
    growing = frozenset(view for view in views if prod(second.shape(view)) == elements)

    def operand(view: View) -> Operand:
        return Operand(view.tensor, program.tensor(view.tensor).precision, view in growing)

    reads = dict.fromkeys(view for _, view in chain.reads if view != first.op.out)
    writes = dict.fromkeys(view for _, view in chain.writes)
    return Epilogue(chain, growing, tuple(map(operand, reads)), tuple(map(operand, writes)))


@dataclass(frozen=True, slots=True)
class Sliding:
    """The input of a convolution: entries along the first axis, their bytes, and how the kernel slides over them."""

    entries: int  # of all inputs of the batch, one after another
    positions: int  # of the result, for each position along the first axis
    stride: int
    reach: int
    entry_bytes: int


@dataclass(frozen=True, slots=True)
class Operands:
    """Sizes and formats of one matrix product; products with equal operands are mapped alike."""

    size: MatrixSize
    act: Precision
    weight: Precision
    out: Precision
    bias: Precision | None
    scale_bytes: int
    group: int | None
    weight_packs_k: bool
    sliding: Sliding | None
    row_scales: Precision | None = None
    zeros: bool = False
    """Whether something is added to each sum for the zero of the activations, which is known when the op runs."""
    weight_given: bool = False
    """Whether the weight is one, not an activation in its place, so that it may lie in tiles."""

    @classmethod
    def of(cls, sized: SizedOp, program: Program) -> "Operands":
        op, shape = sized.op, sized.shape
        assert isinstance(op, (Gemm, Conv))
        weight = program.tensor(op.weight.tensor)
        act = program.tensor(op.act.tensor).precision
        if weight.scaling.granularity is Granularity.GROUP and not act.floating:
            raise Unsupported(
                f"weights with a scale per group need floating-point activations, not {act.value}; "
                "use a scale per channel"
            )
        last_axis_is_k = isinstance(op, Gemm) and op.transposed
        last_axis = len(weight.shape) - 1 if op.weight.order is None else op.weight.order[-1]
        packs_last_axis = weight.packed_axis == last_axis
        return cls(
            size=matrix_size(op, shape),
            act=act,
            weight=weight.precision,
            out=program.tensor(op.out.tensor).precision,
            bias=None if op.bias is None else program.tensor(op.bias.tensor).precision,
            scale_bytes=Precision.FP32.row_bytes(1) if weight.scaling.granularity is Granularity.CHANNEL else 0,
            group=weight.scaling.group,
            weight_packs_k=last_axis_is_k == packs_last_axis,
            sliding=_sliding(op, program) if isinstance(op, Conv) else None,
            row_scales=program.tensor(op.row_scales.tensor).precision
            if isinstance(op, Gemm) and op.row_scales is not None
            else None,
            zeros=op.act_zero is not None,
            weight_given=weight.role is Role.WEIGHT,
        )

    @property
    def dequantized(self) -> bool:
        """Whether the vector unit brings the weights to the format of the activations before the array reads them."""
        return self.act.floating and not self.weight.floating


def _sliding(op: Conv, program: Program) -> Sliding:
    act = program.tensor(op.act.tensor)
    first, *others = op.axes
    return Sliding(
        entries=act.shape[0] * first.size,
        positions=prod(axis.outputs for axis in others),
        stride=first.stride,
        reach=first.reach,
        entry_bytes=prod(axis.size for axis in others) * act.precision.row_bytes(act.shape[-1] // op.groups),
    )

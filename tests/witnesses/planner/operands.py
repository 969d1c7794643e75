"""The operands of a matrix product and of its epilogue: how many bytes their blocks take.

An op can be an epilogue if it reads the product's result element by element and no other op reads it. The result is
then elided: it never leaves the tile, so that neither the scratchpad nor the DRAM sees it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from hwsim.errors import Unsupported
from hwsim.ir.op_table import MatrixSize, matrix_size, op_spec
from hwsim.ir.ops import Conv, Elementwise, Gemm, VectorWork
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity
from hwsim.ir.view import View
from hwsim.mapping.liveness import ALL
from hwsim.mapping.lower import SizedOp
from hwsim.quantities.precision import Precision
from hwsim.schedule.steps import Portion
from witnesses.planner.blocks import TileRun


@dataclass(frozen=True, slots=True)
class Operand:
    """A view that an epilogue reads or writes beside the product's result.

    It has a value for every element of a tile if it `grows`, else one for each column. `kept` of its first rows lie in
    the scratchpad.
    """

    precision: Precision
    grows: bool
    kept: int

    def bytes(self, m: int, n: int) -> int:
        return (m if self.grows else 1) * self.precision.row_bytes(n)

    def bytes_away(self, rows: TileRun, n: int) -> int:
        """Bytes of these rows and n columns that lie in DRAM."""
        away = rows.size - rows.before(self.kept) if self.grows else int(self.kept == 0)
        return away * self.precision.row_bytes(n)


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

    def read_bytes(self, m: int, n: int) -> int:
        return sum(operand.bytes(m, n) for operand in self.reads)

    def loaded_bytes(self, rows: TileRun, n: int) -> int:
        return sum(self.loaded_each(rows, n))

    def loaded_each(self, rows: TileRun, n: int) -> list[int]:
        """Of each operand that the epilogue reads, the bytes of these rows and n columns that are loaded."""
        return [operand.bytes_away(rows, n) for operand in self.reads]

    def stored_each(self, rows: TileRun, n: int) -> list[int]:
        """Of each operand that the epilogue writes, the bytes of these rows and n columns that are stored."""
        return [operand.bytes_away(rows, n) for operand in self.writes]

    def written_bytes(self, m: int, n: int) -> int:
        return sum(operand.bytes(m, n) for operand in self.writes)

    @property
    def loads_tiles(self) -> bool:
        """Whether the epilogue loads values for single tiles, not only for columns."""
        return any(operand.grows and operand.kept < ALL for operand in self.reads)

    @property
    def marks(self) -> frozenset[int]:
        """The rows at which the resident prefix of an operand ends."""
        return frozenset(operand.kept for operand in (*self.reads, *self.writes) if operand.grows)


def epilogue(first: SizedOp, second: SizedOp, program: Program) -> Epilogue:
    """The second op as an epilogue of the first, with all its other tensors in DRAM."""
    chain = second.op
    assert isinstance(first.op, (Gemm, Conv))
    assert isinstance(chain, Elementwise)
    size = matrix_size(first.op, first.shape)
    elements = size.batch * size.m * size.n
    views = dict.fromkeys(view for _, view in (*chain.reads, *chain.writes))
    growing = frozenset(view for view in views if prod(second.shape(view)) == elements)

    def operand(view: View) -> Operand:
        return Operand(program.tensor(view.tensor).precision, view in growing, kept=0)

    reads = dict.fromkeys(view for _, view in chain.reads if view != first.op.out)
    writes = dict.fromkeys(view for _, view in chain.writes)
    return Epilogue(chain, growing, tuple(map(operand, reads)), tuple(map(operand, writes)))


ACT, WEIGHT, OUT, _OTHERS = 0, 1, 2, 3
"""Places among the operands; then come the bias and the scales of rows, if there are any, and then the tensors that an
epilogue reads and writes beside the product's result (`operand_names`)."""


@dataclass(frozen=True, slots=True)
class Sliding:
    """The input of a convolution: entries along the first axis, their bytes, and how the kernel slides over them."""

    entries: int  # of all inputs of the batch, one after another
    positions: int  # of the result, for each position along the first axis
    stride: int
    reach: int
    entry_bytes: int

    def span_bytes(self, rows: int) -> int:
        """Bytes of the input under that many consecutive positions of the result, wherever they begin."""
        lines = -(-(rows - 1) // self.positions) + 1
        return min(self.entries, (lines - 1) * self.stride + self.reach) * self.entry_bytes


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
    tile: tuple[int, int] | None = None
    """Weights lie in whole tiles of so much of K and N."""

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
        )

    @property
    def dequantized(self) -> bool:
        """Whether the vector unit brings the weights to the format of the activations before the array reads them."""
        return self.act.floating and not self.weight.floating

    def act_bytes(self, m: int, k: int) -> int:
        rows = m * self.act.row_bytes(k)
        return rows if self.sliding is None else min(rows, self.sliding.span_bytes(m))

    def act_stream_bytes(self, m: int, k: int) -> int:
        """Bytes that enter the array: a convolution's windows overlap in the scratchpad, not in the array."""
        return m * self.act.row_bytes(k)

    def weight_bytes(self, k: int, n: int) -> int:
        """Bytes that are loaded: the weights, and the scales of their groups."""
        scales = 0 if self.group is None else n * Precision.FP32.row_bytes(-(-k // self.group))
        if self.tile is not None:
            k, n = (-(-size // unit) * unit for size, unit in zip((k, n), self.tile, strict=True))
        return scales + (n * self.weight.row_bytes(k) if self.weight_packs_k else k * self.weight.row_bytes(n))

    def dequantized_bytes(self, k: int, n: int) -> int:
        """Bytes of the copy of the weights in the format of the activations; 0 if there is none."""
        return n * self.act.row_bytes(k) if self.dequantized else 0

    def weight_stream_bytes(self, k: int, n: int) -> int:
        """Bytes that enter the array."""
        return self.dequantized_bytes(k, n) or self.weight_bytes(k, n)

    def column_bytes(self, n: int) -> int:
        """Bias and scales of that many result columns."""
        return n * self.scale_bytes + (0 if self.bias is None else self.bias.row_bytes(n))

    def row_scale_bytes(self, m: int) -> int:
        """Bytes of the scales of that many rows of activations, where each row has a scale."""
        return 0 if self.row_scales is None else self.row_scales.row_bytes(m)

    def result_bytes(self, m: int, n: int) -> int:
        return m * self.out.row_bytes(n)


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


def operand_names(
    act: str, weight: str, out: str, bias: str | None, row_scales: str | None, epilogues: Iterable[str]
) -> tuple[str, ...]:
    """The names of the operands, by their places."""
    return (act, weight, out, *(name for name in (bias, row_scales) if name is not None), *epilogues)


def vector_operand_portions(
    operands: Operands, epilogue: Epilogue | None, rows: TileRun, n: int, *, columns: bool, row_scales: bool
) -> tuple[Portion, ...]:
    """What the vector unit loads for a tile of these rows and n columns; scales of columns count as the weight's bytes.

    `columns` and `row_scales` say whether bias and scales of columns, or scales of rows, lie in DRAM.
    """
    place, portions = _OTHERS, list[Portion]()
    if columns:
        portions.append(Portion(WEIGHT, n * operands.scale_bytes))
    if operands.bias is not None:
        if columns:
            portions.append(Portion(place, operands.bias.row_bytes(n)))
        place += 1
    if operands.row_scales is not None:
        if row_scales:
            portions.append(Portion(place, operands.row_scale_bytes(rows.size)))
        place += 1
    if epilogue is not None:
        portions += (Portion(place + at, size) for at, size in enumerate(epilogue.loaded_each(rows, n)))
    return tuple([portion for portion in portions if portion.bytes])


def result_portions(
    operands: Operands, epilogue: Epilogue | None, rows: TileRun, n: int, *, kept: int
) -> tuple[Portion, ...]:
    """What a tile of these rows and n columns stores to DRAM, if the first `kept` rows of the result stay on chip."""
    if epilogue is None:
        size = operands.result_bytes(rows.size - rows.before(kept), n)
        return (Portion(OUT, size),) if size else ()
    first = _OTHERS + (operands.bias is not None) + (operands.row_scales is not None) + len(epilogue.reads)
    return tuple([Portion(first + at, size) for at, size in enumerate(epilogue.stored_each(rows, n)) if size])

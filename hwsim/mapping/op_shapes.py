"""What distinguishes the ops of a program for the planner, whatever the chip; ops of equal shape are cut alike.

A program has hundreds of ops, but few different ones.
"""

from dataclasses import replace
from typing import NamedTuple

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.ir.op_table import MatrixSize, kind, matrix_size, op_spec
from hwsim.ir.ops import Conv, Function, Gemm, Lookup, VectorWork
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.operands import Epilogue, Operands, epilogue_of
from hwsim.mapping.row_work import row_work_of, values_of
from hwsim.mapping.streams import Streams, streams_of
from hwsim.quantities.precision import Precision

MOST_ELEMENTS = 1 << 55
"""Products of an op, or elements on which it works, at once: kernels count all that follows from them in 64 bits."""


class TileOperand(NamedTuple):
    """An operand or result of an epilogue; it has a value for every element of a tile if it `grows`, else for each
    column. What is `sent` is read by other cores."""

    bits: int
    grows: bool
    sent: bool = False


class TileFunction(NamedTuple):
    """A function of an epilogue: its elements on a tile of m rows and n columns are these times m · n, n and 1."""

    function: Function
    tile: int
    column: int
    once: int


class RowOperand(NamedTuple):
    """An operand or result of an op of the vector unit: bytes, whether every block takes all of them, whether it is a
    parameter, the bytes of neighbouring rows that a block reads as well, and whether other cores read it."""

    bytes: int
    shared: bool
    parameter: bool
    halo: int
    sent: bool = False


class RowFunction(NamedTuple):
    """A function of an op of the vector unit: so many elements a block, and so many a row."""

    function: Function
    block: int
    row: int


class RowProducts(NamedTuple):
    """The products that an op of the vector unit adds up: results of a row, products of a result, formats."""

    results: int
    k: int
    act: Precision
    weight: Precision


class Shares(NamedTuple):
    """A dimension over cores: the size of a share, how many cores have one, and the size of what one more core has, if
    that is not 0.

    >>> Shares.of(10, 4), Shares.of(10, 6), Shares.of(10, 1)
    (Shares(size=3, full=3, rest=1), Shares(size=2, full=5, rest=0), Shares(size=10, full=1, rest=0))
    """

    size: int
    full: int = 1
    rest: int = 0

    @classmethod
    def of(cls, whole: int, cores: int) -> "Shares":
        """The whole over so many cores at most, in shares as equal as whole numbers allow: the largest counts."""
        size = -(-whole // cores)
        return cls(size, *divmod(whole, size))

    @property
    def cores(self) -> int:
        """How many cores have some of it."""
        return self.full + (self.rest > 0)


class ProductShares(NamedTuple):
    """A matrix product over cores; K is on all of them."""

    batch: Shares
    m: Shares
    n: Shares

    def size(self, k: int) -> MatrixSize:
        """What the core with most to do multiplies."""
        return MatrixSize(self.batch.size, self.m.size, k, self.n.size)

    @property
    def cores(self) -> int:
        """How many cores work on it."""
        return self.batch.cores * self.m.cores * self.n.cores


ALONE = Shares(1)
"""The shares of whatever one core does; its size is said elsewhere."""
ALONE_PRODUCT = ProductShares(ALONE, ALONE, ALONE)


@dataclass(frozen=True, slots=True)
class ProductShape:
    """A matrix product with its epilogue, if it has any. Sizes are those of the core with most to do; if the result is
    `sent`, other cores read it."""

    operands: Operands
    reads: tuple[TileOperand, ...] = ()
    writes: tuple[TileOperand, ...] = ()
    functions: tuple[TileFunction, ...] = ()
    has_epilogue: bool = False
    shares: ProductShares = ALONE_PRODUCT
    sent: bool = False
    streams: Streams = Streams()
    """How its operands lie in the scratchpad, if its banks are told apart."""


@dataclass(frozen=True, slots=True)
class RowShape:
    """An op of the vector unit in rows, those of the core with most to do."""

    rows: int
    reads: tuple[RowOperand, ...]
    writes: tuple[RowOperand, ...]
    functions: tuple[RowFunction, ...]
    products: RowProducts | None = None
    shares: Shares = ALONE


OpShape = ProductShape | RowShape


@dataclass(frozen=True, slots=True)
class ShapedOp:
    """An op as the planner knows it: its shape, and the tensors that its roles name.

    The roles of a product are its activations, its weight, its result, its scales of rows, and what its epilogue reads
    and writes; those of an op of the vector unit are all that it reads and writes. None: there is no such operand.
    """

    shape: OpShape
    roles: tuple[str | None, ...]
    names: tuple[str, ...]
    """The tensors that the portions of the op's transfers number."""
    macs: int
    values: int | None = None
    """The values of a chain on a single row, if each of them is worked on for itself."""


def with_streams(sized: SizedOp, op: ShapedOp, program: Program) -> ShapedOp:
    """An op as the planner knows it where the banks of the scratchpad are told apart."""
    if not isinstance(op.shape, ProductShape):
        return op
    return replace(op, shape=replace(op.shape, streams=streams_of(sized, program)))


def shaped_op(sized: SizedOp, program: Program) -> ShapedOp:
    """An op as the planner knows it; Unsupported, if it is none that can be planned."""
    macs = op_spec(sized.op).macs(sized.op, sized.shape)
    return _product(sized, program, macs) if sized.on_array else _row_work(sized, program, macs)


def _product(sized: SizedOp, program: Program, macs: int) -> ShapedOp:
    op = sized.op
    if not isinstance(op, (Gemm, Conv)):
        raise Unsupported(f"mappers know no ops of the kind '{kind(op)}' on the array, but gemm, conv")
    operands = Operands.of(sized, program)
    size = operands.size
    check_elements(size.macs, size.m * size.k, size.k * size.n, size.m * size.n)
    epilogue = None if sized.epilogue is None else epilogue_of(sized, sized.epilogue, program)
    shape = ProductShape(operands) if epilogue is None else _with_epilogue(operands, epilogue)
    reads = () if epilogue is None else tuple(operand.tensor for operand in epilogue.reads)
    writes = () if epilogue is None else tuple(operand.tensor for operand in epilogue.writes)
    scales = op.row_scales.tensor if isinstance(op, Gemm) and op.row_scales is not None else None
    bias = None if op.bias is None else op.bias.tensor
    given = tuple(name for name in (bias, scales) if name is not None)
    tensors = op.act.tensor, op.weight.tensor, op.out.tensor
    return ShapedOp(shape, (*tensors, scales, *reads, *writes), (*tensors, *given, *reads, *writes), macs)


def _with_epilogue(operands: Operands, epilogue: Epilogue) -> ProductShape:
    return ProductShape(
        operands,
        reads=tuple(TileOperand(operand.precision.bits, operand.grows) for operand in epilogue.reads),
        writes=tuple(TileOperand(operand.precision.bits, operand.grows) for operand in epilogue.writes),
        functions=_tile_functions(epilogue),
        has_epilogue=True,
    )


def _tile_functions(epilogue: Epilogue) -> tuple[TileFunction, ...]:
    tiles: dict[tuple[int, int], VectorWork] = {at: epilogue.work(*at) for at in ((1, 1), (1, 2), (2, 1), (2, 2))}
    functions = []
    for function, ones in tiles[1, 1].items():
        wide, tall, both = (tiles[at][function] for at in ((1, 2), (2, 1), (2, 2)))
        tile = tall - ones
        column, once = wide - ones - tile, 2 * ones - wide
        assert both == 4 * tile + 2 * column + once, "an epilogue works on elements of tiles, or of columns"
        functions.append(TileFunction(function, tile, column, once))
    return tuple(functions)


def _row_work(sized: SizedOp, program: Program, macs: int) -> ShapedOp:
    op, shape, rules = sized.op, sized.shape, op_spec(sized.op)
    of_rows = row_work_of(sized)
    count, shared, work = of_rows

    def operand(view: View, *, written: bool) -> RowOperand:
        tensor = program.tensor(view.tensor)
        size, halo = program.view_bytes(view, shape), 0
        if isinstance(op, Lookup) and view == op.table and not written:
            size = count * tensor.precision.row_bytes(shape(view)[-1])
        if isinstance(op, Conv) and view == op.act and not written:
            overlap = op.axes[0].reach - op.axes[0].stride
            halo = max(0, overlap) * size // (shape(op.act)[0] * op.axes[0].size)
        if isinstance(op, Gemm) and view == op.weight and not written:
            size += _scale_bytes(op, sized, program)
        whole = view in shared and not written
        return RowOperand(size, whole, whole and tensor.role.parameter, halo)

    reads, writes = tuple(dict.fromkeys(rules.reads(op))), tuple(dict.fromkeys(rules.writes(op)))
    block, row = dict(work.per_block), dict(work.per_row)
    functions = tuple(RowFunction(name, block.get(name, 0), row.get(name, 0)) for name in {**block, **row})
    row_shape = RowShape(
        count,
        tuple(operand(view, written=False) for view in reads),
        tuple(operand(view, written=True) for view in writes),
        functions,
        _products(op, sized, program, count) if isinstance(op, Gemm) else None,
    )
    check_elements(
        macs,
        *(each.bytes for each in (*row_shape.reads, *row_shape.writes)),
        *(each.block + each.row * count for each in functions),
    )
    names = tuple(view.tensor for view in (*reads, *writes))
    return ShapedOp(row_shape, names, names, macs, values_of(sized, of_rows))


def _products(op: Gemm, sized: SizedOp, program: Program, rows: int) -> RowProducts:
    size = matrix_size(op, sized.shape)
    formats = (program.tensor(view.tensor).precision for view in (op.act, op.weight))
    return RowProducts(size.macs // size.k // rows, size.k, *formats)


def _scale_bytes(op: Gemm, sized: SizedOp, program: Program) -> int:
    """Bytes of the scales of a weight's columns, in all products of the batch."""
    size = matrix_size(op, sized.shape)
    return Operands.of(sized, program).scale_bytes * size.batch * size.n


def check_elements(*counts: int) -> None:
    """Refuse counts that kernels could not multiply by bits and cycles."""
    most = max(counts, default=0)
    if most > MOST_ELEMENTS:
        raise Unsupported(f"works on {most:,} elements at once, hwsim counts to {MOST_ELEMENTS:,}; make it smaller")

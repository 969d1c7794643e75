"""Ops as rows of integers, in which kernels find all that cutting an op depends on, with its tensors in DRAM.

Ops of equal sizes and formats have equal rows: a program has hundreds of ops, but few different ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from hwsim.errors import Unsupported
from hwsim.ir.op_table import kind, op_spec
from hwsim.ir.ops import Conv, Function, Gemm, Lookup, VectorWork
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.kernels import tiling_code as t
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.operands import Epilogue, Operands, epilogue_of
from hwsim.mapping.row_work import row_work_of
from hwsim.mapping.target import Target
from hwsim.quantities.precision import Precision

MOST_ELEMENTS = 1 << 55
"""Products of an op, or elements on which it works, at once: kernels count all that follows from them in 64 bits."""

SHARED_PARAMETER = -1
"""The rows kept of an operand which is a parameter that every block reads: all of them where parameters are resident."""


class Lists(NamedTuple):
    """What stands behind the fixed columns of a row."""

    functions: list[int]
    reads: list[int]
    writes: list[int]
    marks: int


@dataclass(frozen=True, slots=True)
class OpRow:
    """An op as the planner knows it: its row, and the tensors that its roles name.

    The roles of a product are its activations, its weight, its result, its scales of rows, and what its epilogue reads
    and writes; those of an op of the vector unit are all that it reads and writes. None: there is no such operand.
    """

    row: tuple[int, ...]
    roles: tuple[str | None, ...]
    operands: Operands | None
    """Of a product, sizes and formats."""
    mode: Precision | None
    names: tuple[str, ...]
    """The tensors that the portions of the op's transfers number."""
    macs: int
    resident_unit: int = 0
    """Of a product, how much of K is a row of tiles of a weight that may be resident."""


def op_row(sized: SizedOp, program: Program, target: Target) -> OpRow:
    """The row of an op; Unsupported if the chip cannot run it."""
    macs = op_spec(sized.op).macs(sized.op, sized.shape)
    if sized.on_array:
        return _product(sized, program, target, macs)
    return _row_work(sized, program, target, macs)


def _product(sized: SizedOp, program: Program, target: Target, macs: int) -> OpRow:
    op = sized.op
    if not isinstance(op, (Gemm, Conv)):
        raise Unsupported(f"mappers know no ops of the kind '{kind(op)}' on the array, but gemm, conv")
    operands = Operands.of(sized, program)
    mode = mode_of(operands, target)
    epilogue = None if sized.epilogue is None else epilogue_of(sized, sized.epilogue, program)
    reads = () if epilogue is None else tuple(operand.tensor for operand in epilogue.reads)
    writes = () if epilogue is None else tuple(operand.tensor for operand in epilogue.writes)
    scales = op.row_scales.tensor if isinstance(op, Gemm) and op.row_scales is not None else None
    bias = None if op.bias is None else op.bias.tensor
    limits = target.array.constraints(mode)
    whole = operands.size.batch > 1 or limits.outputs_stay
    return OpRow(
        row=_product_row(operands, mode, target, epilogue),
        roles=(op.act.tensor, op.weight.tensor, op.out.tensor, scales, *reads, *writes),
        operands=operands,
        mode=mode,
        names=(
            op.act.tensor,
            op.weight.tensor,
            op.out.tensor,
            *(name for name in (bias, scales) if name is not None),
            *reads,
            *writes,
        ),
        macs=macs,
        resident_unit=operands.size.k if whole else limits.unit.k,
    )


def mode_of(operands: Operands, target: Target) -> Precision:
    """The mode of the array that takes the operands."""
    mode = target.array.mode(operands.act, operands.act if operands.dequantized else operands.weight)
    if mode is None:
        raise target.array.refusal(operands.act, operands.weight)
    return mode


def _product_row(operands: Operands, mode: Precision, target: Target, epilogue: Epilogue | None) -> tuple[int, ...]:
    size, sliding, array = operands.size, operands.sliding, target.array
    limits, costs = array.constraints(mode), array.step_costs(mode)
    dequantized = operands.dequantized and not target.free_conversion
    cycles = _Cycles(target.vector_cycles)
    row = [0] * t.TILING
    fixed = {
        t.M: size.m,
        t.K: size.k,
        t.N: size.n,
        t.BATCH: size.batch,
        t.ACT_BITS: operands.act.bits,
        t.WEIGHT_BITS: operands.weight.bits,
        t.OUT_BITS: operands.out.bits,
        t.BIAS_BITS: _bits(operands.bias),
        t.ROW_SCALE_BITS: _bits(operands.row_scales),
        t.SCALE_BYTES: operands.scale_bytes,
        t.GROUP: operands.group or 0,
        t.PACKS_K: int(operands.weight_packs_k),
        t.DEQUANTIZED: int(dequantized),
        t.UNIT_OUTER: limits.unit.outer,
        t.UNIT_INNER: limits.unit.inner,
        t.UNIT_K: limits.unit.k,
        t.LONGEST_STREAM: limits.stream or 0,
        t.SUMS: limits.entries or 0,
        t.STAYS: int(limits.outputs_stay),
        t.N_OUTER: int(limits.n_is_outer),
        t.STREAM_K: costs.stream_k,
        t.PACE: costs.pace,
        t.FIXED: costs.fixed,
        t.LEAST: costs.least,
        t.DRAINED: costs.drained,
        t.HAZARD: costs.hazard or 0,
        t.FOLLOWING: -1,
        t.LEAD: array.lead(mode, size.k),
        t.ACT_TAKES: int(costs.acts),
        t.WEIGHT_TAKES: int(costs.weights),
        t.REQUANTIZE: cycles.of(Function.REQUANTIZE),
        t.ADD: cycles.of(Function.ADD) if operands.bias is not None else 0,
        t.MULTIPLY: cycles.of(Function.MUL) if operands.row_scales is not None else 0,
        t.EPILOGUE: int(epilogue is not None),
    }
    if sliding is not None:
        fixed |= {
            t.POSITIONS: sliding.positions,
            t.ENTRIES: sliding.entries,
            t.STRIDE: sliding.stride,
            t.REACH: sliding.reach,
            t.ENTRY_BYTES: sliding.entry_bytes,
        }
    for column, value in fixed.items():
        row[column] = value
    _check_elements(size.macs, size.m * size.k, size.k * size.n, size.m * size.n)
    if epilogue is None:
        return _completed(row, target, Lists([], [], [], marks=2))
    return _completed(
        row,
        target,
        Lists(
            functions=_tile_functions(epilogue, cycles),
            reads=[value for operand in epilogue.reads for value in (operand.precision.bits, operand.grows, 0)],
            writes=[value for operand in epilogue.writes for value in (operand.precision.bits, operand.grows, 0)],
            marks=2 + len(epilogue.reads) + len(epilogue.writes),
        ),
    )


def _bits(precision: Precision | None) -> int:
    return 0 if precision is None else precision.bits


def _check_elements(*counts: int) -> None:
    most = max(counts)
    if most > MOST_ELEMENTS:
        raise Unsupported(f"works on {most:,} elements at once, hwsim counts to {MOST_ELEMENTS:,}; make it smaller")


class _Cycles(NamedTuple):
    """The functions of a vector unit, with their cycles."""

    cycles: Mapping[Function, int]

    def of(self, function: Function) -> int:
        """The cycles of a function for as many elements as there are lanes."""
        cycles = self.cycles.get(function)
        if cycles is None:
            functions = ", ".join(known.value for known in self.cycles)
            raise Unsupported(f"the vector unit has no {function.value}; it has {functions}")
        return cycles


def _tile_functions(epilogue: Epilogue, cycles: _Cycles) -> list[int]:
    """Each function of an epilogue, with its elements on a tile of m rows and n columns: so many times m · n, n, and 1."""
    tiles: dict[tuple[int, int], VectorWork] = {at: epilogue.work(*at) for at in ((1, 1), (1, 2), (2, 1), (2, 2))}
    functions: list[int] = []
    for function, ones in tiles[1, 1].items():
        wide, tall, both = (tiles[at][function] for at in ((1, 2), (2, 1), (2, 2)))
        tile = tall - ones
        column, once = wide - ones - tile, 2 * ones - wide
        assert both == 4 * tile + 2 * column + once, "an epilogue works on elements of tiles, or of columns"
        functions += [cycles.of(function), tile, column, once]
    return functions


def _row_work(sized: SizedOp, program: Program, target: Target, macs: int) -> OpRow:
    """An op of the vector unit, row by row."""
    op, shape, rules = sized.op, sized.shape, op_spec(sized.op)
    count, shared, work = row_work_of(sized)
    cycles = _Cycles(target.vector_cycles)

    def operand(view: View, *, written: bool) -> list[int]:
        tensor = program.tensor(view.tensor)
        size, halo = program.view_bytes(view, shape), 0
        if isinstance(op, Lookup) and view == op.table and not written:
            size = count * tensor.precision.row_bytes(shape(view)[-1])
        if isinstance(op, Conv) and view == op.act and not written:
            overlap = op.axes[0].reach - op.axes[0].stride
            halo = max(0, overlap) * size // (shape(op.act)[0] * op.axes[0].size)
        whole = view in shared and not written
        return [size, int(whole), SHARED_PARAMETER if whole and tensor.role.parameter else 0, halo]

    reads, writes = tuple(dict.fromkeys(rules.reads(op))), tuple(dict.fromkeys(rules.writes(op)))
    elements = {function: (0, 0) for function, _ in (*work.per_block, *work.per_row)}
    elements |= {function: (size, 0) for function, size in work.per_block}
    elements |= {function: (elements[function][0], size) for function, size in work.per_row}
    row = [0] * t.ROW_WORK
    row[t.ROWS] = count
    read_columns = [operand(view, written=False) for view in reads]
    written_columns = [operand(view, written=True) for view in writes]
    _check_elements(
        *(columns[0] for columns in (*read_columns, *written_columns)),
        *(block + each * count for block, each in elements.values()),
    )
    lists = Lists(
        functions=[
            value for function, (block, each) in elements.items() for value in (cycles.of(function), block, each)
        ],
        reads=[value for columns in read_columns for value in columns],
        writes=[value for columns in written_columns for value in columns],
        marks=len(reads) + len(writes),
    )
    names = tuple(view.tensor for view in (*reads, *writes))
    return OpRow(_completed(row, target, lists), names, None, None, names, macs)


def _completed(row: list[int], target: Target, lists: Lists) -> tuple[int, ...]:
    """The row with the columns that all ops have, and the lists behind it."""
    ports, scratchpad = target.ports, target.scratchpad
    for column, rate in (
        (t.DRAM_READ, ports.dram_read),
        (t.DRAM_WRITE, ports.dram_write),
        (t.SCRATCHPAD_READ, ports.scratchpad_read),
        (t.SCRATCHPAD_WRITE, ports.scratchpad_write),
    ):
        row[column], row[column + 1] = _ratio(rate)
    row[t.SLOTS], row[t.LANES] = ports.slots, target.vector.lanes
    row[t.LANES_READ], row[t.LANES_WRITE] = scratchpad.read, scratchpad.write
    is_product = len(row) == t.TILING
    widths = (t.FUNCTION, t.OPERAND, t.OPERAND) if is_product else (t.ROW_FUNCTION, t.ROW_OPERAND, t.ROW_OPERAND)
    at = len(row)
    for column, values, width in zip((t.FUNCTIONS, t.READS, t.WRITES), lists[:3], widths, strict=True):
        row[column], row[column + 1] = len(values) // width, at
        at += len(values)
    row[t.MARKS], row[t.MARKS_AT] = lists.marks, at
    return (*row, *_flat(lists[:3]), *(0,) * lists.marks)


def _flat(lists: Iterable[list[int]]) -> list[int]:
    return [int(value) for values in lists for value in values]


def _ratio(rate: Fraction | None) -> tuple[int, int]:
    """Numerator and denominator of a rate; numerator 0 stands for any number of bytes at once."""
    return (0, 1) if rate is None else (rate.numerator, rate.denominator)

"""Shapes of ops on a chip as rows of integers, in which kernels find all that cutting an op depends on.

Rows are the same for all numbers of slots, and all tensors are in DRAM.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.ir.op_table import MatrixSize
from hwsim.ir.ops import Function
from hwsim.kernels import tiling_code as t
from hwsim.mapping.bank_conflicts import as_ratio, stretches
from hwsim.mapping.op_shapes import OpShape, ProductShape, RowProducts, RowShape, check_elements
from hwsim.mapping.operands import Operands
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.target import Target, mode_of, naming
from hwsim.quantities.precision import Precision

SHARED_PARAMETER = -1
"""The rows kept of a parameter that every block reads: all of them where parameters are resident, else none."""


@dataclass(frozen=True, slots=True)
class OpRow:
    """A shape on a chip: its row, and of a product the mode of the array."""

    shape: OpShape
    row: tuple[int, ...]
    mode: Precision | None
    resident_unit: int = 0
    """Of a product, how much of K is a row of tiles of a weight that may be resident."""

    @property
    def operands(self) -> Operands | None:
        """Of a product, sizes and formats."""
        return self.shape.operands if isinstance(self.shape, ProductShape) else None


def op_row(shape: OpShape, target: Target) -> OpRow:
    """The row of a shape; Unsupported if the chip cannot run it."""
    if isinstance(shape, RowShape):
        return OpRow(shape, _row_work(shape, target), None)
    mode, size = mode_of(shape.operands, target), shape.operands.size
    limits = target.array.constraints(mode)
    whole = size.batch > 1 or shape.shares.batch.cores > 1 or limits.outputs_stay
    return OpRow(shape, _product(shape, mode, target), mode, size.k if whole else limits.unit.k)


def weight_tile(operands: Operands, mode: Precision, target: Target) -> tuple[int, int] | None:
    """How much of K and of N a tile of a weight covers; None, if it does not lie in tiles."""
    if not (target.tiled_weights and operands.weight_given):
        return None
    limits = target.array.constraints(mode)
    return limits.unit.k, limits.m_and_n(limits.unit)[1]


def padded(size: int, unit: int) -> int:
    """The size in whole units.

    >>> padded(600, 256)
    768
    """
    return -(-size // unit) * unit


def _product(shape: ProductShape, mode: Precision, target: Target) -> tuple[int, ...]:
    operands, array, cycles = shape.operands, target.array, _Cycles(target.vector_cycles)
    on_tiles = _on_tiles(operands, cycles)
    size, sliding, limits, costs = operands.size, operands.sliding, array.constraints(mode), array.step_costs(mode)
    tile = weight_tile(operands, mode, target)
    if tile is not None:
        check_elements(padded(size.k, tile[0]) * padded(size.n, tile[1]))
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
        t.PACKS_K: operands.weight_packs_k,
        t.TILE_N: tile[1] if tile is not None else 0,
        t.DEQUANTIZED: operands.dequantized and not target.free_conversion,
        t.UNIT_OUTER: limits.unit.outer,
        t.UNIT_INNER: limits.unit.inner,
        t.UNIT_K: limits.unit.k,
        t.LONGEST_STREAM: limits.stream or 0,
        t.SUMS: limits.entries or 0,
        t.STAYS: limits.outputs_stay,
        t.N_OUTER: limits.n_is_outer,
        t.STREAM_K: costs.stream_k,
        t.PACE: costs.pace,
        t.FIXED: costs.fixed,
        t.LEAST: costs.least,
        t.DRAINED: costs.drained,
        t.HAZARD: costs.hazard or 0,
        t.FOLLOWING: -1,
        t.LEAD: array.lead(mode, size.k),
        t.ACT_TAKES: costs.acts,
        t.WEIGHT_TAKES: costs.weights,
        t.REQUANTIZE: on_tiles[0],
        t.ADD: on_tiles[1],
        t.MULTIPLY: on_tiles[2],
        t.EPILOGUE: shape.has_epilogue,
        t.M_FULL: shape.shares.m.full,
        t.M_REST: shape.shares.m.rest,
        t.N_FULL: shape.shares.n.full,
        t.N_REST: shape.shares.n.rest,
        t.B_FULL: shape.shares.batch.full,
        t.CORES: shape.shares.cores,
        t.ARRAYS: target.arrays,
        t.OUT_SENT: shape.sent,
    }
    if sliding is not None:
        fixed |= {
            t.POSITIONS: sliding.positions,
            t.ENTRIES: sliding.entries,
            t.STRIDE: sliding.stride,
            t.REACH: sliding.reach,
            t.ENTRY_BYTES: sliding.entry_bytes,
        }
    if target.banks is not None:
        act, weight = stretches(shape.streams, limits, costs, target.banks)
        fixed[t.ACT_STRETCH], fixed[t.ACT_STRETCH + 1] = as_ratio(act)
        fixed[t.WEIGHT_STRETCH], fixed[t.WEIGHT_STRETCH + 1] = as_ratio(weight)
    row = [0] * t.TILING
    for column, value in fixed.items():
        row[column] = int(value)
    return _completed(
        row,
        target,
        functions=[(cycles.of(each.function), each.tile, each.column, each.once) for each in shape.functions],
        reads=[(each.bits, each.grows, 0, 0) for each in shape.reads],
        writes=[(each.bits, each.grows, 0, each.sent) for each in shape.writes],
        marks=2 + len(shape.reads) + len(shape.writes),
        rest=shape.shares.m.rest,
    )


def _bits(precision: Precision | None) -> int:
    return 0 if precision is None else precision.bits


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


def _row_work(shape: RowShape, target: Target) -> tuple[int, ...]:
    row = [0] * t.ROW_WORK
    row[t.ROWS], row[t.ROWS_FULL], row[t.ROWS_REST] = shape.rows, shape.shares.full, shape.shares.rest
    row[t.CORES] = shape.shares.cores
    operands = [
        [(each.bytes, each.shared, SHARED_PARAMETER * each.parameter, each.halo, each.sent) for each in side]
        for side in (shape.reads, shape.writes)
    ]
    return _completed(
        row,
        target,
        functions=_functions(shape, target),
        reads=operands[0],
        writes=operands[1],
        marks=len(shape.reads) + len(shape.writes),
        rest=shape.shares.rest,
    )


def vector_alone(shape: RowShape, target: Target) -> int:
    """Cycles of the vector unit's lanes for an op in one block; more blocks fill the lanes no better."""
    lanes = target.vector.lanes
    return sum(-(-(block + row * shape.rows) // lanes) * cycles for cycles, block, row in _functions(shape, target))


def results_alone(shape: ProductShape, size: MatrixSize, target: Target) -> int:
    """Cycles of the vector unit's lanes for the results of products of that size, each in one tile; more tiles fill the
    lanes no better."""
    lanes, cycles, results = target.vector.lanes, _Cycles(target.vector_cycles), size.m * size.n
    of_one = -(-results // lanes) * sum(_on_tiles(shape.operands, cycles))
    for each in shape.functions if shape.has_epilogue else ():
        elements = each.tile * results + each.column * size.n + each.once
        of_one += -(-elements // lanes) * cycles.of(each.function)
    return size.batch * of_one


def _on_tiles(operands: Operands, cycles: _Cycles) -> tuple[int, int, int]:
    """Cycles in which as many results as there are lanes are requantised, added to, and multiplied."""
    additions = (operands.bias is not None) + operands.zeros
    return (
        cycles.of(Function.REQUANTIZE),
        cycles.of(Function.ADD) * additions if additions else 0,
        cycles.of(Function.MUL) if operands.row_scales is not None else 0,
    )


def _functions(shape: RowShape, target: Target) -> list[tuple[int, ...]]:
    """The functions of an op of the vector unit: cycles of each, and elements of a block and of a row."""
    cycles = _Cycles(target.vector_cycles)
    return [
        *(() if shape.products is None else (_multiplied(shape.products, target),)),
        *((cycles.of(each.function), each.block, each.row) for each in shape.functions),
    ]


def _multiplied(products: RowProducts, target: Target) -> tuple[int, ...]:
    """Products of a row as a function of one cycle: a lane adds several of one result at once."""
    rate = target.vector.products_a_cycle(products.act, products.weight)
    if rate is None:
        raise Unsupported(f"the vector unit multiplies no {products.act.value} by {products.weight.value}")
    return 1, 0, products.results * -(-products.k // rate)


_Lists = Iterable[tuple[int, ...]]


def _completed(
    row: list[int], target: Target, *, functions: _Lists, reads: _Lists, writes: _Lists, marks: int, rest: int
) -> tuple[int, ...]:
    """The row with the columns that all ops have, and the lists behind it; where one core has only the `rest` of all
    rows, there is a mark at its end."""
    ports = target.ports
    for column, rate in (
        (t.DRAM_READ, ports.dram_read),
        (t.DRAM_WRITE, ports.dram_write),
        (t.SCRATCHPAD_READ, ports.scratchpad_read),
        (t.SCRATCHPAD_WRITE, ports.scratchpad_write),
        (t.EXCHANGE_RATE, ports.exchange),
    ):
        row[column], row[column + 1] = _ratio(rate)
    row[t.LANES], row[t.LANES_READ], row[t.LANES_WRITE] = target.vector.lanes, target.read_port, target.write_port
    row[t.READERS_SHARE] = int(ports.scratchpad_shared)
    for column, entries in ((t.FUNCTIONS, functions), (t.READS, reads), (t.WRITES, writes)):
        entries = list(entries)
        row[column], row[column + 1] = len(entries), len(row)
        row += [int(value) for entry in entries for value in entry]
    at_rest = (rest,) if rest else ()
    row[t.MARKS], row[t.MARKS_AT] = marks + len(at_rest), len(row)
    return (*row, *(0,) * marks, *at_rest)


def _ratio(rate: Fraction | None) -> tuple[int, int]:
    """Numerator and denominator of a rate; numerator 0 stands for any number of bytes at once."""
    return (0, 1) if rate is None else (rate.numerator, rate.denominator)


def op_rows(table: ProgramTable, target: Target) -> tuple[OpRow, ...]:
    """The row of each shape of op; UnsupportedOp, in the name of the first op that the chip cannot run."""
    first = {number: op.op.name for op, number in reversed(list(zip(table.ops, table.class_of, strict=True)))}

    def row(number: int, shape: OpShape) -> OpRow:
        with naming(first[number]):
            return op_row(shape, target)

    return tuple(row(number, shape) for number, shape in enumerate(table.shapes))

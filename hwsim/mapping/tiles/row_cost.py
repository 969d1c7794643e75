"""What a row of an op costs on the vector unit, and in bytes."""

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.ir.ops import Conv, Function, Gemm, Op
from hwsim.ir.program import Program
from hwsim.mapping.tiles.row_kinds import RowRead, Rows


@dataclass(frozen=True, slots=True)
class RowCost:
    """Cycles of one row on the vector unit, the lane cycles of its work, and the bytes that it reads and writes.

    Lane cycles leave out the additions of parts of a matrix, which are counted with the work of tiles.
    """

    cycles: int
    lane_cycles: int
    read_bytes: int
    write_bytes: int


def row_cost(op: Op, rows: Rows, program: Program, chip: AnalogChip, *, row_parts: int | None = None) -> RowCost:
    """The cost of a row: as many cycles as lanes need, or as its bytes need at a port of the scratchpad.

    With `row_parts` the products come from tiles: the row is what is left to do, additions of so many parts included,
    and it reads neither activations nor weights.
    """
    lanes = sum(size * function_cycles(chip, function, op) for function, size in rows.functions)
    added = 0
    reads = rows.reads
    if row_parts is not None:
        sums = rows.results * (row_parts - 1)
        added = sums and sums * function_cycles(chip, Function.ADD, op)
        reads = tuple(read for read in rows.reads if read.view not in operands_of_tiles(op))
    elif rows.results:
        lanes += rows.results * -(-rows.k // _rate(op, program, chip))
    read_bytes = sum(read_bytes_of(read, program) for read in reads)
    write_bytes = sum(write_bytes_of(op, rows, program).values())
    ports = (read_bytes, chip.scratchpad.read), (write_bytes, chip.scratchpad.write)
    cycles = max(-(-(lanes + added) // chip.vector.lanes), *(-(-size // rate) for size, rate in ports), 1)
    return RowCost(cycles, lanes, read_bytes, write_bytes)


def operands_of_tiles(op: Op) -> tuple[object, ...]:
    """The views that tiles stand for: the activations, which are their inputs, and the weights."""
    return (op.act, op.weight) if isinstance(op, (Gemm, Conv)) else ()


def read_bytes_of(read: RowRead, program: Program) -> int:
    """Bytes that a row reads of a view, rounded up."""
    return program.tensor(read.view.tensor).precision.row_bytes(read.elements)


def write_bytes_of(op: Op, rows: Rows, program: Program) -> dict[str, int]:
    """Bytes that a row writes of each tensor, rounded up for each view."""
    written: dict[str, int] = {}
    for view, elements in zip(rows.writes, rows.written, strict=True):
        size = program.tensor(view.tensor).precision.row_bytes(elements)
        written[view.tensor] = written.get(view.tensor, 0) + size
    return written


def function_cycles(chip: AnalogChip, function: Function, op: Op) -> int:
    """Cycles of a function for as many elements as there are lanes; Unsupported, if the vector unit has none."""
    known = dict(chip.vector.cycles)
    cycles = known.get(function.counts_as)
    if cycles is None:
        names = ", ".join(one.value for one in known)
        raise Unsupported(f"{op.name}: the vector unit has no {function.counts_as.value}; it has {names}")
    return cycles


def _rate(op: Op, program: Program, chip: AnalogChip) -> int:
    assert isinstance(op, (Gemm, Conv))
    act, weight = (program.tensor(view.tensor).precision for view in (op.act, op.weight))
    rate = chip.vector.products_a_cycle(act, weight)
    if rate is None:
        raise Unsupported(f"{op.name}: the vector unit multiplies no {act.value} by {weight.value}")
    return rate

"""Which products of a program may stand on tiles, as which matrices, and why others may not."""

from dataclasses import field

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.operands import check_operands
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.work import parts
from hwsim.ir.op_table import MatrixSize, is_depthwise, matrix_size
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role

DEPTHWISE = "it is depthwise"


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a matrix: which matrix, and its rows and columns there."""

    matrix: int
    row: int
    rows: int
    col: int
    cols: int


@dataclass(slots=True)
class Candidate:
    """The weights of a tensor that all runs of some ops multiply; `order` is that of the first op."""

    tensor: str
    order: int
    size: MatrixSize
    together: bool
    """Whether one row of activations meets all matrices at once, as in a convolution in groups."""
    transposed: bool
    ops: list[str] = field(default_factory=list)
    macs: int = 0
    dense: bool = False
    copies: int = 1

    def blocks(self, tile: AnalogTile) -> tuple[Block, ...]:
        """The parts of one copy of the first matrix, or of all that work together."""
        rows, cols = parts(tile, self.size.k, self.size.n)
        return tuple(
            Block(matrix, row.start, row.stop - row.start, col.start, col.stop - col.start)
            for matrix in range(self.size.batch if self.together else 1)
            for col in cols
            for row in rows
        )

    @property
    def vectors(self) -> int:
        """Vectors that each matrix takes in the whole run."""
        return self.macs // (self.size.batch * self.size.k * self.size.n)

    @property
    def batches(self) -> int:
        """Matrices that take vectors of their own."""
        return 1 if self.together else self.size.batch


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may stand on tiles, in program order, and the reasons of all other products."""

    matrices: tuple[Candidate, ...]
    reasons: dict[str, str]


def candidates(program: Program, chip: AnalogChip) -> Candidates:
    """All products of a program: those of weights may stand on tiles."""
    found: dict[str, Candidate] = {}
    reasons: dict[str, str] = {}
    for order, instance in enumerate(program.instances()):
        op = instance.op
        if not isinstance(op, (Gemm, Conv)):
            continue
        size = matrix_size(op, instance.shape)
        reason = _reason(op, program, chip, depthwise=is_depthwise(op, instance.shape))
        transposed = isinstance(op, Gemm) and op.transposed
        if reason is None:
            one = found.setdefault(
                op.weight.tensor, Candidate(op.weight.tensor, order, size, isinstance(op, Conv), transposed)
            )
            if (one.transposed, one.together) != (transposed, isinstance(op, Conv)):
                reason = f"{one.ops[0]} has the same weights otherwise on its tiles"
        if reason is not None:
            reasons[op.name] = reason
            continue
        if op.name not in one.ops:
            act, weight = (program.tensor(view.tensor) for view in (op.act, op.weight))
            check_operands(op.name, chip.tile_of(dense=chip.is_dense(op.name)), act, weight)
        one.macs += size.macs * instance.times
        if op.name not in one.ops:
            one.ops.append(op.name)
        one.dense |= chip.is_dense(op.name)
        one.copies = max(one.copies, chip.copies_of(op.name))
    return Candidates(tuple(found.values()), reasons)


def _reason(op: Gemm | Conv, program: Program, chip: AnalogChip, *, depthwise: bool) -> str | None:
    """Why an op's weights cannot stand on tiles, if they cannot."""
    view = op.weight
    if program.tensor(view.tensor).role is not Role.WEIGHT:
        return "its weights are not parameters"
    if depthwise:
        return DEPTHWISE
    if (isinstance(op, Gemm) and op.on_vector) or chip.is_digital(op.name):
        return "`digital` names it"
    if view.windows or (view.order is not None and view.order != tuple(range(len(view.order)))):
        return "its weights are a part of a tensor, or turned"
    return None

"""What planning needs to know of each sized op, worked out once for all plans.

Ops of equal sizes and formats share one piece of work: a network has hundreds of ops, but few different ones.
"""

from dataclasses import dataclass, field

from hwsim.errors import Unsupported
from hwsim.ir.op_table import kind, op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.mapping.epilogue import Epilogue, Operand, epilogue
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.matrix import mode_of
from hwsim.mapping.operands import Operands, operand_names
from hwsim.mapping.refusal import naming
from hwsim.mapping.resident_rows import ResidentRows
from hwsim.mapping.row_kinds import ByRows, by_rows
from hwsim.mapping.target import Target
from hwsim.mapping.tiling import OperandResidency, Tiling
from hwsim.mapping.vector import Rows, rows_of
from hwsim.quantities.precision import Precision


@dataclass(frozen=True, eq=False)
class MatmulMapper:
    """A matrix product, with the names of its tensors; `shared` are the tilings of all products like it."""

    act: str
    weight: str
    out: str
    operands: Operands
    mode: Precision
    target: Target
    follows: Epilogue | None
    epilogue_reads: tuple[str, ...]
    epilogue_writes: tuple[str, ...]
    macs: int
    shared: dict[object, Tiling] = field(repr=False)
    row_scales: str | None = None
    bias: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors that the portions of its transfers number."""
        epilogues = (*self.epilogue_reads, *self.epilogue_writes)
        return operand_names(self.act, self.weight, self.out, self.bias, self.row_scales, epilogues)

    def tiling(
        self, kept: ResidentRows, resident_rows: int = 0, *, columns: bool = False, following: int | None = None
    ) -> Tiling:
        """How it is cut if this much of its tensors lies in the scratchpad."""
        where = OperandResidency(
            act=kept.get(self.act, 0),
            weight=self.weight in kept,
            resident_k=self.resident_k(resident_rows),
            columns=columns,
            rows=self.row_scales in kept,
            out=kept.get(self.out, 0),
        )
        others = tuple(kept.get(name, 0) for name in (*self.epilogue_reads, *self.epilogue_writes))
        key = where, others, following
        if key not in self.shared:
            self.shared[key] = Tiling(self.operands, self.mode, self.target, where, self._epilogue(kept), following)
        return self.shared[key]

    def resident_k(self, rows: int) -> int:
        """How much of K so many rows of tiles are."""
        size = self.operands.size
        limits = self.target.array.constraints(self.mode)
        return min(size.k, rows * (size.k if size.batch > 1 or limits.outputs_stay else limits.unit.k))

    def _epilogue(self, kept: ResidentRows) -> Epilogue | None:
        if self.follows is None:
            return None

        def placed(operands: tuple[Operand, ...], names: tuple[str, ...]) -> tuple[Operand, ...]:
            return tuple(
                Operand(one.precision, one.grows, kept.get(name, 0)) for one, name in zip(operands, names, strict=True)
            )

        return Epilogue(
            self.follows.op,
            self.follows.growing,
            placed(self.follows.reads, self.epilogue_reads),
            placed(self.follows.writes, self.epilogue_writes),
        )


@dataclass(frozen=True, eq=False)
class VectorMapper:
    """An op of the vector unit; `shared` are its cuts and those of all ops like it."""

    sized: SizedOp
    by_rows: ByRows
    program: Program
    target: Target
    names: tuple[str, ...]
    macs: int
    shared: dict[object, Rows] = field(repr=False)

    def rows(self, kept: ResidentRows, *, resident: bool = False) -> Rows:
        """How it is cut if this much of its tensors lies in the scratchpad."""
        key = tuple(kept.get(name, 0) for name in self.names), resident
        if key not in self.shared:
            self.shared[key] = rows_of(self.sized, self.by_rows, self.program, self.target, kept, resident=resident)
        return self.shared[key]


OpMapper = MatmulMapper | VectorMapper


class OpMappers:
    """The pieces of a program on a target."""

    def __init__(self, program: Program, target: Target) -> None:
        self.program, self.target = program, target
        self._of: dict[int, tuple[SizedOp, OpMapper]] = {}
        self._tilings: dict[object, dict[object, Tiling]] = {}
        self._rows: dict[object, dict[object, Rows]] = {}

    def of(self, sized: SizedOp) -> OpMapper:
        """The piece of a sized op."""
        found = self._of.get(id(sized))
        if found is None:
            with naming(sized.op.name):
                mapper = self._matrix(sized) if sized.on_array else self._vector(sized)
            found = self._of[id(sized)] = sized, mapper
        return found[1]

    def _matrix(self, sized: SizedOp) -> MatmulMapper:
        op = sized.op
        if not isinstance(op, (Gemm, Conv)):
            raise Unsupported(f"mappers know no ops of the kind '{kind(op)}' on the array, but gemm, conv")
        operands = Operands.of(sized, self.program)
        mode = mode_of(operands, self.target)
        follows: Epilogue | None = None
        reads: tuple[str, ...] = ()
        writes: tuple[str, ...] = ()
        shape: object = None
        if sized.epilogue is not None:
            chain = sized.epilogue.op
            rules = op_spec(chain)
            follows = epilogue(sized, sized.epilogue, self.program)
            reads = tuple(view.tensor for view in dict.fromkeys(rules.reads(chain)) if view != op.out)
            writes = tuple(view.tensor for view in dict.fromkeys(rules.writes(chain)))
            work = tuple(sorted((f.value, n) for f, n in follows.work(2, 3).items()))
            more = tuple(sorted((f.value, n) for f, n in follows.work(4, 5).items()))
            shape = follows.reads, follows.writes, work, more
        shared = self._tilings.setdefault((operands, mode, shape), {})
        return MatmulMapper(
            op.act.tensor, op.weight.tensor, op.out.tensor, operands, mode, self.target, follows, reads, writes,
            operands.size.macs, shared,
            op.row_scales.tensor if isinstance(op, Gemm) and op.row_scales is not None else None,
            None if op.bias is None else op.bias.tensor,
        )  # fmt: skip

    def _vector(self, sized: SizedOp) -> VectorMapper:
        rules, rows = op_spec(sized.op), by_rows(sized)
        views = (*dict.fromkeys(rules.reads(sized.op)), *dict.fromkeys(rules.writes(sized.op)))
        streamed = rows_of(sized, rows, self.program, self.target, {}, resident=False)
        shared_parameters = tuple(
            view in rows.shared and self.program.tensor(view.tensor).role.parameter for view in views
        )
        key = streamed.count, streamed.reads, streamed.writes, streamed.work_of, shared_parameters
        return VectorMapper(
            sized, rows, self.program, self.target, tuple(view.tensor for view in views),
            rules.macs(sized.op, sized.shape), self._rows.setdefault(key, {}),
        )  # fmt: skip

"""What planning needs to know of each sized op, worked out once for all plans.

Ops of equal sizes and formats share one piece of work: a network has hundreds of ops, but few different ones.
"""

from dataclasses import dataclass, field

from hwsim.core.laws import law
from hwsim.core.ops import Conv, Gemm
from hwsim.core.precision import Precision
from hwsim.core.program import Program
from hwsim.mapping.blocks import limits_of
from hwsim.mapping.follower import Follower, Operand, follower
from hwsim.mapping.kept import KeptRows
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.matrix import mode_of
from hwsim.mapping.operands import Operands
from hwsim.mapping.refusal import naming
from hwsim.mapping.target import Target
from hwsim.mapping.tiling import Tiling, Where
from hwsim.mapping.vector import ByRows, Rows, by_rows, rows_of


@dataclass(frozen=True, eq=False)
class MatrixPiece:
    """A matrix product, with the names of its tensors; `shared` are the tilings of all products like it."""

    act: str
    weight: str
    out: str
    operands: Operands
    mode: Precision
    target: Target
    follows: Follower | None
    follower_reads: tuple[str, ...]
    follower_writes: tuple[str, ...]
    macs: int
    shared: dict[object, Tiling] = field(repr=False)
    row_scales: str | None = None

    def tiling(
        self, kept: KeptRows, resident_rows: int = 0, *, columns: bool = False, following: int | None = None
    ) -> Tiling:
        """How it is cut if this much of its tensors lies in the scratchpad."""
        where = Where(
            act=kept.get(self.act, 0),
            weight=self.weight in kept,
            resident_k=self.resident_k(resident_rows),
            columns=columns,
            rows=self.row_scales in kept,
            out=kept.get(self.out, 0),
        )
        others = tuple(kept.get(name, 0) for name in (*self.follower_reads, *self.follower_writes))
        key = where, others, following
        if key not in self.shared:
            self.shared[key] = Tiling(self.operands, self.mode, self.target, where, self._follower(kept), following)
        return self.shared[key]

    def resident_k(self, rows: int) -> int:
        """How much of K so many rows of tiles are."""
        size = self.operands.size
        limits = limits_of(self.target.array, self.mode)
        return min(size.k, rows * (size.k if size.batch > 1 or limits.outputs_stay else limits.unit.k))

    def _follower(self, kept: KeptRows) -> Follower | None:
        if self.follows is None:
            return None

        def placed(operands: tuple[Operand, ...], names: tuple[str, ...]) -> tuple[Operand, ...]:
            return tuple(
                Operand(one.precision, one.grows, kept.get(name, 0)) for one, name in zip(operands, names, strict=True)
            )

        return Follower(
            self.follows.op,
            self.follows.growing,
            placed(self.follows.reads, self.follower_reads),
            placed(self.follows.writes, self.follower_writes),
        )


@dataclass(frozen=True, eq=False)
class VectorPiece:
    """An op of the vector unit; `shared` are its cuts and those of all ops like it."""

    sized: SizedOp
    by_rows: ByRows
    program: Program
    target: Target
    names: tuple[str, ...]
    macs: int
    shared: dict[object, Rows] = field(repr=False)

    def rows(self, kept: KeptRows, *, resident: bool = False) -> Rows:
        """How it is cut if this much of its tensors lies in the scratchpad."""
        key = tuple(kept.get(name, 0) for name in self.names), resident
        if key not in self.shared:
            self.shared[key] = rows_of(self.sized, self.by_rows, self.program, self.target, kept, resident=resident)
        return self.shared[key]


Piece = MatrixPiece | VectorPiece


class Pieces:
    """The pieces of a program on a target."""

    def __init__(self, program: Program, target: Target) -> None:
        self.program, self.target = program, target
        self._of: dict[int, tuple[SizedOp, Piece]] = {}
        self._tilings: dict[object, dict[object, Tiling]] = {}
        self._rows: dict[object, dict[object, Rows]] = {}

    def of(self, sized: SizedOp) -> Piece:
        """The piece of a sized op."""
        found = self._of.get(id(sized))
        if found is None:
            with naming(sized.op.name):
                piece = self._matrix(sized) if sized.on_array else self._vector(sized)
            found = self._of[id(sized)] = sized, piece
        return found[1]

    def _matrix(self, sized: SizedOp) -> MatrixPiece:
        op = sized.op
        assert isinstance(op, (Gemm, Conv))
        operands = Operands.of(sized, self.program)
        mode = mode_of(operands, self.target)
        follows: Follower | None = None
        reads: tuple[str, ...] = ()
        writes: tuple[str, ...] = ()
        shape: object = None
        if sized.follower is not None:
            chain = sized.follower.op
            rules = law(chain)
            follows = follower(sized, sized.follower, self.program)
            reads = tuple(view.tensor for view in dict.fromkeys(rules.reads(chain)) if view != op.out)
            writes = tuple(view.tensor for view in dict.fromkeys(rules.writes(chain)))
            work = tuple(sorted((f.value, n) for f, n in follows.work(2, 3).items()))
            more = tuple(sorted((f.value, n) for f, n in follows.work(4, 5).items()))
            shape = follows.reads, follows.writes, work, more
        shared = self._tilings.setdefault((operands, mode, shape), {})
        return MatrixPiece(
            op.act.tensor, op.weight.tensor, op.out.tensor, operands, mode, self.target, follows, reads, writes,
            operands.size.macs, shared,
            op.row_scales.tensor if isinstance(op, Gemm) and op.row_scales is not None else None,
        )  # fmt: skip

    def _vector(self, sized: SizedOp) -> VectorPiece:
        rules, rows = law(sized.op), by_rows(sized)
        views = (*dict.fromkeys(rules.reads(sized.op)), *dict.fromkeys(rules.writes(sized.op)))
        streamed = rows_of(sized, rows, self.program, self.target, {}, resident=False)
        shared_parameters = tuple(
            view in rows.shared and self.program.tensor(view.tensor).role.parameter for view in views
        )
        key = streamed.count, streamed.reads, streamed.writes, streamed.work_of, shared_parameters
        return VectorPiece(
            sized, rows, self.program, self.target, tuple(view.tensor for view in views),
            rules.macs(sized.op, sized.shape), self._rows.setdefault(key, {}),
        )  # fmt: skip

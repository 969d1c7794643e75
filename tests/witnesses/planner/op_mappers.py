"""Mappers of ops: the candidate cuts of matrix products and of ops of the vector unit, and the fastest among them.

Ops of equal sizes and formats share their cuts: a program has hundreds of ops, but few different ones.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from hwsim.errors import Unsupported
from hwsim.ir.op_table import kind, op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.mapping.liveness import ResidentRows
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.row_work import RowWork, row_work_of
from hwsim.mapping.target import naming
from hwsim.quantities.precision import Precision
from hwsim.schedule.schedule import Block
from hwsim.schedule.steps import Ring, StepTree
from witnesses.planner.blocks import OrderedBlock, largest_block, smallest_block
from witnesses.planner.every_block import every_block
from witnesses.planner.oblong import about, oblong_blocks
from witnesses.planner.operands import Epilogue, Operand, Operands, epilogue, operand_names
from witnesses.planner.target import Target, cycles_of
from witnesses.planner.tiling import OperandResidency, Tiling
from witnesses.planner.vector import Rows, rows_of


@dataclass(frozen=True, slots=True)
class TiledMatmul:
    """A matrix product in blocks. `bytes_held` are all slots of all rings."""

    block: Block
    steps: tuple[StepTree, ...]
    bytes_held: int
    swapped: bool = False
    single: tuple[Ring, ...] = ()


def mode_of(operands: Operands, target: Target) -> Precision:
    """The mode of the array that takes the operands."""
    mode = target.array.mode(operands.act, operands.act if operands.dequantized else operands.weight)
    if mode is None:
        raise target.array.refusal(operands.act, operands.weight)
    return mode


@lru_cache(maxsize=1 << 14)
def naive_block(tiling: Tiling, limit: int) -> OrderedBlock:
    """The largest square block whose slots fit the limit, or else the smallest block of all."""
    block = largest_block(tiling.whole, tiling.constraints, _fitting(tiling, limit // tiling.target.slots))
    return block or smallest_block(tiling.whole, tiling.constraints)


def naive_bytes(tiling: Tiling, limit: int) -> int:
    """Bytes of all slots of the naive block."""
    return tiling.bytes_held(naive_block(tiling, limit)) * tiling.target.slots


def naive_tiling(tiling: Tiling, limit: int) -> TiledMatmul:
    """The product in naive blocks."""
    return tiled_into(tiling, naive_block(tiling, limit))


def fastest_tiling(
    tiling: Tiling, limit: int, latency: int, *, any_block: bool = False, near: bool = False
) -> TiledMatmul:
    """The fastest of the candidates whose slots fit the limit, with a DRAM of that latency; if `near`, of about as fast
    ones the one that loads least."""
    return _fastest_within(tiling, _most_that_fits(tiling, limit, any_block), latency, any_block, near)


def _most_that_fits(tiling: Tiling, limit: int, any_block: bool) -> int:
    """The bytes of the largest candidate within the limit: equal choices have equal bounds."""
    sizes = _sizes(tiling, any_block)
    fitting = bisect_right(sizes, limit)
    if not fitting:
        slots = tiling.target.slots
        smallest = tiling.bytes_held(smallest_block(tiling.whole, tiling.constraints)) * slots
        raise Unsupported(
            f"one tile of the array takes {smallest} bytes with {slots} buffers, the scratchpad has {limit} for it; "
            "give a larger one"
        )
    return sizes[fitting - 1]


def min_traffic_tiling(tiling: Tiling, limit: int, *, any_block: bool = False) -> TiledMatmul:
    """The candidate within the limit that loads least; of equals the candidate with the lowest bound on its time."""
    return _min_traffic_within(tiling, _most_that_fits(tiling, limit, any_block), any_block)


@lru_cache(maxsize=1 << 14)
def _min_traffic_within(tiling: Tiling, limit: int, any_block: bool) -> TiledMatmul:
    fitting = [
        (tiling.loaded_bytes(block), least, block) for least, size, block in _ranked(tiling, any_block) if size <= limit
    ]
    return tiled_into(tiling, min(fitting, key=lambda candidate: candidate[:2])[2])


@lru_cache(maxsize=1 << 14)
def _fastest_within(tiling: Tiling, limit: int, latency: int, any_block: bool, near: bool) -> TiledMatmul:
    """Candidates are tried by rising bounds on their time, until a bound reaches the time of the best candidate."""
    walked: list[tuple[int, OrderedBlock]] = []
    fastest: int | None = None
    for least, size, block in _ranked(tiling, any_block):
        if fastest is not None and (least > about(fastest) if near else least >= fastest):
            break
        if size <= limit:
            cycles = cycles_alone(tiling, block, latency)
            fastest = cycles if fastest is None else min(fastest, cycles)
            walked.append((cycles, block))
    assert fastest is not None
    taken = [entry for entry in walked if entry[0] <= (about(fastest) if near else fastest)]
    if near:
        return tiled_into(tiling, min(taken, key=lambda entry: (tiling.loaded_bytes(entry[1]), entry[0]))[1])
    return tiled_into(tiling, taken[0][1])


@lru_cache(maxsize=1 << 13)
def _ranked(tiling: Tiling, any_block: bool) -> tuple[tuple[int, int, OrderedBlock], ...]:
    """The candidates by rising bounds on their time: the least cycles, the bytes of all slots, the block."""
    ranked = [
        (tiling.least_cycles(block), tiling.bytes_of_slots(block), block)
        for block, square in _candidates(tiling).items()
        if any_block or square
    ]
    return tuple(sorted(ranked, key=lambda candidate: candidate[0]))


@lru_cache(maxsize=1 << 13)
def _sizes(tiling: Tiling, any_block: bool) -> tuple[int, ...]:
    """Bytes of all slots of the candidates, in order."""
    return tuple(sorted(size for _, size, _ in _ranked(tiling, any_block)))


def candidates(tiling: Tiling) -> tuple[OrderedBlock, ...]:
    """Every block of a small product; blocks for budgets of all powers of two, largest first: square blocks, blocks
    with K or `outer` whole, others."""
    return tuple(_candidates(tiling))


@lru_cache(maxsize=1 << 13)
def _candidates(tiling: Tiling) -> dict[OrderedBlock, bool]:
    """The candidates, and whether they are square but for sides that are whole."""
    slots, whole, constraints = tiling.target.slots, tiling.whole, tiling.constraints
    smallest = smallest_block(whole, constraints)
    low, high = (tiling.bytes_held(block) * slots for block in (smallest, whole))
    blocks = dict.fromkeys(every_block(tiling), False)
    for power in range(max(low, high - 1).bit_length(), low.bit_length() - 1, -1):
        for long in ((), ("k",), ("outer",)):
            block = largest_block(whole, constraints, _fitting(tiling, (1 << power) // slots), long)
            if block is not None:
                blocks[block] = True
        for block in oblong_blocks(tiling, 1 << power):
            blocks.setdefault(block, False)
    blocks[smallest] = True
    return blocks


def _fitting(tiling: Tiling, room: int) -> Callable[[OrderedBlock], bool]:
    """Whether one slot of every ring fits."""
    return lambda block: tiling.bytes_held(block) <= room


@lru_cache(maxsize=1 << 15)
def tiled_into(tiling: Tiling, block: OrderedBlock) -> TiledMatmul:
    """The product in blocks of that size."""
    m, n = tiling.constraints.m_and_n(block)
    held = tiling.bytes_of_slots(block)
    return TiledMatmul(Block(m=m, k=block.k, n=n), tiling.steps(block), held, block.swapped, block.single)


@lru_cache(maxsize=1 << 15)
def cycles_alone(tiling: Tiling, block: OrderedBlock, latency: int) -> int:
    """How long the product takes in such blocks on a chip that does nothing else, with a DRAM of that latency."""
    return cycles_of(tiled_into(tiling, block).steps, tiling.target.ports_at(latency), block.single)


def tried(tiling: Tiling, limit: int) -> tuple[tuple[TiledMatmul, int], ...]:
    """All candidates and the naive block, each with its cycles alone, to explain the choice."""
    blocks = dict.fromkeys((*candidates(tiling), naive_block(tiling, limit)))
    latency = tiling.target.ports.latency
    return tuple((tiled_into(tiling, block), cycles_alone(tiling, block, latency)) for block in blocks)


@dataclass(frozen=True, eq=False)
class MatmulMapper:
    """The mapper of a matrix product, with the names of its tensors; `shared` holds the tilings of equal products."""

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
        """The tensors that the portions of the product's transfers number."""
        epilogues = (*self.epilogue_reads, *self.epilogue_writes)
        return operand_names(self.act, self.weight, self.out, self.bias, self.row_scales, epilogues)

    def tiling(
        self, kept: ResidentRows, resident_rows: int = 0, *, columns: bool = False, following: int | None = None
    ) -> Tiling:
        """The product's tiling if this much of its tensors lies in the scratchpad."""
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
                Operand(operand.precision, operand.grows, kept.get(name, 0))
                for operand, name in zip(operands, names, strict=True)
            )

        return Epilogue(
            self.follows.op,
            self.follows.growing,
            placed(self.follows.reads, self.epilogue_reads),
            placed(self.follows.writes, self.epilogue_writes),
        )


@dataclass(frozen=True, eq=False)
class VectorMapper:
    """The mapper of an op of the vector unit; `shared` holds the cuts of all equal ops."""

    sized: SizedOp
    by_rows: RowWork
    program: Program
    target: Target
    names: tuple[str, ...]
    macs: int
    shared: dict[object, Rows] = field(repr=False)

    def rows(self, kept: ResidentRows, *, resident: bool = False) -> Rows:
        """The op's rows if this much of its tensors lies in the scratchpad."""
        key = tuple(kept.get(name, 0) for name in self.names), resident
        if key not in self.shared:
            self.shared[key] = rows_of(self.sized, self.by_rows, self.program, self.target, kept, resident=resident)
        return self.shared[key]


OpMapper = MatmulMapper | VectorMapper


class OpMappers:
    """The mappers of a program's ops on a target."""

    def __init__(self, program: Program, target: Target) -> None:
        self.program, self.target = program, target
        self._of: dict[int, tuple[SizedOp, OpMapper]] = {}
        self._tilings: dict[object, dict[object, Tiling]] = {}
        self._rows: dict[object, dict[object, Rows]] = {}

    def of(self, sized: SizedOp) -> OpMapper:
        """The mapper of a sized op."""
        entry = self._of.get(id(sized))
        if entry is None:
            with naming(sized.op.name):
                mapper = self._matrix(sized) if sized.on_array else self._vector(sized)
            entry = self._of[id(sized)] = sized, mapper
        return entry[1]

    def _matrix(self, sized: SizedOp) -> MatmulMapper:
        op = sized.op
        if not isinstance(op, (Gemm, Conv)):
            raise Unsupported(f"mappers know no ops of the kind '{kind(op)}' on the array, but gemm, conv")
        operands = Operands.of(sized, self.program)
        mode = mode_of(operands, self.target)
        if self.target.tiled_weights and self.program.tensor(op.weight.tensor).role is Role.WEIGHT:
            limits = self.target.array.constraints(mode)
            tile = limits.unit.k, limits.unit.outer if limits.n_is_outer else limits.unit.inner
            operands = replace(operands, tile=tile)
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
        rules, rows = op_spec(sized.op), row_work_of(sized)
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

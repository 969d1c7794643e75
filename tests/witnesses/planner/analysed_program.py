"""A program made ready for planning, once for all plans: sizes filled in, epilogues found, uses counted."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod

from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Loop, Program
from hwsim.ir.tensor import Role
from witnesses.planner.liveness import ProgramUses, Span
from witnesses.planner.lower import SizedLoop, SizedNode, SizedOp, lower, sized_ops, sized_runs
from witnesses.planner.op_mappers import MatmulMapper, OpMappers, VectorMapper
from witnesses.planner.operands import can_fuse
from witnesses.planner.residency import Item
from witnesses.planner.target import Target

MOST_ITEMS = 256
"""A weight is resident by rows of tiles; rows of larger weights are joined, so that no weight has more items."""


@dataclass(frozen=True, eq=False)
class AnalysedProgram:
    """A program with what planning asks of it: `nodes` with their sizes, the `largest` size of each op by name."""

    program: Program
    uses: ProgramUses
    nodes: tuple[SizedNode, ...]
    largest: dict[str, SizedOp]
    elided: frozenset[str]
    """Tensors that never leave the tile in which they are made."""
    two_spaces: tuple[str, ...]
    """Tensors with two spaces, written alternately."""

    def live_range(self, name: str) -> Span:
        """From where to where a tensor's content is needed.

        An epilogue runs together with its producer: tensors that either reads are needed, and tensors that either
        writes are there, from the producer's place to the epilogue's.
        """
        live_range = self.uses.live_range(name)
        return Span(
            self._producer_of.get(live_range.first, live_range.first),
            self._epilogue_of.get(live_range.last, live_range.last),
        )

    @cached_property
    def size(self) -> int:
        """How many ops a schedule has: each as often as it changes its sizes."""
        return sum(1 for _ in sized_ops(self.nodes))

    @cached_property
    def _epilogue_of(self) -> dict[int, int]:
        """The places of epilogues, by the places of their producers."""
        place_of, pairs = self.uses.place_of, ((sized.op, sized.epilogue) for sized in self.largest.values())
        return {place_of[op.name]: place_of[epilogue.op.name] for op, epilogue in pairs if epilogue is not None}

    @cached_property
    def _producer_of(self) -> dict[int, int]:
        return {epilogue: producer for producer, epilogue in self._epilogue_of.items()}

    def loops_of(self, op: str) -> tuple[Loop, ...]:
        return self.uses.placed[self.uses.place_of[op]].loops

    @cached_property
    def runs(self) -> dict[str, tuple[tuple[SizedOp, int], ...]]:
        """The sizes of each op that runs, with how often it runs in each; epilogues run with their producers."""
        runs_of: dict[str, list[tuple[SizedOp, int]]] = {}
        for sized, times in sized_runs(self.nodes):
            for sized_op in (sized, sized.epilogue):
                if sized_op is not None:
                    runs_of.setdefault(sized_op.op.name, []).append((sized_op, times))
        return {name: tuple(runs) for name, runs in runs_of.items()}

    @cached_property
    def entries(self) -> dict[str, int]:
        """How often each loop begins anew, by name."""
        entries: Counter[str] = Counter()
        _count_entries(self.nodes, 1, entries)
        return entries

    def times(self, op: str) -> int:
        """How often an op runs."""
        return sum(times for _, times in self.runs.get(op, ()))


@lru_cache(maxsize=8)
def analyse(program: Program) -> AnalysedProgram:
    """The program made ready for planning."""
    uses = ProgramUses(program)
    nodes = _Sharing().nodes(_Pairing(uses).nodes(lower(program)))
    largest: dict[str, SizedOp] = {}
    for sized in sized_ops(nodes):
        before = largest.get(sized.op.name)
        if before is None or _elements(sized) > _elements(before):
            largest[sized.op.name] = sized
    elided = frozenset(sized.op.out.tensor for sized in largest.values() if _leads(sized))  # type: ignore[attr-defined]
    two_spaces = tuple(
        name for name, tensor_uses in uses.tensors.items() if tensor_uses.spaces == 2 and name not in elided
    )
    return AnalysedProgram(program, uses, nodes, largest, elided, two_spaces)


def _leads(sized: SizedOp) -> bool:
    return sized.epilogue is not None


def _elements(sized: SizedOp) -> int:
    return sum(prod(shape) for _, shape in sized.shapes)


def _count_entries(nodes: Iterable[SizedNode], times: int, entries: Counter[str]) -> None:
    for node in nodes:
        if isinstance(node, SizedLoop):
            if node.first:
                entries[node.name] += times
            _count_entries(node.body, times * node.times, entries)


class _Pairing:
    """Joins each op that can be an epilogue to the op before it, its producer; repeated bodies are joined once."""

    def __init__(self, uses: ProgramUses) -> None:
        self.uses = uses
        self._bodies: dict[int, tuple[SizedNode, ...]] = {}

    def nodes(self, nodes: tuple[SizedNode, ...]) -> tuple[SizedNode, ...]:
        if id(nodes) not in self._bodies:  # the lowered program keeps all nodes meanwhile, so identities last
            self._bodies[id(nodes)] = self._paired(nodes)
        return self._bodies[id(nodes)]

    def _paired(self, nodes: tuple[SizedNode, ...]) -> tuple[SizedNode, ...]:
        paired: list[SizedNode] = []
        for node in nodes:
            before = paired[-1] if paired else None
            if isinstance(node, SizedLoop):
                paired.append(replace(node, body=self.nodes(node.body)))
            elif isinstance(before, SizedOp) and self._follows(before, node):
                paired[-1] = replace(before, epilogue=node)
            else:
                paired.append(node)
        return tuple(paired)

    def _follows(self, first: SizedOp, second: SizedOp) -> bool:
        return first.epilogue is None and first.on_array and can_fuse(first, second, self.uses)


class _Sharing:
    """Makes equal ops one object: few ops of a loop change between iterations. Repeated bodies stay one object."""

    def __init__(self) -> None:
        self._ops: dict[object, SizedOp] = {}
        self._bodies: dict[int, tuple[SizedNode, ...]] = {}

    def nodes(self, nodes: tuple[SizedNode, ...]) -> tuple[SizedNode, ...]:
        if id(nodes) not in self._bodies:  # the program keeps all nodes meanwhile, so identities last
            self._bodies[id(nodes)] = tuple(
                replace(node, body=self.nodes(node.body))
                if isinstance(node, SizedLoop)
                else self._ops.setdefault(_sizes(node), node)
                for node in nodes
            )
        return self._bodies[id(nodes)]


def _sizes(sized: SizedOp) -> object:
    """What distinguishes the sized ops of one program."""
    key = id(sized.op), tuple([shape for _, shape in sized.shapes])
    return key if sized.epilogue is None else (key, _sizes(sized.epilogue))


def columns_of(op: str) -> str:
    """The name of an op's bias and scales where they are resident."""
    return f"{op}.columns"


def parameters_of(op: str) -> str:
    """The name of a vector op's parameters where they are resident."""
    return f"{op}.parameters"


@lru_cache(maxsize=32)
def mappers_of(analysed: AnalysedProgram, target: Target) -> OpMappers:
    """The mappers of an analysed program on a target."""
    return OpMappers(analysed.program, target)


@lru_cache(maxsize=32)
def items_of(analysed: AnalysedProgram, target: Target) -> tuple[Item, ...]:
    """Everything that may be resident, in program order.

    A parameter saves the bytes that are not loaded again. The saving of a state is a weight for the choice, not the
    bytes that are then not moved: a lookup in a pool counts with the whole pool, an epilogue with the whole state.
    """
    items: list[Item] = []
    for name, sized in analysed.largest.items():
        loops = analysed.loops_of(name)
        if not loops:
            continue
        for what, row, rows, size in _parameters(sized, analysed, target):
            items.append(replace(_item(what, row, size, loops, analysed, name), rows=rows))
    for name, uses in analysed.uses.tensors.items():
        common = uses.common_loops
        if uses.tensor.role is not Role.STATE or not common or name in analysed.elided:
            continue
        traffic = 0
        for use in uses.uses:
            runs = analysed.runs.get(use.op.name, ())
            if use.op.name in analysed.largest:
                traffic += sum(times * analysed.program.view_bytes(use.view, sized.shape) for sized, times in runs)
            else:
                traffic += uses.tensor.packed_bytes * sum(times for _, times in runs)
        items.append(Item(name, 0, uses.tensor.packed_bytes * uses.spaces, (common[0].name,), (traffic,)))
    return tuple(items)


@lru_cache(maxsize=32)
def least_naive_cycles(analysed: AnalysedProgram, target: Target) -> int:
    """The least cycles of a plan in which nothing stays in the scratchpad: every operand is loaded in every run."""
    mappers, size = mappers_of(analysed, target), 0
    for sized, times in sized_runs(analysed.nodes):
        mapper = mappers.of(sized)
        if isinstance(mapper, MatmulMapper):
            matrix, operands = mapper.operands.size, mapper.operands
            acts = 0 if operands.sliding is not None else operands.act_bytes(matrix.m, matrix.k)
            size += times * matrix.batch * (acts + operands.weight_bytes(matrix.k, matrix.n))
        else:
            size += times * sum(read.bytes for read in mapper.rows({}).reads)
    return target.ports.load_cycles(size)


def _parameters(sized: SizedOp, analysed: AnalysedProgram, target: Target) -> Iterator[tuple[str, int, int, int]]:
    """The parameters that an op loads anew in every iteration: name, first row of tiles, number of rows, bytes."""
    op, program = sized.op, analysed.program
    mapper = mappers_of(analysed, target).of(sized)
    if isinstance(mapper, VectorMapper):
        shared = [view for view in mapper.by_rows.shared if program.tensor(view.tensor).role.parameter]
        size = sum(program.view_bytes(view, sized.shape) for view in shared)
        if size:
            yield parameters_of(op.name), 0, 1, size
        return
    assert isinstance(op, (Gemm, Conv))
    operands = mapper.operands
    weight = analysed.uses.tensors[op.weight.tensor]
    matrix = operands.size
    if weight.tensor.role.parameter and len(weight.uses) == 1 and not op.weight.windows:
        limits = target.array.constraints(mapper.mode)
        if matrix.batch > 1 or limits.outputs_stay:
            # Where K is cut only inside one output tile, part of a weight would force blocks of one tile.
            yield op.weight.tensor, 0, 1, matrix.batch * operands.weight_bytes(matrix.k, matrix.n)
        else:
            count = -(-matrix.k // limits.unit.k)
            together = -(-count // MOST_ITEMS)
            for row in range(0, count, together):
                rows = min(together, count - row)
                k = min(rows * limits.unit.k, matrix.k - row * limits.unit.k)
                yield op.weight.tensor, row, rows, operands.weight_bytes(k, matrix.n)
    if operands.column_bytes(matrix.n):
        yield columns_of(op.name), 0, 1, operands.column_bytes(matrix.n)


def _item(name: str, row: int, size: int, loops: tuple[Loop, ...], analysed: AnalysedProgram, op: str) -> Item:
    """A parameter as an item: resident in a loop, it is loaded whenever that loop begins, not in each run of the op."""
    saves = tuple(size * (analysed.times(op) - analysed.entries[loop.name]) for loop in loops)
    return Item(name, row, size, tuple(loop.name for loop in loops), saves)

"""A program as tables for the planner, whatever the chip: its ops, loops and tensors, and what waits for what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.kernels import assembly as a
from hwsim.kernels import timeline_code as c
from hwsim.mapping.activations import activation_buffers
from hwsim.mapping.analysed_program import AnalysedProgram, analyse, columns_of, parameters_of
from hwsim.mapping.chained import chained
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.on_vector import on_vector
from hwsim.mapping.op_runs import OpRuns, op_runs
from hwsim.mapping.op_shapes import OpShape, ShapedOp, shaped_op, with_streams
from hwsim.mapping.shares import OnCores, RowUses
from hwsim.mapping.splits import Split, Splits, tried_splits
from hwsim.mapping.target import Target, naming
from hwsim.timing.encode_steps import LONGEST

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ProgramTable:
    """Numbers of all that planning names, and tables by these numbers.

    Spots are tensors, then columns and parameters of ops, which may be resident. Each op stands in `ops` once for each
    of its sizes; ops with the same uses of tensors share a row of `uses`.
    """

    analysed: AnalysedProgram
    spots: dict[str, int]
    ops: tuple[SizedOp, ...]
    shaped: tuple[ShapedOp, ...]
    """The ops as the planner knows them."""
    loops: Mapping[str, int]
    totals: Mapping[str, int]
    nodes: Ints
    bodies: int
    op_rows: Ints
    uses: Ints
    use_at: Ints
    op_nodes: Ints
    """The ops in the order of the schedule, each with how often it runs there: [node, op and times]."""
    two_spaces: Ints
    """Of each spot, and then of each prefix, whether new content is written beside the old."""
    activations: tuple[str, ...]
    activation_buffers: Ints
    """The tensors that ops write for each other, in the order in which they are written, and their buffers."""
    outer_loops: Ints
    """The number of the outermost loop around all uses of each of them, -1 for none."""
    activation_spots: Ints
    on_cores: OnCores
    """Over how many cores each op is split, and where tensors lie then."""
    has_streams: bool = False
    """Whether shapes say how operands lie in the scratchpad, so that ops which differ in that differ."""

    @cached_property
    def with_streams(self) -> "ProgramTable":
        """The tables of the same program for chips whose banks are told apart."""
        if self.has_streams:
            return self
        program = self.analysed.program
        ops = zip(self.ops, self.shaped, strict=True)
        return replace(self, shaped=tuple(with_streams(sized, op, program) for sized, op in ops), has_streams=True)

    def _of(self, program: Program) -> "ProgramTable":
        """Such tables of another program."""
        table = program_table(analyse(program))
        return table.with_streams if self.has_streams else table

    @cached_property
    def chained(self) -> "ProgramTable | None":
        """The tables of the same program with its chains in pieces, if it has any."""
        program = chained(self.analysed.program)
        return None if program is None else self._of(program)

    def with_on_vector(self, names: frozenset[str]) -> "ProgramTable":
        """The tables of the same program with these products on the vector unit."""
        if names not in self._with_on_vector:
            self._with_on_vector[names] = self._of(on_vector(self.analysed.program, names))
        return self._with_on_vector[names]

    @cached_property
    def _with_on_vector(self) -> "dict[frozenset[str], ProgramTable]":
        return {}

    def tried_splits(self, target: Target) -> tuple[Splits, ...]:
        """All splits of the ops over the cores of a target to make plans for."""
        ops = {name: self.shaped[number] for name, number in self.largest.items()}
        return tried_splits(self.analysed, ops, target)

    def split(self, splits: Splits) -> "ProgramTable":
        """The tables of the same program with its ops over several cores."""
        key = tuple(sorted(splits.items()))
        if key not in self._split:
            on_cores, names = replace(self.on_cores, splits=splits), [sized.op.name for sized in self.ops]
            self._split[key] = replace(
                self,
                shaped=on_cores.shaped(zip(names, self.class_of, self.shaped, strict=True)),
                activation_buffers=on_cores.buffers(self.activations, self.activation_buffers),
                on_cores=on_cores,
            )
        return self._split[key]

    @cached_property
    def _split(self) -> "dict[tuple[tuple[str, Split], ...], ProgramTable]":
        return {(): self}

    @cached_property
    def depth(self) -> int:
        """How many loops lie inside each other at most."""
        steps = np.where(self.nodes[:, a.N_KIND] == a.BEGIN, 1, np.where(self.nodes[:, a.N_KIND] == a.END, -1, 0))
        return int(np.cumsum(steps).max(initial=0))

    @cached_property
    def largest_classes(self) -> Ints:
        """The class of each op in its largest size, in the order in which the analysed program has them."""
        return np.array([self.class_of[self.largest[name]] for name in self.analysed.largest], np.int64)

    @cached_property
    def largest_places(self) -> tuple[Ints, Ints, Ints]:
        """The places of these ops; which of them have epilogues, and the places of those."""
        place_of, largest = self.analysed.uses.place_of, self.analysed.largest
        fused = [number for number, sized in enumerate(largest.values()) if sized.epilogue is not None]
        epilogues = [place_of[one.epilogue.op.name] for one in largest.values() if one.epilogue is not None]
        places = [place_of[name] for name in largest]
        return np.array(places, np.int64), np.array(fused, np.int64), np.array(epilogues, np.int64)

    @cached_property
    def parts(self) -> Ints:
        """The part of the program in which each op is, by its number."""
        return self.analysed.parts[[self.analysed.uses.place_of[sized.op.name] for sized in self.ops]]

    @cached_property
    def op_times(self) -> NDArray[Any]:
        """How often each op runs, by number: as Python's integers, where some need more than 63 bits."""
        times = [0] * len(self.ops)
        for op, runs in self.op_nodes.tolist():
            times[op] += runs
        return np.array(times, np.int64 if sum(times) <= LONGEST else object)

    @cached_property
    def node_counts(self) -> Ints:
        """How often each op stands in the schedule, by number."""
        return np.bincount(self.op_nodes[:, 0], minlength=len(self.ops))

    @cached_property
    def shapes(self) -> tuple[OpShape, ...]:
        """All different shapes of ops."""
        found = {id(op.shape): op.shape for op in self.shaped}  # most are the same objects, which are compared sooner
        return tuple(dict.fromkeys(found.values()))

    @cached_property
    def class_of(self) -> tuple[int, ...]:
        """The number of each op's shape."""
        numbers = {shape: number for number, shape in enumerate(self.shapes)}
        of_object = {key: numbers[shape] for key, shape in {id(op.shape): op.shape for op in self.shaped}.items()}
        return tuple(of_object[id(op.shape)] for op in self.shaped)

    @cached_property
    def largest(self) -> dict[str, int]:
        """The number of each op in its largest size, by name."""
        numbers = {id(sized): number for number, sized in enumerate(self.ops)}
        return {name: numbers[id(sized)] for name, sized in self.analysed.largest.items()}

    @cached_property
    def op_runs(self) -> OpRuns:
        """What the ops are and how often they run, by row of totals."""
        return op_runs(self.totals, self.ops, self.shaped, self.class_of, self.op_rows, self.op_nodes)

    @cached_property
    def totals_before(self) -> dict[str, int]:
        """How many rows of totals are filled in before each loop begins for the first time, by name."""
        names, before, highest = tuple(self.loops), dict[str, int](), 0
        last = self.op_rows[:, :2].max(axis=1, initial=-1).tolist()
        for kind, op, loop in self.nodes[:, [a.N_KIND, a.N_OP, a.N_LOOP]].tolist():
            if kind == a.OP:
                highest = max(highest, last[op] + 1)
            elif kind == a.PRELOADS:
                before.setdefault(names[loop], highest)
        return before

    @property
    def spot_names(self) -> tuple[str, ...]:
        return tuple(self.spots)


def program_table(analysed: AnalysedProgram) -> ProgramTable:
    """The tables of a program."""
    names = list(analysed.uses.tensors)
    for name, sized in analysed.largest.items():
        names.append(columns_of(name) if sized.on_array else parameters_of(name))
    spots = {name: number for number, name in enumerate(dict.fromkeys(names))}
    nodes = _Nodes(analysed, spots)
    nodes.add(analysed.nodes, 1)
    two_spaces = np.zeros(2 * len(spots), np.int64)
    two_spaces[[spots[name] for name in analysed.two_spaces]] = 1
    activations, buffers, loops = activation_buffers(analysed, nodes.loops)
    lists = list(nodes.uses.values())
    shaped = _once(_shaped(sized, analysed.program) for sized in nodes.ops)
    return ProgramTable(
        analysed=analysed,
        spots=spots,
        ops=tuple(nodes.ops),
        shaped=shaped,
        loops=nodes.loops,
        totals=nodes.totals,
        nodes=_table(nodes.rows, a.NODE),
        bodies=len(nodes.bodies),
        op_rows=_table(nodes.op_rows, 3),
        uses=_table([use for uses in lists for use in uses], a.USE),
        use_at=np.cumsum([0, *map(len, lists)], dtype=np.int64),
        op_nodes=_table(nodes.op_nodes, 2),
        two_spaces=two_spaces,
        activations=activations,
        activation_buffers=buffers,
        outer_loops=loops,
        activation_spots=np.array([spots[name] for name in activations], np.int64),
        on_cores=OnCores(RowUses(analysed, _values(analysed, nodes.ops, shaped)), {}),
    )


def _values(analysed: AnalysedProgram, ops: Sequence[SizedOp], shaped: Sequence[ShapedOp]) -> dict[str, int]:
    """The values of chains on a single row, by the names of ops."""
    return {
        sized.op.name: op.values
        for sized, op in zip(ops, shaped, strict=True)
        if op.values is not None and sized is analysed.largest[sized.op.name]
    }


def _once(shaped: Iterable[ShapedOp]) -> tuple[ShapedOp, ...]:
    """The ops, with equal shapes as one object."""
    shapes: dict[OpShape, OpShape] = {}
    return tuple(replace(op, shape=shapes.setdefault(op.shape, op.shape)) for op in shaped)


def _shaped(sized: SizedOp, program: Program) -> ShapedOp:
    with naming(sized.op.name):
        return shaped_op(sized, program)


def _table(rows: list[tuple[int, ...]], columns: int) -> Ints:
    return np.array(rows, np.int64).reshape(len(rows), columns)


class _Nodes:
    """Collects nodes while it walks down the loops."""

    def __init__(self, analysed: AnalysedProgram, spots: dict[str, int]) -> None:
        self.analysed, self.spots = analysed, spots
        self.rows: list[tuple[int, ...]] = []
        self.ops: list[SizedOp] = []
        self.op_rows: list[tuple[int, ...]] = []
        self.op_nodes: list[tuple[int, ...]] = []
        self.loops: dict[str, int] = {}
        self.totals: dict[str, int] = {}
        self.bodies: dict[int, int] = {}  # by identity: the analysed program keeps them
        self.uses: dict[object, list[tuple[int, ...]]] = {}  # by the names of ops and epilogues
        self._variants: dict[object, int] = {}
        self._numbers: dict[int, int] = {}  # of sized ops, by identity

    def add(self, nodes: Iterable[SizedNode], times: int) -> tuple[int, int]:
        """Add these nodes, which run so often; the first of their rows of totals, and the row behind the last."""
        low, high = len(self.analysed.uses.placed), 0
        for node in nodes:
            inside = self._loop(node, times) if isinstance(node, SizedLoop) else self._op(node, times)
            low, high = min(low, inside[0]), max(high, inside[1])
        return low, high

    def _loop(self, node: SizedLoop, times: int) -> tuple[int, int]:
        loop = self.loops.setdefault(node.name, len(self.loops))
        if node.first:
            self.rows.append((a.PRELOADS, 0, loop, 0, 0, 0, 0))
        at, body = len(self.rows), self.bodies.setdefault(id(node.body), len(self.bodies))
        self.rows.append(())
        low, high = self.add(node.body, times * node.times)
        self.rows[at] = (a.BEGIN, node.times, loop, body, low, high, len(self.rows))
        self.rows.append((a.END, node.times, loop, body, low, high, at))
        return low, high

    def _op(self, sized: SizedOp, times: int) -> tuple[int, int]:
        number = self._numbers.get(id(sized))
        if number is None:
            number = self._numbers[id(sized)] = len(self.ops)
            self.ops.append(sized)
            self.op_rows.append(self._op_row(sized))
        self.rows.append((a.OP, number, 0, 0, 0, 0, 0))
        self.op_nodes.append((number, times))
        own, epilogue, _ = self.op_rows[number]
        return (own, own + 1) if epilogue < 0 else (min(own, epilogue), max(own, epilogue) + 1)

    def _op_row(self, sized: SizedOp) -> tuple[int, int, int]:
        names = sized.op.name, None if sized.epilogue is None else sized.epilogue.op.name
        own, epilogue = (-1 if name is None else self.totals.setdefault(name, len(self.totals)) for name in names)
        if names not in self._variants:
            self._variants[names] = len(self._variants)
            self.uses[names] = list(dict.fromkeys(_uses(sized, self.analysed, self.spots)))
        return own, epilogue, self._variants[names]


def _uses(sized: SizedOp, analysed: AnalysedProgram, spots: dict[str, int]) -> Iterator[tuple[int, int]]:
    """How an op and its epilogue use tensors: how, and the spot."""
    op, program, rules = sized.op, analysed.program, op_spec(sized.op)

    def spot(view: View) -> int:
        return spots[view.tensor]

    def loads(ring: int, *views: View) -> Iterator[tuple[int, int]]:
        """Loads of what ops write and the DRAM holds."""
        for view in views:
            if not program.tensor(view.tensor).role.given:
                yield a.LOADED_0 + ring, spot(view)

    if not sized.on_array:
        yield from ((a.VECTOR_READ, spot(view)) for view in rules.reads(op))
        yield a.VECTOR_READ_RESIDENT, spots[parameters_of(op.name)]
        yield from loads(c.VECTOR_OPERANDS, *rules.reads(op))
        written = rules.writes(op)
    elif not isinstance(op, (Gemm, Conv)):
        return  # no target runs it, and says so
    else:
        scales = (op.row_scales,) if isinstance(op, Gemm) and op.row_scales is not None else ()
        others: tuple[View, ...] = ()
        written = (op.out,)
        if sized.epilogue is not None:
            chain = sized.epilogue.op
            others = tuple(view for view in op_spec(chain).reads(chain) if view.tensor != op.out.tensor)
            written = op_spec(chain).writes(chain)
        yield from ((a.ARRAY_READ, spot(op.act)), (a.ARRAY_READ, spot(op.weight)))
        yield a.ARRAY_READ_RESIDENT, spot(op.weight)
        yield a.VECTOR_READ_RESIDENT, spots[columns_of(op.name)]
        yield from ((a.VECTOR_READ, spot(view)) for view in (*scales, *others))
        yield from loads(c.WEIGHTS, op.weight)
        yield from loads(c.ACTIVATIONS, op.act)
        yield from loads(c.VECTOR_OPERANDS, *scales, *others)
    for view in dict.fromkeys(written):
        yield a.WRITES if view.whole else a.WRITES_PART, spot(view)

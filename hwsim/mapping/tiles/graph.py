"""The rows of a whole program as tasks, each after those that made what it reads.

Loops are walked in program order, an op row by row. Storage is renamed: a row waits for what it reads, never for room
or for readers of what it overwrites. What rows are and cost is worked out once for each size of an op.
"""

from collections import Counter, deque
from collections.abc import Mapping
from math import prod

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.ir.nodes import Loop, Node, counts_of
from hwsim.ir.op_table import Shape, op_spec
from hwsim.ir.ops import Conv, Lookup, Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role as TensorRole
from hwsim.ir.view import View
from hwsim.mapping.tiles.homes import Homes, Parameters, parameter_tensors
from hwsim.mapping.tiles.row_cost import RowCost, operands_of_tiles, row_cost, write_bytes_of
from hwsim.mapping.tiles.row_kinds import RowRead, Rows, rows_of
from hwsim.mapping.tiles.search_order import SearchOrder, turns
from hwsim.mapping.tiles.sites import sites_of
from hwsim.mapping.tiles.task_list import Built, Role, TaskList
from hwsim.mapping.tiles.writers import Ids, Writers
from hwsim.schedule.tiles import PlacedMatrix, Placement
from hwsim.timing.dataflow import Longs
from hwsim.timing.tile import VectorTime, vector_time

BURST_BYTES = 64
"""Rows of inputs with fewer bytes are loaded together with their neighbours (assumed)."""

Indices = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an op does each time that its views have these sizes: its rows, and what each costs on the vector unit."""

    op: Op
    rows: Rows
    made: tuple[RowRead, ...]
    """Those reads that are not of parameters."""
    made_shapes: tuple[Shape, ...]
    written_shapes: tuple[Shape, ...]
    shapes: tuple[tuple[View, Shape], ...]
    cost: RowCost
    stored: tuple[tuple[str, int], ...]
    """Tensors that are written to memory, and bytes of a row."""


@dataclass(frozen=True, slots=True)
class ProgramGraph:
    """The tasks of a program; how often each plan ran; bytes loaded for each op, and for which tensors."""

    built: Built
    ops: tuple[str, ...]
    runs: tuple[tuple[Plan, int], ...]
    loaded: Mapping[str, int]
    servers: Longs


def program_graph(
    program: Program, chip: AnalogChip, placement: Placement, homes: Homes, parameters: Parameters
) -> ProgramGraph:
    """The tasks of all runs of all ops."""
    build = _Build(program, chip, placement, homes, parameters)
    build.nodes(program.body, {})
    names = tuple(build.numbers)
    return ProgramGraph(build.list.built(), names, build.plans_run(), build.loaded, build.sites.servers)


class _Build:
    """A walk through a program."""

    def __init__(
        self, program: Program, chip: AnalogChip, placement: Placement, homes: Homes, parameters: Parameters
    ) -> None:
        self.program, self.chip, self.homes, self.parameters = program, chip, homes, parameters
        self.placement, self.sites = placement, sites_of(chip, placement)
        self.list = TaskList(program.name, self.sites.delays, self.sites.servers)
        self.writers = Writers(program)
        self.numbers = {placed.op.name: number for number, placed in enumerate(program.placed())}
        self._names = tuple(self.numbers)
        self._runs = Counter[tuple[str, tuple[int, ...]]]()
        self.loaded = Counter[str]()
        self._plans: dict[tuple[str, tuple[int, ...]], Plan] = {}
        self._counts = {placed.op.name: counts_of(placed.op) for placed in program.placed()}
        self._streams = {
            placed.op.name: tuple(
                name
                for name in parameter_tensors(placed.op, program, placement)
                if (homes.ops[placed.op.name], name) in parameters.streamed
            )
            for placed in program.placed()
        }
        self._stands: dict[str, list[tuple[int, PlacedMatrix, VectorTime]]] = {}
        vector_times = {dense: vector_time(chip.tile_of(dense=dense)).cycles(chip.clock) for dense in (False, True)}
        for number, matrix in enumerate(placement.matrices):
            for op in matrix.ops:
                self._stands.setdefault(op, []).append((number, matrix, vector_times[matrix.dense]))
        self._inputs = {tensor.name for tensor in program.tensors if tensor.role is TensorRole.INPUT}
        self._in_turn: dict[int, deque[Longs]] = {}
        self._search, self._evaluations = SearchOrder.of(program), 1

    def nodes(self, nodes: tuple[Node, ...], indices: Indices) -> None:
        """Add the tasks of nodes, the loops around them at these indices."""
        place = 0
        while place < len(nodes):
            node, pair = nodes[place], None if self._search is None else self._search.pair(nodes, place)
            place += 1
            if pair is not None:
                self._alternating(*pair, indices)
                place += 1
                continue
            if isinstance(node, Loop):
                for index in range(node.runs(indices)):
                    self.nodes(node.body, {**indices, node.name: index})
                continue
            sizes = tuple(count.at(indices) for count in self._counts[node.name])
            if 0 not in sizes:
                self._runs[node.name, sizes] += 1
                self._run(self._plan(node, sizes, indices), indices)

    def _alternating(self, predictions: Loop, evaluations: Loop, indices: Indices) -> None:
        """The loops of a greedy search, in turns."""
        self._evaluations = evaluations.runs(indices)
        for turn in turns(predictions, evaluations, predictions.runs(indices), self._evaluations):
            self.nodes(turn.loop.body, {**indices, turn.loop.name: turn.iteration})

    def plans_run(self) -> tuple[tuple[Plan, int], ...]:
        """How often each plan ran so far."""
        return tuple((self._plans[key], times) for key, times in self._runs.items())

    def _plan(self, op: Op, sizes: tuple[int, ...], indices: Indices) -> Plan:
        key = op.name, sizes
        if key not in self._plans:
            rules, shape = op_spec(op), self.program.shapes(indices)
            rows = rows_of(op, shape)
            stands = self._stands.get(op.name)
            parts = stands[0][1].row_parts if stands else None
            cost = row_cost(op, rows, self.program, self.chip, row_parts=parts)
            stored = tuple(
                (name, size)
                for name, size in write_bytes_of(op, rows, self.program).items()
                if self.program.tensor(name).role is TensorRole.OUTPUT
            )
            shapes = tuple((view, shape(view)) for view in dict.fromkeys((*rules.reads(op), *rules.writes(op))))
            made = tuple(read for read in rows.reads if not self.program.tensor(read.view.tensor).role.parameter)
            made_shapes, written = tuple(shape(read.view) for read in made), tuple(map(shape, rows.writes))
            self._plans[key] = Plan(op, rows, made, made_shapes, written, shapes, cost, stored)
        return self._plans[key]

    def _run(self, plan: Plan, indices: Indices) -> None:
        """Add the rows of one run of an op."""
        op, rows = plan.op, plan.rows
        number, home = self.numbers[op.name], self.homes.ops[op.name]
        if self._inputs:
            for read in plan.made:
                if read.view.tensor in self._inputs:
                    self._load(read.view.tensor, number)
        read_by_rows = [
            (read, self._sources(plan, read, seen, indices))
            for read, seen in zip(plan.made, plan.made_shapes, strict=True)
        ]
        streamed = self._stream(plan, number, home) if self._streams[op.name] else None
        stands = self._stands.get(op.name)
        if stands is None:
            done = self._on_vector(plan, rows.count, home, number)
            self._after(done, read_by_rows, home, number)
        else:
            done = self._on_tiles(plan, stands, read_by_rows, number)
        if streamed is not None:
            self.list.after(done, streamed.repeat(done.size).reshape(-1, 1))
            finished = self.list.joined(done, site=home, op=number) if done.size > 1 else done
            self._in_turn.setdefault(home, deque(maxlen=2)).append(finished)
        for view, seen in zip(rows.writes, plan.written_shapes, strict=True):
            self.writers.write(view, seen, indices, done)
        for _, size in plan.stored:
            cycles = self._transfer(size, self.chip.dram.write)
            stores = self.list.add(
                rows.count,
                unit=self.sites.store,
                occupancy=cycles,
                complete=cycles,
                site=self.sites.store_site,
                op=number,
                role=Role.STORE,
            )
            self.list.after(stores, done.reshape(-1, 1))

    def _sources(self, plan: Plan, read: RowRead, seen: Shape, indices: Indices) -> Ids:
        op = plan.op
        if isinstance(op, Conv) and read.parts == 0:
            return self.writers.windows(op, indices)
        if self._search is not None and isinstance(op, Lookup) and read.view is op.table:
            rows = prod(seen) // seen[-1]
            frames = self._search.frames(op, rows, indices.get(self._search.search.evaluations, 0), self._evaluations)
            if frames is not None and frames.size == plan.rows.count:
                return self.writers.read(read.view, seen, indices, rows)[frames]
        return self.writers.read(read.view, seen, indices, read.parts)

    def _on_vector(self, plan: Plan, count: int, home: int, number: int) -> Longs:
        cycles = plan.cost.cycles
        return self.list.add(
            count, unit=home, occupancy=cycles, complete=cycles, site=home, op=number, role=Role.VECTOR
        )

    def _on_tiles(
        self,
        plan: Plan,
        stands: list[tuple[int, PlacedMatrix, VectorTime]],
        read_by_rows: list[tuple[RowRead, Ids]],
        number: int,
    ) -> Longs:
        """A vector for each row, then the rest of the row on the vector unit of the chip where its matrix stands."""
        per_matrix = plan.rows.count // len(stands)
        of_tiles = operands_of_tiles(plan.op)
        inputs = [sources for read, sources in read_by_rows if read.view in of_tiles]
        others = [(read, sources) for read, sources in read_by_rows if read.view not in of_tiles]
        ends: list[Longs] = []
        for batch, (place, matrix, time) in enumerate(stands):
            vectors = self.list.add(
                per_matrix,
                unit=self.sites.unit_of(matrix),
                occupancy=time.interval,
                complete=time.latency,
                site=self.sites.site_of(place),
                op=number,
                role=Role.TILES,
            )
            for sources in inputs:
                self.list.after(vectors, sources[batch * per_matrix : (batch + 1) * per_matrix])
            home = matrix.chips[0]
            rests = self._on_vector(plan, per_matrix, home, number)
            self.list.after(rests, vectors.reshape(-1, 1))
            mine = [
                (read, sources[batch * per_matrix : (batch + 1) * per_matrix] if len(sources) > 1 else sources)
                for read, sources in others
            ]
            self._after(rests, mine, home, number)
            ends.append(rests)
        return np.concatenate(ends)

    def _after(self, tasks: Longs, read_by_rows: list[tuple[RowRead, Ids]], home: int, number: int) -> None:
        for _, sources in read_by_rows:
            self.list.after_shared(tasks, sources, site=home, op=number)

    def _load(self, name: str, number: int) -> None:
        """Load an input, row by row, when the first op reads it."""
        self._inputs.discard(name)
        tensor = self.program.tensor(name)
        elements = 1
        for size in reversed(tensor.shape):
            elements *= size
            if tensor.precision.row_bytes(elements) >= BURST_BYTES:
                break
        bytes_each, count = tensor.precision.row_bytes(elements), tensor.elements // elements
        self.writers.fill(name, self._loads(count, bytes_each, number))

    def _stream(self, plan: Plan, number: int, home: int) -> Longs:
        """Load the parameters of an op that do not stay, when the last but one op that loads some is done."""
        size = 0
        for name in self._streams[plan.op.name]:
            views = [(view, shape) for view, shape in plan.shapes if view.tensor == name]
            for view, shape in views:
                if isinstance(plan.op, Lookup) and view == plan.op.table:
                    size += plan.rows.count * self.program.tensor(name).precision.row_bytes(shape[-1])
                else:
                    size += self.program.view_bytes(view, dict(plan.shapes).__getitem__)
        load = self._loads(1, size, number)
        before = self._in_turn.get(home)
        if before is not None and len(before) == 2:
            self.list.after(load, before[0].reshape(1, 1))
        return load

    def _loads(self, count: int, size: int, number: int) -> Longs:
        cycles = self._transfer(size, self.chip.dram.read)
        self.loaded[self._names[number]] += count * size
        return self.list.add(
            count,
            unit=self.sites.load,
            occupancy=cycles,
            complete=cycles + self.chip.dram_latency_cycles,
            site=self.sites.load_site,
            op=number,
            role=Role.LOAD,
        )

    def _transfer(self, size: int, rate: int) -> int:
        """Whole cycles in which so many bytes pass the port of the memory."""
        return max(1, -(-size * self.chip.clock // rate))

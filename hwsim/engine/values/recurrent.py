"""Loops of small products and chains, such as those of LSTMs, in one kernel call for each independent chain of ops.

What it makes is what the same ops make one by one; a loop that it cannot run so, it leaves alone.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.core.ops import Elementwise, Gemm, Op
from hwsim.core.program import Loop
from hwsim.engine.values.arena import Arena, Layout, independent
from hwsim.engine.values.floats import chain_elements, matrices
from hwsim.engine.values.grids import in_integers
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.memory import Memory
from hwsim.engine.values.views import Indices
from hwsim.kernels import recurrence as kernel
from hwsim.kernels.chain import STEP_FIELDS, TABLE

Array = NDArray[Any]

_LEAST_TIMES = 4
"""Iterations below which making ready costs more than it saves."""


class RecurrentLoops:
    """Runs loops whose ops are all products of parameters with few rows, and chains, in integers."""

    def __init__(self, ops: IntegerOps) -> None:
        self.ops = ops

    def __call__(self, loop: Loop, memory: Memory, indices: Indices) -> bool:
        """Run a loop at once, if it can; says whether it did."""
        body = tuple(node for node in loop.body if not isinstance(node, Loop))
        if loop.times < _LEAST_TIMES or len(body) != len(loop.body):
            return False
        if not all(self._suits(op, memory, indices, loop) for op in body):
            return False
        arena = Arena(memory, loop, indices)
        chains = [_Compiled.of(ops, self.ops, arena) for ops in independent(body)]
        if any(chain is None for chain in chains):
            return False
        memory_cells = arena.filled()

        def run(chain: "_Compiled | None") -> None:
            assert chain is not None
            chain.run(loop.times, memory_cells)

        if self.ops.threads > 1 and len(chains) > 1:
            with ThreadPoolExecutor(self.ops.threads) as pool:
                list(pool.map(run, chains))
        else:
            for chain in chains:
                run(chain)
        arena.give_back(memory_cells)
        for chain in chains:
            assert chain is not None
            chain.count(self.ops, loop.times)
        return True

    def _suits(self, op: Op, memory: Memory, indices: Indices, loop: Loop) -> bool:
        if isinstance(op, Elementwise):
            return in_integers(op, self.ops.program)
        if not isinstance(op, Gemm) or not in_integers(op, self.ops.program):
            return False
        program, act = self.ops.program, self.ops.grids.tensors[op.act.tensor].precision
        if not program.tensor(op.weight.tensor).role.parameter or act.bits > 8 or not act.signed:
            return False
        if op.weight.windows or op.weight.order is not None:
            return False
        start = {**indices, loop.name: 0}
        _, weights = matrices(op, memory.read(op.act, start), memory.read(op.weight, start))
        ready = self.ops.ready(op, weights, memory).matrices
        if len(ready) != 1 or len(ready[0].blocks) != 1 or ready[0].zeros.any():
            return False
        (block,) = ready[0].blocks
        summation = self.ops.adds(op, act, block.precision)
        if summation is None:
            return block.measures.magnitudes * max(-act.lowest, act.highest) < 1 << 31
        registers = (summation.register, summation.outer or summation.register)
        bound = block.measures.magnitudes * max(-act.lowest, act.highest)
        return all(bound <= min(r.highest, (1 << 31) - 1) for r in registers)


@dataclass(slots=True, eq=False)
class _Compiled:
    """Ops as the kernel reads them."""

    ops: tuple[Op, ...]
    code: NDArray[np.int64]
    weights: NDArray[np.int8]
    columns: NDArray[np.int64]
    steps: NDArray[np.int64]
    tables: NDArray[np.int16]
    values: NDArray[np.int32]
    narrow: NDArray[np.int8]
    counts: NDArray[np.int64]
    clipped: NDArray[np.int64]
    results: Mapping[str, int]
    stretches: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, ops: tuple[Op, ...], by: IntegerOps, arena: Arena) -> "_Compiled | None":
        made = _Assembly(by, arena)
        for place, op in enumerate(ops):
            fits = made.product(op, place) if isinstance(op, Gemm) else isinstance(op, Elementwise) and made.chain(op)
            if not fits:
                return None
        return cls(
            ops=ops,
            code=np.array(made.code, np.int64),
            weights=np.concatenate(made.weights) if made.weights else np.zeros(0, np.int8),
            columns=np.concatenate(made.columns, axis=1) if made.columns else np.zeros((3, 0), np.int64),
            steps=np.concatenate(made.steps) if made.steps else np.zeros((0, STEP_FIELDS), np.int64),
            tables=np.array(made.tables, np.int16) if made.tables else np.zeros((1, 1 << 16), np.int16),
            values=made.filled_values(),
            narrow=np.zeros(max(made.longest, 1), np.int8),
            counts=np.zeros(len(ops), np.int64),
            clipped=np.zeros(sum(map(len, made.steps)), np.int64),
            results=made.results,
            stretches=made.stretches,
        )

    def run(self, times: int, cells: NDArray[np.int32]) -> None:
        kernel.run_recurrence(
            0,
            times,
            self.code,
            cells,
            self.weights,
            self.columns,
            self.steps,
            self.tables,
            self.values,
            self.narrow,
            self.counts,
            self.clipped,
        )

    def count(self, by: IntegerOps, times: int) -> None:
        for place, op in enumerate(self.ops):
            first, last = self.stretches.get(op.name, (0, 0))
            by.clipped[op.name].result += int(self.counts[place]) + int(self.clipped[first:last].sum())
            by.clipped[op.name].results += self.results[op.name] * times


class _Assembly:
    """Collects the parts of a compiled chain of ops."""

    def __init__(self, by: IntegerOps, arena: Arena) -> None:
        self.by, self.arena = by, arena
        self.code: list[list[int]] = []
        self.weights: list[NDArray[np.int8]] = []
        self.columns: list[NDArray[np.int64]] = []
        self.steps: list[NDArray[np.int64]] = []
        self.tables: list[NDArray[np.int16]] = []
        self.constants: list[tuple[int, int]] = []
        self.results: dict[str, int] = {}
        self.stretches: dict[str, tuple[int, int]] = {}
        self.longest = self.locals = self.elements = 0
        self._weights_size = self._columns_size = 0

    def product(self, op: Gemm, place: int) -> bool:
        ready = self.by.ready(op, np.zeros((1, 1, 1)), self.arena.memory)
        (block,), requantise = ready.matrices[0].blocks, ready.requantisers[0]
        act, out = self.arena.layout(op.act), self.arena.layout(op.out)
        if act is None or out is None:
            return False
        rows = act[0] * act[1] // block.k
        act, out = _as_rows(act, rows, block.k), _as_rows(out, rows, block.n)
        if act is None or out is None:
            return False
        zero, low, high = (int(limit) for limit in requantise.target)
        code = [kernel.PRODUCT, rows, block.k, block.n, *act[2:], *out[2:], -1, 0]
        self.code.append([*code, self._weights_size, self._columns_size, zero, low, high, place])
        self.weights.append(np.ascontiguousarray(block.values.T, np.int8).reshape(-1))
        self.columns.append(np.stack([requantise.offsets, requantise.multipliers, requantise.shifts]))
        self._weights_size += block.k * block.n
        self._columns_size += block.n
        self.longest = max(self.longest, block.k)
        self.results[op.name] = rows * block.n
        self.arena.written.add(op.out.tensor)
        return True

    def chain(self, op: Elementwise) -> bool:
        chain, grids = self.by.chain(op), self.by.grids.locals[op.name]
        elements = chain_elements(op, self.by.program, {**self.arena.indices, self.arena.loop.name: 0})
        loads: list[list[int]] = []
        stores: list[list[int]] = []
        for views, kind, found in ((op.reads, kernel.LOAD, loads), (op.writes, kernel.STORE, stores)):
            for local, view in views:
                layout = self.arena.layout(view)
                if layout is None:
                    return False
                rows, cols, start, move, distance = layout
                if rows * cols != elements:
                    if rows != 1:
                        return False
                    rows, distance = elements // cols, 0  # one row for all
                where = [rows, cols, start, move, distance, self.locals + chain.places[local], grids[local].offset]
                found.append(_padded([kind, *where]))
        first = sum(map(len, self.steps))
        self.stretches[op.name] = first, first + len(chain.steps)
        self.code += [*loads, _padded([kernel.STEPS, first, first + len(chain.steps), elements]), *stores]
        self.steps.append(self._placed(chain.steps, chain.tables))
        self.constants += [(self.locals + place, value) for place, value in chain.constants]
        self.locals += len(chain.places)
        self.elements = max(self.elements, elements)
        self.results[op.name] = len(op.chain) * elements
        self.arena.written |= {view.tensor for _, view in op.writes}
        return True

    def _placed(self, steps: NDArray[np.int64], tables: NDArray[np.int16]) -> NDArray[np.int64]:
        """Steps with the places of local values and of tables among those of all chains; equal tables are one."""
        moved = steps.copy()
        moved[:, 1:4] += self.locals
        for row in moved:
            if row[0] == TABLE:
                row[4] = self._table(tables[row[4]])
        return moved

    def _table(self, table: NDArray[np.int16]) -> int:
        for number, known in enumerate(self.tables):
            if np.array_equal(known, table):
                return number
        self.tables.append(table)
        return len(self.tables) - 1

    def filled_values(self) -> NDArray[np.int32]:
        values = np.zeros((max(self.locals, 1), max(self.elements, 1)), np.int32)
        for place, constant in self.constants:
            values[place] = constant
        return values


def _padded(code: list[int]) -> list[int]:
    return code + [0] * (kernel.FIELDS - len(code))


def _as_rows(layout: Layout, rows: int, cols: int) -> Layout | None:
    """A layout with that many rows and columns, if the elements lie so."""
    own_rows, own_cols, start, move, _ = layout
    if (own_rows, own_cols) == (rows, cols):
        return layout
    if own_rows == 1 and own_cols == rows * cols:
        return rows, cols, start, move, cols
    return None

"""Products and chains of a loop as the recurrence kernel reads them, with the records to be kept of each iteration."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.arena import Arena, Layout
from hwsim.engine.values.floats import chain_elements
from hwsim.engine.values.integers import IntegerOps
from hwsim.ir.ops import Elementwise, Gemm, Op
from hwsim.ir.view import View
from hwsim.kernels import recurrence as kernel
from hwsim.kernels.chain import TABLE

_START, _ACC_START = 3, 10
"""Fields of the kernel's code that say where results are kept."""


@dataclass(slots=True, eq=False)
class Record:
    """An observed result or operand of an op: its name, its shape, the field of the code that says where it goes.

    An iteration takes `size` numbers; those of a loop segment lie side by side from `base` on.
    """

    op: Op
    name: str
    shape: tuple[int, ...]
    size: int
    row: int
    field: int
    base: int = 0


class Assembly:
    """Collects the parts of a compiled chain of ops; `watched` says whether results are observed."""

    def __init__(self, by: IntegerOps, arena: Arena, watched: bool) -> None:
        self.by, self.arena, self.watched = by, arena, watched
        self.records: list[Record] = []
        self._aside: int | None = None
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
        self._copied(op, "/act", (1, rows, block.k), act)
        recorded = rows * block.n if self.watched else 0
        code = [kernel.PRODUCT, rows, block.k, block.n, *act[2:], *out[2:], -1, recorded]
        self.code.append([*code, self._weights_size, self._columns_size, zero, low, high, place])
        if self.watched:
            self._record(op, "/acc", (1, rows, block.n), _ACC_START)
        self._copied(op, op.out.tensor, self._shape(op.out), out)
        self.weights.append(np.ascontiguousarray(block.values.T, np.int8).reshape(-1))
        self.columns.append(np.stack([requantise.offsets, requantise.multipliers, requantise.shifts]))
        self._weights_size += block.k * block.n
        self._columns_size += block.n
        self.longest = max(self.longest, block.k)
        self.results[op.name] = rows * block.n
        self.arena.written.add(op.out.tensor)
        return True

    def chain(self, op: Elementwise) -> bool:
        chain, params_table = self.by.chain(op), self.by.params_table.locals[op.name]
        elements = chain_elements(op, self.by.shapes({**self.arena.indices, self.arena.loop.name: 0}))
        loads: list[list[int]] = []
        stores: list[list[int]] = []
        for views, kind, codes in ((op.reads, kernel.LOAD, loads), (op.writes, kernel.STORE, stores)):
            for local, view in views:
                layout = self.arena.layout(view)
                if layout is None:
                    return False
                rows, cols, start, move, distance = layout
                if rows * cols != elements:
                    if rows != 1:
                        return False
                    rows, distance = elements // cols, 0  # one row for all
                where = [
                    rows,
                    cols,
                    start,
                    move,
                    distance,
                    self.locals + chain.places[local],
                    params_table[local].offset,
                ]
                codes.append(_padded([kind, *where]))
        first = sum(map(len, self.steps))
        self.stretches[op.name] = first, first + len(chain.steps)
        self.code += [*loads, _padded([kernel.STEPS, first, first + len(chain.steps), elements]), *stores]
        for local, view in op.writes if self.watched else ():
            where = [1, elements, 0, elements, 0, self.locals + chain.places[local], params_table[local].offset]
            self.code.append(_padded([kernel.STORE, *where]))
            self._record(op, view.tensor, self._shape(view), _START)
        self.steps.append(self._placed(chain.steps, chain.tables))
        self.constants += [(self.locals + place, value) for place, value in chain.constants]
        self.locals += len(chain.places)
        self.elements = max(self.elements, elements)
        self.results[op.name] = len(op.chain) * elements
        self.arena.written |= {view.tensor for _, view in op.writes}
        return True

    def _shape(self, view: View) -> tuple[int, ...]:
        first = {**self.arena.indices, self.arena.loop.name: 0}
        return view.shape_in(self.arena.memory[view.tensor].shape, first)

    def _copied(self, op: Op, name: str, shape: tuple[int, ...], layout: Layout) -> None:
        """Record the numbers of a layout, by way of a local value of its own."""
        if not self.watched:
            return
        if self._aside is None:
            self._aside, self.locals = self.locals, self.locals + 1
        rows, cols, *where = layout
        self.elements = max(self.elements, rows * cols)
        self.code.append(_padded([kernel.LOAD, rows, cols, *where, self._aside, 0]))
        self.code.append(_padded([kernel.STORE, 1, rows * cols, 0, rows * cols, 0, self._aside, 0]))
        self._record(op, name, shape, _START)

    def _record(self, op: Op, name: str, shape: tuple[int, ...], field: int) -> None:
        """Record under that name what the last code stores."""
        self.records.append(Record(op, name, shape, prod(shape), len(self.code) - 1, field))

    def _placed(self, steps: NDArray[np.int64], tables: NDArray[np.int16]) -> NDArray[np.int64]:
        """Steps with the places of local values and of tables among those of all chains; equal tables are one."""
        moved = steps.copy()
        moved[:, 1:4] += self.locals
        for row in moved:
            if row[0] == TABLE:
                row[4] = self._table(tables[row[4]])
        return moved

    def _table(self, table: NDArray[np.int16]) -> int:
        for number, earlier in enumerate(self.tables):
            if np.array_equal(earlier, table):
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
    layout_rows, layout_cols, start, move, _ = layout
    if (layout_rows, layout_cols) == (rows, cols):
        return layout
    if layout_rows == 1 and layout_cols == rows * cols:
        return rows, cols, start, move, cols
    return None

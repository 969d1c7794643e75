"""Loops of small products and chains, such as those of LSTMs, in one kernel call for each independent chain of ops.

Results equal those of the ops run one by one, and observers are told of the same results, a segment of iterations at a
time. Loops of other ops are left alone.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.arena import Arena, independent
from hwsim.engine.values.assembly import Assembly, Record
from hwsim.engine.values.calibration import in_integers
from hwsim.engine.values.floats import matrices, nobody
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.ir.nodes import Loop
from hwsim.ir.ops import Elementwise, Gemm, Op
from hwsim.kernels import recurrence as kernel
from hwsim.kernels.chain import STEP_FIELDS
from hwsim.tensor.split import in_parallel, pieces

Array = NDArray[Any]

_LEAST_TIMES = 4
"""Iterations below which making ready costs more than it saves."""
_KEPT_NUMBERS = 1 << 21
"""Numbers of observed results that are kept before observers are told of them."""


class RecurrentLoops:
    """Runs loops whose ops are all products of parameters with few rows, and chains, in integers."""

    def __init__(self, ops: IntegerOps) -> None:
        self.ops = ops

    def __call__(self, loop: Loop, memory: TensorStore, indices: Indices) -> bool:
        """Run a loop at once, if it can; says whether it did."""
        body = tuple(node for node in loop.body if not isinstance(node, Loop))
        times = loop.runs(indices)
        if times < _LEAST_TIMES or len(body) != len(loop.body):
            return False
        if not all(self._suits(op, memory, indices, loop) for op in body):
            return False
        arena, watched = Arena(memory, loop, indices), self.ops.seen is not nobody
        compiled = [_Compiled.of(ops, self.ops, arena, watched) for ops in independent(body)]
        chains = [chain for chain in compiled if chain is not None]
        if len(chains) < len(compiled):
            return False
        segment = _kept_at_once(chains, arena, times)
        cells = arena.filled()
        for first in range(0, times, segment):
            last = min(first + segment, times)

            def run(start: int, end: int, first: int = first, last: int = last) -> int:
                for chain in chains[start:end]:
                    chain.run(first, last, cells)
                return end - start

            in_parallel(run, pieces(len(chains), self.ops.products.threads))
            for record in (record for chain in chains for record in chain.records):
                self._tell(record, cells, last - first)
        arena.give_back(cells)
        for chain in chains:
            chain.count(self.ops, times)
        return True

    def _tell(self, record: Record, cells: NDArray[np.int32], runs: int) -> None:
        """Tell observers of a segment of iterations."""
        values = cells[record.base : record.base + runs * record.size]
        shape = record.shape if runs == 1 else (runs, *record.shape)
        self.ops.seen(record.op, record.name, values.reshape(shape), runs)

    def _suits(self, op: Op, memory: TensorStore, indices: Indices, loop: Loop) -> bool:
        if isinstance(op, Elementwise):
            return in_integers(op, self.ops.program)
        if not isinstance(op, Gemm) or not in_integers(op, self.ops.program):
            return False
        program, act = self.ops.program, self.ops.params_table.tensors[op.act.tensor].precision
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
        return self.ops.products.holds(op.name, act, block)


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
    records: list[Record]

    @classmethod
    def of(cls, ops: tuple[Op, ...], by: IntegerOps, arena: Arena, watched: bool) -> Self | None:
        assembly = Assembly(by, arena, watched)
        for place, op in enumerate(ops):
            fits = (
                assembly.product(op, place)
                if isinstance(op, Gemm)
                else isinstance(op, Elementwise) and assembly.chain(op)
            )
            if not fits:
                return None
        return cls(
            ops=ops,
            code=np.array(assembly.code, np.int64),
            weights=np.concatenate(assembly.weights) if assembly.weights else np.zeros(0, np.int8),
            columns=np.concatenate(assembly.columns, axis=1) if assembly.columns else np.zeros((3, 0), np.int64),
            steps=np.concatenate(assembly.steps) if assembly.steps else np.zeros((0, STEP_FIELDS), np.int64),
            tables=np.array(assembly.tables, np.int16) if assembly.tables else np.zeros((1, 1 << 16), np.int16),
            values=assembly.filled_values(),
            narrow=np.zeros(max(assembly.longest, 1), np.int8),
            counts=np.zeros(len(ops), np.int64),
            clipped=np.zeros(sum(map(len, assembly.steps)), np.int64),
            results=assembly.results,
            stretches=assembly.stretches,
            records=assembly.records,
        )

    def run(self, first: int, last: int, cells: NDArray[np.int32]) -> None:
        for record in self.records:  # the kernel counts iterations from the beginning of the loop
            self.code[record.row, record.field] = record.base - first * record.size
        kernel.run_recurrence(
            first,
            last,
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


def _kept_at_once(chains: list[_Compiled], arena: Arena, times: int) -> int:
    """How many iterations' observed results are kept before observers are told; the results get places in the arena."""
    records = [record for chain in chains for record in chain.records]
    size = sum(record.size for record in records)
    segment = min(times, max(1, _KEPT_NUMBERS // size)) if size else times
    for record in records:
        record.base = arena.size
        arena.size += segment * record.size
    return segment

"""Who wrote every single element that a row of an op reads: dictionaries of elements, and each op's meaning by NumPy's
own indexing. It is told how many rows a run of an op has; it shares no code with what it judges.

A task is named by its op, what it does, and its number among the op's tasks of that sort.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.nodes import Loop, Node
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Skew
from hwsim.ir.program import Program
from hwsim.ir.tensor import GreedyLoops, Role
from hwsim.ir.view import Affine, View
from witnesses.interpreter import had

Task = tuple[str, str, int]
Cells = NDArray[np.int64]
NONE = -1


@dataclass
class ElementWriters:
    """Walks a program; `needs` says which tasks each row of each op waits for."""

    program: Program
    rows_of_run: Callable[[Op, dict[str, int]], int]
    on_tiles: frozenset[str]
    burst: int
    writers: dict[tuple[str, int], Task] = field(default_factory=dict)
    needs: dict[Task, set[Task]] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    loads: int = 0
    evaluations: int = 0

    def run(self) -> "ElementWriters":
        self._nodes(self.program.body, {})
        return self

    def _nodes(self, nodes: tuple[Node, ...], at: dict[str, int]) -> None:
        search, loops = self.program.search, {node.name: node for node in nodes if isinstance(node, Loop)}
        in_turns = search.loops if isinstance(search, GreedyLoops) and set(search.loops) <= set(loops) else ()
        for node in nodes:
            if not isinstance(node, Loop):
                self._op(node, at)
            elif node.name in in_turns[:1]:
                self._search(node, loops[in_turns[1]], at)
            elif node.name not in in_turns:
                for i in range(self._times(node, at)):
                    self._nodes(node.body, {**at, node.name: i})

    def _times(self, loop: Loop, at: dict[str, int]) -> int:
        return loop.times if isinstance(loop.times, int) else had(loop.times, at)[1]

    def _search(self, predictions: Loop, evaluations: Loop, at: dict[str, int]) -> None:
        """Prediction p > 0 of P comes once at least p / (P - 1) of all evaluations are done, the first one at once."""
        asked, self.evaluations = self._times(predictions, at), self._times(evaluations, at)
        left = list(range(asked))
        for done in range(self.evaluations + 1):
            while left and (done == self.evaluations or left[0] * self.evaluations <= done * (asked - 1)):
                self._nodes(predictions.body, {**at, predictions.name: left.pop(0)})
            if done < self.evaluations:
                self._nodes(evaluations.body, {**at, evaluations.name: done})

    def _frames(self, op: Op, needed: list[tuple[str, Cells]], shown: dict[str, Cells], at: dict[str, int]) -> None:
        """A greedy search looks at frames one after another: the elements of one row of the table for each index."""
        search = self.program.search
        if not isinstance(search, GreedyLoops) or not isinstance(op, Lookup) or op.index.tensor != search.frame:
            return
        utterances = int(np.prod(self.program.tensor(search.symbol).shape))
        table = shown["table"].reshape(-1, shown["table"].shape[-1])
        if len(table) % utterances or shown["index"].size != utterances:
            return
        frames = len(table) // utterances
        frame = at[search.evaluations] * frames // self.evaluations
        places = [frame * utterances + u if search.frames_first else u * frames + frame for u in range(utterances)]
        at_table = next(place for place, (name, _) in enumerate(needed) if name == "table")
        needed[at_table] = "table", table[places]

    def cells(self, view: View, at: dict[str, int]) -> Cells:
        """The numbers of a view's elements in its tensor, in the shape of the view."""
        shape = self.program.tensor(view.tensor).shape
        axes = [np.arange(size) for size in shape]
        for w in view.windows:
            start = w.start.base + sum(c * at[loop] for loop, c in w.start.terms)
            start += sum(c * had(share, at)[0] for share, c in w.start.shares)
            if isinstance(w.count, Affine):
                count = w.count.base + sum(c * at[x] for x, c in w.count.terms)
            else:
                count = w.count if isinstance(w.count, int) else had(w.count, at)[1]
            axes[w.axis] = (start + w.every * np.arange(count)) % len(axes[w.axis])
        numbers: Cells = np.arange(int(np.prod(shape))).reshape(shape)[np.ix_(*axes)]
        return numbers if view.order is None else numbers.transpose(view.order)

    def _op(self, op: Op, at: dict[str, int]) -> None:
        reads, writes = _views(op)
        shown = {name: self.cells(view, at) for name, view in {**reads, **writes}.items()}
        if any(cells.size == 0 for cells in shown.values()):
            return
        needed = [
            (name, elements) for name, elements in _needs(op, shown) if not self._role(reads[name].tensor).parameter
        ]
        self._frames(op, needed, shown, at)
        for name in reads:
            self._load(reads[name].tensor, op)
        rows, done = self.rows_of_run(op, at), self.rows[op.name]
        self.rows[op.name] += rows
        of_tiles = {"act"} if op.name in self.on_tiles else set[str]()
        results = [(op.name, "vector", done + row) for row in range(rows)]
        for row, task in enumerate(results):
            self.needs[task] = set()
            if op.name in self.on_tiles:
                vector = op.name, "tiles", task[2]
                self.needs[task].add(vector)
                self.needs[vector] = set()
            for name, elements in needed:
                waits = (op.name, "tiles", task[2]) if name in of_tiles else task
                for element in _of_row(elements, row, rows):
                    writer = self.writers.get((reads[name].tensor, int(element)))
                    if element != NONE and writer is not None:
                        self.needs[waits].add(writer)
        for name, view in writes.items():
            cells = shown[name].ravel()
            for place, cell in enumerate(cells):
                self.writers[view.tensor, int(cell)] = results[place * rows // cells.size]

    def _role(self, tensor: str) -> Role:
        return self.program.tensor(tensor).role

    def _load(self, name: str, op: Op) -> None:
        """Inputs come in pieces of at least a burst, made of whole last axes."""
        tensor = self.program.tensor(name)
        if tensor.role is not Role.INPUT or (name, 0) in self.writers:
            return
        size = 1
        for axis in reversed(tensor.shape):
            size *= axis
            if -(-size * tensor.precision.bits // 8) >= self.burst:
                break
        for element in range(tensor.elements):
            self.writers[name, element] = ("", "load", self.loads + element // size)
        self.loads += tensor.elements // size


def _views(op: Op) -> tuple[dict[str, View], dict[str, View]]:
    match op:
        case Gemm() | Conv():
            optional = {"bias": op.bias, "scales": op.row_scales if isinstance(op, Gemm) else None}
            given = {name: view for name, view in optional.items() if view is not None}
            return {"act": op.act, "weight": op.weight, **given}, {"out": op.out}
        case Elementwise():
            reads = {f"read {place}": view for place, (_, view) in enumerate(op.reads)}
            return reads, {f"write {place}": view for place, (_, view) in enumerate(op.writes)}
        case Reduce():
            parameters = {f"parameter {place}": view for place, view in enumerate(op.parameters)}
            return {"read": op.read, **parameters}, {"write": op.write}
        case Lookup():
            return {"table": op.table, "index": op.index}, {"out": op.out}
        case Quantise():
            return {"read": op.read}, {"write": op.write, "scales": op.scales}
        case Move() | Skew():
            return {"read": op.read}, {"write": op.write}
    raise AssertionError(op)


def _needs(op: Op, shown: dict[str, Cells]) -> list[tuple[str, Cells]]:
    """For each operand [results, elements]: the elements of the operand that each result needs, in some order that
    puts the results of a row together."""
    match op:
        case Gemm():
            weight = shown["weight"].swapaxes(-1, -2) if op.transposed else shown["weight"]
            weight = weight.reshape(-1, *weight.shape[-2:])
            batch, k, n = weight.shape
            act = shown["act"].reshape(batch, -1, k)
            m = act.shape[1]
            places = list(product(range(batch), range(m), range(n)))
            needs = [
                ("act", np.array([act[b, r] for b, r, _ in places])),
                ("weight", np.array([weight[b, :, c] for b, _, c in places])),
            ]
            if "bias" in shown:
                needs.append(("bias", np.array([[shown["bias"].ravel()[c]] for _, _, c in places])))
            if "scales" in shown:
                scales = shown["scales"].reshape(batch, m)
                needs.append(("scales", np.array([[scales[b, r]] for b, r, _ in places])))
            return needs
        case Conv():
            edges = [(0, 0), *((axis.before, axis.after) for axis in op.axes), (0, 0)]
            act = np.pad(shown["act"], edges, constant_values=NONE)
            positions = [range(0, (axis.outputs - 1) * axis.stride + 1, axis.stride) for axis in op.axes]
            seen = []
            for b, *place in product(range(len(act)), *positions):
                slices: list[Any] = [
                    slice(p, p + a.dilation * (a.kernel - 1) + 1, a.dilation)
                    for p, a in zip(place, op.axes, strict=True)
                ]
                seen.append(act[b][tuple(slices)].ravel())
            return [("act", np.array(seen))]  # all groups of a position make one row
        case Elementwise():
            most = max(cells.size for cells in shown.values())
            return [
                (name, np.resize(cells.ravel(), most).reshape(most, 1))
                for name, cells in shown.items()
                if name.startswith("read")
            ]
        case Reduce():
            read = shown["read"]
            axis = op.axis % read.ndim
            outer = int(np.prod(read.shape[:axis]))
            return [("read", read.reshape(outer, -1))]
        case Lookup():
            index = shown["index"].reshape(-1, 1)
            return [("index", index), ("table", np.tile(shown["table"].ravel(), (len(index), 1)))]
        case Quantise():
            return [("read", shown["read"].reshape(shown["scales"].size, -1))]
        case Move():
            return [("read", shown["read"].reshape(-1, 1))]
        case Skew():
            read = shown["read"]
            rows, columns = read.shape[-2], read.shape[-1] - read.shape[-2] + 1
            parts = [read[..., i, rows - 1 - i : rows - 1 - i + columns] for i in range(rows)]
            return [("read", np.stack(parts, axis=-2).reshape(-1, 1))]
    raise AssertionError(op)


def _of_row(needs: Cells, row: int, rows: int) -> Any:
    """What one of so many equal rows of results needs."""
    size = len(needs) // rows
    assert size * rows == len(needs), "rows are equal parts of the results"
    return np.unique(needs[row * size : (row + 1) * size])

"""Greedy transducer search: at each frame the best output until it is blank, all utterances of a batch abreast."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.tensor_store import TensorStore, ops_of
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import RunLoop, RunOp, never, run_nodes
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Lookup, Op, Reduce
from hwsim.ir.program import Program
from hwsim.ir.tensor import GreedyLoops, Role
from hwsim.quantities.noun import sorted_pairs
from hwsim.results.decoded import Decoded

Array = NDArray[Any]

BLANK = 0

MOST_SYMBOLS_PER_FRAME = 30
"""After so many symbols the search goes on to the next frame (as MLPerf's reference does: its decoder's default)."""


@dataclass(slots=True, eq=False)
class GreedyDecoder:
    """Runs the ops of the loops that count a greedy search, on the outputs that it decides.

    With `forced`, the outputs that another search chose in each step, it decides the same. `ends` says after how many
    frames the search of each utterance is done, where utterances of several lengths are padded to one.
    """

    program: Program
    run_op: RunOp
    steered: GreedyLoops
    forced: Sequence[Array] | None = None
    most_symbols: int = MOST_SYMBOLS_PER_FRAME
    ends: Sequence[int] | None = None
    run_loop: RunLoop = never
    chosen: list[Array] = field(default_factory=list)
    evaluations: list[int] = field(default_factory=list)
    """Of each utterance, how often the joint network was asked for it."""
    _symbols: list[list[int]] = field(default_factory=list)
    _prediction: Loop | None = None
    _predictions: int = 0
    _expansions: int = 0
    _hits: int = 0
    _fresh: NDArray[np.bool_] | None = None
    _batches: Counter[int] = field(default_factory=Counter)

    def __call__(self, loop: Loop, memory: TensorStore, indices: Indices) -> bool:
        """Take over the loop if it belongs to the search; says whether it does."""
        if loop.name == self.steered.predictions:
            self._prediction = loop
            return True
        if loop.name != self.steered.evaluations:
            return False
        self._search(loop, memory, indices)
        return True

    def decoded(self) -> Decoded | None:
        """What the search did; None if there was none."""
        if self._prediction is None:
            return None
        return Decoded(
            symbols=tuple(tuple(symbols) for symbols in self._symbols),
            steps=len(self.chosen),
            expansions=self._expansions,
            predictions=self._predictions,
            new_prefixes=sum(map(len, self._symbols)) + len(self._symbols),
            cache_hits=self._hits,
            batch_of_steps=sorted_pairs(dict(self._batches)),
        )

    def _search(self, loop: Loop, memory: TensorStore, indices: Indices) -> None:
        assert self._prediction is not None
        symbol, frame = memory[self.steered.symbol], memory[self.steered.frame]
        batch = symbol.shape[0]
        frames = self._rows(loop, memory, indices) // batch
        if not self._symbols:
            self._symbols = [[] for _ in range(batch)]
            self.evaluations = [0] * batch
            self._fresh = np.ones(batch, bool)
            symbol[:] = self.steered.blank
            self._predict(memory, indices, np.ones(batch, bool))
        assert self._fresh is not None
        place, emitted = np.zeros(batch, np.int64), np.zeros(batch, np.int64)
        ends = np.full(batch, frames) if self.ends is None else np.array(self.ends, np.int64)
        while (place < ends).any():
            active = place < ends
            at_frame, utterance = np.minimum(place, frames - 1), np.arange(batch)
            frame[:, 0] = at_frame * batch + utterance if self.steered.frames_first else utterance * frames + at_frame
            self._expansions += int(active.sum())
            self._hits += int((active & ~self._fresh).sum())
            self._fresh[:] = False
            self._batches[int(active.sum())] += 1
            choice = self._evaluate(loop, memory, indices, int(at_frame[0]))
            new = active & (choice != self.steered.blank)
            for row in np.flatnonzero(active):
                self.evaluations[row] += 1
            for row in np.flatnonzero(new):
                self._symbols[row].append(int(choice[row]))
            emitted = np.where(new, emitted + 1, 0)
            done = active & (~new | (emitted >= self.most_symbols))
            place, emitted = place + done, np.where(done, 0, emitted)
            if new.any():
                symbol[new, 0] = choice[new]
                self._fresh |= new
                self._predict(memory, indices, new)

    def _evaluate(self, loop: Loop, memory: TensorStore, indices: Indices, frame: int) -> NDArray[np.int64]:
        """The best output of each utterance at its frame; the last symbols stay as they were."""
        before = memory[self.steered.symbol].copy()
        inside = {**indices, loop.name: 0 if self.steered.frames is None else frame}
        nodes = (op for op in loop.body if not self._advances(op))
        run_nodes(nodes, memory, inside, self.run_op, self.run_loop)
        choice = memory[self.steered.symbol][:, 0].astype(np.int64)
        memory[self.steered.symbol][:] = before
        if self.forced is not None:
            choice = self.forced[len(self.chosen)]
        self.chosen.append(choice)
        return choice

    def _predict(self, memory: TensorStore, indices: Indices, new: NDArray[np.bool_]) -> None:
        """Run the prediction network; utterances without a new symbol keep what they had."""
        assert self._prediction is not None
        self._predictions += 1
        kept_tensors = [name for name in self._rows_kept() if not new.all()]
        before = {name: memory[name].copy() for name in kept_tensors}
        run_nodes(self._prediction.body, memory, {**indices, self._prediction.name: 0}, self.run_op, self.run_loop)
        for name, rows in before.items():
            memory[name][~new] = rows[~new]

    def _rows_kept(self) -> list[str]:
        """Tensors that the prediction network writes and later ops read: states, and the joint network's input."""
        assert self._prediction is not None
        ops = list(ops_of(self._prediction))
        written = {view.tensor for op in ops for view in op_spec(op).writes(op)}
        read = {view.tensor for op in ops for view in op_spec(op).reads(op)}
        return [n for n in sorted(written) if self.program.tensor(n).role is Role.STATE or n not in read]

    def _rows(self, loop: Loop, memory: TensorStore, indices: Indices) -> int:
        """Rows of the table from which frames are fetched, or as many as there are frames."""
        if self.steered.frames is not None:
            return self.steered.frames
        fetches = (op for op in ops_of(loop) if isinstance(op, Lookup) and op.index.tensor == self.steered.frame)
        table = memory.read(next(fetches).table, {**indices, loop.name: 0})
        return int(np.prod(table.shape[:-1]))

    def _advances(self, op: Op | Loop) -> bool:
        """Whether an op moves to the next frame, which the search itself does."""
        writes = () if isinstance(op, (Loop, Reduce)) else op_spec(op).writes(op)
        return any(view.tensor == self.steered.frame for view in writes)

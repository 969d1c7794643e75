"""Beam search over prefixes: alignment-length synchronous or frame by frame, with a cache of prefixes and fused LMs.

The networks run as the program says, in its formats; which hypotheses they run for is decided here. Hypotheses with the
same prefix at the same frame are one, with the better score. Language models say nothing about blank.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.decode.greedy import BLANK
from hwsim.engine.values.tensor_store import TensorStore, ops_of
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import RunOp, run_nodes
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Lookup, Op
from hwsim.ir.program import Loop, Node, Program
from hwsim.ir.tensor import BeamLoop, Role
from hwsim.ir.view import View
from hwsim.quantities.noun import sorted_pairs
from hwsim.results.decoded import Decoded

Array = NDArray[Any]
Prefix = tuple[int, ...]
Key = tuple[Prefix, int]
"""A hypothesis: its symbols, and the frame at which it stands."""

_KEPT_PREFIXES = 8
"""Prefixes per hypothesis that stay in the cache, the last used ones (as many as the pools of a chip would hold, and
then some: what falls out is computed again)."""


@dataclass(slots=True, eq=False)
class BeamDecoder:
    """Takes the place of the loop over steps. With `forced`, the hypotheses of another search, it keeps these."""

    program: Program
    run_op: RunOp
    steered: BeamLoop
    forced: Sequence[Any] | None = None
    chosen: list[Any] = field(default_factory=list)
    _beams: list[dict[Key, float]] = field(default_factory=list)
    _cache: dict[Prefix, dict[str, Array]] = field(default_factory=dict)
    _rows: list[dict[str, Array]] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _batches: Counter[int] = field(default_factory=Counter)

    def __call__(self, loop: Loop, memory: TensorStore, indices: Indices) -> bool:
        """Whether a loop is that of the search, which then has run it."""
        if loop.name != self.steered.steps:
            return False
        _Run(self, loop, memory, indices).search()
        return True

    def decoded(self) -> Decoded | None:
        """What the search did; None if there was none."""
        if not self._beams:
            return None
        best = tuple(max(beam, key=lambda key: (beam[key], key))[0] for beam in self._beams)
        return Decoded(
            symbols=best,
            steps=self._counts["steps"],
            expansions=self._counts["expansions"],
            predictions=self._counts["predictions"],
            new_prefixes=self._counts["new"],
            cache_hits=self._counts["hits"],
            batch_of_steps=sorted_pairs(dict(self._batches)),
        )


class _Run:
    """The search over the frames that an encoder left."""

    def __init__(self, search: BeamDecoder, loop: Loop, memory: TensorStore, indices: Indices) -> None:
        self.own, self.loop, self.memory, self.indices = search, loop, memory, {**indices, loop.name: 0}
        self.predict, self.expand = _halves(loop, search.steered.frame)
        self.batch, self.beam, _ = search.program.tensor(search.steered.frame).shape
        fetch = next(op for op in ops_of(loop) if isinstance(op, Lookup) and op.index.tensor == search.steered.frame)
        self.frames = int(np.prod(memory.read(fetch.table, self.indices).shape[:-1])) // self.batch
        self.alive: list[list[Key]] = []

    def search(self) -> None:
        """All steps; the best complete hypotheses stay as the beams."""
        own = self.own
        starts = own._beams or [{((), 0): 0.0} for _ in range(self.batch)]
        beams = [{(prefix, 0): score for (prefix, _), score in beam.items()} for beam in starts]
        beams = self._frame_by_frame(beams) if own.steered.expansions else self._abreast(beams)
        own._beams = beams

    def _abreast(self, beams: list[dict[Key, float]]) -> list[dict[Key, float]]:
        """Alignment-length synchronous: each step every hypothesis grows by one output, a symbol or blank."""
        complete: list[dict[Key, float]] = [{} for _ in beams]
        for _ in range(self.loop.most):  # what it is declared to run is an even share, which speech does not keep to
            if not any(beams):
                break
            made = self._step(beams)
            for place, candidates in enumerate(made):
                over = {key: score for key, score in candidates.items() if key[1] >= self.frames}
                for key, score in over.items():
                    complete[place][key] = max(score, complete[place].get(key, -np.inf))
                going = {key: score for key, score in candidates.items() if key[1] < self.frames}
                beams[place] = self._kept(going, place)
            self._close()
        last = [self._kept(done or left, place) for place, (done, left) in enumerate(zip(complete, beams, strict=True))]
        self._close()
        return last

    def _frame_by_frame(self, beams: list[dict[Key, float]]) -> list[dict[Key, float]]:
        """Time synchronous: in each frame so many expansions; blank leads to the next frame."""
        assert self.own.steered.expansions is not None
        for frame in range(self.frames):
            moved: list[dict[Key, float]] = [{} for _ in beams]
            for _ in range(self.own.steered.expansions):
                made = self._step(beams)
                for place, candidates in enumerate(made):
                    for key, score in candidates.items():
                        if key[1] > frame:
                            moved[place][key] = max(score, moved[place].get(key, -np.inf))
                    staying = {key: score for key, score in candidates.items() if key[1] == frame}
                    beams[place] = self._kept(staying, place)
                self._close()
            beams = [self._kept(candidates, place) for place, candidates in enumerate(moved)]
            self._close()
        return beams

    def _kept(self, candidates: Mapping[Key, float], place: int) -> dict[Key, float]:
        """The best of the candidates, or those that the other search kept."""
        own = self.own
        if own.forced is not None:
            keys = own.forced[len(own.chosen)][place]
            least = min(candidates.values(), default=0.0)
            kept = {key: candidates.get(key, least) for key in keys}
        else:
            best = sorted(candidates, key=lambda key: (-candidates[key], key))[: self.beam]
            kept = {key: candidates[key] for key in best}
        self.alive.append(list(kept))
        return kept

    def _close(self) -> None:
        """What was kept in a step, of all utterances, goes to the record."""
        self.own.chosen.append(self.alive)
        self.alive = []

    def _step(self, beams: list[dict[Key, float]]) -> list[dict[Key, float]]:
        """Expand all hypotheses by every output: of each utterance the candidates with their scores."""
        own, memory = self.own, self.memory
        keys = [[*beam][: self.beam] for beam in beams]
        count = sum(map(len, keys))
        own._counts["steps"] += 1
        own._counts["expansions"] += count
        own._batches[count] += 1
        self._know({prefix for each in keys for prefix, _ in each}, count)
        frame, score = memory[own.steered.frame], memory[own.steered.score]
        frames_first = own.steered.frames_first
        rows: list[Prefix] = []
        for place in range(self.batch):
            for slot in range(self.beam):
                known = keys[place] or [((), 0)]
                prefix, at = known[min(slot, len(known) - 1)]
                at = min(at, self.frames - 1)
                frame[place, slot, 0] = at * self.batch + place if frames_first else place * self.frames + at
                score[place, slot, 0] = beams[place].get((prefix, at), 0)
                rows.append(prefix)
        own._rows = [own._cache[prefix] for prefix in rows]
        run_nodes(self.expand, memory, self.indices, self._run)
        totals = memory[own.steered.total].reshape(self.batch, self.beam, -1)
        return [self._candidates(keys[place], totals[place]) for place in range(self.batch)]

    def _candidates(self, keys: list[Key], totals: Array) -> dict[Key, float]:
        found: dict[Key, float] = {}
        many = min(totals.shape[1], self.beam + 1)
        for slot, (prefix, frame) in enumerate(keys):
            best = np.argsort(-totals[slot], kind="stable")[:many]
            for output in {*best.tolist(), BLANK}:
                key = (prefix, frame + 1) if output == BLANK else ((*prefix, output), frame)
                score = totals[slot, output].item()
                found[key] = max(score, found.get(key, score))
            forced = self.own.forced
            if forced is not None:
                self._add_forced(found, prefix, frame, totals[slot])
        return found

    def _add_forced(self, found: dict[Key, float], prefix: Prefix, frame: int, totals: Array) -> None:
        """Symbols that the other search kept, however bad they are here."""
        assert self.own.forced is not None
        for keys in self.own.forced[len(self.own.chosen)]:
            for longer, at in keys:
                if at == frame and longer[:-1] == prefix and len(longer) == len(prefix) + 1:
                    found.setdefault((longer, at), totals[longer[-1]].item())

    def _know(self, prefixes: set[Prefix], count: int) -> None:
        """Run prediction network and language models for prefixes that are not in the cache."""
        own = self.own
        new = sorted(prefix for prefix in prefixes if prefix not in own._cache)
        own._counts["new"] += len(new)
        own._counts["hits"] += count - len(new)
        symbols = self.memory[own.steered.symbol]
        room = symbols.shape[0]
        for start in range(0, len(new), room):
            batch = new[start : start + room]
            own._counts["predictions"] += 1
            padded = [*batch, *[batch[0]] * (room - len(batch))]
            symbols[:, 0] = [prefix[-1] if prefix else BLANK for prefix in padded]
            own._rows = [own._cache[prefix[:-1]] if prefix else {} for prefix in padded]
            run_nodes(self.predict, self.memory, self.indices, self._run)
            made = {view.tensor: self.memory.read(view, self.indices).copy() for view in self._pools()}
            for row, prefix in enumerate(batch):
                own._cache[prefix] = {name: rows[row] for name, rows in made.items()}
        self._trim(prefixes)

    def _trim(self, used: set[Prefix]) -> None:
        """Forget what was not used for longest; what is used now and its parents stay."""
        own = self.own
        for prefix in used:
            own._cache[prefix] = own._cache.pop(prefix)
        while len(own._cache) > _KEPT_PREFIXES * self.batch * self.beam + 1:
            del own._cache[next(iter(own._cache))]

    def _pools(self) -> Iterator[View]:
        """Where the networks leave what depends on a prefix alone."""
        for op in (op for node in self.predict for op in ops_of(node)):
            for view in op_spec(op).writes(op):
                if self.own.program.tensor(view.tensor).role is Role.STATE:
                    yield view

    def _run(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run an op of a network; what it would look up in pools comes from the cache."""
        if op.name in self.own.steered.books:
            return
        if isinstance(op, Lookup) and self.own.program.tensor(op.table.tensor).role is Role.STATE:
            self._recall(op, memory, indices)
        else:
            self.own.run_op(op, memory, indices)

    def _recall(self, op: Lookup, memory: TensorStore, indices: Indices) -> None:
        size = memory[op.table.tensor].shape[-1]
        fresh = np.zeros(size, memory[op.table.tensor].dtype)
        rows = np.stack([found.get(op.table.tensor, fresh) for found in self.own._rows])
        if op.out.tensor in self.own.steered.blankless:
            rows[:, BLANK] = 0
        memory.write(op.out, indices, rows)


def _halves(loop: Loop, frame: str) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """What depends on prefixes alone, and the rest, which begins where frames are fetched."""
    for place, node in enumerate(loop.body):
        if any(isinstance(op, Lookup) and op.index.tensor == frame for op in ops_of(node)):
            return loop.body[:place], loop.body[place:]
    raise AssertionError("a search fetches frames")

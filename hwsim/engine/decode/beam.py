"""Beam search over prefixes: alignment-length synchronous or frame by frame, with a cache of prefixes and fused LMs.

The networks run as the program says, in its formats; which hypotheses they run for is decided here. Hypotheses with the
same prefix at the same frame are one, with the better score. Language models say nothing about blank.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.decode.greedy import BLANK
from hwsim.engine.values.tensor_store import TensorStore, ops_of
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import RunOp, run_nodes
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Lookup, Op
from hwsim.ir.program import Program
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
    """Runs the loop over steps. With `forced`, the hypotheses kept by another search, it keeps the same ones."""

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
        """Run the loop if it is that of the search; says whether it is."""
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

    def __init__(self, decoder: BeamDecoder, loop: Loop, memory: TensorStore, indices: Indices) -> None:
        self.decoder, self.loop, self.memory, self.indices = decoder, loop, memory, {**indices, loop.name: 0}
        self.predict, self.expand = _halves(loop, decoder.steered.frame)
        self.batch, self.beam, _ = decoder.program.tensor(decoder.steered.frame).shape
        fetch = next(op for op in ops_of(loop) if isinstance(op, Lookup) and op.index.tensor == decoder.steered.frame)
        self.frames = int(np.prod(memory.read(fetch.table, self.indices).shape[:-1])) // self.batch
        self.alive: list[list[Key]] = []

    def search(self) -> None:
        """All steps; the best complete hypotheses stay as the beams."""
        decoder = self.decoder
        starts = decoder._beams or [{((), 0): 0.0} for _ in range(self.batch)]
        beams = [{(prefix, 0): score for (prefix, _), score in beam.items()} for beam in starts]
        beams = self._frame_by_frame(beams) if decoder.steered.expansions else self._abreast(beams)
        decoder._beams = beams

    def _abreast(self, beams: list[dict[Key, float]]) -> list[dict[Key, float]]:
        """Alignment-length synchronous: each step every hypothesis grows by one output, a symbol or blank."""
        complete: list[dict[Key, float]] = [{} for _ in beams]
        for _ in range(self.loop.most):  # its declared iterations are an even share, which speech does not keep to
            if not any(beams):
                break
            expanded = self._step(beams)
            for place, candidates in enumerate(expanded):
                over = {key: score for key, score in candidates.items() if key[1] >= self.frames}
                for key, score in over.items():
                    complete[place][key] = max(score, complete[place].get(key, -np.inf))
                going = {key: score for key, score in candidates.items() if key[1] < self.frames}
                beams[place] = self._pruned(going, place)
            self._close()
        last = [
            self._pruned(done or left, place) for place, (done, left) in enumerate(zip(complete, beams, strict=True))
        ]
        self._close()
        return last

    def _frame_by_frame(self, beams: list[dict[Key, float]]) -> list[dict[Key, float]]:
        """Time synchronous: in each frame so many expansions; blank leads to the next frame."""
        assert self.decoder.steered.expansions is not None
        for frame in range(self.frames):
            moved: list[dict[Key, float]] = [{} for _ in beams]
            for _ in range(self.decoder.steered.expansions):
                expanded = self._step(beams)
                for place, candidates in enumerate(expanded):
                    for key, score in candidates.items():
                        if key[1] > frame:
                            moved[place][key] = max(score, moved[place].get(key, -np.inf))
                    staying = {key: score for key, score in candidates.items() if key[1] == frame}
                    beams[place] = self._pruned(staying, place)
                self._close()
            beams = [self._pruned(candidates, place) for place, candidates in enumerate(moved)]
            self._close()
        return beams

    def _pruned(self, candidates: Mapping[Key, float], place: int) -> dict[Key, float]:
        """The best of the candidates, or those that the other search kept."""
        decoder = self.decoder
        if decoder.forced is not None:
            keys = decoder.forced[len(decoder.chosen)][place]
            least = min(candidates.values(), default=0.0)
            survivors = {key: candidates.get(key, least) for key in keys}
        else:
            best = sorted(candidates, key=lambda key: (-candidates[key], key))[: self.beam]
            survivors = {key: candidates[key] for key in best}
        self.alive.append(list(survivors))
        return survivors

    def _close(self) -> None:
        """Record the hypotheses of all utterances that survived a step."""
        self.decoder.chosen.append(self.alive)
        self.alive = []

    def _step(self, beams: list[dict[Key, float]]) -> list[dict[Key, float]]:
        """Expand all hypotheses by every output: of each utterance the candidates with their scores."""
        decoder, memory = self.decoder, self.memory
        keys = [[*beam][: self.beam] for beam in beams]
        count = sum(map(len, keys))
        decoder._counts["steps"] += 1
        decoder._counts["expansions"] += count
        decoder._batches[count] += 1
        self._know({prefix for utterance_keys in keys for prefix, _ in utterance_keys}, count)
        frame, score = memory[decoder.steered.frame], memory[decoder.steered.score]
        frames_first = decoder.steered.frames_first
        rows: list[Prefix] = []
        for place in range(self.batch):
            for slot in range(self.beam):
                hypotheses = keys[place] or [((), 0)]
                prefix, at = hypotheses[min(slot, len(hypotheses) - 1)]
                at = min(at, self.frames - 1)
                frame[place, slot, 0] = at * self.batch + place if frames_first else place * self.frames + at
                score[place, slot, 0] = beams[place].get((prefix, at), 0)
                rows.append(prefix)
        decoder._rows = [decoder._cache[prefix] for prefix in rows]
        run_nodes(self.expand, memory, self.indices, self._run)
        totals = memory[decoder.steered.total].reshape(self.batch, self.beam, -1)
        return [self._candidates(keys[place], totals[place]) for place in range(self.batch)]

    def _candidates(self, keys: list[Key], totals: Array) -> dict[Key, float]:
        scores: dict[Key, float] = {}
        many = min(totals.shape[1], self.beam + 1)
        for slot, (prefix, frame) in enumerate(keys):
            best = np.argsort(-totals[slot], kind="stable")[:many]
            for output in {*best.tolist(), BLANK}:
                key = (prefix, frame + 1) if output == BLANK else ((*prefix, output), frame)
                score = totals[slot, output].item()
                scores[key] = max(score, scores.get(key, score))
            forced = self.decoder.forced
            if forced is not None:
                self._add_forced(scores, prefix, frame, totals[slot])
        return scores

    def _add_forced(self, scores: dict[Key, float], prefix: Prefix, frame: int, totals: Array) -> None:
        """Symbols that the other search kept, however bad they are here."""
        assert self.decoder.forced is not None
        for keys in self.decoder.forced[len(self.decoder.chosen)]:
            for longer, at in keys:
                if at == frame and longer[:-1] == prefix and len(longer) == len(prefix) + 1:
                    scores.setdefault((longer, at), totals[longer[-1]].item())

    def _know(self, prefixes: set[Prefix], count: int) -> None:
        """Run prediction network and language models for prefixes that are not in the cache."""
        decoder = self.decoder
        new = sorted(prefix for prefix in prefixes if prefix not in decoder._cache)
        decoder._counts["new"] += len(new)
        decoder._counts["hits"] += count - len(new)
        symbols = self.memory[decoder.steered.symbol]
        room = symbols.shape[0]
        for start in range(0, len(new), room):
            batch = new[start : start + room]
            decoder._counts["predictions"] += 1
            padded = [*batch, *[batch[0]] * (room - len(batch))]
            symbols[:, 0] = [prefix[-1] if prefix else BLANK for prefix in padded]
            decoder._rows = [decoder._cache[prefix[:-1]] if prefix else {} for prefix in padded]
            run_nodes(self.predict, self.memory, self.indices, self._run)
            pools = {view.tensor: self.memory.read(view, self.indices).copy() for view in self._pools()}
            for row, prefix in enumerate(batch):
                decoder._cache[prefix] = {name: rows[row] for name, rows in pools.items()}
        self._trim(prefixes)

    def _trim(self, used: set[Prefix]) -> None:
        """Forget the prefixes that were not used for longest; those in use and their parents stay."""
        decoder = self.decoder
        for prefix in used:
            decoder._cache[prefix] = decoder._cache.pop(prefix)
        while len(decoder._cache) > _KEPT_PREFIXES * self.batch * self.beam + 1:
            del decoder._cache[next(iter(decoder._cache))]

    def _pools(self) -> Iterator[View]:
        """The states in which the networks leave what depends on a prefix alone."""
        for op in (op for node in self.predict for op in ops_of(node)):
            for view in op_spec(op).writes(op):
                if self.decoder.program.tensor(view.tensor).role is Role.STATE:
                    yield view

    def _run(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run an op of a network; rows that it would look up in pools come from the cache."""
        if op.name in self.decoder.steered.books:
            return
        if isinstance(op, Lookup) and self.decoder.program.tensor(op.table.tensor).role is Role.STATE:
            self._recall(op, memory, indices)
        else:
            self.decoder.run_op(op, memory, indices)

    def _recall(self, op: Lookup, memory: TensorStore, indices: Indices) -> None:
        size = memory[op.table.tensor].shape[-1]
        fresh = np.zeros(size, memory[op.table.tensor].dtype)
        rows = np.stack([cached.get(op.table.tensor, fresh) for cached in self.decoder._rows])
        if op.out.tensor in self.decoder.steered.blankless:
            rows[:, BLANK] = 0
        memory.write(op.out, indices, rows)


def _halves(loop: Loop, frame: str) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The nodes that depend on prefixes alone, and the rest, which begins where frames are fetched."""
    for place, node in enumerate(loop.body):
        if any(isinstance(op, Lookup) and op.index.tensor == frame for op in ops_of(node)):
            return loop.body[:place], loop.body[place:]
    raise AssertionError("a search fetches frames")

"""Wires of a stage among others: copies of what it reads of them, hears from outside, and keeps for its next run."""

from collections.abc import Mapping
from dataclasses import field, replace
from math import prod

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.nodes import Node
from hwsim.ir.ops import Function, Move
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import Affine, View, Window, window
from hwsim.models.beam import HYPOTHESES
from hwsim.models.fragment import Fragment, chain, step
from hwsim.models.stage_parts import Part, Result
from hwsim.models.staged import JOINER, PREDICTOR, SYMBOL
from hwsim.quantities.precision import Precision


@dataclass(slots=True, eq=False)
class Wiring:
    """A stage on its way into a program: it fetches its inputs, runs, and keeps its states.

    `loops` are those around it, each run of which hears something else; of a larger result it reads the next row in
    each iteration of the loop `along`. In a search there is a last `symbol`, and so many `hypotheses` have a row each
    in what is kept: it reads one, all, or each in turn in a loop over them.
    """

    part: Part
    parts: Mapping[str, Part]
    loops: tuple[tuple[str, int], ...] = ()
    along: str | None = None
    symbol: str | None = None
    hypotheses: int = 0
    before: list[Node] = field(default_factory=list)
    after: list[Node] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)

    def wired(self) -> Fragment:
        """The stage with what it fetches and keeps."""
        part, reads, states = self.part, dict(self.part.stage.reads), dict(self.part.stage.states)
        for name, inner in part.inputs.items():
            if name in reads:
                self._read(name, part.tensor(inner), reads[name])
            elif name in states:
                self._keep_state(part.tensor(inner), states[name])
            elif self.symbol is not None:
                law = "comes from nowhere: a search brings what reads and states name, and nothing from outside"
                raise InvalidValue(f"stages.{part.stage.name}", name, law)
            elif self.loops:
                self._hear(part.tensor(inner))
        if part.stage.name == PREDICTOR and self.hypotheses:
            for left in self._pooled():
                self._stored(_pool_of(left, self.hypotheses), left, f"{left.tensor.name}.keep")
        tensors = tuple(
            replace(one, role=Role.ACTIVATION) if one.name in self.filled else one for one in part.fragment.tensors
        )
        return Fragment((*tensors, *self.tensors), (*self.before, *part.fragment.nodes, *self.after))

    def _fetch(self, read: View, source: Tensor, own: Tensor) -> None:
        self.before.append(copied(f"{own.name}.fetch", read, source, own))
        self.filled.add(own.name)

    def _stored(self, pool: Tensor, left: Result, name: str) -> None:
        """Keep a result in a pool, whose row for it any one stands for."""
        self.tensors.append(pool)
        self.after.append(copied(name, left.view, left.tensor, pool, _row(pool)))

    def _hear(self, own: Tensor) -> None:
        """Something else from outside in each run."""
        times = prod(count for _, count in self.loops)
        every = replace(own, name=heard_in_all(own.name), shape=(times, own.elements))
        start, inner_runs = Affine(), times
        for loop, count in self.loops:
            inner_runs //= count
            start += Affine(terms=((loop, inner_runs),))
        self.tensors.append(every)
        self._fetch(View(tensor=every.name, windows=(Window(axis=0, start=start, count=1),)), every, own)

    def _keep_state(self, own: Tensor, result: str) -> None:
        """What a result was the last time it ran, of the hypothesis that it goes on with."""
        left = self.part.result(result)
        if left.elements != own.elements:
            law = f"has {left.elements} numbers, the input that it becomes {own.elements}"
            raise InvalidValue(f"stages.{self.part.stage.name}.states", result, law)
        pool = replace(own, name=kept_of(own.name), shape=(2 * self.hypotheses or 1, own.elements), role=Role.STATE)
        self._stored(pool, left, f"{own.name}.keep")
        self._fetch(_row(pool), pool, own)

    def _read(self, name: str, own: Tensor, source: str) -> None:
        """The last symbol, a whole result, or one row of it."""
        place = f"stages.{self.part.stage.name}.reads.{name}"
        if source == SYMBOL:
            assert self.symbol is not None
            if own.precision is not Precision.INT32 or own.elements != 1:
                raise InvalidValue(place, source, "is one whole number, which this input is not")
            self._fetch(View(tensor=self.symbol), own, own)
            return
        maker, _, result = source.partition(".")
        whole = self.parts[maker].result(result)
        if maker == PREDICTOR and self.hypotheses:
            pool = _pool_of(whole, self.hypotheses)
            rows = own.elements // whole.elements
            if own.elements % whole.elements or rows not in (1, self.hypotheses):
                law = f"has {whole.elements} numbers; this input takes {own.elements}: one hypothesis's, or all of them"
                raise InvalidValue(place, source, law)
            one = window(0, loop=HYPOTHESES) if rows == 1 < self.hypotheses else window(0, count=rows)
            self._fetch(View(tensor=pool.name, windows=(one,)), pool, own)
            return
        if whole.elements == own.elements:
            self._fetch(whole.view, whole.tensor, own)
            return
        self._fetch(self._row_of(whole, own, place, source), whole.tensor, own)

    def _row_of(self, whole: Result, own: Tensor, place: str, source: str) -> View:
        """The row of a larger result that this run reads: the next one, in a search as far as there are any."""
        rows, runs, found = whole.rows(own), self.part.stage.runs, None
        if self.symbol is not None and self.part.stage.name == PREDICTOR:
            raise InvalidValue(place, source, "is larger than this input; a predictor runs for symbols, not for rows")
        if rows is not None and rows[1] < runs:
            raise InvalidValue(place, source, f"has {rows[1]} rows, one for each run; the stage runs {runs} times")
        if rows is not None:
            index = Affine() if self.along is None else Affine(terms=((self.along, 1),))
            found = whole.row(rows[0], index, wraps=self.symbol is not None)
        if found is None:
            law = f"has the shape {list(whole.shape)}; this input takes {own.elements} numbers, which are no row of it"
            raise InvalidValue(place, source, law)
        return found

    def _pooled(self) -> list[Result]:
        """The results of the predictor that the joiner reads."""
        sources = {source for _, source in self.parts[JOINER].stage.reads}
        return [self.part.result(name) for name in self.part.results if f"{PREDICTOR}.{name}" in sources]


def heard_in_all(name: str) -> str:
    """The tensor that holds what an input hears in all runs."""
    return f"{name}.every"


def kept_of(name: str) -> str:
    """The tensor that keeps a state from run to run."""
    return f"{name}.kept"


def _pool_of(left: Result, hypotheses: int) -> Tensor:
    """Results for all prefixes that are kept."""
    name = f"{left.tensor.name}.pool"
    return replace(left.tensor, name=name, shape=(2 * hypotheses, left.elements), role=Role.STATE)


def _row(pool: Tensor) -> View:
    return View(tensor=pool.name, windows=(Window(axis=0, start=Affine(), count=1),))


def copied(name: str, read: View, source: Tensor, target: Tensor, write: View | None = None) -> Node:
    """A copy, which changes formats where they differ."""
    write = View(tensor=target.name) if write is None else write
    if Precision.INT32 in (source.precision, target.precision):
        return Move(name=name, read=read, write=write)
    (node,) = chain(name, {"x": read}, (step("out", Function.REQUANTIZE, "x"),), {"out": write}).nodes
    return node

"""The program of several model files: each under the name of its stage, its inputs wired, in loops and in a search."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod

from hwsim.errors import InvalidValue
from hwsim.ir.nodes import Node
from hwsim.ir.ops import Function, Move, Reduce, Reduction
from hwsim.ir.program import Program
from hwsim.ir.renaming import renamed
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import Affine, Share, View, Window, window
from hwsim.models.beam import HYPOTHESES, NEW_SYMBOL, around
from hwsim.models.decoding import CHUNKS, BeamSearch, Greedy, Speech, predictions_in_piece, steps_in_piece, symbols_in
from hwsim.models.fragment import Fragment, chain, indices, step, tensor
from hwsim.models.staged import JOINER, PREDICTOR, SYMBOL, Models, Stage
from hwsim.quantities.precision import Precision


@dataclass(frozen=True, slots=True)
class Part:
    """A stage as ops and tensors, and the tensors of its inputs and results by their names in the file."""

    stage: Stage
    fragment: Fragment
    inputs: Mapping[str, str]
    results: Mapping[str, str]

    def tensor(self, name: str) -> Tensor:
        """A tensor of the stage."""
        return next(one for one in self.fragment.tensors if one.name == name)


def part_of_program(stage: Stage, program: Program, inputs: Mapping[str, str], results: Mapping[str, str]) -> Part:
    """A model's program with the name of its stage before all of its own names."""

    def named(name: str) -> str:
        return f"{stage.name}.{name}"

    inside = renamed(program, named)
    return Part(
        stage,
        Fragment(inside.tensors, inside.body),
        {name: named(inner) for name, inner in inputs.items()},
        {name: named(inner) for name, inner in results.items()},
    )


def together(recipe: Models, parts: Mapping[str, Part]) -> Program:
    """The program of all stages."""
    for part in parts.values():
        _check_names(part, parts)
    searched = () if recipe.decoding is None else (PREDICTOR, JOINER)
    chunked, whole = recipe.chunk is not None, Fragment()
    for stage in recipe.stages:
        if stage.name in searched:
            continue
        loop = f"{stage.name}.runs" if stage.runs > 1 else None
        loops = (*(((CHUNKS, recipe.chunks),) if chunked else ()), *(((loop, stage.runs),) if loop else ()))
        wired = _Wiring(parts[stage.name], parts, loops=loops).wired()
        whole += wired if loop is None else wired.looped(loop, stage.runs)
    if recipe.decoding is not None:
        whole += _searched(recipe, recipe.decoding, parts)
    return (whole.looped(CHUNKS, recipe.chunks) if chunked else whole).program(recipe.name)


def _check_names(part: Part, parts: Mapping[str, Part]) -> None:
    """Refuse inputs and results that a file has not."""
    for name in (*dict(part.stage.reads), *dict(part.stage.states)):
        _known(part, name, part.inputs, "input")
    for _, result in part.stage.states:
        _known(part, result, part.results, "result")
    for _, source in part.stage.reads:
        if source != SYMBOL:
            maker, _, result = source.partition(".")
            _known(parts[maker], result, parts[maker].results, "result")


def _known(part: Part, name: str, known: Mapping[str, str], what: str) -> None:
    if name not in known:
        law = f"is no {what} of {part.stage.file}; known: {', '.join(known) or 'none'}"
        raise InvalidValue(f"stages.{part.stage.name}", name, law)


@dataclass(slots=True, eq=False)
class _Wiring:
    """A stage on its way into a program: it fetches its inputs, runs, and keeps its states.

    `loops` are those around it, each run of which hears something else. In a search there is a last `symbol`, and
    so many `hypotheses` have a row each in what is kept: it reads one, all, or each in turn in a loop over them.
    """

    part: Part
    parts: Mapping[str, Part]
    loops: tuple[tuple[str, int], ...] = ()
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
            for made in self._pooled():
                left = part.tensor(made)
                self._stored(_pool_of(left, self.hypotheses), left, f"{made}.keep")
        tensors = tuple(
            replace(one, role=Role.ACTIVATION) if one.name in self.filled else one for one in part.fragment.tensors
        )
        return Fragment((*tensors, *self.tensors), (*self.before, *part.fragment.nodes, *self.after))

    def _fetch(self, read: View, source: Tensor, own: Tensor) -> None:
        self.before.append(_copied(f"{own.name}.fetch", read, source, own))
        self.filled.add(own.name)

    def _stored(self, pool: Tensor, left: Tensor, name: str) -> None:
        """Keep a result in a pool, whose row for it any one stands for."""
        self.tensors.append(pool)
        self.after.append(_copied(name, View(tensor=left.name), left, pool, _row(pool)))

    def _hear(self, own: Tensor) -> None:
        """Something else from outside in each run."""
        times = prod(count for _, count in self.loops)
        every = replace(own, name=f"{own.name}.every", shape=(times, own.elements))
        start, inner_runs = Affine(), times
        for loop, count in self.loops:
            inner_runs //= count
            start += Affine(terms=((loop, inner_runs),))
        self.tensors.append(every)
        self._fetch(View(tensor=every.name, windows=(Window(axis=0, start=start, count=1),)), every, own)

    def _keep_state(self, own: Tensor, result: str) -> None:
        """What a result was the last time it ran, of the hypothesis that it goes on with."""
        left = self.part.tensor(self.part.results[result])
        if left.elements != own.elements:
            law = f"has {left.elements} numbers, the input that it becomes {own.elements}"
            raise InvalidValue(f"stages.{self.part.stage.name}.states", result, law)
        pool = replace(own, name=f"{own.name}.kept", shape=(2 * self.hypotheses or 1, own.elements), role=Role.STATE)
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
        whole = self.parts[maker].tensor(self.parts[maker].results[result])
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
            self._fetch(View(tensor=whole.name), whole, own)
            return
        axis = _rows(whole, own)
        if axis is None:
            law = f"has the shape {list(whole.shape)}; this input takes {own.elements} numbers, which are no row of it"
            raise InvalidValue(place, source, law)
        self._fetch(View(tensor=whole.name, windows=(Window(axis=axis, start=Affine(), count=1),)), whole, own)

    def _pooled(self) -> list[str]:
        """The results of the predictor that the joiner reads."""
        sources = {source for _, source in self.parts[JOINER].stage.reads}
        return [made for name, made in self.part.results.items() if f"{PREDICTOR}.{name}" in sources]


def _pool_of(left: Tensor, hypotheses: int) -> Tensor:
    """Results for all prefixes that are kept."""
    return replace(left, name=f"{left.name}.pool", shape=(2 * hypotheses, left.elements), role=Role.STATE)


def _row(pool: Tensor) -> View:
    return View(tensor=pool.name, windows=(Window(axis=0, start=Affine(), count=1),))


def _rows(whole: Tensor, row: Tensor) -> int | None:
    """The axis of a result along which an input takes one entry after another."""
    for axis, size in enumerate(whole.shape):
        if size > 1 and whole.elements == size * row.elements:
            return axis
    return None


def _copied(name: str, read: View, source: Tensor, target: Tensor, write: View | None = None) -> Node:
    """A copy, which changes formats where they differ."""
    write = View(tensor=target.name) if write is None else write
    if Precision.INT32 in (source.precision, target.precision):
        return Move(name=name, read=read, write=write)
    (node,) = chain(name, {"x": read}, (step("out", Function.REQUANTIZE, "x"),), {"out": write}).nodes
    return node


def _searched(recipe: Models, search: Greedy | BeamSearch, parts: Mapping[str, Part]) -> Fragment:
    """Predictor and joiner as often as the search runs them, and what it does itself."""
    speech = Speech(frames_of(parts), recipe.chunks, symbols_in(search, recipe.audio))
    name = next(iter(parts[JOINER].results.values()))
    scores = parts[JOINER].tensor(name)
    if isinstance(search, Greedy):
        return _greedy(search, speech, scores, parts)
    outputs, rows = scores.shape[-1], prod(scores.shape[:-1])
    if rows not in (1, search.beam):
        law = f"are {rows} rows of scores; a joiner scores one hypothesis, or all {search.beam}"
        raise InvalidValue("stages.joiner", list(scores.shape), law)
    batched = rows == search.beam
    target = tensor("joint.scores", (1, search.beam, outputs))
    into = View(tensor=target.name, windows=() if batched else (window(1, loop=HYPOTHESES),))
    taken = _copied("search.take", View(tensor=scores.name), scores, target, into)
    evaluated, predicted = (
        _Wiring(parts[stage], parts, symbol=NEW_SYMBOL.tensor, hypotheses=search.beam).wired()
        for stage in (JOINER, PREDICTOR)
    )
    search = replace(search, batch_prediction=False, batch_joint=batched)
    return around(search, speech, outputs, predicted, evaluated + Fragment(nodes=(taken,)))


def _greedy(search: Greedy, speech: Speech, scores: Tensor, parts: Mapping[str, Part]) -> Fragment:
    """The best output at each evaluation."""
    last, place = indices("search.symbol", (1, 1), Role.STATE), indices("search.frame", (1, 1), Role.STATE)
    row = tensor("search.scores", (1, scores.elements))
    views = {"symbol": View(tensor=last.name), "frame": View(tensor=place.name)}
    choose = Reduce(name="search.choose", reduction=Reduction.ARGMAX, read=View(tensor=row.name), write=views["symbol"])
    evaluated, predicted = (_Wiring(parts[stage], parts, symbol=last.name).wired() for stage in (JOINER, PREDICTOR))
    evaluated += Fragment((row,), (_copied("search.take", View(tensor=scores.name), scores, row), choose))
    # On blank, which is output 0, the frame moves on: one comparison, one addition.
    steps = (step("is blank", Function.EQUAL, "symbol", "blank"), step("next", Function.ADD, "frame", "is blank"))
    evaluated += chain("search.advance", views, steps, {"next": views["frame"]}, {"blank": 0.0})
    runs = predictions_in_piece(search, speech)
    if isinstance(runs, Share) and runs.least == 0:
        # A chunk without a symbol reads the prediction that is there.
        made = set(parts[PREDICTOR].results.values())
        kept = tuple(replace(one, role=Role.STATE) if one.name in made else one for one in predicted.tensors)
        predicted = replace(predicted, tensors=kept)
    return (
        Fragment((last, place))
        + predicted.looped("search.symbols", runs)
        + evaluated.looped("search.evaluations", steps_in_piece(search, speech))
    )


def frames_of(parts: Mapping[str, Part]) -> int:
    """How many rows of an encoder's result the joiner takes, one after another."""
    joiner = parts[JOINER]
    for name, source in joiner.stage.reads:
        maker, _, result = source.partition(".")
        if source == SYMBOL or maker == PREDICTOR:
            continue
        whole = parts[maker].tensor(parts[maker].results[result])
        axis = _rows(whole, joiner.tensor(joiner.inputs[name]))
        return 1 if axis is None else whole.shape[axis]
    law = "names no result of an encoder, so that nobody knows how many frames the search goes through"
    raise InvalidValue("stages.joiner.reads", ", ".join(dict(joiner.stage.reads)) or "nothing", law)

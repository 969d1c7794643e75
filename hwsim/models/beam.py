"""Beam search of a transducer, whose hypotheses are scored and sorted; `search` builds it or the greedy search.

What depends on the prefix alone (prediction network, language models) is computed for new prefixes and kept in pools,
which are rings: the last 2 · beam prefixes of each utterance. The joint network runs for every hypothesis. The tree
counts this work op by op; how many prefixes are new in a step it declares, and does not decide: it spreads them over
the steps. A step without a new prefix runs neither prediction network nor language models.
"""

from dataclasses import replace

from hwsim.dataclass import dataclass
from hwsim.ir.ops import Function, Move, Reduce, Reduction
from hwsim.ir.tensor import BeamLoop, FormatOf, Role, Tensor
from hwsim.ir.view import Affine, Share, View, Window, spread, window
from hwsim.models.decoding import BeamSearch, Greedy, LstmLm, Speech, TimeSynchronous, new_prefixes, steps_in_piece
from hwsim.models.fragment import Fragment, chain, gathered, indices, step, tensor, with_rows
from hwsim.models.greedy import greedy_search
from hwsim.models.transducer import EncoderOutput, LstmState, Transducer, cell_format, lm_step, log_softmax
from hwsim.quantities.precision import Purpose

STEPS, PREFIXES, HYPOTHESES = "search.steps", "search.prefixes", "search.hypotheses"
SOURCE_LM, EXTERNAL_LM = "source_lm", "external_lm"
SYMBOL, FRAME, PREFIX, NEW = (View(tensor=f"search.{what}") for what in ("symbol", "frame", "prefix", "new"))
NEW_SYMBOL, SCORE, TOTAL = (View(tensor=f"search.{what}") for what in ("new_symbol", "score", "total"))
LAST, GATHER = "search.last", "search.gather"
SUMMED = FormatOf(op="joint.output", purpose=Purpose.BIAS)
"""Sums of log probabilities are kept in the format of biases, the widest one."""


def beam_search(net: Transducer, search: BeamSearch, encoded: EncoderOutput) -> Fragment:
    """All steps of the search."""
    projection, table, frame_size = net.table(encoded)
    new = new_prefixes(search, encoded.speech, net.batch, STEPS)
    sizes = _Sizes(net.batch, search.beam, new, net.joint.outputs)
    survivors = _survivors(sizes, _places(search, sizes))
    search_step = (
        _new_prefixes(net, search, sizes)
        + _expansions(net, search, sizes, table, frame_size)
        + _total(search, sizes)
        + survivors
    )
    steered = BeamLoop(
        steps=STEPS,
        symbol=NEW_SYMBOL.tensor,
        frame=FRAME.tensor,
        score=SCORE.tensor,
        total=TOTAL.tensor,
        frames_first=encoded.frames_first,
        expansions=search.expansions if isinstance(search, TimeSynchronous) else None,
        books=(LAST, GATHER, *(node.name for node in survivors.nodes)),
        blankless=tuple(_recalled(name) for name in _models(search)),
    )
    carried = replace(_carried(net, search, sizes), search=steered)
    return projection + carried + search_step.looped(STEPS, steps_in_piece(search, encoded.speech))


def around(search: BeamSearch, speech: Speech, outputs: int, predicted: Fragment, evaluated: Fragment) -> Fragment:
    """All steps of a search of one utterance around two networks that are there: one for each new prefix, which reads
    `NEW_SYMBOL`, and one for each hypothesis, or for all of them, which leaves `joint.scores`."""
    new = new_prefixes(search, speech, 1, STEPS)
    sizes = _Sizes(1, search.beam, new, outputs)
    shape = (1, search.beam, 1)
    carried = [indices(view.tensor, shape, Role.STATE) for view in (SYMBOL, FRAME, PREFIX)]
    carried.append(indices(NEW.tensor, (_places(search, sizes), 1), Role.STATE))
    carried.append(tensor(SCORE.tensor, shape, Role.STATE, SUMMED))
    scores = tensor("joint.scores", (1, search.beam, outputs))
    index = replace(NEW, windows=(window(0, loop=PREFIXES, count=1),))
    fetched = Fragment((indices(NEW_SYMBOL.tensor, (1, 1)),)) + gathered(LAST, SYMBOL, index, NEW_SYMBOL)
    expansions = evaluated if search.batch_joint else evaluated.looped(HYPOTHESES, search.beam)
    whole = (
        (fetched + predicted).looped(PREFIXES, spread(new))
        + expansions
        + _total(search, sizes)
        + _survivors(sizes, _places(search, sizes))
    )
    return Fragment((*carried, scores)) + whole.looped(STEPS, steps_in_piece(search, speech))


@dataclass(frozen=True, slots=True)
class _Sizes:
    batch: int
    beam: int
    new: Share  # prefixes that are new in a step: of all utterances, or, one hypothesis after another, of each of them
    outputs: int

    @property
    def alive(self) -> int:
        """Hypotheses of all utterances."""
        return self.batch * self.beam

    @property
    def pool_rows(self) -> int:
        return 2 * self.alive


def _recalled(name: str) -> str:
    """The scores of a language model for all hypotheses."""
    return f"{name}.scores"


def _models(search: BeamSearch) -> dict[str, LstmLm]:
    fusion = search.fusion
    return {} if fusion is None else {SOURCE_LM: fusion.source, EXTERNAL_LM: fusion.external}


def _pool(name: str, size: int, sizes: _Sizes) -> Tensor:
    """Rows of that size for all prefixes that are kept."""
    return tensor(f"{name}.pool", (sizes.pool_rows, size), Role.STATE)


def _carried(net: Transducer, search: BeamSearch, sizes: _Sizes) -> Fragment:
    """The state that goes from step to step: last symbol, frame, prefix and score of each hypothesis; and the pools."""
    shape = (sizes.batch, sizes.beam, 1)
    carried = [indices(view.tensor, shape, Role.STATE) for view in (SYMBOL, FRAME, PREFIX)]
    carried.append(indices(NEW.tensor, (sizes.batch * _places(search, sizes), 1), Role.STATE))
    carried.append(tensor(SCORE.tensor, shape, Role.STATE, SUMMED))
    carried.append(_pool("prediction", net.predicted_size, sizes))
    carried += [_pool(name, sizes.outputs, sizes) for name in _models(search)]
    return Fragment(tuple(carried))


def _places(search: BeamSearch, sizes: _Sizes) -> int:
    """New prefixes of one utterance for which there is room."""
    return -(-sizes.new.most // sizes.batch) if search.batch_prediction else sizes.new.most


def _new_prefixes(net: Transducer, search: BeamSearch, sizes: _Sizes) -> Fragment:
    """Prediction network and language models for the new prefixes, together or one hypothesis after another."""
    together, new, batch = search.batch_prediction, sizes.new, sizes.batch
    count = spread(new) if together else batch
    rows = new.most if together else batch
    # New prefixes follow one another in a pool, which begins again at its end.
    if together:
        start, index = Affine(shares=((new, 1),)), replace(NEW, windows=(window(0, count=count),))
    else:
        start = Affine(terms=((PREFIXES, batch),), shares=((new, batch),))
        index = replace(NEW, windows=(window(0, loop=PREFIXES, count=batch),))
    place = Window(axis=0, start=start, count=count, wraps=True)

    symbols = indices(NEW_SYMBOL.tensor, (rows, 1))
    part = Fragment((symbols,)) + gathered(LAST, SYMBOL, index, NEW_SYMBOL)
    cells, layers = net.prediction.cells, net.prediction.layers
    states, memories = _memories("prediction", layers, cells, rows, sizes, index, place)
    part += states + net.predict(NEW_SYMBOL, rows, memories, View(tensor="prediction.pool", windows=(place,)))
    for name, lm in _models(search).items():
        states, memories = _memories(name, lm.layers, lm.cells, rows, sizes, index, place)
        scores = View(tensor=f"{name}.pool", windows=(place,))
        part += states + lm_step(name, lm, sizes.outputs, NEW_SYMBOL, rows, memories, scores)
    if not together:
        return part.looped(PREFIXES, spread(new))
    return with_rows(part, count) if isinstance(count, Share) else part


def _memories(
    name: str, layers: int, cells: int, rows: int, sizes: _Sizes, index: View, place: Window
) -> tuple[Fragment, tuple[LstmState, ...]]:
    """The states of the prefixes that are extended, fetched from pools; new states go to the pools."""
    part, memories = Fragment(), []
    for layer in range(layers):
        views: list[View] = []
        for what, format_of in (("hidden", None), ("cell", cell_format(f"{name}.{layer}"))):
            pool = tensor(f"{name}.{layer}.{what}", (sizes.pool_rows, cells), Role.STATE, format_of)
            before = tensor(f"{name}.{layer}.{what}.before", (rows, cells))
            fetched = View(tensor=before.name)
            part += Fragment((pool, before))
            part += gathered(f"{name}.{layer}.{what}.fetch", View(tensor=pool.name), index, fetched)
            views += [fetched, View(tensor=pool.name, windows=(place,))]
        hidden, new_hidden, cell, new_cell = views
        memories.append(LstmState(hidden, cell, new_hidden, new_cell))
    return part, tuple(memories)


def _expansions(net: Transducer, search: BeamSearch, sizes: _Sizes, table: View, frame_size: int) -> Fragment:
    """The joint network for all hypotheses, together or one after another."""
    together = search.batch_joint
    rows = sizes.alive if together else sizes.batch
    windows = () if together else (window(1, loop=HYPOTHESES),)
    scores = tensor("joint.scores", (sizes.batch, sizes.beam, sizes.outputs))
    inputs, frame, predicted = net.inputs(rows, frame_size)
    part = (
        inputs
        + gathered("joint.fetch", table, replace(FRAME, windows=windows), frame)
        + gathered("joint.recall", View(tensor="prediction.pool"), replace(PREFIX, windows=windows), predicted)
        + net.evaluate(frame, predicted, frame_size, rows, View(tensor=scores.name, windows=windows))
    )
    return Fragment((scores,)) + (part if together else part.looped(HYPOTHESES, sizes.beam))


def _total(search: BeamSearch, sizes: _Sizes) -> Fragment:
    """The score of each hypothesis with each output, language models added; makes `search.candidates`."""
    shape = (sizes.alive, sizes.outputs)
    logs = tensor("search.logs", shape)
    total = tensor(TOTAL.tensor, shape, format_of=SUMMED)
    candidates = tensor("search.candidates", (sizes.batch, sizes.beam * sizes.outputs, 1), format_of=SUMMED)
    part = Fragment((logs, total, candidates))
    part += log_softmax("search.normalise", View(tensor="joint.scores"), View(tensor=logs.name))
    # Seen with hypotheses along rows, the score so far is one row that all outputs share.
    turned = (1, 0)
    reads = {"log": View(tensor=logs.name, order=turned), "so far": replace(SCORE, order=(2, 0, 1))}
    steps = [step("sum", Function.ADD, "log", "so far")]
    constants = {}
    fusion = search.fusion
    if fusion is not None:
        for name, weight, combine in (
            (SOURCE_LM, fusion.source_weight, Function.SUB),
            (EXTERNAL_LM, fusion.external_weight, Function.ADD),
        ):
            recalled = tensor(_recalled(name), shape)
            view = View(tensor=recalled.name)
            part += Fragment((recalled,)) + gathered(f"{name}.recall", View(tensor=f"{name}.pool"), PREFIX, view)
            reads[name], constants[f"weight {name}"] = replace(view, order=turned), weight
            before = steps[-1].result
            steps.append(step(f"weighted {name}", Function.MUL, name, f"weight {name}"))
            steps.append(step(f"with {name}", combine, before, f"weighted {name}"))
    steps.append(step("out", Function.REQUANTIZE, steps[-1].result))
    write = replace(TOTAL, order=turned)
    part += chain("search.combine", reads, tuple(steps), {"out": write}, constants)
    gather = Move(name=GATHER, read=TOTAL, write=View(tensor=candidates.name))
    return part + Fragment(nodes=(gather,))


def _survivors(sizes: _Sizes, places: int) -> Fragment:
    """The best candidates, the hypothesis and the output of each, and the places of those that may be new."""
    many = sizes.batch * sizes.beam * sizes.outputs
    shape = (sizes.batch, sizes.beam, 1)
    choice, place, parent, frame, prefix = (
        indices(f"search.{what}", shape) for what in ("choice", "place", "parent", "frame.before", "prefix.before")
    )
    # Constant tables: where the candidates of an utterance begin, and what a candidate's place means.
    first = indices("search.first", shape, Role.INPUT)
    parents, symbols = (indices(f"search.{what}_of_place", (many, 1), Role.INPUT) for what in ("parent", "symbol"))
    at, candidates = View(tensor=place.name), View(tensor="search.candidates")
    choose = Reduce(
        name="search.choose",
        reduction=Reduction.TOP,
        read=candidates,
        write=View(tensor=choice.name),
        axis=-2,
        count=sizes.beam,
    )
    renew = Reduce(name="search.renew", reduction=Reduction.TOP, read=SYMBOL, write=NEW, axis=-2, count=places)
    # On blank, which is output 0, the frame moves on and the prefix stays.
    steps = (
        step("is blank", Function.EQUAL, "symbol", "blank"),
        step("next", Function.ADD, "frame", "is blank"),
        step("kept", Function.MUL, "prefix", "is blank"),
    )
    return (
        Fragment((choice, place, parent, frame, prefix, first, parents, symbols), (choose,))
        + chain(
            "search.locate",
            {"choice": View(tensor=choice.name), "first": View(tensor=first.name)},
            (step("place", Function.ADD, "choice", "first"),),
            {"place": at},
        )
        + gathered("search.parents", View(tensor=parents.name), at, View(tensor=parent.name))
        + gathered("search.symbols", View(tensor=symbols.name), at, SYMBOL)
        + gathered("search.scores", candidates, at, SCORE)
        + gathered("search.frames", FRAME, View(tensor=parent.name), View(tensor=frame.name))
        + gathered("search.prefixes", PREFIX, View(tensor=parent.name), View(tensor=prefix.name))
        + chain(
            "search.advance",
            {"symbol": SYMBOL, "frame": View(tensor=frame.name), "prefix": View(tensor=prefix.name)},
            steps,
            {"next": FRAME, "kept": PREFIX},
            {"blank": 0.0},
        )
        + Fragment(nodes=(renew,))
    )


def search(net: Transducer, decoding: Greedy | BeamSearch, encoded: EncoderOutput) -> Fragment:
    """The search that a decoding asks for: greedy, or with a beam."""
    return (
        greedy_search(net, decoding, encoded) if isinstance(decoding, Greedy) else beam_search(net, decoding, encoded)
    )

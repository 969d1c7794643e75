"""The search around a predictor and a joiner of somebody else: how often they run, and what it does itself."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from hwsim.errors import InvalidValue
from hwsim.ir.ops import Function, Reduce, Reduction
from hwsim.ir.tensor import GreedyLoops, Role
from hwsim.ir.view import Share, View, window
from hwsim.models.beam import HYPOTHESES, NEW_SYMBOL, around
from hwsim.models.decoding import BeamSearch, Greedy, Speech, predictions_in_piece, steps_in_piece, symbols_in
from hwsim.models.fragment import Fragment, chain, indices, step, tensor
from hwsim.models.stage_parts import Part, Result
from hwsim.models.stage_wiring import Wiring, copied
from hwsim.models.staged import JOINER, PREDICTOR, SYMBOL, Models

PREDICTIONS, EVALUATIONS = "search.symbols", "search.evaluations"


def searched(recipe: Models, search: Greedy | BeamSearch, parts: Mapping[str, Part]) -> Fragment:
    """Predictor and joiner as often as the search runs them, and what it does itself."""
    speech = Speech(frames_of(parts), recipe.chunks, symbols_in(search, recipe.audio))
    scores = parts[JOINER].result(next(iter(parts[JOINER].results)))
    if isinstance(search, Greedy):
        return _greedy(recipe, search, speech, scores, parts)
    outputs, rows = scores.shape[-1], prod(scores.shape[:-1])
    if rows not in (1, search.beam):
        law = f"are {rows} rows of scores; a joiner scores one hypothesis, or all {search.beam}"
        raise InvalidValue("stages.joiner", list(scores.shape), law)
    batched = rows == search.beam
    target = tensor("joint.scores", (1, search.beam, outputs))
    into = View(tensor=target.name, windows=() if batched else (window(1, loop=HYPOTHESES),))
    taken = copied("search.take", scores.view, scores.tensor, target, into)
    evaluated, predicted = (
        Wiring(parts[stage], parts, symbol=NEW_SYMBOL.tensor, hypotheses=search.beam).wired()
        for stage in (JOINER, PREDICTOR)
    )
    search = replace(search, batch_prediction=False, batch_joint=batched)
    return around(search, speech, outputs, predicted, evaluated + Fragment(nodes=(taken,)))


def _greedy(
    recipe: Models, search: Greedy, speech: Speech, scores: Result, parts: Mapping[str, Part]
) -> Fragment:  # fmt: skip
    """The best output at each evaluation; the joiner reads the frame at which the search stands."""
    if recipe.blank >= scores.elements:
        raise InvalidValue("blank", recipe.blank, f"is no output of the joiner, which has {scores.elements}")
    last, place = indices("search.symbol", (1, 1), Role.STATE), indices("search.frame", (1, 1), Role.STATE)
    row = tensor("search.scores", (1, scores.elements))
    views = {"symbol": View(tensor=last.name), "frame": View(tensor=place.name)}
    choose = Reduce(name="search.choose", reduction=Reduction.ARGMAX, read=View(tensor=row.name), write=views["symbol"])
    predicted = Wiring(parts[PREDICTOR], parts, symbol=last.name).wired()
    evaluated = Wiring(parts[JOINER], parts, along=EVALUATIONS, symbol=last.name).wired()
    evaluated += Fragment((row,), (copied("search.take", scores.view, scores.tensor, row), choose))
    # On blank the frame moves on: one comparison, one addition.
    steps = (step("is blank", Function.EQUAL, "symbol", "blank"), step("next", Function.ADD, "frame", "is blank"))
    evaluated += chain("search.advance", views, steps, {"next": views["frame"]}, {"blank": float(recipe.blank)})
    runs = predictions_in_piece(search, speech)
    if isinstance(runs, Share) and runs.least == 0:
        # A chunk without a symbol reads the prediction that is there.
        made = {view.tensor for view in parts[PREDICTOR].results.values()}
        kept = tuple(replace(one, role=Role.STATE) if one.name in made else one for one in predicted.tensors)
        predicted = replace(predicted, tensors=kept)
    steered = GreedyLoops(
        predictions=PREDICTIONS,
        evaluations=EVALUATIONS,
        symbol=last.name,
        frame=place.name,
        frames_first=False,
        frames=speech.frames,
        blank=recipe.blank,
    )
    return (
        Fragment((last, place), search=steered)
        + predicted.looped(PREDICTIONS, runs)
        + evaluated.looped(EVALUATIONS, steps_in_piece(search, speech))
    )


def frames_of(parts: Mapping[str, Part]) -> int:
    """How many rows of an encoder's result the joiner takes, one after another."""
    joiner = parts[JOINER]
    for name, source in joiner.stage.reads:
        maker, _, result = source.partition(".")
        if source == SYMBOL or maker == PREDICTOR:
            continue
        rows = parts[maker].result(result).rows(joiner.tensor(joiner.inputs[name]))
        return 1 if rows is None else rows[1]
    law = "names no result of an encoder, so that nobody knows how many frames the search goes through"
    raise InvalidValue("stages.joiner.reads", ", ".join(dict(joiner.stage.reads)) or "nothing", law)

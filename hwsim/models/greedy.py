"""Greedy search: the joint network once for each frame and once for each symbol, the best output each time.

The prediction network runs at the start and after each symbol. The tree counts these runs; it does not interleave them
as a search would. In a stream the symbols of the utterance are spread over its chunks: one without a symbol reads the
prediction that is there.
"""

from hwsim.ir.ops import Function, Reduce, Reduction
from hwsim.ir.tensor import GreedyLoops, Role
from hwsim.ir.view import Share, View
from hwsim.models.decoding import Greedy, predictions_in_piece, steps_in_piece
from hwsim.models.fragment import Fragment, chain, gathered, indices, step, tensor
from hwsim.models.transducer import EncoderOutput, Transducer


def greedy_search(net: Transducer, search: Greedy, encoded: EncoderOutput) -> Fragment:
    """Prediction and joint network as often as frames and symbols ask for."""
    rows = net.batch
    projection, table, frame_size = net.table(encoded)
    predictions, evaluations = (of(search, encoded.speech) for of in (predictions_in_piece, steps_in_piece))
    kept = isinstance(predictions, Share) and predictions.least == 0
    inputs, frame_row, predicted = net.inputs(rows, frame_size, Role.STATE if kept else Role.ACTIVATION)
    symbol = indices("search.symbol", (rows, 1), Role.STATE)
    frame = indices("search.frame", (rows, 1), Role.STATE)
    scores = tensor("joint.scores", (rows, net.joint.outputs))
    last, place = View(tensor=symbol.name), View(tensor=frame.name)

    prediction = net.predict(last, rows, (None,) * net.prediction.layers, predicted)
    evaluation = gathered("joint.fetch", table, place, frame_row)
    evaluation += net.evaluate(frame_row, predicted, frame_size, rows, View(tensor=scores.name))
    choose = Reduce(name="search.choose", reduction=Reduction.ARGMAX, read=View(tensor=scores.name), write=last)
    # On blank, which is output 0, the frame moves on: one comparison, one addition.
    steps = (step("is blank", Function.EQUAL, "symbol", "blank"), step("next", Function.ADD, "frame", "is blank"))
    advance = chain("search.advance", {"symbol": last, "frame": place}, steps, {"next": place}, {"blank": 0.0})
    evaluation += Fragment(nodes=(choose,)) + advance

    steered = GreedyLoops(
        predictions="search.symbols",
        evaluations="search.evaluations",
        symbol=symbol.name,
        frame=frame.name,
        frames_first=encoded.frames_first,
    )
    return (
        projection
        + inputs
        + Fragment((symbol, frame, scores), search=steered)
        + prediction.looped(steered.predictions, predictions)
        + evaluation.looped(steered.evaluations, evaluations)
    )

"""One step of an LSTM language model: from a symbol to the log probabilities of the next one."""

from hwsim.ir.ops import Reduce, Reduction
from hwsim.ir.view import View
from hwsim.models.blocks.embedding import embedding
from hwsim.models.blocks.linear import linear
from hwsim.models.blocks.lstm import LstmState, lstm_layer_step
from hwsim.models.decoding import LstmLm
from hwsim.models.fragment import Fragment, tensor


def lstm_stack(
    name: str,
    x: View,
    inputs: int,
    rows: int,
    cells: int,
    memories: tuple[LstmState | None, ...],
    out: View,
) -> Fragment:
    """One step of stacked layers, one for each memory: x[rows, inputs] → a view of a tensor with rows of `cells`."""
    part, read, width = Fragment(), x, inputs
    for layer, memory in enumerate(memories):
        wanted = out
        if layer < len(memories) - 1:
            made = tensor(f"{name}.{layer}.out", (rows, cells))
            part, wanted = part + Fragment((made,)), View(tensor=made.name)
        part += lstm_layer_step(f"{name}.{layer}", read, width, rows, cells, wanted, memory)
        read, width = wanted, cells
    return part


def lm_step(
    name: str,
    lm: LstmLm,
    outputs: int,
    symbol: View,
    rows: int,
    memories: tuple[LstmState | None, ...],
    scores: View,
) -> Fragment:
    """symbol[rows] → scores[rows, outputs], logarithms of probabilities."""
    embedded = tensor(f"{name}.embedded", (rows, lm.embedding))
    hidden = tensor(f"{name}.out", (rows, lm.cells))
    logits = tensor(f"{name}.logits", (rows, outputs))
    x, h = View(tensor=embedded.name), View(tensor=hidden.name)
    return (
        Fragment((embedded, hidden))
        + embedding(f"{name}.embed", outputs, lm.embedding, symbol, x)
        + lstm_stack(name, x, lm.embedding, rows, lm.cells, memories, h)
        + linear(f"{name}.output", h, lm.cells, logits)
        + log_softmax(f"{name}.normalise", View(tensor=logits.name), scores)
    )


def log_softmax(name: str, read: View, write: View) -> Fragment:
    """Scores as logarithms of probabilities."""
    return Fragment(nodes=(Reduce(name=name, reduction=Reduction.LOG_SOFTMAX, read=read, write=write),))

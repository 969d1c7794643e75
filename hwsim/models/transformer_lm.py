"""A Transformer language model alone, whose cache of keys and values grows with each symbol."""

from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.program import Program
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import View, window
from hwsim.models.blocks.attention import Cache, Heads, attention, cache_tensors, so_far_in
from hwsim.models.blocks.residual import added, feed_forward, normalised
from hwsim.models.decoding import Layers, Size
from hwsim.models.fragment import Fragment, embedding, linear, positions_of, relu, residual, tensor
from hwsim.models.lstm_lm import FED, SYMBOLS, LanguageModel
from hwsim.models.transducer import log_softmax
from hwsim.quantities.fields import UTTERANCE
from hwsim.quantities.noun import Noun, Whole
from hwsim.quantities.plain_data import check_sources
from hwsim.quantities.precision import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerSizes(Noun):
    """Decoder layers with norms before attention and feed-forward; `context` is the longest sequence."""

    layers: Layers
    size: Size
    heads: Annotated[int, Whole(low=1, high=1024)]
    feed_forward: Size
    context: Annotated[int, Whole(low=1, high=8192)]

    def check(self) -> None:
        if self.size % self.heads:
            raise InvalidValue("heads", self.heads, f"must divide the size of {self.size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerLm(LanguageModel):
    """A workload file of kind `transformer_lm`; embedding and output layer have weights of their own."""

    kind: Literal["transformer_lm"] = "transformer_lm"
    model: TransformerSizes
    outputs: Size

    def check(self) -> None:
        check_sources(self, self.sources)
        if self.symbols > self.model.context:
            law = f"makes {self.symbols} symbols, more than the context of {self.model.context}; shorten it"
            raise InvalidValue("audio", UTTERANCE.written(self.audio), law)


def extract_transformer_lm(recipe: TransformerLm) -> Program:
    """One step for each symbol; at step i attention reads the keys and values of i + 1 symbols."""
    sizes, rows, length = recipe.model, recipe.batch, recipe.symbols
    heads = Heads(rows, sizes.heads, sizes.size // sizes.heads, 1, length)
    # The table is kept as weights are: the addition behind it can bring its rows to another format.
    narrow, wide = FormatOf(op="lm.embed", purpose=Purpose.WEIGHT), FormatOf(op="lm.output", purpose=Purpose.STATE)
    embedded = tensor("lm.embedded", (rows, 1, sizes.size), format_of=narrow)
    x = tensor("lm.in", embedded.shape, format_of=wide)
    symbol, positions = recipe.last_symbols(), positions_of("lm.positions", length, sizes.size)
    shared = Fragment((symbol, positions), search=FED)
    here = View(tensor=positions.name, windows=(window(0, loop=SYMBOLS),))
    symbol_step = Fragment((embedded, x))
    symbol_step += embedding(
        "lm.embed", recipe.outputs, sizes.size, View(tensor=symbol.name), View(tensor=embedded.name)
    )
    symbol_step += residual("lm.place", View(tensor=embedded.name), here, View(tensor=x.name))
    for layer in range(sizes.layers):
        name = f"lm.{layer}"
        caches = cache_tensors(f"{name}.attention", heads, length, Role.STATE)
        shared += Fragment(caches)
        x, attended = _attention(f"{name}.attention", x, heads, Cache.growing(*caches, SYMBOLS))
        x, fed = feed_forward(f"{name}.feed_forward", x, sizes.feed_forward, relu)
        symbol_step += attended + fed
    normed, norm = normalised("lm.norm", x)
    logits, scores = (tensor(f"lm.{n}", (rows, 1, recipe.outputs)) for n in ("logits", "scores"))
    symbol_step += norm + linear("lm.output", View(tensor=normed.name), sizes.size, logits) + Fragment((scores,))
    symbol_step += log_softmax("lm.normalise", View(tensor=logits.name), View(tensor=scores.name))
    return (shared + symbol_step.looped(SYMBOLS, length)).program(recipe.name)


def _attention(name: str, x: Tensor, heads: Heads, cache: Cache) -> tuple[Tensor, Fragment]:
    """x + attention(norm(x)) over all symbols so far."""
    normed, norm = normalised(f"{name}.norm", x)
    out = tensor(f"{name}.out", x.shape)
    attended = attention(name, View(tensor=normed.name), out, heads, cache, (so_far_in(SYMBOLS, axis=3),))
    result, add = added(f"{name}.add", x, out)
    return result, norm + attended + add

"""An LSTM language model alone: it scores symbol after symbol, for `batch` hypotheses at once."""

from fractions import Fraction
from math import ceil
from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.ir.lengths import Lengths
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, SymbolLoop, Tensor
from hwsim.ir.view import View
from hwsim.models.decoding import LstmLm, Size
from hwsim.models.fragment import Fragment, indices, tensor
from hwsim.models.transducer import lm_step
from hwsim.quantities.fields import PerSecond, Utterance
from hwsim.quantities.noun import Name, Noun, Remark, Whole
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import PrecisionPlan

SYMBOLS = "symbols"
FED = SymbolLoop(symbols=SYMBOLS, symbol="lm.symbol", table="lm.embed.table")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModel(Noun):
    """What workload files of language models have in common: `batch` hypotheses of one utterance."""

    name: Name
    audio: Utterance
    batch: Annotated[int, Whole(low=1, high=65_536)] = 1
    lengths: Lengths | None = None
    precision: Name | PrecisionPlan = "fp16"
    fold: bool = False
    symbols_per_second: PerSecond
    about: Remark | None = None
    sources: Sources = ()

    @property
    def symbols(self) -> int:
        """Symbols of one sequence: declared, not decoded."""
        return ceil(self.symbols_per_second * Fraction(self.audio, 10**12))

    def last_symbols(self) -> Tensor:
        """The symbols that are embedded next, one of each sequence."""
        return indices(FED.symbol, (self.batch, 1), Role.STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmLmAlone(LanguageModel):
    """A workload file of kind `lstm_lm`."""

    kind: Literal["lstm_lm"] = "lstm_lm"
    model: LstmLm
    outputs: Size

    def check(self) -> None:
        check_sources(self, self.sources)


def extract_lstm_lm(recipe: LstmLmAlone) -> Program:
    """One step for each symbol."""
    symbol = recipe.last_symbols()
    scores = tensor("lm.scores", (recipe.batch, recipe.outputs))
    symbol_step = lm_step(
        "lm",
        recipe.model,
        recipe.outputs,
        View(tensor=symbol.name),
        recipe.batch,
        (None,) * recipe.model.layers,
        View(tensor=scores.name),
    )
    return (Fragment((symbol, scores), search=FED) + symbol_step.looped(SYMBOLS, recipe.symbols)).program(recipe.name)

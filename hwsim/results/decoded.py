"""What a search did: the symbols that it found, and how often it ran which network for how many hypotheses."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Noun, Table, Whole

Count = Annotated[int, Whole()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded(Noun):
    """A finished search. Counts are of all utterances of the batch together.

    A step evaluates the joint network once for a batch of hypotheses; a prediction runs the prediction network and the
    language models once for a batch of new prefixes. A hit is a hypothesis whose prefix was known already.
    """

    symbols: tuple[tuple[int, ...], ...]
    steps: Count
    expansions: Count
    predictions: Count
    new_prefixes: Count
    cache_hits: Count
    batch_of_steps: Annotated[tuple[tuple[int, int], ...], Table()] = ()
    """Of each batch size how many steps had it."""

    @property
    def longest(self) -> int:
        """Symbols of the utterance that has most."""
        return max((len(symbols) for symbols in self.symbols), default=0)

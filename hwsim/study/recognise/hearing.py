"""What was heard, in tokens: from the symbols of a network's own search, or by a search over its scores."""

from functools import cached_property

from hwsim.dataclass import dataclass
from hwsim.engine.decode.ctc import greedy, prefix_beam
from hwsim.engine.decode.ctc_lexicon import WordLoop
from hwsim.errors import FileProblem, Unsupported, shown
from hwsim.inputs.datasets import DataSet, Utterance
from hwsim.inputs.symbols import Lexicon, Symbols
from hwsim.results.recognition import HeardUtterance, Searching, SearchKind
from hwsim.study.recognise.errors import edits
from hwsim.study.recognise.network import Outcome


@dataclass(eq=False)
class Hearing:
    """Makes tokens of outcomes, and of transcripts; `search` is None where the network searches itself.

    With a lexicon, words that sound alike are one; a search for symbols alone is held against the symbols of the words
    that were said.
    """

    symbols: Symbols | None
    lexicon: Lexicon | None
    search: SearchKind | None
    searching: Searching

    @property
    def token(self) -> str:
        """What errors are counted in."""
        if self.search is SearchKind.LEXICON:
            return "word"
        return "symbol" if self.search is not None and self.lexicon is not None else "word"

    @property
    def told(self) -> str:
        """The search, in words."""
        match self.search:
            case None:
                return "the network's own"
            case SearchKind.GREEDY:
                return "CTC, best output of each frame"
            case SearchKind.NONE:
                return "none, scores alone"
            case SearchKind.BEAM:
                return f"CTC, prefixes, beam {self.searching.beam}"
            case SearchKind.LEXICON:
                assert self.lexicon is not None
                penalty = f"penalty of a word {self.searching.word_penalty:g}"
                return f"CTC, best way through a loop of {len(self.lexicon.words):,} words, {penalty}"

    @cached_property
    def _loop(self) -> WordLoop:
        assert self.lexicon is not None
        assert self.symbols is not None
        return WordLoop.of(self.lexicon.sounds, self.symbols.blank, self.symbols.between)

    @cached_property
    def _alike(self) -> dict[str, str]:
        return {} if self.lexicon is None else self.lexicon.alike()

    def heard(self, outcome: Outcome) -> tuple[str, ...]:
        """The tokens of an outcome."""
        if outcome.symbols is not None:
            return self._spelled(outcome.symbols)
        assert outcome.scores is not None
        if self.search is SearchKind.NONE:
            return ()
        if self.symbols is not None and outcome.scores.shape[1] != len(self.symbols.names):
            law = f"{len(self.symbols.names)} symbols are named, and the network has {outcome.scores.shape[1]} outputs"
            raise Unsupported(f"{law}; --symbols FILE names the symbol of each output")
        blank, bias = 0 if self.symbols is None else self.symbols.blank, self.searching.blank_bias
        match self.search:
            case SearchKind.LEXICON:
                words = self._loop.words(outcome.scores, self.searching.word_penalty, bias)
                assert self.lexicon is not None
                return tuple(self.lexicon.words[word] for word in words)
            case SearchKind.BEAM:
                return self._spelled(prefix_beam(outcome.scores, blank, self.searching.beam, bias))
            case _:
                return self._spelled(greedy(outcome.scores, blank, bias))

    def _spelled(self, symbols: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(map(str, symbols)) if self.symbols is None else self.symbols.spelled(symbols)

    def said(self, data: DataSet, utterance: Utterance) -> tuple[str, ...]:
        """The tokens of a transcript."""
        if self.search is SearchKind.NONE:
            return ()
        if self.token == "word" or self.lexicon is None or self.symbols is None:
            return utterance.said
        sounds = dict(zip(self.lexicon.words, self.lexicon.sounds, strict=True))
        unknown = [word for word in utterance.said if word not in sounds]
        if unknown:
            law = f"the lexicon lacks {shown(unknown[0])}, so nothing says of which symbols it is made"
            raise FileProblem(data.name, law, line=utterance.line)
        return self.symbols.spelled([symbol for word in utterance.said for symbol in sounds[word]])

    def held_against(
        self, data: DataSet, utterance: Utterance, heard: tuple[str, ...], seconds: float, counts: tuple[int, int]
    ) -> HeardUtterance:
        """What was heard beside what was said."""
        said = self.said(data, utterance)
        found = edits([self._alike.get(one, one) for one in said], [self._alike.get(one, one) for one in heard])
        return HeardUtterance(
            name=utterance.name,
            group=utterance.group,
            seconds=seconds,
            said=" ".join(said),
            heard=" ".join(heard),
            tokens=len(said),
            substitutions=found.substitutions,
            deletions=found.deletions,
            insertions=found.insertions,
            evaluations=counts[0],
            predictions=counts[1],
        )

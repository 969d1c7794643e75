"""Several model files as one workload: what each is called and reads, how often it runs, and our search around them."""

from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.models.decoding import Decoding
from hwsim.quantities.fields import FrameTime, Utterance
from hwsim.quantities.noun import Name, Noun, Remark, Table, Text, UnlessDefault, Whole
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import PrecisionPlan

PREDICTOR, JOINER = "predictor", "joiner"
"""The stages that a search runs."""
SYMBOL = "symbol"
"""What a stage of a search may read beside results of other stages: the last symbol."""
Pairs = Annotated[tuple[tuple[Name, Name], ...], Table()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Noun):
    """A model file, which runs so many times one after another, in each chunk if there are chunks.

    `reads` says of its inputs which results of stages before it they are, `STAGE.OUTPUT`; of a larger result one row
    at a time. `states` says which of its results are its inputs when it runs again. What neither names comes from
    outside, anew for each run.
    """

    name: Name
    file: Annotated[str, Text(longest=400)]
    dims: Annotated[tuple[tuple[Name, Annotated[int, Whole(low=1, high=2**33)]], ...], Table()] = ()
    runs: Annotated[int, Whole(low=1, high=2**30)] = 1
    reads: Pairs = ()
    states: Pairs = ()

    def check(self) -> None:
        if "." in self.name:
            raise InvalidValue("name", self.name, "is the first part of the names of ops, so it has no dot")
        both = dict(self.reads).keys() & dict(self.states).keys()
        if both:
            raise InvalidValue("states", min(both), "is among what it reads")


@dataclass(frozen=True, slots=True, kw_only=True)
class Models(Noun):
    """A workload file of kind `models`: stages one after another, for all of the audio, or for each chunk of it.

    With a `decoding` the stages `predictor` and `joiner` run as that search asks, one hypothesis after another; `blank`
    is the output of the joiner with which a greedy search goes on to the next frame.
    """

    kind: Literal["models"] = "models"
    name: Name
    audio: Utterance = 10**12
    chunk: FrameTime | None = None
    precision: Name | PrecisionPlan = "fp16"
    stages: tuple[Stage, ...]
    decoding: Decoding | None = None
    blank: Annotated[int, Whole(high=2**31 - 1), UnlessDefault()] = 0
    about: Remark | None = None
    sources: Sources = ()

    @property
    def batch(self) -> int:
        """Models say themselves how many utterances they take at once: their inputs stand for one."""
        return 1

    @property
    def chunks(self) -> int:
        """Pieces in which the audio is heard, the last one padded."""
        return 1 if self.chunk is None else -(-self.audio // self.chunk)

    def check(self) -> None:
        check_sources(self, self.sources)
        if not self.stages:
            raise InvalidValue("stages", (), "must name at least one model file")
        names = [stage.name for stage in self.stages]
        for place, stage in enumerate(self.stages):
            if stage.name in names[:place] or stage.name == "search":
                raise InvalidValue(f"stages.{place}.name", stage.name, "is taken already")
            self._check_reads(place, names[:place])
        if self.decoding is not None:
            self._check_search(names)

    def _check_reads(self, place: int, before: list[str]) -> None:
        stage = self.stages[place]
        for name, source in stage.reads:
            if source == SYMBOL and self.decoding is not None and stage.name in (PREDICTOR, JOINER):
                continue
            maker, dot, _ = source.partition(".")
            if not dot or maker not in before:
                law = f"is no result of a stage before; write STAGE.OUTPUT, STAGE one of: {', '.join(before) or 'none'}"
                raise InvalidValue(f"stages.{place}.reads.{name}", source, law)

    def _check_search(self, names: list[str]) -> None:
        for needed in (PREDICTOR, JOINER):
            if needed not in names:
                raise InvalidValue("stages", ", ".join(names), f"has no {needed}, which the search runs")
        if names[-2:] != [PREDICTOR, JOINER]:
            raise InvalidValue("stages", ", ".join(names), f"must end with {PREDICTOR} and {JOINER}")
        for place, stage in enumerate(self.stages[-2:], len(names) - 2):
            if stage.runs != 1:
                raise InvalidValue(f"stages.{place}.runs", stage.runs, "is decided by the search; leave it out")
        if getattr(self.decoding, "fusion", None) is not None:
            law = "is not read beside model files: the sizes of its language models say nothing of theirs"
            raise InvalidValue("decoding.fusion", "given", law)

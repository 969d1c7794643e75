"""What was heard beside what was said: error rates of a set of utterances, with time and energy of the same runs."""

from dataclasses import fields
from enum import Enum
from typing import Annotated, Any

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Number, Table, Text, UnlessDefault, Whole
from hwsim.quantities.offered import as_html
from hwsim.quantities.plain_data import flat
from hwsim.results.figures import AttojouleCount

Count = Annotated[int, Whole(high=2**53)]
Told = Annotated[str, Text(longest=400)]


CHIP, DRIFT, COMPENSATION = "chip", "drift time [s]", "compensation"
"""What runs differ in beside fields of chips: where there are several chips, and on analog tiles."""


class SearchKind(Enum):
    """How symbols or words are found in the scores of a network that was trained with CTC; `none`: scores are handed
    out alone, to a decoder outside."""

    GREEDY = "greedy"
    BEAM = "beam"
    LEXICON = "lexicon"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Searching(Noun):
    """What a search over scores weighs: natural logarithms that are added to the blank in each frame, and to each
    word; and the prefixes that a beam keeps."""

    beam: Annotated[int, Whole(low=1, high=4096)] = 16
    blank_bias: Annotated[float, Number(low=-100, high=100)] = 0.0
    word_penalty: Annotated[float, Number(low=-1000, high=1000)] = -3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardUtterance(Noun):
    """One utterance: `said` and `heard` with blanks between tokens, and the fewest edits that make one of the other.

    `evaluations` and `predictions` are how often a transducer's search ran its joint and its prediction network.
    """

    name: Name
    group: str
    seconds: float
    said: str
    heard: str
    tokens: Count
    substitutions: Count
    deletions: Count
    insertions: Count
    evaluations: Count = 0
    predictions: Count = 0
    devices: Annotated[Count | None, UnlessDefault()] = None
    """The seed of the devices on which it was heard, where several were drawn."""

    @property
    def errors(self) -> int:
        """Edits of any kind."""
        return self.substitutions + self.deletions + self.insertions


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRate(Noun):
    """Errors of all utterances, or of those of a group, for each token that was said.

    95 of 100 sets of as many utterances, drawn from these with replacement, have a rate from `low` to `high`. Where
    several devices were drawn, counts are those of all of them, so that the rate is their mean, and of each set of
    utterances as many devices are drawn with replacement, too.
    """

    group: str
    utterances: Count
    wrong_utterances: Count
    tokens: Count
    substitutions: Count
    deletions: Count
    insertions: Count
    rate: float
    low: float
    high: float

    @property
    def errors(self) -> int:
        """Edits of any kind."""
        return self.substitutions + self.deletions + self.insertions


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBucket(Noun):
    """Utterances of like lengths, `audio_seconds` of them: timed and priced as the one of `seconds` that is nearest to
    their mean, with the mean counts of their searches, rounded up."""

    seconds: float
    utterances: Count
    audio_seconds: float
    evaluations: Count
    predictions: Count
    latency_ms: float
    energy_aj: AttojouleCount
    dram_bytes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionCost(Noun):
    """What the chip needs for all utterances, one after another."""

    rtf: float
    energy_aj: AttojouleCount
    energy_per_audio_second_mj: float
    dram_bytes: Count
    model_bytes: Count
    area_mm2: float
    buckets: tuple[PricedBucket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDraw(Noun):
    """All utterances on the devices of one seed; `low` and `high` bound the rates of drawn sets of utterances there."""

    seed: Count
    errors: Count
    rate: float
    low: float
    high: float


_COST = tuple(one.name for one in fields(RecognitionCost) if one.name != "buckets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition(Noun):
    """A set of utterances on a chip in one precision.

    `scales` says on what the scales of activations were found, in words, `quantisers` what is asked of them beside the
    precision. `saturations` counts additions that left the accumulators, `clipped` results that were cut off. `rates`
    begin with that of all utterances; there are none where nothing was searched. `cost` is None where nobody asked for
    it. Where devices of analog tiles are drawn several times, `draws` has each of them, and `utterances` are those on
    the first devices, then on the second, and so on; the cost is that of the first.
    """

    chip: Name
    workload: Name
    precision: Name
    varied: Annotated[tuple[tuple[str, str], ...], Table()] = ()
    """The fields of the chip that have other values than its file says, and these; where runs differ in them also the
    chip itself, and on analog tiles the time since programming and what brings back what drift took."""
    accumulators: Name
    search: Told
    token: Name
    scales: Told
    quantisers: str
    audio_seconds: float
    saturations: Count
    clipped: Count
    rates: tuple[ErrorRate, ...]
    cost: RecognitionCost | None
    utterances: tuple[HeardUtterance, ...]
    draws: Annotated[tuple[DeviceDraw, ...], UnlessDefault()] = ()

    @property
    def label(self) -> str:
        """What tells it from the other runs: its precision, its chip where there are several, what else was varied."""
        own = sorted(self.varied, key=lambda pair: pair[0] != CHIP)
        return ", ".join([self.precision, *(value for _, value in own)])

    @property
    def rate(self) -> ErrorRate:
        """That of all utterances, if anything was searched."""
        return self.rates[0]

    @property
    def row(self) -> dict[str, Any]:
        """The run as a row of a table: what was run, its rate, what it costs."""
        rate = {} if not self.rates else {**flat(self.rate), "errors": self.rate.errors}
        cost = {} if self.cost is None else {name: getattr(self.cost, name) for name in _COST}
        said = {"chip": self.chip, "workload": self.workload, "precision": self.precision, **dict(self.varied)}
        return {**said, "token": self.token, **rate, "saturations": self.saturations, "clipped": self.clipped, **cost}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange(Noun):
    """How much the error rate of the run of that label lies above that of the first one, on the same utterances.

    `low` and `high` bound 95 of 100 draws of as many utterances, and devices; `worse` is the share of draws in which
    it is higher.
    """

    run: Told
    change: float
    low: float
    high: float
    worse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognitions(Noun):
    """The same utterances in each precision and on each chip; `changes` hold all runs but the first against it."""

    runs: tuple[Recognition, ...]
    changes: tuple[RateChange, ...]
    seed: Count
    versions: Annotated[tuple[tuple[Name, Name], ...], Table()]
    files: Annotated[tuple[tuple[str, str], ...], Table()]

    def check(self) -> None:
        if not self.runs:
            raise InvalidValue("runs", self.runs, "must be at least one")

    def __repr__(self) -> str:
        rates = ", ".join(f"{run.label} {run.rate.rate:.1%}" if run.rates else run.label for run in self.runs)
        return f"<Recognitions of {self.runs[0].workload} on {self.runs[0].chip}: {rates}>"

    def _repr_html_(self) -> str:
        return as_html(self)

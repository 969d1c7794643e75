"""What runs: a program with the audio that it recognises, and the recipe of the program, if there is one."""

from collections import Counter
from dataclasses import field, replace
from fractions import Fraction
from typing import Annotated, Protocol, runtime_checkable

from hwsim.dataclass import dataclass
from hwsim.ir.folding import Folding
from hwsim.ir.lengths import Lengths
from hwsim.ir.program import Program
from hwsim.quantities.fields import Picoseconds
from hwsim.quantities.noun import Name, Noun, Whole
from hwsim.quantities.offered import as_html
from hwsim.quantities.precision import Precision, PrecisionPlan


@runtime_checkable
class Recipe(Protocol):
    """The fields that all kinds of workload files have in common.

    Studies read no other field of a recipe: all that a run depends on stands in the workload itself.
    """

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def audio(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def precision(self) -> str | PrecisionPlan: ...
    @property
    def sources(self) -> tuple[tuple[str, str], ...]: ...


class ModelFile:
    """What the file of a model carries beside its program: numbers, scales, names. Rooms above say what they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming(Noun):
    """An utterance in chunks: the length of a chunk, and what chunks add to the work.

    `padding` fills up the last chunk; `repeated` is the look-ahead that is computed again as part of the next chunk.
    `symbols` are those of the whole utterance, spread over its chunks; None, if no search counts them.
    """

    chunks: Annotated[int, Whole(low=1)]
    chunk: Picoseconds
    padding: Picoseconds
    repeated: Picoseconds = 0
    symbols: Annotated[int, Whole()] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Features(Noun):
    """The input that holds features of audio: along which axis its frames lie, and how long one of them is.

    Utterances lie along the other one of the first two axes. Lengths of audio that differ by less than a `step` may
    have the same frames.
    """

    tensor: Name = "features"
    frames_axis: Annotated[int, Whole(high=1)]
    frame: Picoseconds
    step: Picoseconds


@dataclass(frozen=True, slots=True)
class Size:
    """Parameters, and their bytes as stored, scales counted."""

    parameters: int
    stored_bytes: int

    @property
    def compression_vs_fp32(self) -> Fraction | None:
        """How many times smaller than in single precision; None without parameters."""
        return Fraction(Precision.FP32.row_bytes(self.parameters), self.stored_bytes) if self.parameters else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload(Noun):
    """A network at work on a batch that hears `utterances` of `audio` picoseconds each.

    `program` is the `network`, a program of floats, under the plan `precision`, some of its products precomputed, if
    there is a `folding`; without a network the program is given in its formats, and no other plan can be tried. A
    workload that a file describes has that file's `recipe`.

    A language model alone scores `batch` hypotheses of one utterance; elsewhere each of the batch is an utterance.
    `fused` are parts that are language models beside the recogniser: they run, but its size does not count them. `host`
    is what the host does in each of the search's `decoding_steps` while the chip waits.
    """

    name: Name
    audio: Picoseconds
    batch: Annotated[int, Whole(low=1)]
    precision: PrecisionPlan
    program: Program
    network: Program | None = None
    folding: Folding | None = None
    recipe: Recipe | None = None
    utterances: Annotated[int, Whole(low=1)]
    fused: tuple[str, ...] = ()
    host: Picoseconds = 0
    decoding_steps: Annotated[int, Whole()] = 0
    lengths: Lengths | None = None
    features: Features | None = None
    streaming: Streaming | None = None
    carried: ModelFile | None = field(default=None, compare=False, repr=False)
    stated: Name | None = None
    """The formats that the file of a model says, in a few words."""

    @property
    def formats(self) -> str:
        """The formats of its products in a few words: as the file says, or the title of its plan."""
        return self.stated or self.precision.title

    @property
    def kind(self) -> str:
        """The kind of its recipe; of a program alone, "program"."""
        return "program" if self.recipe is None else self.recipe.kind

    @property
    def trained(self) -> Program:
        """The program whose parameters training made: nothing of it is precomputed."""
        return self.program if self.folding is None else self.folding.program

    def __repr__(self) -> str:
        ops = sum(1 for _ in self.program.placed())
        heard = f"{float(self.audio_seconds):g} s of audio" + (f", batch {self.batch}" if self.batch > 1 else "")
        return (
            f"<Workload {self.name}: {self.kind} in {self.formats}, {ops} ops, "
            f"{self.program.parameters:,} parameters, {heard}>"
        )

    def _repr_html_(self) -> str:
        return as_html(self)

    @property
    def host_seconds(self) -> Fraction:
        """What the host does in all steps of the search."""
        return Fraction(self.host * self.decoding_steps, 10**12)

    @property
    def sizes(self) -> dict[str, Size]:
        """The size of each part that has parameters, by name."""
        elements: Counter[str] = Counter()
        stored: Counter[str] = Counter()
        for tensor in self.program.parameter_tensors:
            elements[part_of(tensor.name)] += tensor.elements
            stored[part_of(tensor.name)] += tensor.stored_bytes
        return {part: Size(count, stored[part]) for part, count in elements.items()}

    @property
    def size(self) -> Size:
        """The recogniser's own size."""
        recogniser = [size for part, size in self.sizes.items() if part not in self.fused]
        return Size(sum(size.parameters for size in recogniser), sum(size.stored_bytes for size in recogniser))

    @property
    def fused_size(self) -> Size:
        """The size of the language models beside the recogniser."""
        recogniser = self.size
        return Size(self.program.parameters - recogniser.parameters, self.program.model_bytes - recogniser.stored_bytes)

    @property
    def audio_seconds(self) -> Fraction:
        """Length of one utterance."""
        return Fraction(self.audio, 10**12)


def unfolded(workload: Workload) -> Workload:
    """The same workload with nothing precomputed."""
    if workload.folding is None:
        return workload
    return replace(workload, program=workload.trained, folding=None)


def part_of(name: str) -> str:
    """The part of the network to which an op or a tensor belongs: the first component of its name.

    >>> part_of("encoder.0.forward.input")
    'encoder'
    """
    return name.partition(".")[0]

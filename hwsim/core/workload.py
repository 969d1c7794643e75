"""What runs: a program, with the audio that it recognises and the recipe that it was made from."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Protocol

from hwsim.core.noun import Name, Noun, Whole
from hwsim.core.precision import Precision, PrecisionPlan
from hwsim.core.program import Program
from hwsim.core.units import Picoseconds


class Recipe(Protocol):
    """What every kind of workload file says, whatever else it says of its own network."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload(Noun):
    """A network at work on `batch` utterances of `audio` picoseconds each."""

    name: Name
    audio: Picoseconds
    batch: Annotated[int, Whole(low=1)]
    precision: PrecisionPlan
    program: Program
    recipe: Recipe

    @property
    def audio_seconds(self) -> Fraction:
        """Length of one utterance."""
        return Fraction(self.audio, 10**12)

    @property
    def compression_vs_fp32(self) -> Fraction | None:
        """How many times smaller the model is than in single precision; None if it has no parameters."""
        fp32_bytes = self.program.parameters * Precision.FP32.row_bytes(1)
        return Fraction(fp32_bytes, self.program.model_bytes) if fp32_bytes else None

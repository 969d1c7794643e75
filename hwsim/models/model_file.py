"""A network from a model file of somebody's own: where it lies, and what it leaves open."""

from typing import Annotated, ClassVar, Literal

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.fields import Utterance
from hwsim.quantities.noun import Name, Noun, Remark, Table, Text, UnlessDefault, Whole
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import PrecisionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFileRecipe(Noun):
    """What workload files of all formats of models say. `file` lies beside it; `dims` are the sizes of axes that the
    model leaves open.

    `parts` are names for what patterns of names of ops match: the part is put before these names. `audio` is what the
    inputs stand for; of a model that is quantised already `precision` is that of the floats between
    its integers.
    """

    ending: ClassVar[str]

    kind: str
    name: Name
    file: Annotated[str, Text(longest=400)]
    dims: Annotated[tuple[tuple[Name, Annotated[int, Whole(low=1, high=2**33)]], ...], Table()] = ()
    audio: Utterance = 10**12
    precision: Name | PrecisionPlan = "fp16"
    parts: Annotated[tuple[tuple[Name, Annotated[str, Text(longest=400)]], ...], Table(), UnlessDefault()] = ()
    about: Remark | None = None
    sources: Sources = ()

    @property
    def batch(self) -> int:
        """A model says itself how many utterances it takes at once: its inputs stand for one."""
        return 1

    def check(self) -> None:
        check_sources(self, self.sources)
        if not self.file.lower().endswith(self.ending):
            raise InvalidValue("file", self.file, f"must name a file that ends with {self.ending}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxFile(ModelFileRecipe):
    """A workload file of kind `onnx`."""

    ending: ClassVar[str] = ".onnx"

    kind: Literal["onnx"] = "onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteFile(ModelFileRecipe):
    """A workload file of kind `tflite`; `dims` may say `frames`, its invocations."""

    ending: ClassVar[str] = ".tflite"

    kind: Literal["tflite"] = "tflite"


@dataclass(frozen=True, slots=True, kw_only=True)
class KaldiFile(ModelFileRecipe):
    """A workload file of kind `kaldi`; `dims` may say `frames` (of features, in the place of `audio`) and
    `subsampling`."""

    ending: ClassVar[str] = ".mdl"

    kind: Literal["kaldi"] = "kaldi"

"""Model files by their endings: each format has a reader, which is loaded when a file of it is opened."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from hwsim.errors import UserError
from hwsim.inputs.files import Kind, Located, Node, locate
from hwsim.inputs.opened import Loaded, Opened, ReadModel, Source
from hwsim.ir.workload import Workload
from hwsim.models.model_file import ModelFileRecipe
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import PrecisionPlan

Reader = Callable[..., ReadModel]
"""From path, precision and dims, with `name`, `audio` and `floats`, to a workload and hashes."""


def _onnx() -> Reader:
    from hwsim.inputs.onnx.workload import onnx_workload

    return onnx_workload


def _tflite() -> Reader:
    from hwsim.inputs.tflite.workload import tflite_workload

    return tflite_workload


def _kaldi() -> Reader:
    from hwsim.inputs.kaldi.workload import kaldi_workload

    return kaldi_workload


FORMATS: Mapping[str, Callable[[], Reader]] = {".onnx": _onnx, ".tflite": _tflite, ".mdl": _kaldi}
"""What reads files of each ending."""


def is_model_file(source: Source) -> bool:
    """Whether a source is a model file, by its name."""
    return not isinstance(source, Mapping) and str(source).lower().endswith(tuple(FORMATS))


def model_workload(
    source: Source, precision: str | None = None, dims: Mapping[str, int] | None = None, *, floats: str = "fp16"
) -> Loaded[Workload]:
    """The workload of a model file."""
    return _model_workload(locate(Kind.WORKLOAD, str(source)), source, precision, dims, floats)


def _model_workload(
    located: Located,
    source: Source,
    precision: str | PrecisionPlan | None,
    dims: Mapping[str, int] | None,
    floats: str,
) -> Loaded[Workload]:
    read = _reader(located.path)(located.path, precision, dims, floats=floats)
    files, paths = _files_of(located, read)
    opened = Opened(str(source), Node(0, {}), located.path, files)
    return Loaded(read.workload, opened, files, paths)


def workload_for_inputs(
    source: Source,
    precision: str | PrecisionPlan | None,
    shapes: Mapping[str, tuple[int, ...]],
    dims: Mapping[str, int],
    *,
    floats: str = "fp16",
) -> Loaded[Workload]:
    """The workload of a model file for inputs of these shapes, where the format lets inputs decide sizes."""
    located = locate(Kind.WORKLOAD, str(source))
    if located.path.suffix.lower() != ".onnx":
        return _model_workload(located, source, precision, dims, floats)
    from hwsim.inputs.onnx.workload import onnx_for_shapes

    read = onnx_for_shapes(located.path, precision, shapes, dims, floats=floats)
    files, paths = _files_of(located, read)
    return Loaded(read.workload, Opened(str(source), Node(0, {}), located.path, files), files, paths)


def _files_of(located: Located, read: ReadModel) -> tuple[tuple[tuple[str, str], ...], tuple[Path, ...]]:
    """A model file and what lies beside it, with their hashes, and as paths."""
    beside = tuple((str(Path(located.label).parent / path.name), sha256) for path, sha256 in read.beside)
    return ((located.label, read.sha256), *beside), (located.path, *(path for path, _ in read.beside))


def _reader(path: Path) -> Reader:
    return FORMATS[path.suffix.lower()]()


def described_workload(
    opened: Opened, recipe: ModelFileRecipe, precision: str | None, dims: Mapping[str, int]
) -> Loaded[Workload]:
    """The workload of the model file that a workload file names, its open axes of these sizes."""
    recipe = replace(recipe, dims=sorted_pairs({**dict(recipe.dims), **dims}))
    try:
        located = locate(Kind.WORKLOAD, recipe.file, opened.folder)
        read = _reader(located.path)(
            located.path, precision or recipe.precision, dict(recipe.dims), name=recipe.name, audio=recipe.audio
        )
    except UserError as error:
        raise opened.refused("file", f"file: {error}") from error
    files, paths = _files_of(located, read)
    work = replace(read.workload, recipe=recipe)
    return Loaded(work, opened, (*opened.files, *files), (*opened.paths, *paths))

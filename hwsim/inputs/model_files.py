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


Shapes = Mapping[str, tuple[int, ...]]
NOTHING: Shapes = {}
OPEN = ".onnx"
"""The ending of files whose inputs may have axes without sizes: others need no arrays to be read."""
FORMATS: Mapping[str, Callable[[], Reader]] = {".onnx": _onnx, ".tflite": _tflite, ".mdl": _kaldi}
"""What reads files of each ending."""


def is_model_file(source: Source) -> bool:
    """Whether a source is a model file, by its name."""
    return not isinstance(source, Mapping) and str(source).lower().endswith(tuple(FORMATS))


def model_workload(
    source: Source,
    precision: str | None = None,
    dims: Mapping[str, int] | None = None,
    *,
    floats: str = "fp16",
    heard: Shapes = NOTHING,
) -> Loaded[Workload]:
    """The workload of a model file; the shapes of arrays that it hears give open axes their sizes."""
    located = locate(Kind.WORKLOAD, str(source))
    read = reader_of(located.path)(located.path, precision, dims, floats=floats, **_sizes(located.path, heard))
    return _loaded(source, located, read)


def _loaded(source: Source, located: Located, read: ReadModel) -> Loaded[Workload]:
    files, paths = files_of(located, read)
    opened = Opened(str(source), Node(0, {}), located.path, files)
    return Loaded(read.workload, opened, files, paths)


def workload_for_inputs(
    source: Source,
    precision: str | PrecisionPlan | None,
    shapes: Shapes,
    dims: Mapping[str, int],
    *,
    floats: str = "fp16",
) -> Loaded[Workload]:
    """The workload of a model file for inputs of these shapes, where the format lets inputs decide sizes."""
    located = locate(Kind.WORKLOAD, str(source))
    if located.path.suffix.lower() != OPEN:
        return _loaded(source, located, reader_of(located.path)(located.path, precision, dims, floats=floats))
    from hwsim.inputs.onnx.workload import onnx_for_shapes

    return _loaded(source, located, onnx_for_shapes(located.path, precision, shapes, dims, floats=floats))


def files_of(located: Located, read: ReadModel) -> tuple[tuple[tuple[str, str], ...], tuple[Path, ...]]:
    """A model file and what lies beside it, with their hashes, and as paths."""
    beside = tuple((str(Path(located.label).parent / path.name), sha256) for path, sha256 in read.beside)
    return ((located.label, read.sha256), *beside), (located.path, *(path for path, _ in read.beside))


def _sizes(path: Path, heard: Shapes) -> dict[str, Shapes]:
    """What the arrays that a model hears say of the sizes of its inputs, for readers that ask."""
    return {"heard": heard} if path.suffix.lower() == OPEN else {}


def reader_of(path: Path) -> Reader:
    return FORMATS[path.suffix.lower()]()


def described_workload(
    opened: Opened, recipe: ModelFileRecipe, precision: str | None, dims: Mapping[str, int], heard: Shapes = NOTHING
) -> Loaded[Workload]:
    """The workload of the model file that a workload file names, its open axes of these sizes, or of those that arrays
    have which it hears."""
    recipe = replace(recipe, dims=sorted_pairs({**dict(recipe.dims), **dims}))
    try:
        located = locate(Kind.WORKLOAD, recipe.file, opened.folder)
        wanted = precision or recipe.precision
        read = reader_of(located.path)(
            located.path, wanted.policy if recipe.parts and isinstance(wanted, PrecisionPlan) else wanted,
            dict(recipe.dims), name=recipe.name, audio=recipe.audio, **_sizes(located.path, heard),
        )  # fmt: skip
        if recipe.parts:
            # Imported here because it knows what model files carry, which other workloads need not wait for.
            from hwsim.inputs.grouped import in_parts

            read = read._replace(workload=in_parts(read.workload, recipe.parts, wanted))
    except UserError as error:
        raise opened.refused("file", f"file: {error}") from error
    files, paths = files_of(located, read)
    work = replace(read.workload, recipe=recipe)
    return Loaded(work, opened, (*opened.files, *files), (*opened.paths, *paths))

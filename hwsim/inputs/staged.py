"""The workload of several model files that one workload file names."""

from collections.abc import Mapping
from dataclasses import replace

from hwsim.errors import InvalidValue, UserError
from hwsim.inputs.files import Kind, locate
from hwsim.inputs.model_files import files_of, reader_of
from hwsim.inputs.onnx.workload import FLOATS
from hwsim.inputs.opened import Loaded, Opened
from hwsim.inputs.staged_values import carried_together
from hwsim.ir.workload import Streaming, Workload
from hwsim.models.decoding import Speech, steps_of, symbols_in
from hwsim.models.stage_parts import Part, part_of_program
from hwsim.models.stage_search import frames_of
from hwsim.models.staged import Models, Stage
from hwsim.models.stages_together import together
from hwsim.passes.precision import plan_of, workload_of
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.tensor.carried import Carried

BETWEEN = "fp16"
"""The format of floats between the integers of quantised files, where the precision is a policy of integers."""


def staged_workload(
    opened: Opened, recipe: Models, precision: str | None = None, dims: Mapping[str, int] | None = None
) -> Loaded[Workload]:
    """The workload of the stages; `dims` are sizes that files leave open, as STAGE.NAME."""
    recipe = _with_sizes(recipe, dims or {})
    wanted: str | PrecisionPlan = precision or recipe.precision
    floats = wanted if isinstance(wanted, str) and wanted in FLOATS else BETWEEN
    read: dict[str, Workload] = {}
    files, paths = opened.files, opened.paths
    for place, stage in enumerate(recipe.stages):
        try:
            located = locate(Kind.WORKLOAD, stage.file, opened.folder)
            made = reader_of(located.path)(
                located.path, None, dict(stage.dims), name=stage.name, audio=recipe.audio, floats=floats
            )
        except UserError as error:
            raise opened.refused(f"stages.{place}.file", f"stages.{place}.file: {error}") from error
        more, beside = files_of(located, made)
        read[stage.name], files, paths = made.workload, (*files, *more), (*paths, *beside)
    try:
        work = _joined(recipe, read, wanted, floats)
    except InvalidValue as error:
        raise opened.refused("stages", str(error)) from error
    return Loaded(work, opened, files, paths)


def _with_sizes(recipe: Models, dims: Mapping[str, int]) -> Models:
    """The recipe with other sizes of axes."""
    stages = {stage.name: stage for stage in recipe.stages}
    for name, size in dims.items():
        stage, dot, axis = name.partition(".")
        if not dot or stage not in stages:
            law = f"is no STAGE.NAME; the stages are {', '.join(stages)}"
            raise InvalidValue("--dim", name, law)
        stages[stage] = replace(stages[stage], dims=sorted_pairs({**dict(stages[stage].dims), axis: size}))
    return replace(recipe, stages=tuple(stages.values()))


def _joined(recipe: Models, read: Mapping[str, Workload], wanted: str | PrecisionPlan, floats: str) -> Workload:
    """One workload: of floats under one plan, or, where a file says formats, with each stage in its own."""
    if all(work.network is not None for work in read.values()):
        parts = {stage.name: _part(stage, read[stage.name], None) for stage in recipe.stages}
        work = workload_of(together(recipe, parts), wanted, audio=recipe.audio)
    else:
        if all(work.network is None for work in read.values()) and floats != wanted:
            shown = wanted if isinstance(wanted, str) else wanted.title
            law = f"is no format of floats; the files are quantised already, and leave {', '.join(FLOATS)} open"
            raise InvalidValue("precision", shown, law)
        parts = {stage.name: _part(stage, read[stage.name], plan_of(wanted)) for stage in recipe.stages}
        program = together(recipe, parts)
        tensors = tuple(
            replace(one, precision=FLOATS[floats]) if one.precision is Precision.FP32 else one
            for one in program.tensors
        )
        titles = dict.fromkeys(_title(work, wanted) for work in read.values())
        work = Workload(
            name=recipe.name,
            audio=recipe.audio,
            batch=1,
            precision=plan_of(wanted),
            program=replace(program, tensors=tensors),
            utterances=1,
            stated=", ".join(titles)[:80],
        )
    files = {stage.name: _carried(read[stage.name]) for stage in recipe.stages}
    carried = carried_together(recipe, work.program, parts, files, floats=work.network is not None)
    work = replace(work, recipe=recipe, carried=carried)
    return _heard(work, recipe, parts)


def _part(stage: Stage, work: Workload, plan: PrecisionPlan | None) -> Part:
    carried, program = _carried(work), work.program
    if work.network is not None:
        program = work.network if plan is None else workload_of(work.network, plan, audio=work.audio).program
    inputs = {one.name: one.view.tensor for one in carried.inputs}
    return part_of_program(stage, program, inputs, {one.name: one.view for one in carried.outputs})


def _carried(work: Workload) -> Carried:
    """What a file carries."""
    assert isinstance(work.carried, Carried)
    return work.carried


def _title(work: Workload, wanted: str | PrecisionPlan) -> str:
    return work.formats if work.network is None else plan_of(wanted).title


def _heard(work: Workload, recipe: Models, parts: Mapping[str, Part]) -> Workload:
    """The workload with its chunks, and with the steps in which a host waits."""
    symbols, steps, host = None, 0, 0
    if recipe.decoding is not None:
        symbols = symbols_in(recipe.decoding, recipe.audio)
        speech = Speech(frames_of(parts), recipe.chunks, symbols)
        steps, host = steps_of(recipe.decoding, speech), recipe.decoding.host
    streaming = None
    if recipe.chunk is not None:
        padding = recipe.chunks * recipe.chunk - recipe.audio
        streaming = Streaming(chunks=recipe.chunks, chunk=recipe.chunk, padding=padding, symbols=symbols)
    return replace(work, decoding_steps=steps, host=host, streaming=streaming)

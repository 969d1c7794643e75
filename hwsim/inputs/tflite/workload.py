"""A workload from a TensorFlow Lite file: its program, its numbers, its rules of integers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.inputs.onnx.finishing import put_together, settled
from hwsim.inputs.onnx.parts import Looped, Made, Part
from hwsim.inputs.onnx.stored import Value
from hwsim.inputs.onnx.workload import SECOND, grids_of, in_its_formats, products_by_format
from hwsim.inputs.opened import ReadModel
from hwsim.inputs.tflite.building import TfliteBuilder
from hwsim.inputs.tflite.lowering import LOOP, lowered, outputs, told
from hwsim.inputs.tflite.model import read_model
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.ir.workload import Workload
from hwsim.passes.precision import workload_of
from hwsim.quantities.precision import PrecisionPlan
from hwsim.tensor.carried import Carried, Named

FRAMES = "frames"
"""What `--dim` calls the number of invocations."""
MOST_FRAMES = 1 << 20


def tflite_workload(
    path: Path,
    precision: str | PrecisionPlan | None = None,
    dims: Mapping[str, int] | None = None,
    *,
    name: str | None = None,
    audio: int = SECOND,
    floats: str = "fp16",
) -> ReadModel:
    """The workload of a file, and hashes; `floats` is the format of floats where no precision is given."""
    frames = _frames(dims or {})
    model = read_model(path)
    title = (name or path.stem)[:80]
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # numbers that leave single precision are refused by name
            builder = lowered(model, frames or 1)
        leaving = outputs(builder, frames or 1)
        program = _program(builder, title, frames or 1)
    except (Unsupported, InvalidValue) as error:
        raise FileProblem(str(path), str(error)) from error
    carried = _carried(builder, program, leaving, frames)
    if frames is None:
        again = partial(_again, path, precision, name, audio, floats, carried.inputs)
        carried = replace(carried, for_shapes=again)
    if not carried.quantised:
        work = workload_of(program, precision or floats, audio=audio)
        return ReadModel(replace(work, carried=carried), model.sha256)
    return ReadModel(in_its_formats(program, carried, precision, audio, floats), model.sha256)


def _again(
    path: Path, precision: str | PrecisionPlan | None, name: str | None, audio: int, floats: str,
    inputs: Sequence[Named], shapes: Mapping[str, tuple[int, ...]],
) -> Workload | None:  # fmt: skip
    """The workload of the same file for as many invocations as arrays have along an axis in front of the model's own;
    None, if they have none, or several numbers of them."""
    given = [shapes.get(one.name, ()) for one in inputs]
    counts = {shape[0] for shape in given if shape}
    if len(counts) != 1 or any(shape[1:] != one.shape for shape, one in zip(given, inputs, strict=True)):
        return None
    dims = {FRAMES: counts.pop()}
    return tflite_workload(path, precision, dims, name=name, audio=audio, floats=floats).workload


def _frames(dims: Mapping[str, int]) -> int | None:
    """How many invocations run one after another."""
    for dim in dims:
        if dim != FRAMES:
            law = f"is no size that a TensorFlow Lite file leaves open; known: {FRAMES}, its invocations"
            raise InvalidValue("--dim", dim, law)
    frames = dims.get(FRAMES)
    if frames is not None and not 1 <= frames <= MOST_FRAMES:
        raise InvalidValue(f"--dim {FRAMES}", frames, f"must be from 1 to {MOST_FRAMES}")
    return frames


def _program(builder: TfliteBuilder, title: str, frames: int) -> Program:
    """The program: what runs once, then a loop over invocations, if there are several or something stays."""
    parts = settled(builder.parts)
    if not parts:
        raise Unsupported("computes nothing: its outputs are its inputs")
    if not builder.looped:
        return put_together(builder, title, parts)
    inside = [part for part in parts if not isinstance(part, Looped)]
    looped: list[Part] = [*_needed(builder.before, inside), Looped(LOOP, frames, inside)]
    return put_together(builder, title, looped)


def _needed(before: Sequence[Made], inside: Sequence[Part]) -> list[Made]:
    """Of what fills states those whose state is still there."""
    read = {id(value.stored) for part in inside if not isinstance(part, Looped) for value in _values(part)}
    return [one for one in before if id(one.writes[0].stored) in read]


def _values(part: Part) -> list[Value]:
    if isinstance(part, Made):
        return [*part.reads, *part.writes]
    assert not isinstance(part, Looped)
    return [value for _, value in (*part.reads, *part.writes)]


def _carried(
    builder: TfliteBuilder, program: Program, leaving: list[tuple[str, Value]], frames: int | None
) -> Carried:  # fmt: skip
    names = {tensor.name for tensor in program.tensors}
    ops = {placed.op.name for placed in program.placed()}
    before = () if frames is None else (frames,)
    inputs = []
    for place in builder.subgraph.inputs:
        entry, stored = builder.subgraph.tensors[place], builder.inputs[place]
        if stored.name in names:
            inputs.append(Named(entry.name or stored.name, View(tensor=stored.name), (*before, *entry.shape)))
    return Carried(
        numbers={name: values for name, values in builder.parameters.items() if name in names},
        grids=grids_of(builder, names),
        inputs=tuple(inputs),
        outputs=tuple(Named(name, View(tensor=value.stored.name), (*before, *value.shape)) for name, value in leaving),
        told=told(builder),
        products=products_by_format(program),
        rules={name: rule for name, rule in builder.rules.items() if name in ops},
        lasting=tuple(state.name for state in builder.states.values() if state.name in names),
    )

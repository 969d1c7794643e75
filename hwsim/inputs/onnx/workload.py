"""A workload from an ONNX file: its program, its numbers, and the formats that it says or leaves open."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.finishing import finished
from hwsim.inputs.onnx.graph import Graph, bound, read_graph
from hwsim.inputs.onnx.lowering import lowered, outputs, told
from hwsim.inputs.onnx.stored import Quant, Value
from hwsim.inputs.opened import ReadModel
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.passes.precision import plan_of, workload_of
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.quantities.registry import EqualityCache
from hwsim.tensor.carried import Carried, Named
from hwsim.tensor.quant_params import QuantParams

SECOND = 10**12
"""What the values of a file stand for, if nobody says how long they take to hear, in picoseconds."""
MOST_KEPT = 64
"""Workloads of one file for inputs of so many different shapes are kept."""
FLOATS = {"fp32": Precision.FP32, "fp16": Precision.FP16, "bf16": Precision.BF16}


def onnx_workload(
    path: Path,
    precision: str | PrecisionPlan | None = None,
    dims: Mapping[str, int] | None = None,
    *,
    name: str | None = None,
    audio: int = SECOND,
    floats: str = "fp16",
    heard: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> ReadModel:
    """The workload of a file, and hashes; `floats` is the format of floats where no precision is given.

    Axes that neither the file nor `dims` give a size have that of arrays of these shapes.

    In a file that says formats a precision is that of the floats between its integers.
    """
    graph = read_graph(path)
    work = _workload(graph, path, precision, dims or {}, name, audio, floats, heard)
    return ReadModel(work, graph.sha256, graph.beside)


def onnx_for_shapes(
    path: Path,
    precision: str | PrecisionPlan | None,
    shapes: Mapping[str, tuple[int, ...]],
    dims: Mapping[str, int],
    *,
    floats: str = "fp16",
) -> ReadModel:
    """The workload of a file for inputs of these shapes, which give the axes sizes that the file leaves open; `dims`
    are sizes of others.

    It can be had for other shapes too, without the file being read again.
    """
    graph, made = read_graph(path), EqualityCache[Workload](MOST_KEPT)

    def at(shapes: Mapping[str, tuple[int, ...]]) -> Workload:
        sizes = {**dims, **dims_for(graph, shapes)}
        return made.of(tuple(sorted(sizes.items())), make=lambda: at_sizes(sizes))

    def at_sizes(sizes: Mapping[str, int]) -> Workload:
        work = _workload(graph, path, precision, sizes, None, SECOND, floats)
        assert isinstance(work.carried, Carried)
        return replace(work, carried=replace(work.carried, for_shapes=at))

    return ReadModel(at(shapes), graph.sha256, graph.beside)


def dims_for(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The sizes of open axes that arrays of these shapes have; an array without a name is that of an only input."""
    found: dict[str, int] = {}
    for port in graph.inputs:
        shape = shapes.get(port.name, shapes.get("", ()) if len(graph.inputs) == 1 else ())
        if len(shape) != len(port.axes):
            continue
        for axis, size in zip(port.axes, shape, strict=True):
            if isinstance(axis, str):
                found.setdefault(axis, size)
    return found


def _workload(
    graph: Graph,
    path: Path,
    precision: str | PrecisionPlan | None,
    dims: Mapping[str, int],
    name: str | None,
    audio: int,
    floats: str,
    heard: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> Workload:
    """The workload of a graph whose open axes have these sizes, or those of arrays of these shapes."""
    title = (name or path.stem)[:80]
    try:
        # What leaves single precision is cut off at the ends of a format, as quantisers do, or refused when it is read.
        with np.errstate(all="ignore"):
            builder = lowered(graph, bound(graph, dims, heard))
        leaving = outputs(builder)
        program = finished(builder, title)
    except Unsupported as error:
        raise FileProblem(str(path), str(error)) from error
    except InvalidValue as error:
        if error.path == "--dim":
            raise
        raise FileProblem(str(path), str(error)) from error
    folding = told(builder)
    carried = carried_by(builder, program, leaving, () if folding is None else (folding,))
    if not carried.quantised:
        return replace(workload_of(program, precision or floats, audio=audio), carried=carried)
    return in_its_formats(program, carried, precision, audio, floats)


def in_its_formats(
    program: Program, carried: Carried, precision: str | PrecisionPlan | None, audio: int, floats: str
) -> Workload:
    """The workload of a program that has its formats already, but for the floats between them."""
    wanted = floats if precision is None else precision
    if not isinstance(wanted, str) or wanted not in FLOATS:
        shown = wanted if isinstance(wanted, str) else wanted.title
        law = f"is no format of floats; the file is quantised already, and leaves {', '.join(FLOATS)} open"
        raise InvalidValue("precision", shown, law)
    kept = FLOATS[wanted]
    tensors = tuple(
        replace(tensor, precision=kept) if tensor.precision is Precision.FP32 else tensor for tensor in program.tensors
    )
    program = replace(program, tensors=tensors)
    return Workload(
        name=program.name,
        audio=audio,
        batch=1,
        precision=plan_of(wanted),
        program=program,
        utterances=1,
        carried=carried,
        stated=_stated(products_by_format(program)),
    )


def _stated(products: Mapping[str, int]) -> str:
    """Products by their formats, in a few words.

    >>> _stated({"uint8 × int8": 900, "fp16": 100})
    'uint8 × int8 (90 %), fp16 (10 %)'
    """
    whole = sum(products.values())
    if not whole:
        return "no products"
    shares = {name: 100 * count / whole for name, count in products.items()}
    if len(shares) == 1:
        return next(iter(shares))
    listed = [f"{name} ({share:.0f} %)" if share >= 0.5 else f"{name} (< 1 %)" for name, share in shares.items()]
    return ", ".join(listed[:3]) + (", …" if len(listed) > 3 else "")


def carried_by(builder: Builder, program: Program, leaving: list[tuple[str, Value]], notes: tuple[str, ...]) -> Carried:
    """What the file carries beside its program."""
    names = {tensor.name for tensor in program.tensors}
    inputs = []
    for port in builder.graph.inputs:
        value = builder.values[port.name]
        if isinstance(value, Value) and value.stored.name in names:
            inputs.append(Named(port.name, value.view(), value.shape))
    return Carried(
        numbers={name: values for name, values in builder.parameters.items() if name in names},
        grids=grids_of(builder, names),
        inputs=tuple(inputs),
        outputs=tuple(Named(name, value.view(), value.shape) for name, value in leaving),
        told=notes,
        nodes=nodes_of(builder, program),
        products=products_by_format(program),
    )


def nodes_of(builder: Builder, program: Program) -> dict[str, str]:
    """The op of each node that has no op of its name: the one that it is part of, or the first one that it became."""
    ops = [placed.op.name for placed in program.placed()]
    own, found = set(ops), {**{name: name for name in builder.inside}, **builder.named}
    for node, name in found.items():
        op = builder.inside.get(name, name)
        found[node] = op if op in own else next((one for one in ops if one.startswith(f"{op}.")), "")
    return {node: op for node, op in found.items() if op and node not in own}


def grids_of(builder: Builder, names: set[str]) -> dict[str, QuantParams]:
    """The scales of those tensors of integers that are named."""
    return {
        stored.name: _grid(stored.quant)
        for stored in builder.tensors
        if stored.quant is not None and stored.name in names and not stored.precision.floating
    }


def _grid(quant: Quant) -> QuantParams:
    bounds = None
    if quant.lowest is not None or quant.highest is not None:
        low = quant.precision.lowest if quant.lowest is None else quant.lowest
        high = quant.precision.highest if quant.highest is None else quant.highest
        bounds = low, high
    return QuantParams(
        quant.precision,
        np.asarray(quant.scale, np.float32),
        np.asarray(quant.zero, np.int32),
        symmetric=False,
        group=quant.block or None,
        bounds=bounds,
    )


def products_by_format(program: Program) -> dict[str, int]:
    """Products by the formats of both operands, most of them first."""
    counted: Counter[str] = Counter()
    for instance in program.instances():
        op = instance.op
        if isinstance(op, (Gemm, Conv)):
            act, weight = (program.tensor(view.tensor).precision.value for view in (op.act, op.weight))
            counted[act if act == weight else f"{act} × {weight}"] += (
                op_spec(op).macs(op, instance.shape) * instance.times
            )
    return dict(counted.most_common())

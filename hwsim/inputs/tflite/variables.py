"""Variables of streaming models: states of the program, which stay from one invocation to the next."""

import numpy as np

from hwsim.inputs.onnx.parts import Held, Made, copy
from hwsim.inputs.onnx.stored import Stored, Value
from hwsim.inputs.tflite.building import TfliteBuilder, quant_of
from hwsim.inputs.tflite.model import Entry, Operator, Subgraph
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision


def call_once(builder: TfliteBuilder) -> None:
    """`CALL_ONCE`: a subgraph that gives variables their first numbers, before the first invocation."""
    index = builder.attribute("init_subgraph_index")
    if not 0 < index < len(builder.model.subgraphs):
        raise builder.refused(f"calls subgraph {index}; there are {len(builder.model.subgraphs)}, the first one itself")
    graph = builder.model.subgraphs[index]
    names: dict[int, str] = {}
    for one in graph.operators:
        title = f"operator {one.place} ({one.kind}) of subgraph {index}"
        match one.kind:
            case "VAR_HANDLE":
                for place in one.outputs:
                    names[place] = _shared_name(one)
            case "ASSIGN_VARIABLE":
                entry = _constant(graph, one)
                if entry is None or one.inputs[0] not in names:
                    raise builder.refused(f"{title}: gives a variable something else than numbers of the file")
                assert entry.values is not None
                builder.begun[names[one.inputs[0]]] = Held(entry.values, entry.kind, quant_of(entry))
            case _:
                raise builder.refused(f"{title}: hwsim reads VAR_HANDLE and ASSIGN_VARIABLE where variables begin")


def _constant(graph: Subgraph, operator: Operator) -> Entry | None:
    """The numbers that an operator gives to a variable."""
    if len(operator.inputs) != 2 or min(operator.inputs) < 0:
        return None
    entry = graph.tensors[operator.inputs[1]]
    return None if entry.values is None else entry


def _shared_name(operator: Operator) -> str:
    return f"{operator.options['container']}/{operator.options['shared_name']}"


def handle(builder: TfliteBuilder) -> None:
    """`VAR_HANDLE`: its result stands for the variable of that name."""
    name = f"{builder.attribute('container')}/{builder.attribute('shared_name')}"
    if builder.made().kind != "resource":
        raise builder.refused(f"makes {builder.made().kind}, where a variable is wanted")
    builder.handles[builder.node.outputs[0]] = name


def _name(builder: TfliteBuilder) -> str:
    name = builder.handles.get(builder.node.inputs[0]) if builder.node.inputs else None
    if name is None:
        raise builder.refused("names no variable")
    return name


def read_variable(builder: TfliteBuilder) -> None:
    """`READ_VARIABLE`: a view of the state, as long as nothing is assigned."""
    name, entry = _name(builder), builder.made()
    state = builder.states.get(name)
    if state is None:
        begun = builder.begun.get(name)
        if begun is None:
            raise builder.refused("reads a variable before anything is assigned to it")
        state = _state(builder, name, begun.shape, entry)
        _begin(builder, state, begun)
    _fits(builder, state, tuple(state.sizes) if entry.shape else (), entry)
    value = state.whole(tuple(state.sizes))
    value.real = state.quant is not None
    builder.give(value)


def assign_variable(builder: TfliteBuilder) -> None:
    """`ASSIGN_VARIABLE`: a copy into the state; what was read of it before, and is still needed, is copied first."""
    name, entry, value = _name(builder), builder.entry(1), builder.as_value(builder.value(1))
    state = builder.states.get(name)
    if state is None:
        state = _state(builder, name, value.shape, entry)
        if name in builder.begun:
            _begin(builder, state, builder.begun[name])
    _fits(builder, state, value.shape, entry)
    for key in sorted(builder.seen_states.pop(state.name, ())):
        kept = builder.values[key]
        if isinstance(kept, Value) and builder.last_read.get(key, -1) > builder.place:
            with builder.part("kept"):
                builder.values[key] = builder.copied(kept)
    if value.stored is state:
        value = builder.copied(value)
    target = state.whole(value.shape)
    target.real = value.real
    builder.parts.append(Made(builder.name, [value], [target], copy))


def _state(builder: TfliteBuilder, name: str, shape: tuple[int, ...], entry: Entry) -> Stored:
    if entry.kind not in ("float32", "int8", "int16"):
        raise builder.refused(f"keeps {entry.kind}; hwsim reads variables of int8, int16 and float32")
    quant = None if entry.kind == "float32" else builder.scaled(entry)
    precision = Precision.FP32 if quant is None else quant.precision
    free = builder.names.free(f"variable.{name.strip('/')}")
    state = builder.stored(free, shape, precision, Role.STATE, quant)
    state.locked.update(range(len(state.sizes)))
    builder.states[name] = state
    return state


def _fits(builder: TfliteBuilder, state: Stored, shape: tuple[int, ...], entry: Entry) -> None:
    """Refuse what has another shape or format than the variable."""
    if list(shape or (1,)) != state.sizes:
        raise builder.refused(f"has the shape {list(shape)}, its variable {state.sizes}")
    quant = quant_of(entry)
    known = state.quant
    if (quant is None) != (known is None) or (known is not None and not known.same(quant)):
        raise builder.refused("has another scale than its variable")


def _begin(builder: TfliteBuilder, state: Stored, begun: Held) -> None:
    """Fill a state before the first invocation; with zeros it begins anyway."""
    quant = state.quant
    if list(begun.shape or (1,)) != state.sizes:
        raise builder.refused(f"has the shape {state.sizes}, but begins with {list(begun.shape)}")
    zero = 0 if quant is None else int(quant.zero)
    if (quant is None) != (begun.kind == "float32") or (begun.quant is not None and not begun.quant.same(quant)):
        raise builder.refused("begins with numbers of another format or scale")
    if (np.asarray(begun.values) == zero).all():
        return
    with builder.part("begin") as name:
        tensor = builder.parameter(f"{name}.constant", begun.values.reshape(state.sizes), Role.TABLE, quant=quant)
        source, target = (one.whole(tuple(state.sizes)) for one in (tensor, state))
        builder.before.append(Made(name, [source], [target], copy))

"""Parts of a program made whole: chains joined, conversions taken into products, what nobody reads left out."""

from collections.abc import Sequence

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.parts import Chain, Looped, Made, Part
from hwsim.inputs.onnx.products import Product
from hwsim.inputs.onnx.reductions import Rows
from hwsim.inputs.onnx.stored import Stored, Value
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.ops import Apply
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Role, Scaling, Tensor


def finished(builder: Builder, name: str) -> Program:
    """The program of all parts."""
    return put_together(builder, name, settled(builder.parts))


def settled(parts: Sequence[Part]) -> list[Part]:
    """The parts that are needed, as few as can be."""
    return _converted(_joined(_needed(parts)))


def put_together(builder: Builder, name: str, parts: Sequence[Part]) -> Program:
    """The program of parts that are settled."""
    body = tuple(_node(part) for part in parts)
    builder.inside = {inner: part.name for part in _flat(parts) for inner in part.inside}
    used = {id(value.stored) for part in _flat(parts) for value in (*_reads(part), *_writes(part))}
    tensors = [_tensor(stored) for stored in builder.tensors if id(stored) in used]
    for stored in builder.tensors:
        if id(stored) not in used:
            builder.parameters.pop(stored.name, None)
    return Program(name=name, tensors=tuple(sorted(tensors, key=lambda tensor: tensor.name)), body=body)


def _node(part: Part) -> Node:
    if isinstance(part, Looped):
        return Loop(name=part.name, times=part.times, body=tuple(_node(inner) for inner in part.body))
    return part.built() if isinstance(part, Chain) else part.make(part)


def _tensor(stored: Stored) -> Tensor:
    scaling, quant = Scaling(), stored.quant
    if quant is not None and not stored.precision.floating and stored.role is not Role.BIAS:
        if quant.block:
            scaling = Scaling(granularity=Granularity.GROUP, group=quant.block)
        elif quant.scale.size > 1:
            scaling = Scaling(granularity=Granularity.CHANNEL)
        else:
            scaling = Scaling(granularity=Granularity.TENSOR)
    return Tensor(name=stored.name, shape=stored.shape, precision=stored.precision, role=stored.role, scaling=scaling)


def _reads(part: Made | Chain) -> list[Value]:
    if isinstance(part, Chain):
        return [value for _, value in part.reads]
    more = [one for one in (part.bias, part.act_zero) if one] if isinstance(part, Product) else []
    return [*part.reads, *more]


def _writes(part: Made | Chain) -> list[Value]:
    return [value for _, value in part.writes] if isinstance(part, Chain) else part.writes


def _flat(parts: Sequence[Part]) -> list[Made | Chain]:
    flat: list[Made | Chain] = []
    for part in parts:
        flat += part.body if isinstance(part, Looped) else [part]
    return flat


def _needed(parts: Sequence[Part]) -> list[Part]:
    """The parts whose results something reads, or that leave the graph."""
    wanted: set[int] = set()
    kept: list[Part] = []
    for part in reversed(parts):
        inner = _flat([part])
        written = [value.stored for one in inner for value in _writes(one)]
        kept_later = any(one.role in (Role.OUTPUT, Role.STATE) or id(one) in wanted for one in written)
        if isinstance(part, Looped) or kept_later:
            wanted |= {id(value.stored) for one in inner for value in _reads(one)}
            kept.append(part)
    return kept[::-1]


def _order(value: Value) -> list[tuple[int, tuple[int, int, int] | None]]:
    """In which order a view takes the elements of its tensor."""
    return [(axis, value.windows.get(axis)) for axis in value.order if value.size_of(axis) > 1]


def _joined(parts: list[Part]) -> list[Part]:
    """Chains with those that alone read what they make."""
    readers: dict[int, list[Made | Chain]] = {}
    writers: dict[int, list[Made | Chain]] = {}
    for one in _flat(parts):
        for value in _reads(one):
            readers.setdefault(id(value.stored), []).append(one)
        for value in _writes(one):
            writers.setdefault(id(value.stored), []).append(one)
    gone: set[int] = set()
    for part in parts:
        if not isinstance(part, Chain) or part.closed:
            continue
        again = True
        while again:
            again = False
            for local, value in part.reads:
                first = _only(writers.get(id(value.stored), []))
                alone = all(reader is part for reader in readers[id(value.stored)])
                if isinstance(first, Chain) and alone and _fits(first, part, value) and any(first is p for p in parts):
                    _take(part, first, local, value)
                    gone.add(id(first))
                    for read in _reads(first):
                        readers[id(read.stored)] = [
                            part if reader is first else reader for reader in readers[id(read.stored)]
                        ]
                    again = True
                    break
    return [part for part in parts if id(part) not in gone]


def _only(parts: list[Made | Chain]) -> Made | Chain | None:
    return parts[0] if len(parts) == 1 else None


def _fits(first: Chain, second: Chain, value: Value) -> bool:
    """Whether the second chain reads all that the first one makes, element by element, and in floats."""
    if first.closed or any(read.stored.role is Role.STATE for _, read in first.reads):
        return False  # a state may be another one by the time of the second chain
    if len(first.writes) != 1 or value.stored.role is not Role.ACTIVATION or not value.stored.precision.floating:
        return False
    (_, made) = first.writes[0]
    same = value.whole and made.whole and _order(value) == _order(made)
    return same and value.elements == second.writes[0][1].elements


def _take(second: Chain, first: Chain, local: str, value: Value) -> None:
    """Put the steps of the first chain in front of those of the second."""
    second.inside += [first.name, *first.inside]
    renamed: dict[str, str] = {}

    def name(old: str) -> str:
        if old not in renamed:
            renamed[old] = second.local()
        return renamed[old]

    for old, number in first.constants.items():
        renamed[old] = second.constant(number)
    reads = [(name(old), read) for old, read in first.reads]
    steps = [
        Apply(function=one.function, args=tuple(map(name, one.args)), result=name(one.result)) for one in first.steps
    ]
    result = name(first.writes[0][0])
    same = {old for old, read in second.reads if read.stored is value.stored}
    second.reads = [*reads, *((old, read) for old, read in second.reads if old not in same)]
    second.steps = [
        *steps,
        *(
            Apply(
                function=one.function, args=tuple(result if arg in same else arg for arg in one.args), result=one.result
            )
            for one in second.steps
        ),
    ]
    second.writes = [(result if old in same else old, written) for old, written in second.writes]


def _converted(parts: list[Part]) -> list[Part]:
    """Products and reductions that write integers themselves, where all that followed was the conversion."""
    readers: dict[int, int] = {}
    makers: dict[int, Made] = {}
    for one in _flat(parts):
        for value in _reads(one):
            readers[id(value.stored)] = readers.get(id(value.stored), 0) + 1
        if isinstance(one, (Product, Rows)):
            makers[id(one.writes[0].stored)] = one
    gone: set[int] = set()
    for part in parts:
        if not isinstance(part, Chain) or part.closed or part.steps or len(part.reads) != 1 or len(part.writes) != 1:
            continue
        (_, value), (_, written) = part.reads[0], part.writes[0]
        made = makers.get(id(value.stored))
        if made is None or readers[id(value.stored)] != 1 or value.stored.role is not Role.ACTIVATION:
            continue
        target = made.writes[0]
        if not value.whole or _order(value) != _order(target) or written.stored.precision.floating:
            continue
        if not _writable(made, target, written):
            continue
        made.writes = [written]
        made.inside += [part.name, *part.inside]
        gone.add(id(part))
    return [part for part in parts if id(part) not in gone]


def _writable(made: Made, target: Value, written: Value) -> bool:
    """Whether an op can write the view: a convolution has its axes in one order."""
    if isinstance(made, Product) and made.axes:
        return written.sizes == target.sizes
    return True

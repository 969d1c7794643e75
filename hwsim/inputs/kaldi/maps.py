"""Affine maps and convolutions of the graph: over windows of frames or joined values, once for what never changes."""

from collections.abc import Sequence

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.inputs.kaldi.drawn import Drawing, Drawn, Places, Seen, steps_of
from hwsim.inputs.kaldi.steps import Affine, Convolved, Reals
from hwsim.inputs.kaldi.times import Times


@dataclass(slots=True, eq=False)
class _Part:
    """A value that a map reads, and the columns of the matrix that go with it."""

    value: str
    places: Places | None
    times: Times | None
    matrix: Reals


def affine(drawing: Drawing, step: Affine, parts: Sequence[Seen], times: Times) -> Drawn:
    """The map of what its taps see, one behind another."""
    columns = sum(one.columns for one in parts)
    if columns != step.matrix.shape[1]:
        taps = len(step.taps)
        raise Unsupported(f"node {drawing.layer!r}: reads {columns // taps} columns; its component takes {step.inputs}")
    bias = np.zeros(step.columns) if step.bias is None else step.bias
    first, found = 0, list[_Part]()
    for one in parts:
        block, drawn = step.matrix[:, first : first + one.columns], one.drawn
        first += one.columns
        if drawn.offset is not None:
            bias = bias + block @ drawn.offset
        if not drawn.value:
            continue
        if drawn.scale is not None:
            block = block * drawn.scale
        if drawn.order is not None:
            straight = np.zeros_like(block)
            straight[:, drawn.order] = block
            block = straight
        _take(found, _Part(drawn.value, one.places, drawn.times, block))
    varying = [part for part in found if part.places is not None]
    same = [part for part in found if part.places is None]
    if not found:
        return Drawn("", step.columns, None, offset=bias)
    put_off = step.bias is None or not varying
    result = ""
    if varying:
        drawing.within(times.count, step.columns)
        result = _product(drawing, varying, None if put_off else bias, times.count)
    for part in same:
        once = drawing.node("MatMul", part.value, drawing.constant(part.matrix.T), what="once" if varying else "")
        result = drawing.node("Add", result, once, what="sum") if result else once
    left = bias if put_off and bias.any() else None
    return Drawn(result, step.columns, times if varying else None, offset=left)


def _take(found: list[_Part], part: _Part) -> None:
    """One more part; what is read twice at the same frames is one part with both matrices added."""
    for other in found:
        if other.value == part.value and (
            (other.places is None and part.places is None)
            or (other.places is not None and part.places is not None and np.array_equal(other.places, part.places))
        ):
            other.matrix = other.matrix + part.matrix
            return
    found.append(part)


def _product(drawing: Drawing, parts: list[_Part], bias: Reals | None, frames: int) -> str:
    """The product of parts that vary: a window that slides over one value, or several values joined."""
    window = _window(parts) if len({part.value for part in parts}) == 1 else None
    if window is not None and len(parts) > 1:
        start, step, dilation, ordered = window
        reach = (frames - 1) * step + dilation * (len(parts) - 1) + 1
        span = drawing.row(_seen(ordered[0], np.arange(start, start + reach, dtype=np.int64)))
        kernel = np.stack([part.matrix for part in ordered], axis=2)
        turned = drawing.node("Transpose", span, what="turned", perm=(0, 2, 1))
        inputs = [turned, drawing.constant(kernel), *([] if bias is None else [drawing.constant(bias)])]
        slid = drawing.node("Conv", *inputs, strides=(step,), dilations=(dilation,))
        return drawing.node("Transpose", slid, what="turned", perm=(0, 2, 1))
    rows = [drawing.row(_seen(part, part.places)) for part in parts]
    whole = rows[0] if len(rows) == 1 else drawing.node("Concat", *rows, what="joined", axis=2)
    matrix = np.concatenate([part.matrix for part in parts], axis=1)
    product = drawing.node("MatMul", whole, drawing.constant(matrix.T))
    return product if bias is None else drawing.node("Add", product, drawing.constant(bias), what="bias")


def _seen(part: _Part, places: Places | None) -> Seen:
    return Seen(Drawn(part.value, part.matrix.shape[1], part.times), places)


def _window(parts: list[_Part]) -> tuple[int, int, int, list[_Part]] | None:
    """Start, step and dilation of a window whose taps the parts are, in their order; None, if they are none."""
    ordered, steps = sorted(parts, key=lambda part: int(_places(part)[0])), set()
    for part in ordered:
        found = steps_of(_places(part))
        if found is None:
            return None
        steps.add(found[1])
    starts = np.asarray([_places(part)[0] for part in ordered])
    apart = np.unique(np.diff(starts))
    if len(steps) != 1 or len(apart) != 1:
        return None
    return int(starts[0]), steps.pop(), int(apart[0]), ordered


def _places(part: _Part) -> Places:
    assert part.places is not None
    return part.places


def convolved(drawing: Drawing, step: Convolved, whole: Drawn, reach: Times, times: Times) -> Drawn:
    """The convolution of a value whose frames are those of `reach`: columns are heights with filters inside."""
    if whole.columns != step.inputs:
        raise Unsupported(f"node {drawing.layer!r}: reads {whole.columns} columns; its component takes {step.inputs}")
    made, filters, _, taps = step.kernel.shape
    heights = np.asarray(step.heights)
    apart = np.unique(np.diff(heights)) if len(heights) > 1 else np.ones(1, np.int64)
    along = np.unique(np.diff(step.times)) if len(step.times) > 1 else np.full(1, reach.step)
    if len(apart) != 1 or len(along) != 1 or along[0] % reach.step or times.step % reach.step:
        raise Unsupported(f"node {drawing.layer!r}: its component has uneven offsets, which hwsim does not read")
    before = max(0, -int(heights[0]))
    last = (step.outputs - 1) * step.every + int(heights[-1])
    after = max(0, last - step.height + 1)
    if before > step.height or after > step.height or heights[0] > 0 or taps > 2 * step.height:
        raise Unsupported(f"node {drawing.layer!r}: its component reads heights beyond its input")
    spare = step.height - 1 - last
    drawing.within(times.count, step.columns)
    name = drawing.done(Seen(whole, np.arange(reach.count, dtype=np.int64)))
    if whole.times is None:
        name = drawing.spread(name, reach.count, whole.columns)
    name = drawing.node("Reshape", name, drawing.wholes(1, reach.count, step.height, filters), what="heights")
    name = drawing.node("Transpose", name, what="turned", perm=(0, 3, 1, 2))
    if spare >= step.every:
        bounds = [drawing.wholes(one) for one in (0, last + 1, 3, 1)]
        name = drawing.node("Slice", name, *bounds, what="heights")
    strides, dilations = (times.step // reach.step, step.every), (int(along[0]) // reach.step, int(apart[0]))
    pads = (0, before, 0, after)
    inputs = [name, drawing.constant(step.kernel), drawing.constant(step.bias)]
    slid = drawing.node("Conv", *inputs, strides=strides, dilations=dilations, pads=pads)
    name = drawing.node("Transpose", slid, what="turned", perm=(0, 2, 3, 1))
    name = drawing.node("Reshape", name, drawing.wholes(1, times.count, step.outputs * made), what="columns")
    return Drawn(name, step.outputs * made, times)

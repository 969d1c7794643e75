"""Values of a network as nodes of a graph: [1, frames, columns], what stretches their columns put off.

What is put off ends in the map that reads the value, or in a chain where there is none.
"""

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.inputs.kaldi.steps import Reals
from hwsim.inputs.kaldi.times import Frames, Times
from hwsim.inputs.onnx.graph import Array, Constant, GraphNode

Places = NDArray[np.int64]
MOST_ELEMENTS = 1 << 28
"""Elements of one value: more than any network of nnet3 has, so that a size that lies asks for no memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A value: `value`, its columns in another order, times `scale`, plus `offset`, each if it is there.

    Without a name it is `offset` alone; without times it is the same at all frames, and has one.
    """

    value: str
    columns: int
    times: Times | None
    order: Places | None = None
    scale: Reals | None = None
    offset: Reals | None = None

    def stretched(self, scale: Reals | None, offset: Reals | None) -> "Drawn":
        """The same times `scale`, plus `offset`."""
        made = self
        if scale is not None:
            made = replace(
                made,
                scale=scale if made.scale is None else made.scale * scale,
                offset=None if made.offset is None else made.offset * scale,
            )
        if offset is not None:
            made = replace(made, offset=offset if made.offset is None else made.offset + offset)
        return made

    @property
    def plain(self) -> bool:
        """Whether nothing is put off."""
        return bool(self.value) and self.order is None and self.scale is None and self.offset is None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A value at some of its frames; without places it is the same at all frames."""

    drawn: Drawn
    places: Places | None

    @property
    def columns(self) -> int:
        return self.drawn.columns


def steps_of(places: Places) -> tuple[int, int] | None:
    """Start and step of places that lie in equal steps."""
    if len(places) == 1:
        return int(places[0]), 1
    step = int(places[1] - places[0])
    if step < 1 or not (np.diff(places) == step).all():
        return None
    return int(places[0]), step


@dataclass(slots=True)
class Drawing:
    """The graph so far."""

    nodes: list[GraphNode] = field(default_factory=list)
    stored: dict[str, Constant] = field(default_factory=dict)
    layer: str = ""
    """The layer at hand."""
    title: str = ""
    """What nodes are called after."""
    _count: int = 0

    def constant(self, values: Any, kind: str = "float32") -> str:
        """The name of numbers that the graph holds."""
        self._count += 1
        name = f"{self.title}/number{self._count}"
        array: Array = np.asarray(values, kind)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise Unsupported(f"node {self.layer!r}: comes to numbers beyond single precision")
        self.stored[name] = Constant(array, kind)
        return name

    def node(self, op: str, *inputs: str, what: str = "", **attributes: Any) -> str:
        """One more node; the name of its result, which is that of the layer unless it is a part of it."""
        name = f"{self.title}.{what}" if what else self.title
        self._count += 1
        result = f"{name}/{op}{self._count}"
        self.nodes.append(GraphNode(op, "", name, inputs, (result,), attributes))
        return result

    def wholes(self, *values: int) -> str:
        return self.constant(values, "int64")

    # -- what is put off

    def row(self, seen: Seen) -> str:
        """The value at its places, as it stands in the graph: nothing of what is put off is done."""
        drawn, places = seen.drawn, seen.places
        if places is None or drawn.times is None:
            return drawn.value
        whole = drawn.times.count
        steps = steps_of(places)
        if steps is None:
            return self.node("Gather", drawn.value, self.constant(places, "int64"), what="frames", axis=1)
        start, step = steps
        if (start, step, len(places)) == (0, 1, whole):
            return drawn.value
        bounds = [self.wholes(one) for one in (start, int(places[-1]) + 1, 1, step)]
        return self.node("Slice", drawn.value, *bounds, what="frames")

    def done(self, seen: Seen) -> str:
        """The value with all that was put off."""
        drawn = seen.drawn
        if not drawn.value:
            offset = np.zeros(drawn.columns) if drawn.offset is None else drawn.offset
            return self.constant(offset.reshape(1, 1, -1))
        name = self.row(seen)
        if drawn.order is not None:
            name = self.node("Gather", name, self.constant(drawn.order, "int64"), what="order", axis=2)
        if drawn.scale is not None and (drawn.scale != 1).any():
            name = self.node("Mul", name, self.constant(_short(drawn.scale)), what="scale")
        if drawn.offset is not None and drawn.offset.any():
            name = self.node("Add", name, self.constant(_short(drawn.offset)), what="offset")
        return name

    def spread(self, name: str, frames: int, columns: int) -> str:
        """A value of one frame at all frames."""
        if frames == 1:
            return name
        return self.node("Expand", name, self.wholes(1, frames, columns), what="spread")

    def within(self, frames: int, columns: int) -> None:
        """Refuse a value of more elements than any network has."""
        if frames * columns > MOST_ELEMENTS:
            law = f"would have {frames * columns:,} elements; hwsim takes {MOST_ELEMENTS:,}"
            raise Unsupported(f"node {self.layer!r}: {law}")

    def joined(self, parts: Sequence[Seen], frames: Frames) -> Drawn:
        """Several values one behind another; a single one keeps what is put off."""
        if len(parts) == 1:
            (seen,) = parts
            times = None if seen.places is None else Times(0, 1, len(frames))
            return replace(seen.drawn, value=self.row(seen), times=times)
        same = all(seen.places is None for seen in parts)
        names = [self.done(seen) for seen in parts]
        if not same:
            names = [
                self.spread(name, len(frames), seen.columns) if seen.places is None else name
                for name, seen in zip(names, parts, strict=True)
            ]
        columns = sum(seen.columns for seen in parts)
        self.within(len(frames), columns)
        times = None if same else Times(0, 1, len(frames))
        return Drawn(self.node("Concat", *names, what="joined", axis=2), columns, times)


def _short(values: Reals) -> Any:
    """One number, if all are the same."""
    return values[:1] if (values == values[0]).all() else values

"""What descriptors read, as values of the graph at the frames that a layer asks for."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.inputs.kaldi.descriptors import (
    MOST_COLUMNS,
    Appended,
    Descriptor,
    Failover,
    Filled,
    IfDefined,
    Named,
    Offset,
    Replaced,
    Rounded,
    Scaled,
    Summed,
)
from hwsim.inputs.kaldi.drawn import Drawing, Drawn, Seen
from hwsim.inputs.kaldi.times import Frames, Plan, Times


@dataclass(frozen=True, slots=True)
class Reading:
    """The graph, the values of the nodes so far, and the frames of all."""

    drawing: Drawing
    values: Mapping[str, Drawn]
    plan: Plan

    def seen(self, descriptor: Descriptor, frames: Frames) -> list[Seen]:
        """The values that a descriptor puts one behind another, at these frames."""
        match descriptor:
            case Named(name):
                return [self._at(self.values[name], frames)]
            case Offset(of, moved):
                return self.seen(of, frames + moved)
            case Replaced(of, frame):
                return self.seen(of, np.full_like(frames, frame))
            case Rounded(of, every):
                return self.seen(of, frames - frames % every)
            case Scaled(of, factor):
                return [
                    Seen(one.drawn.stretched(np.full(one.columns, factor), None), one.places)
                    for one in self.seen(of, frames)
                ]
            case Filled(value, columns):
                return [Seen(Drawn("", columns, None, offset=np.full(columns, value)), None)]
            case Appended(parts):
                found = [one for part in parts for one in self.seen(part, frames)]
                if sum(one.columns for one in found) > MOST_COLUMNS:
                    raise Unsupported(f"node {self.drawing.layer!r}: reads more than {MOST_COLUMNS:,} columns")
                return found
            case Summed(parts):
                return [self._sum([self.seen(part, frames) for part in parts], frames)]
            case IfDefined(of):
                return self._either(of, None, frames)
            case Failover(first, second):
                return self._either(first, second, frames)

    def _at(self, drawn: Drawn, frames: Frames) -> Seen:
        """A node at these frames; one frame that all are is a value without times."""
        times = drawn.times
        if times is None:
            return Seen(drawn, None)
        places = (frames - times.start) // times.step
        if len(places) > 1 and (places == places[0]).all():
            one = self.drawing.row(Seen(drawn, places[:1]))
            return Seen(replace(drawn, value=one, times=None), None)
        return Seen(drawn, places)

    def _single(self, parts: list[Seen], frames: Frames) -> Seen:
        drawn = self.drawing.joined(parts, frames)
        return Seen(drawn, None if drawn.times is None else np.arange(len(frames), dtype=np.int64))

    def _sum(self, parts: list[list[Seen]], frames: Frames) -> Seen:
        """A sum: offsets are added up beside it."""
        drawing = self.drawing
        singles = [self._single(part, frames) for part in parts]
        if len({one.columns for one in singles}) > 1:
            found = " and ".join(str(one.columns) for one in singles)
            raise Unsupported(f"node {drawing.layer!r}: adds {found} columns")
        offset, names, same = None, [], True
        for one in singles:
            apart = replace(one.drawn, offset=None)
            if one.drawn.offset is not None:
                offset = one.drawn.offset if offset is None else offset + one.drawn.offset
            if one.drawn.value:
                names.append(drawing.done(Seen(apart, one.places)))
                same &= one.places is None
        if not names:
            return Seen(Drawn("", singles[0].columns, None, offset=offset), None)
        total = names[0]
        for name in names[1:]:
            total = drawing.node("Add", total, name, what="sum")
        drawn = Drawn(total, singles[0].columns, None if same else Times(0, 1, len(frames)), offset=offset)
        return Seen(drawn, None if same else np.arange(len(frames), dtype=np.int64))

    def _either(self, first: Descriptor, second: Descriptor | None, frames: Frames) -> list[Seen]:
        """The first where it can be computed; elsewhere the second, or zeros: stretches of frames of either."""
        known = self.plan.known(first, frames)
        if known.all():
            return self.seen(first, frames)
        if not known.any() and second is not None:
            return self.seen(second, frames)
        if not known.any():
            raise Unsupported(f"node {self.drawing.layer!r}: reads nothing that can be computed at any of its frames")
        drawing, pieces, columns = self.drawing, list[tuple[str, int]](), 0
        starts = [0, *(np.flatnonzero(np.diff(known)) + 1).tolist(), len(frames)]
        for begin, end in pairwise(starts):
            there, here = frames[begin:end], first if known[begin] else second
            if here is None:
                pieces.append(("", end - begin))
                continue
            one = self._single(self.seen(here, there), there)
            name = drawing.done(one)
            columns = one.columns
            pieces.append((drawing.spread(name, end - begin, columns) if one.places is None else name, end - begin))
        names = [
            name or drawing.constant(np.zeros((1, count, columns), np.float32)) for name, count in pieces
        ]  # fmt: skip
        drawing.within(len(frames), columns)
        whole = drawing.node("Concat", *names, what="pieces", axis=1)
        return [Seen(Drawn(whole, columns, Times(0, 1, len(frames))), np.arange(len(frames), dtype=np.int64))]

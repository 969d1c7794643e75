"""At which frames each node is needed, and where it can be computed.

Frames are numbered as Kaldi does it: the first output is frame 0, the others follow at every `subsampling`-th; inputs
have as many frames before and behind as the outputs need. A node is computed from the first to the last frame that is
needed, in the widest regular steps that meet all of them, as Kaldi's TdnnComponent does it
(nnet3/convolution.cc, `GetConvolutionComputationIo`).
"""

from collections.abc import Mapping
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, Unsupported, shown
from hwsim.inputs.kaldi.descriptors import (
    MOST_FRAMES,
    Descriptor,
    Failover,
    Filled,
    IfDefined,
    Named,
    Offset,
    Replaced,
    Rounded,
    inner,
)
from hwsim.inputs.kaldi.layers import Layer, Layers
from hwsim.inputs.kaldi.steps import Convolved

Frames = NDArray[np.int64]
MOST_PLACES = 1 << 28
"""Frames of all layers together."""
INPUT = "input"
"""What Kaldi calls the input of features."""


@dataclass(frozen=True, slots=True)
class Times:
    """Frames in regular steps."""

    start: int
    step: int
    count: int

    @property
    def all(self) -> Frames:
        return self.start + self.step * np.arange(self.count, dtype=np.int64)


def regular(frames: Frames) -> Times:
    """The fewest regular frames among which these are.

    >>> regular(np.array([0, 6, 9]))
    Times(start=0, step=3, count=4)
    """
    first, last = int(frames.min()), int(frames.max())
    step = int(np.gcd.reduce(frames - first)) or 1
    return Times(first, step, (last - first) // step + 1)


@dataclass(frozen=True, slots=True)
class Span:
    """The frames that are needed around one: from `low` to `high`; and those needed whichever it is."""

    low: int
    high: int

    def joined(self, other: "Span | None") -> "Span":
        return self if other is None else Span(min(self.low, other.low), max(self.high, other.high))

    def moved(self, frames: int) -> "Span":
        return Span(self.low + frames, self.high + frames)


@dataclass(slots=True)
class _Spans:
    """What is needed of each node around an output's frame, and at frames that descriptors name."""

    left: bool
    around: dict[str, Span] = field(default_factory=dict)
    named: dict[str, Span] = field(default_factory=dict)

    def reach(self, descriptor: Descriptor) -> int:
        """How far a descriptor looks to its side."""
        spans = _Spans(self.left)
        spans.need(descriptor, Span(0, 0), False, False)
        found = [-one.low if self.left else one.high for one in spans.around.values()]
        return max(found, default=0)

    def need(self, descriptor: Descriptor, span: Span, named: bool, optional: bool) -> None:
        """Note what a descriptor needs; with what it can do without, or not."""
        match descriptor:
            case Named(name):
                spans = self.named if named else self.around
                spans[name] = span.joined(spans.get(name))
            case Offset(of, frames):
                self.need(of, span.moved(frames), named, optional)
            case Replaced(of, frame):
                self.need(of, Span(frame, frame), True, optional)
            case Rounded(of, every):
                self.need(of, Span(span.low - every + 1, span.high), named, optional)
            case IfDefined() if not optional:
                pass
            case Failover(first, second) if not optional:
                self.need(min((first, second), key=self.reach), span, named, optional)
            case _:
                for part in inner(descriptor):
                    self.need(part, span, named, optional)


def _spans(layers: Layers, optional: bool, left: bool = True) -> _Spans:
    """What is needed of all nodes for one frame of the output; of two that do, what is least at that side."""
    spans = _Spans(left)
    spans.around[layers.output] = Span(0, 0)
    for name, layer in reversed(list(layers.layers.items())):
        taps = layer.taps
        if isinstance(layer.step, Convolved) and not optional:
            taps = layer.step.required
        for named, found in ((False, spans.around), (True, spans.named)):
            if name in found:
                for tap in (min(taps), max(taps)):
                    spans.need(layer.reads, found[name].moved(tap), named, optional)
    for span in (*spans.around.values(), *spans.named.values()):
        if max(abs(span.low), abs(span.high)) > MOST_FRAMES:
            raise Unsupported(f"looks over more than {MOST_FRAMES:,} frames")
    return spans


@dataclass(frozen=True, slots=True)
class Context:
    """Frames of features before the first frame of the output, and behind the last one."""

    left: int
    right: int

    @property
    def frames(self) -> int:
        """How many frames of features make one frame of the output."""
        return self.left + self.right + 1


def context_of(layers: Layers) -> Context:
    """How far the network looks around."""
    name, none = features_of(layers), Span(0, 0)
    left, right = (_spans(layers, optional=False, left=side).around.get(name, none) for side in (True, False))
    return Context(-left.low, right.high)


def features_of(layers: Layers) -> str:
    """The input of features: the one of which frames around an output are needed."""
    spans = _spans(layers, optional=False)
    if INPUT in layers.inputs:
        return INPUT
    return next((name for name in layers.inputs if name in spans.around), next(iter(layers.inputs)))


@dataclass(frozen=True, slots=True)
class Plan:
    """The frames of each node, and where each can be computed; `first` is the frame of the first entry of a mask."""

    times: Mapping[str, Times]
    computable: Mapping[str, NDArray[np.bool_]]
    first: int

    def known(self, descriptor: Descriptor, frames: Frames) -> NDArray[np.bool_]:
        """At which of these frames a descriptor can be computed."""
        match descriptor:
            case Named(name):
                mask, places = self.computable[name], frames - self.first
                inside = (places >= 0) & (places < len(mask))
                return np.asarray(inside & mask[np.clip(places, 0, len(mask) - 1)])
            case Offset(of, moved):
                return self.known(of, frames + moved)
            case Replaced(of, frame):
                return self.known(of, np.full_like(frames, frame))
            case Rounded(of, every):
                return self.known(of, frames - frames % every)
            case IfDefined() | Filled():
                return np.ones(len(frames), np.bool_)
            case Failover(first, second):
                return self.known(first, frames) | self.known(second, frames)
            case _:
                masks = [self.known(part, frames) for part in inner(descriptor)]
                return np.asarray(np.logical_and.reduce(masks))


def planned(layers: Layers, frames: int, subsampling: int) -> Plan:
    """The plan for so many frames of features; one output for every `subsampling` of them that have their context."""
    context, needed, wide = context_of(layers), _spans(layers, optional=False), _spans(layers, optional=True)
    outputs = (frames - context.frames) // subsampling + 1
    if frames < context.frames:
        law = f"is too few: one frame of the output needs {context.frames} of features, its context among them"
        raise InvalidValue("--dim frames", frames, law)
    last = (outputs - 1) * subsampling
    spans = [*wide.around.values(), *wide.named.values()]
    first = min(min(span.low for span in spans), -context.left)
    end = max(max(span.high for span in spans) + last, frames - context.left) + 1
    if (end - first) * len(layers.layers) > MOST_PLACES:
        raise Unsupported(f"has {len(layers.layers):,} layers, too many for {end - first:,} frames")
    times, computable = dict[str, Times](), dict[str, NDArray[np.bool_]]()
    plan = Plan(times, computable, first)
    window = np.arange(first, end, dtype=np.int64)
    features = features_of(layers)
    for name in layers.inputs:
        mask = np.zeros(len(window), np.bool_)
        low, high = -context.left, frames - context.left - 1
        if name != features:
            around, named = needed.around.get(name), needed.named.get(name)
            found = ([] if around is None else [around.low, around.high + last]) + (
                [] if named is None else [named.low, named.high])  # fmt: skip
            low, high = (min(found), max(found)) if found else (0, 0)
        mask[low - first : high - first + 1] = True
        computable[name] = mask
    for name, layer in layers.layers.items():
        taps = layer.step.required if isinstance(layer.step, Convolved) else layer.taps
        masks = [plan.known(layer.reads, window + tap) for tap in taps]
        computable[name] = np.logical_and.reduce(masks)
    asked = {name: np.zeros(len(window), np.bool_) for name in (*layers.inputs, *layers.layers)}
    asked[layers.output][np.arange(outputs) * subsampling - first] = True
    for name, layer in reversed(list(layers.layers.items())):
        if not asked[name].any():
            continue
        times[name] = regular(window[asked[name]])
        if not computable[name][times[name].all - first].all():
            raise Unsupported(f"{layer.node.title}: is needed at frames at which it cannot be computed")
        for tap in layer.taps:
            wanted = times[name].all + tap
            if isinstance(layer.step, Convolved) and tap not in layer.step.required:
                wanted = wanted[plan.known(layer.reads, wanted)]
            _ask(plan, asked, layer.reads, wanted, layer)
    for name in layers.inputs:
        if name == features:
            times[name] = Times(-context.left, 1, frames)
        elif asked[name].any():
            times[name] = regular(window[asked[name]])
    return plan


def _ask(
    plan: Plan, asked: Mapping[str, NDArray[np.bool_]], descriptor: Descriptor, frames: Frames, layer: Layer
) -> None:
    """Note at which frames nodes are asked for; of what may be missing, only where it can be computed."""
    if not len(frames):
        return
    match descriptor:
        case Named(name):
            places = frames - plan.first
            if places.min() < 0 or places.max() >= len(asked[name]):
                raise Unsupported(f"{layer.node.title}: reads {shown(name)} at frames that are not there")
            asked[name][places] = True
        case Offset(of, moved):
            _ask(plan, asked, of, frames + moved, layer)
        case Replaced(of, frame):
            _ask(plan, asked, of, np.full(1, frame, np.int64), layer)
        case Rounded(of, every):
            _ask(plan, asked, of, frames - frames % every, layer)
        case IfDefined(of):
            _ask(plan, asked, of, frames[plan.known(of, frames)], layer)
        case Failover(first, second):
            known = plan.known(first, frames)
            _ask(plan, asked, first, frames[known], layer)
            _ask(plan, asked, second, frames[~known], layer)
        case _:
            for part in inner(descriptor):
                _ask(plan, asked, part, frames, layer)

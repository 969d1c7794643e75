"""Where tensors lie while a program runs: by place, and the largest of those that are not in the scratchpad."""

from collections.abc import Sequence

from rich.table import Table

from hwsim.report.numbers import groups, scaled
from hwsim.report.tables import Screen, new_table, render
from hwsim.results.result import Result
from hwsim.schedule.schedule import Placement, Residency

LARGEST = 5
"""How many tensors the whole report names; `--tensors` has all groups."""

_MEANING = {
    Residency.RESIDENT: "loaded once before the loop that reads it",
    Residency.PARTLY: "some of its rows stay, the others need the DRAM",
    Residency.KEPT: "made and read in the scratchpad",
    Residency.FUSED: "never outside the tile in which it is made",
    Residency.STREAMED: "given; loaded whenever it is read",
    Residency.SPILLED: "made; stored to DRAM, loaded whenever it is read",
}
_OUTSIDE = (Residency.PARTLY, Residency.STREAMED, Residency.SPILLED)


def tensors_text(result: Result, screen: Screen) -> str:
    """What `run --tensors` prints: a line for each place, and all tensors, those of equal layers joined."""
    everything = new_table("tensor", "place", "bytes", "scratchpad bytes", "why", title="All tensors, layers joined")
    joined = [
        group
        for place in Residency
        for group in groups((t for t in result.tensors if t.place is place), lambda tensor: tensor.tensor)
    ]
    for group in sorted(joined, key=lambda group: -sum(tensor.bytes for tensor in group.members)):
        size, kept = (sum(getattr(t, what) for t in group.members) for what in ("bytes", "kept_bytes"))
        first = max(group.members, key=lambda tensor: tensor.bytes)
        shown = scaled(kept, "B") if kept else ""
        everything.add_row(group.title, first.place.value, scaled(size, "B"), shown, first.why)
    return render((_places(result.tensors), everything), screen)


def residency(tensors: Sequence[Placement]) -> list[Table]:
    """A line for each place, and the largest tensors for which the DRAM is needed, with the reason."""
    outside = sorted((t for t in tensors if t.place in _OUTSIDE), key=lambda tensor: -tensor.bytes)
    if not outside:
        return [_places(tensors)]
    largest = new_table("tensor", "place", "bytes", "why", title="Largest that need the DRAM")
    for tensor in outside[:LARGEST]:
        largest.add_row(tensor.tensor, tensor.place.value, scaled(tensor.bytes, "B"), tensor.why)
    return [_places(tensors), largest]


def _places(tensors: Sequence[Placement]) -> Table:
    places = new_table("place", "tensors", "bytes", "scratchpad bytes", "", title="Where tensors lie")
    for place, meaning in _MEANING.items():
        there = [tensor for tensor in tensors if tensor.place is place]
        if there:
            size, kept = sum(tensor.bytes for tensor in there), sum(tensor.kept_bytes for tensor in there)
            places.add_row(place.value, str(len(there)), scaled(size, "B"), scaled(kept, "B") if kept else "", meaning)
    return places

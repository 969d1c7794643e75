"""Why an op runs as it does: operands and where they lie, cuts that were tried, what each unit needs at least."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Name, Noun, Remark, UnlessDefault
from hwsim.quantities.precision import Precision
from hwsim.results.folding import FoldedOp
from hwsim.schedule.counters import Count
from hwsim.schedule.schedule import Residency
from hwsim.schedule.unit_table import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class OperandPlace(Noun):
    """A tensor that an op reads or writes: the part of it that one run touches, and where it lies."""

    tensor: Name
    written: bool
    shape: tuple[int, ...]
    precision: Precision
    bytes: Count
    place: Residency
    why: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Noun):
    """A way to cut an op: its largest block, the bytes of all its slots, and the cycles of one run on an idle chip.

    The fastest candidate that fits is chosen; of equals the mapper takes either.
    """

    block: Name
    steps: Count
    bytes_held: Count
    cycles_alone: Count
    fits: bool
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof(Noun):
    """What a unit needs at least for all runs: its work at its full rate, nothing else in its way."""

    limit: Limit
    cycles: Count
    work: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(Noun):
    """One op on one chip: the largest of its sizes, and all its runs together.

    `follows` is the op on whose tiles it works, as they are finished: then cuts and room are that op's. `array_cycles`
    is the closed form for one run on the array alone, with the streams that were chosen; `room_bytes` is what the
    scratchpad has for its slots. If it is split over cores, in the shares that `split` says, cuts, room and closed form
    are those of the core with most to do.
    """

    op: Name
    kind: Name
    sizes: Count
    times: Count
    loops: tuple[Name, ...]
    product: tuple[Count, Count, Count, Count] | None
    """Batch, M, K and N of the largest size, if it is a matrix product on the array."""
    mode: Precision | None
    follows: Name | None
    followed_by: Name | None
    folded: FoldedOp | None = None
    """What it looks up the results of, if it stands for a product."""
    operands: tuple[OperandPlace, ...]
    slots: Count
    room_bytes: Count
    candidates: tuple[Candidate, ...]
    array_cycles: Count | None
    roofs: tuple[Roof, ...]
    split: Annotated[Name | None, UnlessDefault()] = None

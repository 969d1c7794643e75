"""A plan of a program: what is resident, what is kept, how much room each op has for its slots."""

from dataclasses import field
from functools import cached_property
from typing import NamedTuple

from hwsim.dataclass import dataclass
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.liveness import ALL, ResidentRows
from hwsim.mapping.residency import Item
from hwsim.mapping.shares import OnCores
from hwsim.mapping.target import Target


class Strategy(NamedTuple):
    """How one plan is made.

    A working set may take one part in `working_set_divisor` of the scratchpad, so that residents and kept tensors have
    room. With `partial_residency` tensors may be kept in part. Ops are cut for least traffic with `min_traffic`, else
    for least time with a DRAM of that `latency` in cycles, or, `near_fastest`, for least traffic among cuts about as
    fast; the cuts that are tried are the same for all latencies.
    Blocks of products are square but for sides that are whole, unless they may be `any_block`.
    """

    working_set_divisor: int
    partial_residency: bool = False
    min_traffic: bool = False
    latency: int = 100
    any_block: bool = False
    near_fastest: bool = False


class ByPart(NamedTuple):
    """A strategy for each part of a program: each loop outside all others, and the ops between two of them."""

    strategies: tuple[Strategy, ...]


Way = Strategy | ByPart


@dataclass(frozen=True, slots=True)
class Resident:
    """Parameters that stay in the scratchpad during a loop: the first rows of tiles of a tensor. Several cores hold
    `bytes` of them at most, load `loaded` together, and write `written` into their scratchpads."""

    name: str
    op: str
    loop: str
    rows: int
    bytes: int
    address: int
    loaded: int
    written: int


@dataclass(frozen=True, slots=True)
class ResidentPrefix:
    """The first rows of a tensor, where only they are kept: how many of all rows, their bytes, and where they lie."""

    rows: int
    all_rows: int
    bytes: int
    address: int


@dataclass(frozen=True, eq=False)
class Plan:
    """The decisions for one scratchpad size and way of planning, None for the naive plan.

    By places of ops, `reserved` are the bytes that were kept free for slots before blocks were chosen, and `room` the
    bytes that in the end were there for them.
    """

    analysed: AnalysedProgram
    target: Target
    size: int
    way: Way | None
    residents: dict[str, Resident]
    kept: dict[str, int]
    """The addresses of tensors that are kept as a whole."""
    prefixes: dict[str, ResidentPrefix]
    overwrites: dict[str, tuple[str, ...]]
    """Which dead buffers each buffer of the scratchpad overwrites."""
    reserved: tuple[int, ...]
    room: tuple[int, ...]
    items: tuple[Item, ...] = field(repr=False)
    on_cores: OnCores | None = None
    """How the ops lie on several cores; None: on one."""
    rounded: int = 0
    """The unit in bytes to which sizes were rounded up for the choice of residents; 0 for exact sizes."""

    @property
    def naive(self) -> bool:
        return self.way is None

    def strategy(self, place: int) -> Strategy:
        """By which strategy the op in that place is planned; a naive plan has none."""
        assert self.way is not None
        return self.way.strategies[int(self.analysed.parts[place])] if isinstance(self.way, ByPart) else self.way

    def bytes_of(self, tensor: str, size: int) -> int:
        """What a core holds of a tensor of that size that is kept: all of it, unless it lies in shares."""
        share = None if self.on_cores is None else self.on_cores.bytes_of(tensor)
        return size if share is None else share

    @cached_property
    def resident_rows(self) -> ResidentRows:
        """How many of each tensor's first rows are kept."""
        return dict.fromkeys(self.kept, ALL) | {name: prefix.rows for name, prefix in self.prefixes.items()}

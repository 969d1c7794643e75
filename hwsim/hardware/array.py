"""The protocol of arrays: all that mapping, timing, prices, peaks, values and reports ask of an array.

A kind of array is a noun that inherits `ComputeArray`, registered in `ARRAYS`; nothing here says what it is made of.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import IntEnum
from fractions import Fraction
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.array_parts import PartAreas, PartPrices
from hwsim.hardware.prices import UnitPrice
from hwsim.hardware.summation import Summation
from hwsim.quantities.noun import Noun
from hwsim.quantities.precision import Precision
from hwsim.quantities.registry import Family
from hwsim.schedule.counters import Work


@dataclass(frozen=True, slots=True)
class TileShape:
    """Sizes of a Gemm, or of a block of one, in the order of the loops: `outer` is the slowest, `k` the fastest."""

    outer: int
    inner: int
    k: int


@dataclass(frozen=True, slots=True)
class TilingConstraints:
    """What blocks must obey on an array: the part of each dimension that one array tile covers, of which they are
    multiples; the longest part of the outer dimension in one block; and the partial sums that a column holds."""

    unit: TileShape
    stream: int | None = None
    entries: int | None = None
    outputs_stay: bool = False
    """Whether results stay in the array while they gather K, so that K may be cut only inside one tile of results."""
    n_is_outer: bool = False
    """Whether the slowest loop is that over N, not that over M."""
    k_is_cut: bool = False
    """Whether K is cut in any case, because the first rows of the weight are resident."""

    def extent(self, m: int, k: int, n: int) -> TileShape:
        """M, K, N in the order of the loops."""
        return TileShape(outer=n, inner=m, k=k) if self.n_is_outer else TileShape(outer=m, inner=n, k=k)

    def m_and_n(self, block: TileShape) -> tuple[int, int]:
        """The rows and columns of the result that a block makes."""
        return (block.inner, block.outer) if self.n_is_outer else (block.outer, block.inner)


Rate = int | Fraction
"""Products a cycle: an array may need many cycles for one, or make many in one."""

NOTHING_FOLLOWS = 1 << 62
"""The lead of a product that never comes."""


class Takes(IntEnum):
    """How often an array takes an operand of a block out of the scratchpad; a block is some tiles of the array."""

    NEVER = 0  # it is stored in the array's cells
    ONCE = 1
    ACROSS = 2  # for each tile across, along `inner`
    DEEP = 3  # for each tile of results along `outer`


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCosts:
    """What the steps of matrix products cost on an array in one mode: coefficients, from which kernels work out cycles.

    A tile of the array meets a stream: the rows of `outer` on an array with stationary operands, groups of `stream_k`
    products of K on an array whose outputs stay. The next tile may start `max(pace · stream + fixed, least)` cycles
    after it, its own results are complete `pace · stream + drained` cycles after it started. Memory has no latency
    here.

    Where results wait in drain registers, the last tile of a product keeps the array `pace · stream + max(0, hazard −
    lead)` cycles, with the lead of the product that follows.
    """

    stream_k: int = 1
    pace: int = 1
    fixed: int = 0
    least: int = 0
    drained: int = 0
    hazard: int | None = None
    acts: Takes
    weights: Takes
    tile_bits: int = 0
    """Bits that registers take over for a tile, whatever its stream,"""
    stream_bits: int = 0
    """for each step of its stream,"""
    drain_bits: int = 0
    """and when its results leave."""
    stream_adder_bits: int = 0
    """Bits of additions that products of a tile share, for each step of its stream, however many products it has."""
    sums_outside: bool = False
    """Whether sums are written under the array, once for each tile of K, and read as often."""


@dataclass(frozen=True, slots=True)
class GemmCycles:
    """Cycles of one Gemm on the array alone, memory never in the way.

    `mac` counts up to the last product, `out` up to the last result that leaves the array.
    """

    mac: int
    out: int
    tiles: int


@dataclass(frozen=True, slots=True)
class Feed:
    """What an array at its peak takes out of the scratchpad in each cycle, and how many times as long as its products
    it is kept, because stationary operands are loaded meanwhile."""

    bytes_per_cycle: Fraction
    loading: Fraction


@dataclass(frozen=True, slots=True)
class FullTile:
    """The work of an array in the steady state, full in every cycle; `operand_bytes` come out of the scratchpad."""

    cycles: int
    operand_bytes: int
    work: Work


LONG_STREAM = 1024
"""Steps of a tile at peak, where nothing of the array ends its stream sooner."""


@dataclass(frozen=True, slots=True)
class ArrayArea:
    """Square micrometres of an array, and of the sums under it."""

    array: Fraction
    accumulators: Fraction


class ComputeArray(Noun, ABC):
    """An array that makes matrix products act[m, k] @ weight[k, n] in some modes, each named by a format."""

    __slots__ = ()

    kind: str
    """The name of the kind in files: a field of the noun, a Literal."""

    # -- what it is

    @property
    @abstractmethod
    def described(self) -> tuple[str, ...]:
        """What it is in a few words each, such as its size: for reports."""

    @property
    @abstractmethod
    def modes(self) -> tuple[Precision, ...]:
        """The formats in which it multiplies, in the order of their names; at least one."""

    @abstractmethod
    def macs_per_cycle(self, mode: Precision) -> Rate:
        """Peak products per cycle of the whole array."""

    @abstractmethod
    def summation(self, mode: Precision) -> Summation:
        """In which order and with which widths the products of one result are added."""

    def mode(self, act: Precision, weight: Precision) -> Precision | None:
        """The fastest mode that takes operands of both formats, unsigned ones centred if need be; None if none does."""
        able = [mode for mode in self.modes if mode.takes(act) and mode.takes(weight)]
        if not able:
            act, weight = act.centred, weight.centred
            able = [mode for mode in self.modes if mode.takes(act) and mode.takes(weight)]
        return max(able, key=lambda mode: (self.macs_per_cycle(mode), -mode.bits), default=None)

    def refusal(self, act: Precision, weight: Precision) -> Unsupported:
        """The error where no mode takes both formats."""
        modes = ", ".join(mode.value for mode in self.modes)
        return Unsupported(f"the array multiplies no {act.value} by {weight.value}; it does {modes}")

    # -- how products are cut, and what their steps cost

    @abstractmethod
    def constraints(self, mode: Precision) -> TilingConstraints:
        """What blocks must obey in that mode."""

    @abstractmethod
    def step_costs(self, mode: Precision) -> StepCosts:
        """What the steps of matrix products cost in that mode."""

    @abstractmethod
    def alone(self, mode: Precision, whole: TileShape, batch: int, outer: int) -> int:
        """Cycles of a batch of matrix products of that size, in blocks of so much of the outer dimension, memory never
        in the way."""

    @abstractmethod
    def gemm_cycles(self, mode: Precision, m: int, k: int, n: int) -> GemmCycles:
        """Cycles of act[m, k] @ weight[k, n], cut as the array does by itself."""

    def lead(self, mode: Precision, k: int) -> int:
        """Cycles from the start of a product of that K until it needs what the product before it may still occupy."""
        return 0

    # -- what it reaches, and what it costs

    @abstractmethod
    def feed(self, mode: Precision, act_bits: int, weight_bits: int) -> Feed:
        """The feed of the array at its peak, with operands of those widths in the scratchpad."""

    @abstractmethod
    def full_tile(self, mode: Precision) -> FullTile:
        """The work that its peak is priced by."""

    @abstractmethod
    def mac_price(self, prices: PartPrices, mode: Precision, *, gated: bool = False) -> UnitPrice:
        """One product in that mode; if `gated`, with a factor that is zero."""

    @abstractmethod
    def partial_sum_price(self, prices: PartPrices, mode: Precision) -> UnitPrice:
        """One sum of that mode, read or written outside the array."""

    @abstractmethod
    def area(self, areas: PartAreas) -> ArrayArea:
        """The silicon that it takes."""

    def at_pace_of(self, mode: Precision, others: Sequence[Precision]) -> "ComputeArray":
        """The array with as many products a cycle in other modes as in that one, to see what their pace gains."""
        raise Unsupported(f"an array of kind {self.kind} does not say what it would be with other paces")


ARRAYS = Family[ComputeArray]("array", default="systolic")
"""The kinds of arrays that there are; `hwsim.arrays.kinds` lists those of the house."""

AnyArray = Annotated[ComputeArray, ARRAYS]
"""An array as a field of a chip."""


def written_rate(rate: Rate) -> str:
    """Products a cycle, as reports write them.

    >>> written_rate(32768), written_rate(Fraction(1, 8))
    ('32,768', '0.125')
    """
    return f"{int(rate):,}" if rate == int(rate) else f"{float(rate):,.4g}"

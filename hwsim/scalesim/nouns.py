"""What SCALE-Sim's files say, and its report: the columns under its names, and what an array takes beside them."""

from enum import Enum
from typing import Annotated

from hwsim.arrays.systolic.elements import ArraySide, Dataflow
from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.ops import ConvAxis
from hwsim.quantities.noun import Name, Noun, Remark, Whole
from hwsim.results.figures import AttojouleCount, Components
from hwsim.results.result import Provenance

Kilobytes = Annotated[int, Whole(low=1, high=2**24)]
LayerSize = Annotated[int, Whole(low=1, high=2**31)]
GemmSize = Annotated[int, Whole(low=1, high=2**40)]
LARGEST_LAYER = 2**56

NotReproduced = None
"""The value of a column that depends on cycles in which SCALE-Sim's buffers prefetch."""


class Interface(Enum):
    """What `InterfaceBandwidth` says of the memory behind the buffers."""

    CALC = "CALC"  # it never stalls the array
    USER = "USER"  # it moves `Bandwidth` words a cycle


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSimConfig(Noun):
    """An array with three buffers. A word is a byte, a kilobyte 1024 of them.

    `remarks` say what the file left to its defaults, and which of its settings change nothing here.
    """

    name: Name = "scale_run"
    rows: ArraySide = 4
    cols: ArraySide = 4
    ifmap_sram_kb: Kilobytes = 256
    filter_sram_kb: Kilobytes = 256
    ofmap_sram_kb: Kilobytes = 128
    dataflow: Dataflow = Dataflow.WS
    bandwidth: Annotated[int, Whole(low=1, high=10**5)] = 10
    interface: Interface = Interface.CALC
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvWindow(Noun):
    """A filter that slides over an input of that many channels, in steps of `stride` both ways.

    Where the last step does not fit, SCALE-Sim makes it all the same; what lies outside is not read.

    >>> ConvWindow(ifmap_height=8, ifmap_width=8, filter_height=3, filter_width=3, channels=2, stride=2).positions
    (4, 4)
    """

    ifmap_height: LayerSize
    ifmap_width: LayerSize
    filter_height: LayerSize
    filter_width: LayerSize
    channels: LayerSize
    stride: LayerSize

    def check(self) -> None:
        if self.filter_height > self.ifmap_height:
            raise InvalidValue("filter_height", self.filter_height, f"the input has {self.ifmap_height} rows")
        if self.filter_width > self.ifmap_width:
            raise InvalidValue("filter_width", self.filter_width, f"the input has {self.ifmap_width} columns")

    @property
    def axes(self) -> tuple[ConvAxis, ConvAxis]:
        """Both axes, with as many zeros behind as the last step needs."""
        return self._axis(self.ifmap_height, self.filter_height), self._axis(self.ifmap_width, self.filter_width)

    def _axis(self, size: int, kernel: int) -> ConvAxis:
        after = -(size - kernel) % self.stride
        return ConvAxis(size=size, kernel=kernel, stride=self.stride, after=after)

    @property
    def positions(self) -> tuple[int, int]:
        """Rows and columns of the result."""
        down, across = self.axes
        return down.outputs, across.outputs

    @property
    def reads_each_word_once(self) -> bool:
        """Whether no two places of the Gemm's left operand are the same word of the input, and none lies outside."""
        return all(axis.after == 0 and (axis.outputs == 1 or axis.kernel <= self.stride) for axis in self.axes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSimLayer(Noun):
    """A layer as the Gemm ifmap[m, k] @ filter[k, n]; a convolution says which window slides to make it.

    A depthwise convolution stands for `times` equal layers, one for each of its channels.

    >>> conv = ConvWindow(ifmap_height=8, ifmap_width=8, filter_height=3, filter_width=3, channels=2, stride=2)
    >>> convolution("conv", conv, filters=5)  # doctest: +ELLIPSIS
    ScaleSimLayer(name='conv', m=16, k=18, n=5, window=ConvWindow(...), times=1)
    """

    name: Name
    m: GemmSize
    k: GemmSize
    n: GemmSize
    window: ConvWindow | None = None
    times: Annotated[int, Whole(low=1, high=2**16)] = 1

    def check(self) -> None:
        if self.macs > LARGEST_LAYER:
            raise InvalidValue("macs", self.macs, f"must be at most {LARGEST_LAYER} products")

    @property
    def macs(self) -> int:
        return self.m * self.k * self.n

    @property
    def is_plain(self) -> bool:
        """Whether the left operand is a matrix of words of its own."""
        return self.window is None or self.window.reads_each_word_once


def convolution(name: str, window: ConvWindow, filters: int, times: int = 1) -> ScaleSimLayer:
    """The Gemm that SCALE-Sim makes of a convolution: a row for each position, a column for each filter."""
    down, across = window.positions
    return ScaleSimLayer(
        name=name,
        m=down * across,
        k=window.filter_height * window.filter_width * window.channels,
        n=filters,
        window=window,
        times=times,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Physical(Noun):
    """One layer on the same array as hardware has it; `docs/scalesim.md` says which chip that is.

    `array_cycles` are those of the array alone, `cycles` those with memory, `stall_cycles` their difference.
    """

    array_cycles: int
    cycles: int
    stall_cycles: int
    utilization: float
    partial_sum_reads: int
    partial_sum_writes: int
    dram_read_bytes: int
    dram_write_bytes: int
    energy_aj: AttojouleCount
    energy_by_component_aj: Components
    partial_sum_energy_aj: AttojouleCount


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport(Noun):
    """Each of `times` equal layers. All but `layer`, `times` and `physical` are SCALE-Sim's columns; None is n/a."""

    layer: Name
    total_cycles_incl_prefetch: None = NotReproduced
    total_cycles: int | None
    stall_cycles: int | None
    overall_util_pct: float | None
    mapping_eff_pct: float
    compute_util_pct: float
    avg_ifmap_sram_bw: float | None
    avg_filter_sram_bw: float | None
    avg_ofmap_sram_bw: float | None
    avg_ifmap_dram_bw: None = NotReproduced
    avg_filter_dram_bw: None = NotReproduced
    avg_ofmap_dram_bw: None = NotReproduced
    sram_ifmap_start: None = NotReproduced
    sram_ifmap_stop: None = NotReproduced
    sram_ifmap_reads: int
    sram_filter_start: None = NotReproduced
    sram_filter_stop: None = NotReproduced
    sram_filter_reads: int
    sram_ofmap_start: None = NotReproduced
    sram_ofmap_stop: None = NotReproduced
    sram_ofmap_writes: int
    dram_ifmap_start: None = NotReproduced
    dram_ifmap_stop: None = NotReproduced
    dram_ifmap_reads: int | None
    dram_filter_start: None = NotReproduced
    dram_filter_stop: None = NotReproduced
    dram_filter_reads: int | None
    dram_ofmap_start: None = NotReproduced
    dram_ofmap_stop: None = NotReproduced
    dram_ofmap_writes: None = NotReproduced
    physical: Physical | None
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSimReport(Noun):
    """All layers of a topology on one configuration, what was taken for granted, and the provenance."""

    layers: tuple[LayerReport, ...]
    config: ScaleSimConfig
    remarks: tuple[Remark, ...]
    provenance: Provenance

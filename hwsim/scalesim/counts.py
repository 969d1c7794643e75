"""SCALE-Sim's columns of one layer, without stalls: what it counts, right or wrong.

Sr × Sc places in folds of R × C meet a stream of T; `docs/scalesim.md` holds each rule and what differs in hardware.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from hwsim.arrays.systolic.elements import Dataflow
from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.kernels import scalesim as k
from hwsim.scalesim.nouns import ConvWindow, Interface, ScaleSimConfig, ScaleSimLayer

MOST_FOLDS = 2**31
MOST_WORDS = 2**27
MOST_DEMANDS = 2**32
"""Words that one pass may ask for over a convolution's input: each is looked up, all of them in about a minute."""


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """The columns that do not depend on stalls; DRAM reads are None where prefetches decide them."""

    cycles: int
    mapping_eff_pct: float
    compute_util_pct: float
    sram_ifmap_reads: int
    sram_filter_reads: int
    sram_ofmap_writes: int
    dram_ifmap_reads: int | None
    dram_filter_reads: int | None


def layer_counts(config: ScaleSimConfig, layer: ScaleSimLayer) -> LayerCounts:
    """What SCALE-Sim reports of a layer whose memory never stalls it.

    >>> small = ScaleSimConfig(rows=8, cols=8, ifmap_sram_kb=64, filter_sram_kb=64)
    >>> layer_counts(small, ScaleSimLayer(name="one", m=1, k=1, n=1)).cycles
    22
    """
    folds = _Folds.of(config, layer)
    m, size_k, n = layer.m, layer.k, layer.n
    across_n, across_m = _ceil(n, config.cols), _ceil(m, config.cols)
    match config.dataflow:
        case Dataflow.OS:
            sram = across_n * m * size_k, _ceil(m, config.rows) * size_k * n
            written = m * n + folds.count * (config.rows + config.cols)
        case Dataflow.WS:
            sram, written = (across_n * m * size_k, size_k * n), folds.down * m * n
        case Dataflow.IS:
            sram, written = (m * size_k, across_m * size_k * n), folds.down * m * n
    calc = config.interface is Interface.CALC
    return LayerCounts(
        cycles=folds.count * folds.cycles_each - 1,
        mapping_eff_pct=folds.mean_share(1, config.rows * config.cols) * 100,
        compute_util_pct=folds.mean_share(folds.stream, config.rows * config.cols * folds.cycles_divided_by) * 100,
        sram_ifmap_reads=sram[0],
        sram_filter_reads=sram[1],
        sram_ofmap_writes=written,
        dram_ifmap_reads=_ifmap_reads(config, layer) if calc else None,
        dram_filter_reads=_filter_reads(config, layer) if calc else None,
    )


@dataclass(frozen=True, slots=True)
class _Folds:
    """A layer cut to the size of the array."""

    config: ScaleSimConfig
    sr: int
    sc: int
    stream: int

    @classmethod
    def of(cls, config: ScaleSimConfig, layer: ScaleSimLayer) -> Self:
        sr, sc, stream = {
            Dataflow.OS: (layer.m, layer.n, layer.k),
            Dataflow.WS: (layer.k, layer.n, layer.m),
            Dataflow.IS: (layer.k, layer.m, layer.n),
        }[config.dataflow]
        folds = cls(config, sr, sc, stream)
        if folds.count > MOST_FOLDS:
            raise Unsupported(f"{layer.name}: {folds.count} folds; hwsim walks up to {MOST_FOLDS}")
        return folds

    @property
    def down(self) -> int:
        return _ceil(self.sr, self.config.rows)

    @property
    def across(self) -> int:
        return _ceil(self.sc, self.config.cols)

    @property
    def count(self) -> int:
        return self.down * self.across

    @property
    def cycles_each(self) -> int:
        """Every fold at full cost, edge folds too, and none overlaps another."""
        loading = 0 if self.config.dataflow is Dataflow.OS else self.config.rows
        return loading + self.stream + self.config.rows + self.config.cols - 2

    @property
    def cycles_divided_by(self) -> int:
        """What SCALE-Sim takes for the cycles of a fold in `Compute Util %`: on WS and IS C - 1 too many."""
        surplus = 0 if self.config.dataflow is Dataflow.OS else self.config.cols - 1
        return self.cycles_each + surplus

    def mean_share(self, weight: int, total: int) -> float:
        """The mean over folds of places used · weight ÷ total, rounded as a sum of floats in the order of the folds."""
        rows, cols = self.config.rows, self.config.cols
        last_rows, last_cols = self.sr - (self.down - 1) * rows, self.sc - (self.across - 1) * cols
        shares = k.summed_shares(self.down, self.across, rows, last_rows, cols, last_cols, weight, float(total))
        return float(shares) / self.count


def capacity_words(kilobytes: int) -> int:
    """Words after which a read buffer is emptied: half of it, in a hundred sets of whole words.

    >>> capacity_words(64)
    32750
    """
    return 50 * (1024 * kilobytes // 100)


def _filter_reads(config: ScaleSimConfig, layer: ScaleSimLayer) -> int:
    """Weights are words of their own. OS asks for each column of folds again for each row of folds."""
    capacity = capacity_words(config.filter_sram_kb)
    words = layer.k * layer.n
    match config.dataflow:
        case Dataflow.OS:
            blocks, repeats = _ceil(layer.n, config.cols), _ceil(layer.m, config.rows)
            size = layer.k * min(config.cols, layer.n)
            last = words - (blocks - 1) * size
            return int(k.block_reads(size, blocks, last, repeats, capacity))
        case Dataflow.WS:
            return words
        case Dataflow.IS:
            return int(k.block_reads(words, 1, words, _ceil(layer.m, config.cols), capacity))


def _ifmap_reads(config: ScaleSimConfig, layer: ScaleSimLayer) -> int:
    capacity, demands = capacity_words(config.ifmap_sram_kb), layer.m * layer.k
    stays = config.dataflow is Dataflow.IS
    passes = 1 if stays else _ceil(layer.n, config.cols)
    if layer.window is None or layer.is_plain:
        return int(k.block_reads(demands, 1, demands, passes, capacity))
    window = layer.window
    input_words = window.ifmap_height * window.ifmap_width * window.channels
    if input_words > MOST_WORDS:
        raise Unsupported(f"{layer.name}: an input of {input_words} words; hwsim walks over up to {MOST_WORDS}")
    if demands > MOST_DEMANDS:
        demanded = f"{layer.m} positions that ask for {layer.k} words each"
        raise Unsupported(f"{layer.name}: {demanded}; hwsim looks up to {MOST_DEMANDS} words up")
    positions, taps = _positions(window), _taps(window)
    height, width = window.ifmap_height, window.ifmap_width
    if stays:
        reads = k.stationary_reads(taps, positions, height, width, config.rows, config.cols, input_words, capacity)
    else:
        lanes, steps = (positions, taps) if config.dataflow is Dataflow.OS else (taps, positions)
        reads = k.streamed_reads(lanes, steps, height, width, config.rows, input_words, capacity, passes)
    return int(reads)


def _positions(window: ConvWindow) -> NDArray[np.int64]:
    """Of each row of the Gemm: address, row and column of its window's first pixel."""
    down, across = window.positions
    row, column = (grid.ravel() * window.stride for grid in np.indices((down, across), dtype=np.int64))
    return np.stack([(row * window.ifmap_width + column) * window.channels, row, column])


def _taps(window: ConvWindow) -> NDArray[np.int64]:
    """Of each column of the Gemm: how far into the window it lies."""
    shape = (window.filter_height, window.filter_width, window.channels)
    row, column, channel = (grid.ravel() for grid in np.indices(shape, dtype=np.int64))
    return np.stack([(row * window.ifmap_width + column) * window.channels + channel, row, column])


def _ceil(size: int, unit: int) -> int:
    return -(-size // unit)

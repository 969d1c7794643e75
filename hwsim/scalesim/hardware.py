"""SCALE-Sim's array as a chip that one can build, and one layer on it."""

from dataclasses import replace
from fractions import Fraction
from typing import Self

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain, WeightLoad
from hwsim.dataclass import dataclass
from hwsim.engine.accounting import counters_of
from hwsim.hardware.chip import Chip, Dram, Scratchpad, VectorUnit
from hwsim.hardware.prices import PriceTable
from hwsim.ir.ops import Conv, Function, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Role, Scaling, Tensor
from hwsim.ir.view import View
from hwsim.mapping.planner import schedule
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff, price
from hwsim.quantities.precision import Precision
from hwsim.scalesim.nouns import Physical, ScaleSimConfig, ScaleSimLayer

CLOCK = 10**9
CYCLE_PS = 10**12 // CLOCK
WORD = Precision.INT8
LARGEST_BANK = 2**20
UNLIMITED = 2**30


def physical_chip(config: ScaleSimConfig, table: PriceTable) -> Chip:
    """SCALE-Sim's array as a chip that one can build.

    Stationary operands are shifted in by all columns at once and have no second register; results of an
    output-stationary array are shifted out before the next fold. The buffers are three banks at least, none of more
    than 1 MiB; their ports and the unit that brings sums to the width of a word never make the array wait. DRAM moves
    `Bandwidth` words a cycle each way, one cycle late.
    """
    size = 1024 * (config.ifmap_sram_kb + config.filter_sram_kb + config.ofmap_sram_kb)
    banks = 3 * -(-size // (3 * LARGEST_BANK))
    return Chip(
        name=config.name,
        clock=CLOCK,
        array=SystolicArray(
            rows=config.rows,
            cols=config.cols,
            dataflow=config.dataflow,
            weight_load=WeightLoad.BROADCAST,
            shadow_weights=False,
            drain=Drain.SERIAL,
            macs_per_pe=((WORD, 1),),
        ),
        vector=VectorUnit(lanes=2**20, cycles=((Function.REQUANTIZE, 1),)),
        scratchpad=Scratchpad(size=size - size % banks, banks=banks, read=UNLIMITED, write=UNLIMITED),
        dram=Dram(read=config.bandwidth * CLOCK, write=config.bandwidth * CLOCK, latency=CYCLE_PS),
        energy=table,
    )


def physical_figures(chip: Chip, layer: ScaleSimLayer, table: PriceTable) -> Physical:
    """The layer alone on the chip: its array, then its array with memory and prices."""
    array = _array_of(chip)
    alone = array.gemm_cycles(WORD, layer.m, layer.k, layer.n).out
    counters = counters_of(schedule(_program(layer), chip))
    built = _as_built(chip)
    energy = price(counters.ops, built, table)
    total, sums = counters.total, _PartialSums.of(chip, layer)
    # Without accumulators of its own the array keeps sums in the scratchpad; partial sums are a part of them.
    spent = (sums.reads + sums.writes) * Tariff.of(PriceBook(built, table)).sums(WORD).attojoules
    return Physical(
        array_cycles=alone,
        cycles=total.cycles,
        stall_cycles=total.cycles - alone,
        utilization=float(Fraction(layer.macs, total.cycles * array.macs_per_cycle(WORD))),
        partial_sum_reads=sums.reads,
        partial_sum_writes=sums.writes,
        dram_read_bytes=total.work.dram_read_bytes,
        dram_write_bytes=total.work.dram_write_bytes,
        energy_aj=energy.components.total,
        energy_by_component_aj=energy.components,
        partial_sum_energy_aj=spent,
    )


def _as_built(chip: Chip) -> Chip:
    """The chip as it is priced: a lane for each column brings sums to the width of a word as fast as they come."""
    return replace(chip, vector=replace(chip.vector, lanes=_array_of(chip).cols))


def _array_of(chip: Chip) -> SystolicArray:
    assert isinstance(chip.array, SystolicArray)
    return chip.array


@dataclass(frozen=True, slots=True)
class _PartialSums:
    """Sums that leave the array before they are complete, and come back to be added to."""

    reads: int
    writes: int

    @classmethod
    def of(cls, chip: Chip, layer: ScaleSimLayer) -> Self:
        """Every fold of K but the last writes all results, every one but the first reads them back."""
        if _array_of(chip).dataflow is Dataflow.OS:
            return cls(0, 0)
        again = (-(-layer.k // _array_of(chip).rows) - 1) * layer.m * layer.n
        return cls(again, again)


def _program(layer: ScaleSimLayer) -> Program:
    """One matrix product, operands and results of one byte each; a convolution reads its input, not its windows."""
    act, weight, out = View(tensor="ifmap"), View(tensor="filter"), View(tensor="ofmap")
    window = layer.window
    if window is None or window.channels == layer.n == 1:
        shapes: tuple[tuple[int, ...], tuple[int, ...]] = (layer.m, layer.k), (layer.m, layer.n)
        op: Gemm | Conv = Gemm(name=layer.name, act=act, weight=weight, out=out)
    else:
        shapes = (1, window.ifmap_height, window.ifmap_width, window.channels), (1, *window.positions, layer.n)
        op = Conv(name=layer.name, act=act, weight=weight, out=out, axes=window.axes)
    filters = (layer.k, layer.n) if isinstance(op, Gemm) else (1, layer.k, layer.n)
    tensors = (
        _tensor("filter", filters, Role.WEIGHT),
        _tensor("ifmap", shapes[0], Role.INPUT),
        _tensor("ofmap", shapes[1], Role.OUTPUT),
    )
    return Program(name=layer.name, tensors=tensors, body=(op,))


def _tensor(name: str, shape: tuple[int, ...], role: Role) -> Tensor:
    return Tensor(name=name, shape=shape, precision=WORD, role=role, scaling=Scaling(granularity=Granularity.TENSOR))

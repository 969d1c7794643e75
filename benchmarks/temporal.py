"""Arrays without multipliers beside arrays with them, on the same area, as docs/accuracy.md shows them.

Run it with `python -m benchmarks.temporal`; nothing in it is timed. No factor is fitted: each row changes one named
assumption.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

from hwsim.arrays.bit_serial.array import BitSerialArray
from hwsim.arrays.bit_serial.elements import Serial
from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.arrays.temporal.array import TemporalArray
from hwsim.arrays.temporal.elements import Products
from hwsim.hardware.array import ComputeArray
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import Confidence, Constants, Price
from hwsim.hardware.summation import Accumulator
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_prices, load_workload
from hwsim.price.book import PriceBook
from hwsim.price.price import core_area
from hwsim.quantities.precision import Precision
from hwsim.study.efficiency import peak_energy
from hwsim.study.simulate import simulate

FP8, INT4, INT8 = Precision.FP8_E4M3, Precision.INT4, Precision.INT8

PUBLISHED_THROUGHPUT, PUBLISHED_EFFICIENCY = 1.02, 1.06
"""Carat over a systolic array of the same area, on average, one node: Pan et al., ASPLOS 2024, abstract."""

BATCH, DEPTH, WIDTH = 4096, 1024, 1024
"""The product whose throughput is compared: a large batch, as the paper asks for; memory is never in the way."""


# -- Carat and a systolic array of as many products a cycle


def entries(adder: Precision) -> Constants:
    """What the 45 nm table lacks: an FP8 multiplier as 4 × 4 of the 8 × 8 cells of that for int8, and an adder of 5
    bits for exponents. Floats are added at the price, and on the area, of the table's adder for `adder`."""
    table = load_prices("horowitz_45nm")
    multiply, add = dict(table.multiply)[INT8], dict(table.add)[Precision.INT32]
    assert multiply.area is not None
    assert add.area is not None
    fp8 = Price(
        energy=multiply.energy * Fraction(16, 64) + add.energy * Fraction(5, 32),
        area=multiply.area * Fraction(16, 64) + add.area * Fraction(5, 32),
        source="16/64 of multiply.int8 and 5/32 of add.int32",
        sure=Confidence.ASSUMED,
    )
    return Constants(multiply=((FP8, fp8),), add=((Precision.FP32, dict(table.add)[adder]),))


def node(array: ComputeArray, adder: Precision = Precision.FP32) -> Chip:
    """The shipped node of Carat with that array in it."""
    return replace(load_chip("carat"), array=array, energy_override=entries(adder), sources=())


def carat(rows: int, mode: Precision, products: Products = Products.PIPELINED) -> TemporalArray:
    return TemporalArray(rows=rows, cols=8, formats=(mode,), products=products)


def multiplying(side: int, mode: Precision, dataflow: Dataflow = Dataflow.WS) -> SystolicArray:
    """One product an element; sums of weight-stationary ones in memories of 256 under the array (assumed)."""
    return SystolicArray(
        rows=side, cols=side, dataflow=dataflow, macs_per_pe=((mode, 1),), accumulator=Accumulator(entries=256)
    )


@dataclass(frozen=True)
class Node:
    """Square millimetres, products a cycle of a large product, and femtojoules each: of the array, and of the node."""

    array_mm2: float
    mm2: float
    products_per_cycle: float
    array_fj: float
    fj: float


@cache
def measured(array: ComputeArray, mode: Precision, adder: Precision = Precision.FP32) -> Node:
    """A node with that array. The array's energy is that of products, registers and sums, with their clock tree and
    control; the node's is all of it at peak: operands out of the scratchpad, wires and leakage too, no DRAM."""
    chip = node(array, adder)
    area, peak = core_area(PriceBook(chip, prices_of(chip))), peak_energy(chip, prices_of(chip), mode)
    spent = peak.components
    return Node(
        array_mm2=float(area.array + area.accumulators) / 10**6,
        mm2=float(area.total) / 10**6,
        products_per_cycle=BATCH * DEPTH * WIDTH / array.gemm_cycles(mode, BATCH, DEPTH, WIDTH).out,
        array_fj=(spent.mac + spent.registers + spent.accumulators + spent.clock + spent.control) / peak.macs / 1000,
        fj=float(peak.per_mac_aj) / 1000,
    )


def gains(ours: Node, theirs: Node) -> tuple[float, float, float, float]:
    """How many times the throughput on the same area, and the products a joule: of arrays, and of nodes."""
    rate = ours.products_per_cycle / theirs.products_per_cycle
    return (
        rate * theirs.array_mm2 / ours.array_mm2,
        rate * theirs.mm2 / ours.mm2,
        theirs.array_fj / ours.array_fj,
        theirs.fj / ours.fj,
    )


def carat_row(what: str, ours: Node, theirs: Node) -> str:
    """One comparison."""
    areas = f"{ours.array_mm2:.2f} / {theirs.array_mm2:.2f}"
    return f"| {what} | {areas} | {' | '.join(f'{gain:.2f}' for gain in gains(ours, theirs))} |"


def carat_rows() -> tuple[str, ...]:
    """The comparison as published, and under other assumptions."""
    half = Precision.FP16
    ws, ours = multiplying(16, FP8), carat(256, FP8)
    broadcast = carat(256, FP8, Products.BROADCAST)
    rows = (
        ("FP8, 256 × 8 against 16 × 16", measured(ours, FP8), measured(ws, FP8)),
        ("64 × 8 against 8 × 8", measured(carat(64, FP8), FP8), measured(multiplying(8, FP8), FP8)),
        ("against 16 × 16, output stationary", measured(ours, FP8), measured(multiplying(16, FP8, Dataflow.OS), FP8)),
        ("`products: broadcast`", measured(broadcast, FP8), measured(ws, FP8)),
        ("adders priced as for fp16", measured(ours, FP8, half), measured(ws, FP8, half)),
        ("both", measured(broadcast, FP8, half), measured(ws, FP8, half)),
        ("INT4, 256 × 8 against 16 × 16", measured(carat(256, INT4), INT4), measured(multiplying(16, INT4), INT4)),
        (
            "INT4, `products: broadcast`",
            measured(carat(256, INT4, Products.BROADCAST), INT4),
            measured(multiplying(16, INT4), INT4),
        ),
        ("INT8, 256 × 8 against 16 × 16", measured(carat(256, INT8), INT8), measured(multiplying(16, INT8), INT8)),
    )
    return tuple(carat_row(what, ours, theirs) for what, ours, theirs in rows)


PUBLISHED_MM2 = {128: 0.9, 256: 2.0}
"""Of Carat's array, with BF16 sums, by rows; Mugi, figure 13 (45 nm, 400 MHz, from synthesis)."""

PUBLISHED_MILLIWATTS = {128: 168.3, 256: 325.0}
"""What it draws, idle cycles of its workload included."""


def area_row(rows: int) -> str:
    """The silicon and the power of Carat's array beside what Mugi publishes of it."""
    array = carat(rows, FP8)
    half, full = (measured(array, FP8, adder) for adder in (Precision.FP16, Precision.FP32))
    published = PUBLISHED_MM2[rows]
    off = 100 * (half.array_mm2 / published - 1)
    watts = half.array_fj * float(array.macs_per_cycle(FP8)) * 400e6 * 1e-12
    cells = f"{half.array_mm2:.2f} ({off:+.0f} %) | {full.array_mm2:.2f}"
    return f"| {rows} | {published} | {cells} | {PUBLISHED_MILLIWATTS[rows]} | {watts:.0f} |"


# -- bit by bit, and eight INT4 products an element


@dataclass(frozen=True)
class Rival:
    """An array in the place of int4_array's."""

    name: str
    array: ComputeArray


def packed(products: Mapping[Precision, int], dataflow: Dataflow = Dataflow.WS) -> SystolicArray:
    """The shipped array without FP16: so many products an element."""
    shipped = load_chip("int4_array").array
    assert isinstance(shipped, SystolicArray)
    return replace(shipped, macs_per_pe=tuple(products.items()), dataflow=dataflow)


def serial(**changes: Any) -> BitSerialArray:
    """The shipped bit-serial array, with changes."""
    shipped = load_chip("bit_serial").array
    assert isinstance(shipped, BitSerialArray)
    return replace(shipped, **changes)


def rivals() -> tuple[Rival, ...]:
    narrow = (Precision.INT2, INT4)
    return (
        Rival("int4_array's, INT4 alone", packed({INT4: 8})),
        Rival("int4_array's, INT4 and INT8", packed({INT4: 8, INT8: 4})),
        Rival("the same, output stationary", packed({INT4: 8, INT8: 4}, Dataflow.OS)),
        Rival("bit_serial", serial()),
        Rival("bit_serial, `lanes: 32`", serial(lanes=32)),
        Rival("bit_serial, `parallel: int4`, up to INT4", serial(parallel=INT4, formats=narrow)),
        Rival("bit_serial, 24-bit sums", serial(accumulator=replace(serial().accumulator, bits=24))),
        Rival("bit_serial, `serial: both`", serial(parallel=None, serial=Serial.BOTH)),
    )


def holding(array: ComputeArray) -> Chip:
    """The surroundings of the bit-serial chip, with that array."""
    return replace(load_chip("bit_serial"), array=array, sources=())


def array_um2(chip: Chip) -> Fraction:
    """The array and the sums under it."""
    area = core_area(PriceBook(chip, prices_of(chip)))
    return area.array + area.accumulators


def serial_row(rival: Rival) -> str:
    """Products a cycle and square millimetre, and femtojoules a product at peak, in INT8, INT4 and INT2."""
    chip = holding(rival.array)
    mm2 = array_um2(chip) / 10**6
    cells = []
    for mode in (INT8, INT4, Precision.INT2):
        if mode in chip.array.modes:
            rate = float(chip.array.macs_per_cycle(mode) / mm2)
            cells.append(f"{rate:,.0f}, {float(peak_energy(chip, prices_of(chip), mode).per_mac_aj) / 1000:.1f}")
        else:
            cells.append("")
    return f"| {rival.name} | {float(mm2):.2f} | {' | '.join(cells)} |"


def on_area_of(array: ComputeArray) -> BitSerialArray:
    """The bit-serial array with as many rows as the area of another holds, to the nearest one below."""
    room, rows = array_um2(holding(array)), 1
    while array_um2(holding(serial(rows=rows + 1))) <= room:
        rows += 1
    return serial(rows=rows)


def run_row(workload: str, precision: str) -> str:
    """A shipped workload on both arrays, on the same area."""
    multiplies = packed({INT4: 8, INT8: 4})
    work = load_workload(workload, precision)
    other, ours = (simulate(holding(array), work).summary for array in (multiplies, on_area_of(multiplies)))
    gained = f"{other.cycles / ours.cycles:.2f} | {other.energy_aj / ours.energy_aj:.2f}"
    return f"| {workload} | {precision} | {other.cycles / 1e6:,.2f} | {ours.cycles / 1e6:,.2f} | {gained} |"


RUNS = tuple((work, plan) for work in ("conformer_l", "tdnnf_7q") for plan in ("w8a8", "w4a8", "w4a4", "w2a8"))


def main() -> None:
    print("\n".join(carat_rows()))
    print()
    print("\n".join(area_row(rows) for rows in PUBLISHED_MM2))
    print()
    print("\n".join(serial_row(rival) for rival in rivals()))
    print(f"\nrows on the area of int4_array's in INT4 and INT8: {on_area_of(packed({INT4: 8, INT8: 4})).rows}\n")
    print("\n".join(run_row(*run) for run in RUNS))


if __name__ == "__main__":
    main()

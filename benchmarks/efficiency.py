"""Operations a joule of the shipped INT4 chip at several processes and supplies, as docs/accuracy.md shows them.

Run it with `python -m benchmarks.efficiency`; nothing in it is timed.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_prices, load_workload
from hwsim.quantities.precision import Precision
from hwsim.results.figures import Components
from hwsim.study.efficiency import Peak, peak_energy
from hwsim.study.simulate import simulate

PARTS = ("mac", "registers", "accumulators", "scratchpad", "interconnect", "clock", "control", "leakage")


@dataclass(frozen=True)
class Point:
    """A price table, and the process and supplies at which the chip is asked for."""

    table: str
    node: int
    voltage: str
    memory_voltage: str


POINTS = (
    Point("generic_7nm", 7, "0.75", "0.75"),
    Point("generic_7nm", 7, "0.55", "0.70"),
    Point("generic_7nm", 5, "0.67", "0.67"),
    Point("generic_7nm", 5, "0.46", "0.46"),
    Point("horowitz_45nm", 7, "0.75", "0.75"),
    Point("horowitz_45nm", 7, "0.55", "0.70"),
    Point("horowitz_45nm", 5, "0.67", "0.67"),
    Point("horowitz_45nm", 5, "0.46", "0.46"),
)


def chip_at(point: Point) -> tuple[Chip, PriceTable]:
    """The shipped chip with that table in that process."""
    table = load_prices(point.table)
    chip = replace(
        load_chip("int4_array"),
        energy=table,
        node=Fraction(point.node),
        voltage=Fraction(point.voltage),
        memory_voltage=Fraction(point.memory_voltage),
    )
    return chip, table


def peak_row(point: Point) -> str:
    """One row of the table of peaks: TOPS/W, and femtojoules a product by component."""
    peak = peak_energy(*chip_at(point), Precision.INT4)
    cells = [f"{femtojoules(peak, part):.1f}" for part in PARTS]
    total = float(peak.per_mac_aj) / 1000
    where = f"{point.table}, {point.node} nm, {point.voltage} / {point.memory_voltage} V"
    return f"| {where} | **{2000 / total:.1f}** | {total:.1f} | {' | '.join(cells)} |"


def femtojoules(peak: Peak, part: str) -> float:
    """What one component spends on a product."""
    spent: int = getattr(peak.components, part)
    return spent / peak.macs / 1000


def sustained_row(point: Point) -> str:
    """One row of the table of runs: TOPS/W, and femtojoules a product by component."""
    chip, _ = chip_at(point)
    result = simulate(chip, load_workload("rnnt", "w4a4"))
    spent: Components = result.energy_by_component_aj
    parts = (*PARTS, "vector", "dram")
    cells = [f"{getattr(spent, part) / result.summary.macs / 1000:.1f}" for part in parts]
    where = f"{point.table}, {point.node} nm, {point.voltage} / {point.memory_voltage} V"
    return f"| {where} | **{result.efficiency.tops_per_watt:.3f}** | {' | '.join(cells)} |"


def zero_gating_gain() -> float:
    """By how much FP16 operations a joule grow at peak if half of the products have a factor that is zero."""
    chip, table = chip_at(POINTS[0])
    peak = peak_energy(chip, table, Precision.FP16)
    gated = peak_energy(chip, table, Precision.FP16, zeros=Fraction(1, 2))
    return peak.components.total / gated.components.total - 1


def main() -> None:
    print("\n".join(peak_row(point) for point in POINTS))
    print()
    print("\n".join(sustained_row(point) for point in POINTS[:4]))
    print(f"\nFP16 with half of the products gated: {100 * zero_gating_gain():+.1f} %")


if __name__ == "__main__":
    main()

"""Points of a sweep that share plans: cycles and energy of a grid of chips, beside runs alone and the witness."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeVar

from benchmarks.planner import median
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.planner import Planned, Planner
from hwsim.mapping.program_table import ProgramTable, program_table
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.quantities.plain_data import Objective
from hwsim.study.efficiency import aim_of
from hwsim.study.priced_run import PricedRun, priced_run
from witnesses.planner.schedule import planned

T = TypeVar("T")

ARRAYS = ((16, 16), (32, 32), (16, 64), (64, 16), (48, 48), (64, 64), (32, 128), (128, 128))
DATAFLOWS = ("ws", "is", "os")
BANDWIDTHS = (8, 16, 32, 64, 128, 256)
PRECISIONS = ("w8a8", "w4a8", "w4a4")
SIZES = tuple(size << 10 for size in (256, 384, 512, 768, 1024, 1536, 2048, 4096))
BUFFERS = (1, 2, 3)

ENCODER = {
    "name": "conformer_m_encoder",
    "kind": "conformer",
    "audio": "10 s",
    "batch": 1,
    "precision": "w4a8",
    "encoder": {"mels": 80, "frame": "10 ms", "layers": 16, "size": 256, "heads": 4, "kernel": 31},
    "decoder": {"kind": "ctc", "outputs": 1},
}
FAMILIES = 24
"""Chips of a family differ in their scratchpads alone; 24 families of 24 chips are 576 points of 10,368."""
CHECKED = 50
"""Points that are also run alone."""
WITNESSED = 3
"""Families of which one point is planned by the witness too, which takes half a minute each."""


@dataclass(frozen=True)
class Family:
    """Points that share an array, a bandwidth and a precision."""

    precision: str
    array: tuple[int, int]
    dataflow: str
    bandwidth: int

    def chips(self, base: Chip) -> Iterator[Chip]:
        """One for each size of the scratchpad and number of buffers."""
        rate = f"{self.bandwidth} GB/s"
        array = {"array.rows": self.array[0], "array.cols": self.array[1], "array.dataflow": self.dataflow}
        chip = base.with_(**array, **{"dram.read": rate, "dram.write": rate})
        for size, buffers in product(SIZES, BUFFERS):
            yield chip.with_(**{"scratchpad.size": f"{size >> 10} KiB", "scratchpad.buffers": buffers})


def report() -> None:
    """Prints what a point takes in the sweep, alone, and by the witness, and checks points against runs alone."""
    base, works = load_chip("int4_array"), encoders()
    tables = {name: program_table(analyse(work.program)) for name, work in works.items()}
    drawn = random.Random(7)
    grid = [Family(*point) for point in product(PRECISIONS, ARRAYS, DATAFLOWS, BANDWIDTHS)]
    families = drawn.sample(grid, FAMILIES)
    point(next(families[0].chips(base)), tables[families[0].precision], PlanStore())  # kernels are loaded
    runs, spent = list[tuple[Family, Chip, PricedRun]](), 0.0
    for family in families:
        chips, store, table = list(family.chips(base)), PlanStore(), tables[family.precision]
        for chip in chips:
            taken, run = timed(partial(point, chip, table, store))
            spent += taken
            runs.append((family, chip, run))
    alone = list[float]()
    for family, chip, run in drawn.sample(runs, CHECKED):
        taken, single = timed(partial(point, chip, tables[family.precision], PlanStore()))
        alone.append(taken)
        check(run, single)
    witness = [
        timed(partial(planned, works[family.precision].program, chip))[0]
        for family, chip, _ in drawn.sample(runs, WITNESSED)
    ]
    each = spent / len(runs)
    points = len(grid) * len(SIZES) * len(BUFFERS)
    print(f"\nConformer-M's encoder, 10 s: {len(runs)} points of {points:,}, CPU ms a point")
    print(f"  in the sweep, energy included   {1e3 * each:9.2f}")
    print(f"  alone                           {1e3 * median(alone):9.2f}   {median(alone) / each:7.1f} x")
    print(f"  the witness, without energy     {1e3 * median(witness):9.0f}   {median(witness) / each:7.0f} x")
    print(f"  {CHECKED} points equal single runs in every op")


def encoders() -> dict[str, Workload]:
    """Conformer-M's encoder with a single output, in each precision."""
    return {name: load_workload(ENCODER, precision=name) for name in PRECISIONS}


def point(chip: Chip, table: ProgramTable, store: PlanStore) -> PricedRun:
    """Cycles and energy of one point; Unsupported, if the chip cannot run it."""
    prices = prices_of(chip)
    tariff = Tariff.of(PriceBook(chip, prices))
    plan: Planned = Planner(chip, aim_of(Objective.LATENCY, chip, prices), store=store).plan(table)
    return priced_run(chip, tariff, plan)


def check(one: PricedRun, other: PricedRun) -> None:
    """Both runs have the same counters and energies, of every op."""
    assert one.ops == other.ops
    assert one.energy.components == other.energy.components
    assert one.columns.cycles == other.columns.cycles


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of one call, and what it gives."""
    start = time.process_time()
    value = call()
    return time.process_time() - start, value

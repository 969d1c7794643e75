"""Plans of single products are about as fast as the best of all blocks, orders and slots, and move as few bytes."""

from random import Random
from typing import NamedTuple

import pytest

from hwsim.arrays.systolic.elements import Dataflow
from hwsim.hardware.chip import Chip, Dram, Scratchpad
from hwsim.inputs.chips import prices_of
from hwsim.ir.program import Program
from hwsim.mapping.planner import Planner
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.precision import Precision
from hwsim.study.efficiency import aim_of
from hwsim.timing.timeline import times
from strategies.chips import chip
from strategies.programs import gemm
from witnesses.block_search import best_of

CASES = 60
FORMATS = (Precision.INT4, Precision.INT8)


class Beside(NamedTuple):
    """A plan beside the best of all cuts: its time and its bytes, as shares of theirs."""

    time: float
    bytes: float


def drawn(rng: Random) -> tuple[Program, Chip]:
    """A product of up to 64³ on a small array, with a DRAM that is slow or fast for it."""
    m, k, n = (rng.randint(1, 64) for _ in "mkn")
    program = gemm(m, k, n, rng.choice(FORMATS))
    small = chip(
        scratchpad=Scratchpad(size=rng.choice((1024, 2048, 4096, 8192)), read=32, write=32, buffers=2),
        dram=Dram(read=rng.choice((10**9, 4 * 10**9, 16 * 10**9)), write=4 * 10**9, latency=20_000),
    )
    return program, small.with_(**{"array.dataflow": rng.choice([flow.value for flow in Dataflow])})


def beside_best(program: Program, on: Chip) -> Beside | None:
    """The fastest plan, and the bytes of the one that is taken, beside those of the best cut; None if nothing fits."""
    best = best_of(program, on)
    if best is None:
        return None
    taken = Planner(on, aim_of(Objective.LATENCY, on, prices_of(on))).plan(program).schedule
    (op,) = taken.ops
    work = op.work()
    fastest = times(Planner(on).plan(program).schedule).cycles
    return Beside(fastest / best.cycles, (work.dram_read_bytes + work.dram_write_bytes) / best.bytes)


OPTIONS: tuple[dict[str, object], ...] = (
    {},
    {"scratchpad.shared_port": True, "scratchpad.read": 16, "dram.weight_layout": "tiles"},
)


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=("plain", "one read port, weights in tiles"))
def test_small_products_are_planned_about_as_well_as_by_brute_force(options: dict[str, object]) -> None:
    rng = Random(5)
    pairs = [drawn(rng) for _ in range(CASES)]
    every = [beside_best(program, on.with_(**options)) for program, on in pairs]
    found = [one for one in every if one is not None]
    assert len(found) > CASES // 2
    assert max(one.time for one in found) <= 1.1
    assert sum(one.time <= 1.02 for one in found) >= 0.95 * len(found)
    assert sum(one.bytes <= 1.3 for one in found) >= 0.9 * len(found)

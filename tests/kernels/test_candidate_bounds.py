"""What candidates are ranked by is true of their steps: the bytes that they load, and a bound of their cycles."""

from random import Random

import pytest

from hwsim.arrays.systolic.elements import Dataflow
from hwsim.hardware.chip import Dram, Scratchpad, WeightLayout
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.blocks import loaded_bytes
from hwsim.kernels.candidates import candidates
from hwsim.kernels.cut_walks import cycles_alone, write_cut
from hwsim.mapping.op_cuts import OpCuts
from hwsim.quantities.precision import Precision
from plans import nothing, plans_of
from strategies.chips import chip
from strategies.programs import gemm

CASES = 40
FORMATS = (Precision.INT4, Precision.INT8)


def drawn(rng: Random, dataflow: Dataflow) -> OpCuts:
    """A product of up to 64³ on a small array, with one to three slots."""
    m, k, n = (rng.randint(1, 64) for _ in "mkn")
    program = gemm(m, k, n, rng.choice(FORMATS))
    pad = Scratchpad(size=4096, read=32, write=32, buffers=rng.choice((1, 2, 3)), shared_port=rng.random() < 0.5)
    layout = rng.choice(tuple(WeightLayout))
    dram = Dram(read=rng.choice((10**8, 10**9, 4 * 10**9)), write=4 * 10**9, latency=0, weight_layout=layout)
    return plans_of(program, chip(scratchpad=pad, dram=dram).with_(**{"array.dataflow": dataflow.value})).cuts


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", Dataflow)
def test_candidates_load_what_they_say_and_are_no_faster_than_their_bound(dataflow: Dataflow) -> None:
    """Also where the first rows of the activations are kept, or of the weight are resident: K is cut behind those."""
    rng, compared = Random(3), 0
    for _ in range(CASES):
        cuts = drawn(rng, dataflow)
        tiling = cuts.store.tilings[cuts.tiling(0, nothing(cuts), nothing(cuts))].copy()
        if rng.random() < 0.5:
            tiling[t.ACT_KEPT] = tiling[tiling[t.MARKS_AT]] = rng.randint(0, int(tiling[t.M]))
        if rng.random() < 0.5 and not tiling[t.STAYS]:
            tiling[t.RESIDENT_K] = min(int(tiling[t.K]), rng.randint(0, 5) * cuts.row(0).resident_unit)
        listed = cuts.store.listed
        for block in listed[: candidates(tiling, listed)].copy():
            rows = int(write_cut(tiling, block, 1, cuts.room))
            steps = cuts.room.code[:rows][cuts.room.code[:rows, c.KIND] == c.STEP]
            loads = steps[:, t.D_OF_RING + c.WEIGHTS] + steps[:, t.D_OF_RING + c.ACTIVATIONS]
            outer, inner, depth, swapped = block[: t.B_SWAPPED + 1]
            told = int(loaded_bytes(outer, inner, depth, swapped, tiling))
            assert int((steps[:, t.D_TIMES] * loads).sum()) == told * int(tiling[t.BATCH])
            assert cycles_alone(rows, 0, cuts.room) >= block[t.B_BOUND]
            compared += 1
    assert compared > 10 * CASES

"""Weights in whole tiles of the array: bytes that are loaded, kept and read, and what reports say of them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import ROOT
from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip, Dram, Scratchpad, VectorUnit, WeightLayout
from hwsim.hardware.summation import Accumulator
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.ops import Function
from hwsim.ir.tensor import Role
from hwsim.kernels import tiling_code as t
from hwsim.mapping.planner import Planner, schedule
from hwsim.models.catalogue import workload
from hwsim.models.gemms import Gemms, GemmSize
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision
from hwsim.schedule.schedule import Residency
from hwsim.study.simulate import simulate
from hwsim.timing.timeline import times
from mapping.test_model_by_hand import TINY, ran
from strategies.chips import arrays, chip
from strategies.programs import gemm

SIDES = st.integers(1, 40)


def tiled(on: Chip) -> Chip:
    """The chip with its weights in tiles."""
    return replace(on, dram=replace(on.dram, weight_layout=WeightLayout.TILES))


def test_a_gemm_by_hand() -> None:
    """M = K = N = 3 on 2 × 2 elements: two tiles deep, two across, 4 · 4 bytes in the place of 3 · 3.

    The rest that is loaded, 9 bytes of activations, 12 of bias, 12 of scales, has no tiles. The array reads the
    activations for both column tiles, and the weights once; 24 bytes of bias and scales are read, 9 of the result."""
    compact, tiles = ran(gemm(3, 3, 3)), ran(gemm(3, 3, 3), tiled(TINY))
    assert compact.work.dram_read_bytes == 9 + 9 + 24
    assert tiles.work.dram_read_bytes == 16 + 9 + 24
    assert tiles.work.scratchpad_write_bytes == 16 + 9 + 24 + 9
    assert tiles.work.scratchpad_read_bytes == (2 * 9 + 16) + 24 + 9
    assert tiles.busy.load - compact.busy.load == 4 - 3  # ⌈16 ÷ 4⌉ and ⌈9 ÷ 4⌉ cycles
    assert tiles.busy.array == compact.busy.array
    assert tiles.work.macs == compact.work.macs == 27


@settings(max_examples=60)
@given(arrays(), SIDES, SIDES, SIDES, st.sampled_from([Precision.INT4, Precision.INT8]))
def test_weights_take_whole_tiles_and_all_else_what_it_took(
    array: SystolicArray, m: int, k: int, n: int, precision: Precision
) -> None:
    on = chip(array=array, scratchpad=Scratchpad(size=1 << 16, read=16, write=16))
    mode = array.mode(precision, precision)
    assert mode is not None
    limits = array.constraints(mode)
    unit_k, (_, unit_n) = limits.unit.k, limits.m_and_n(limits.unit)
    whole_k, whole_n = -(-k // unit_k) * unit_k, -(-n // unit_n) * unit_n
    compact, tiles = (ran(gemm(m, k, n, precision), one) for one in (on, tiled(on)))
    gap = whole_n * precision.row_bytes(whole_k) - n * precision.row_bytes(k)
    assert tiles.work.dram_read_bytes - compact.work.dram_read_bytes == gap
    assert tiles.work.dram_write_bytes == compact.work.dram_write_bytes
    assert tiles == compact or gap > 0


def test_resident_weights_lie_in_tiles_too() -> None:
    """In a loop, rows of tiles of 8 × 4 with 5 · 6 weights: one deep, two across, 64 bytes."""
    on = tiled(chip(scratchpad=Scratchpad(size=1 << 14, read=16, write=16)))
    planned = Planner(on).plan(gemm(3, 5, 6, times=9))
    (weight,) = [placement for placement in planned.placements if placement.tensor == "weight"]
    assert (weight.place, weight.bytes, weight.kept_bytes) == (Residency.RESIDENT, 64, 64)
    assert weight.why == "loaded once before loop; in tiles of 8 × 4, padded"


def test_activations_in_the_place_of_weights_have_no_tiles() -> None:
    on = tiled(load_chip("int4_array"))
    planned = Planner(on).plan(load_workload("conformer_s").program)
    tiles = {bool(op.row[t.TILE_N]) for op in planned.candidate.op_cuts.classes if op.operands is not None}
    assert tiles == {True, False}
    said = [placement.tensor for placement in planned.placements if "tiles of" in placement.why]
    assert {planned.plan.analysed.program.tensor(name).role for name in said} == {Role.WEIGHT}


def test_an_explanation_and_the_chip_say_it() -> None:
    on = load_chip("int4_array").with_(**{"dram.weight_layout": "tiles"})
    products = Gemms(name="one", products=(GemmSize(name="one", m=3, k=5, n=6),))
    result = simulate(on, workload(products, "w8a8"), explained="one")
    assert result.explanation is not None
    (weight,) = [operand for operand in result.explanation.operands if operand.tensor == "one.weight"]
    assert weight.bytes == 256 * 64
    assert weight.why.endswith("; in tiles of 256 × 64, padded")


def test_tiles_beyond_what_kernels_count_are_refused() -> None:
    """A weight of one row is 64 · 8 rows in tiles."""
    with pytest.raises(Unsupported, match="gemm on int4_array: works on 9,223,372,036,854,775,808 elements at once"):
        schedule(gemm(1, 1, 1 << 54, Precision.INT4), tiled(load_chip("int4_array")))


def tpu(side: int, layout: WeightLayout) -> Chip:
    """What decides how fast the first TPU streams weights: its array at 700 MHz, and 34 GB/s of DDR3."""
    return Chip(
        name="tpu",
        clock=700_000_000,
        array=SystolicArray(
            rows=side,
            cols=side,
            dataflow=Dataflow.WS,
            shadow_weights=True,
            macs_per_pe=((Precision.INT8, 1),),
            accumulator=Accumulator(entries=4096),
        ),
        vector=VectorUnit(lanes=side, cycles=sorted_pairs({Function.ADD: 1, Function.REQUANTIZE: 1})),
        scratchpad=Scratchpad(size=24 << 20, read=2 * side, write=2 * side),
        dram=Dram(read=34 * 10**9, write=34 * 10**9, weight_layout=layout),
        energy="generic_7nm",
    )


MATRICES = 50


def microseconds(side: int, layout: WeightLayout) -> float:
    """A matrix of 600 × 600 weights, one of many that are streamed one after another."""
    products = tuple(GemmSize(name=f"p{number}", m=1, k=600, n=600) for number in range(MATRICES))
    program = workload(Gemms(name="tpu", products=products), "w8a8").program
    return times(schedule(program, tpu(side, layout))).cycles / 700 / MATRICES


@pytest.mark.parametrize(("side", "steps", "published"), [(256, 9, 18), (512, 4, 32)])
def test_the_page_says_what_the_first_tpu_takes_for_a_matrix(side: int, steps: int, published: int) -> None:
    compact, tiles = (microseconds(side, layout) for layout in (WeightLayout.COMPACT, WeightLayout.TILES))
    errors = [f"{100 * (predicted / published - 1):+.0f} %" for predicted in (compact, tiles)]
    row = f"| {side} × {side} | {steps} | {published} | {compact:.1f} ({errors[0]}) | {tiles:.1f} ({errors[1]}) |"
    assert row in (ROOT / "docs" / "accuracy.md").read_text(), row

"""What moves in an array: closed forms against registers one by one, and whole schedules against single tiles."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.closed_form import sums_kept, tile_register_bits, widths
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.engine.accounting import counters_of
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.ops import Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Role, Scaling, Tensor
from hwsim.ir.view import View
from hwsim.mapping.planner import schedule
from hwsim.quantities.precision import Precision
from strategies.chips import arrays, chips, systolic
from witnesses.movement_witness import bits_of

SIDE = st.integers(1, 5)


@given(arrays(), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_registers_take_over_what_a_walk_through_every_cycle_counts(
    array: SystolicArray, stream: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    stays = array.dataflow is Dataflow.OS
    act = rng.integers(-9, 10, (array.rows, stream) if stays else (stream, array.rows))
    weight = rng.integers(-9, 10, (stream, array.cols) if stays else (array.rows, array.cols))
    for mode, _ in array.macs_per_pe:
        width = widths(array, mode)
        out, bits = bits_of(array, act.tolist(), weight.tolist(), (width.streamed, width.other, width.sums))
        assert out == (act @ weight).tolist()
        assert tile_register_bits(array, mode, stream) == bits


def test_words_are_as_wide_as_the_products_of_an_element_need() -> None:
    array = SystolicArray(rows=4, cols=4, macs_per_pe=((Precision.INT4, 8), (Precision.INT8, 2)))
    assert (widths(array, Precision.INT4).streamed, widths(array, Precision.INT4).sums) == (32, 32)
    assert widths(array, Precision.INT8).streamed == 16


def gemm(m: int, k: int, n: int, precision: Precision) -> Program:
    def tensor(name: str, shape: tuple[int, int], role: Role) -> Tensor:
        scaling = Scaling(granularity=Granularity.TENSOR)
        return Tensor(name=name, shape=shape, precision=precision, role=role, scaling=scaling)

    return Program(
        name="one",
        tensors=(tensor("a", (m, k), Role.INPUT), tensor("b", (m, n), Role.OUTPUT), tensor("w", (k, n), Role.WEIGHT)),
        body=(Gemm(name="gemm", act=View(tensor="a"), weight=View(tensor="w"), out=View(tensor="b")),),
    )


@settings(max_examples=40)
@given(chips(), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_a_schedule_moves_what_its_tiles_move(chip: Chip, m: int, k: int, n: int) -> None:
    chip = replace(chip, scratchpad=replace(chip.scratchpad, size=1 << 16))
    mode, array = Precision.INT8, systolic(chip)
    try:
        (op,) = counters_of(schedule(gemm(m, k, n, mode), chip)).ops
    except Unsupported:
        return
    packed, width = array.packed(mode), widths(array, mode)
    work = op.work
    assert work.accumulator_writes == work.accumulator_reads == sums_kept(array, mode, m * n, k)
    if array.dataflow is Dataflow.OS:
        tiles = -(-m // array.rows) * -(-n // (array.cols * packed.n))
        assert work.array_register_bits == tiles * tile_register_bits(array, mode, -(-k // packed.k))
        return
    streamed, spread = (m, n) if array.dataflow is Dataflow.WS else (n, m)
    tiles = -(-k // (array.rows * packed.k)) * -(-spread // (array.cols * packed.n))
    moving = tiles * array.rows * array.cols * streamed * (width.streamed + width.sums)
    load = tile_register_bits(array, mode, 0)
    # The stream passes once, in however many chunks; every chunk loads the stationary words again.
    loads, rest = divmod(work.array_register_bits - moving, load)
    assert rest == 0
    assert tiles <= loads <= tiles * streamed
    if array.m_chunk is None and array.accumulator_of(mode).entries is None:
        assert loads % tiles == 0


def test_sums_are_kept_once_for_each_tile_of_k() -> None:
    array = SystolicArray(rows=4, cols=4, macs_per_pe=((Precision.INT8, 2),))
    assert sums_kept(array, Precision.INT8, sums=10, k=17) == 30  # 17 products in tiles of 8
    assert sums_kept(replace(array, dataflow=Dataflow.OS), Precision.INT8, sums=10, k=17) == 0

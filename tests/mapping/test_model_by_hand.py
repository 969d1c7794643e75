"""Each equation of docs/model.md worked by hand on a tiny chip, to the cycle and to the byte."""

from dataclasses import replace
from fractions import Fraction

import pytest

from data import ROOT
from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.engine.accounting import counters_of
from hwsim.hardware.chip import Chip, Dram, Scratchpad, VectorUnit
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Apply, Elementwise, Function, Gemm, Reduction
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.models.catalogue import workload
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Counters, OpCounters, Stalls, Units, Work
from hwsim.schedule.schedule import OpSchedule, Ports, Schedule
from hwsim.schedule.unit_table import Bound
from hwsim.timing.timeline import times
from models.test_rnnt import recipe
from plans import naive_schedule, plans_of, steps_in_blocks
from strategies.chips import systolic
from strategies.programs import conv, elementwise, gemm, lookup, program, reduce, tensor

CYCLES = {Function.ADD: 1, Function.MUL: 1, Function.REQUANTIZE: 2, Function.EXP: 4, Function.RECIPROCAL: 8}
TINY = Chip(
    name="tiny",
    clock=10**9,
    array=SystolicArray(rows=2, cols=2, macs_per_pe=((Precision.INT8, 1),)),
    vector=VectorUnit(lanes=4, cycles=sorted_pairs(CYCLES)),
    scratchpad=Scratchpad(size=4096, read=8, write=4),
    dram=Dram(read=4 * 10**9, write=2 * 10**9, latency=10_000),
    energy="generic_7nm",
)


def ran(program_: Program, chip: Chip = TINY) -> OpCounters:
    """The only op of a program, cut into the largest blocks that fit, with nothing kept between ops."""
    (op,) = counters_of(naive_schedule(program_, chip)).ops
    return op


def test_a_gemm_cycle_by_cycle() -> None:
    """M = 3, K = 4, N = 4 in one step.

    Loads: 16 bytes of weights 0-4, 12 of activations 4-7, 4 · 4 of bias and 4 · 4 of scales 7-15, each there 10 cycles
    later. Array: four tiles of max(3, 2) cycles 17-29, results 2·2 + 2 - 1 + 3 - 3 = 5 later, at 34. Vector unit:
    12 elements on 4 lanes, 3 · 1 for the bias, 3 · 2 to requantise, 34-43. Store: 12 bytes at 2 a cycle, 43-49.
    """
    counters = counters_of(naive_schedule(gemm(3, 4, 4), TINY))
    (op,) = counters.ops
    assert counters.total == Counters(
        cycles=49,
        busy=Units(load=15, array=12, vector=9, store=6),
        stalls=Stalls(load=Units(array=17), array=Units(vector=34, store=43)),
        idle=Units(load=34, array=20, vector=6),
        work=Work(
            macs=48,
            # four tiles: 2 · 2 elements · 3 steps · (8 + 32 bits), weights through 3 registers of a column, shadows
            array_register_bits=4 * (12 * 40 + (2 * 3 + 4) * 8),
            accumulator_reads=24,  # 12 sums of two tiles of K
            accumulator_writes=24,
            vector_lane_cycles=12 + 24,
            # 12 bytes of activations for each of two column tiles, 16 of weights; bias and scales; the store
            scratchpad_read_bytes=(2 * 12 + 16) + 32 + 12,
            scratchpad_write_bytes=60 + 12,
            dram_read_bytes=60,
            dram_write_bytes=12,
        ),
    )
    assert op.span == 49 - 17
    assert op.bound is Bound.LATENCY  # 2 · 15 < 32


@pytest.mark.parametrize(
    ("dataflow", "busy", "entering", "results_at"),
    [
        # Four tiles of max(N, R) = 4 cycles; weights pass for each of two column tiles, activations once.
        (Dataflow.IS, 16, 2 * 16 + 12, 17 + 16 + (2 * 2 + 2 - 1 + 4 - 4)),
        # Four tiles of max(K, R) = 4; activations for two column tiles, weights for two row tiles.
        (Dataflow.OS, 16, 2 * 12 + 2 * 16, 17 + 16 + (2 * 2 + 2 - 2 + 4 - 4)),
    ],
)
def test_other_dataflows_cycle_by_cycle(dataflow: Dataflow, busy: int, entering: int, results_at: int) -> None:
    op = ran(gemm(3, 4, 4), replace(TINY, array=replace(systolic(TINY), dataflow=dataflow)))
    assert op.busy.array == busy
    assert op.work.scratchpad_read_bytes == entering + 32 + 12
    assert op.cycles == results_at + 9 + 6


@pytest.mark.parametrize(
    ("changes", "unit", "busy"),
    [
        ({"scratchpad": replace(TINY.scratchpad, read=1)}, "array", 40),  # 40 bytes enter the array
        ({"scratchpad": replace(TINY.scratchpad, read=1)}, "vector", 32),  # bias and scales
        ({"scratchpad": replace(TINY.scratchpad, read=1)}, "store", 12),
        ({"scratchpad": replace(TINY.scratchpad, write=1)}, "load", 60),
        ({"scratchpad": replace(TINY.scratchpad, write=1)}, "vector", 12),
        ({"dram": replace(TINY.dram, read=3 * 10**9)}, "load", 6 + 4 + 11),  # each load rounded up
        ({"dram": replace(TINY.dram, write=10**9)}, "store", 12),
        ({"vector": replace(TINY.vector, lanes=5)}, "vector", 3 * 1 + 3 * 2),
        ({"vector": replace(TINY.vector, lanes=3)}, "vector", 4 * 1 + 4 * 2),
    ],
)
def test_what_binds_a_unit(changes: dict[str, object], unit: str, busy: int) -> None:
    op = ran(gemm(3, 4, 4), replace(TINY, **changes))  # type: ignore[arg-type]
    assert getattr(op.busy, unit) == busy


def test_the_bound_is_the_busiest_unit_if_it_is_busy_for_half_of_the_span() -> None:
    fast = replace(
        TINY, dram=Dram(read=10**12, write=10**12), scratchpad=replace(TINY.scratchpad, read=2**20, write=2**20)
    )
    assert ran(gemm(40, 16, 16), fast).bound is Bound("array")
    slow = sorted_pairs({Function.ADD: 9, Function.REQUANTIZE: 9})
    assert ran(gemm(40, 16, 16), replace(fast, vector=VectorUnit(lanes=1, cycles=slow))).bound is Bound("vector")
    assert ran(gemm(40, 16, 16), replace(fast, dram=Dram(read=10**8, write=10**12))).bound is Bound("load")
    assert ran(gemm(40, 16, 16), replace(fast, dram=Dram(read=10**12, write=10**8))).bound is Bound("store")


def test_a_stream_is_as_long_as_the_chip_allows() -> None:
    (op,) = naive_schedule(gemm(7, 4, 4), replace(TINY, array=replace(systolic(TINY), m_chunk=3))).ops
    assert op.block is not None
    assert op.block.m <= 3


def test_the_mode_is_the_fastest_that_takes_both_operands() -> None:
    modes = sorted_pairs({Precision.INT4: 8, Precision.INT8: 4, Precision.INT16: 1})
    chip = replace(TINY, array=replace(systolic(TINY), macs_per_pe=modes))
    assert ran(gemm(3, 4, 4, Precision.INT4), chip).mode is Precision.INT4
    assert ran(gemm(3, 4, 4, Precision.INT3), chip).mode is Precision.INT4
    assert ran(gemm(3, 4, 4, Precision.UINT4), chip).mode is Precision.INT8


def test_a_convolution_is_the_gemm_of_its_windows() -> None:
    """Nine positions of three taps of four channels, twice; the input itself is loaded, not its windows."""
    roomy = replace(TINY, scratchpad=replace(TINY.scratchpad, size=1 << 16))
    op = ran(conv(9, 3, stride=1, dilation=1, channels=4, outputs=6), roomy)
    assert op.macs == 2 * 9 * 12 * 6
    assert op.work.dram_read_bytes == 2 * 9 * 4 + 12 * 6 + 6 * 4
    # Every window enters the array, for each of three column tiles.
    assert op.work.scratchpad_read_bytes == (3 * 18 * 12 + 12 * 6) + 6 * 4 + 18 * 6


def test_a_depthwise_convolution_works_on_the_vector_unit() -> None:
    op = ran(conv(9, 3, stride=1, dilation=1, channels=4, outputs=4, groups=4))
    products = 2 * 9 * 3 * 4
    assert (op.mode, op.macs, op.work.macs) == (None, products, 0)
    assert op.work.vector_lane_cycles == products * (1 + 1) + 2 * 9 * 4 * 2


def test_functions_of_a_chain_add_up() -> None:
    """gain · x + y, requantised, 5 rows of 6 on 4 lanes: ⌈30/4⌉ · (1 + 1 + 2)."""
    op = ran(elementwise(5, 6))
    assert op.busy.vector == 8 * 4
    assert op.work.vector_lane_cycles == 30 * 4
    assert op.work.dram_read_bytes == 30 + 60 + 6


def test_what_is_one_row_for_all_is_made_anew_in_each_block() -> None:
    """(gain + offset) + x: the first sum has 6 elements a block, the second 6 a row."""
    op = Elementwise(
        name="chain",
        reads=tuple((name, View(tensor=name)) for name in ("gain", "offset", "x")),
        chain=(
            Apply(function=Function.ADD, args=("gain", "offset"), result="row"),
            Apply(function=Function.ADD, args=("row", "x"), result="out"),
        ),
        writes=(("out", View(tensor="out")),),
    )
    tensors = [tensor("gain", 6, role=Role.BIAS), tensor("offset", 6, role=Role.BIAS)]
    tensors += [tensor("x", 100, 6, role=Role.INPUT), tensor("out", 100, 6)]
    # Two slots of 20 rows: 2 · (12 + 20 · (6 + 6)) bytes.
    small = replace(TINY, scratchpad=replace(TINY.scratchpad, size=512))
    (chain,) = naive_schedule(program(op, tensors), small).ops
    blocks = len(list(chain.unrolled()))
    assert blocks == 5
    assert chain.work().vector_lane_cycles == 600 + 6 * blocks


@pytest.mark.parametrize(
    ("reduction", "work"),
    [
        (
            Reduction.SOFTMAX,
            {Function.ADD: 90, Function.EXP: 30, Function.MUL: 30, Function.REQUANTIZE: 30, Function.RECIPROCAL: 5},
        ),
        (Reduction.LAYER_NORM, {Function.ADD: 120, Function.MUL: 90 + 10, Function.REQUANTIZE: 30, Function.RSQRT: 5}),
        (
            Reduction.LOG_SOFTMAX,
            {Function.ADD: 120, Function.EXP: 30 + 5, Function.REQUANTIZE: 30},
        ),
        (Reduction.ARGMAX, {Function.ADD: 30}),
        (Reduction.TOP, {Function.ADD: 2 * 30}),
        (Reduction.MAX, {Function.ADD: 30}),
        (Reduction.MEAN, {Function.ADD: 30, Function.MUL: 5, Function.REQUANTIZE: 5}),
    ],
)
def test_functions_of_a_reduction(reduction: Reduction, work: dict[Function, int]) -> None:
    reduced = reduce(5, 6, reduction)
    op = reduced.body[0]
    assert op_spec(op).vector_work(op, reduced.shapes()) == work  # type: ignore[arg-type]


def test_a_lookup_reads_its_rows_and_no_more() -> None:
    op = ran(lookup(rows=5, size=6, entries=1000))
    assert op.work.dram_read_bytes == 5 * 3 + 5 * 4
    assert op.busy.vector == 5  # 35 bytes at 8 a cycle


def test_functions_of_an_lstm_step() -> None:
    work = workload(recipe())
    ops = {placed.op.name: placed.op for placed in work.program.placed()}
    gates = ops["encoder.1.forward.gates"]
    count = op_spec(gates).vector_work(gates, work.program.shapes({"encoder.1.frames": 0}))
    cells = 3
    assert count == {
        Function.ADD: 5 * cells,
        Function.MUL: 3 * cells,
        Function.SIGMOID: 3 * cells,
        Function.TANH: 2 * cells,
        Function.REQUANTIZE: cells,
    }
    assert isinstance(ops["encoder.1.forward.input"], Gemm)


def test_latency_is_rounded_up_to_whole_cycles() -> None:
    assert replace(TINY, clock=3 * 10**9, dram=replace(TINY.dram, latency=1001)).dram_latency_cycles == 4


def test_ports_take_the_slower_of_two_rates() -> None:
    ports = Ports(
        dram_read=Fraction(3, 2),
        dram_write=Fraction(5),
        scratchpad_read=Fraction(2),
        scratchpad_write=Fraction(4),
        latency=0,
        slots=1,
    )
    assert ports.load_cycles(10) == 7
    assert ports.store_cycles(10) == 5


def hand_table() -> list[list[str]]:
    """The rows of the table in docs/model.md, section 4.6."""
    text = (ROOT / "docs" / "model.md").read_text()
    lines = text[text.index("**4.6 By hand.**") :].split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_layer_worked_by_hand_takes_these_cycles() -> None:
    cuts = plans_of(gemm(3, 4, 4), TINY).cuts
    target = cuts.target
    op = OpSchedule(name="layer", kind="gemm", steps=steps_in_blocks(cuts, 0, 3, 2, 2))
    steps, table = list(op.unrolled()), hand_table()
    assert len(steps) == len(table) == 4
    for count, (step, row) in enumerate(zip(steps, table, strict=True), 1):
        until = OpSchedule(name="layer", kind="gemm", steps=tuple(steps[:count]))
        found = times(Schedule(ports=target.ports, body=(until,)))
        load_end, array_end, vector_end, store_end, _ = found.ends
        spans = [""] * 3
        for load in reversed(step.loads):
            cycles = target.ports.load_cycles(load.bytes)
            spans[load.ring] = f"{load_end - cycles}–{load_end}"
            load_end -= cycles
        assert step.array is not None
        spans += [f"{array_end - step.array.cycles}–{array_end}", "", "", ""]
        if step.store_bytes is not None:
            assert step.vector_cycles is not None
            spans[4] = str(array_end + step.array.tail)
            spans[5] = f"{vector_end - step.vector_cycles}–{vector_end}"
            spans[6] = f"{store_end - target.ports.store_cycles(step.store_bytes)}–{store_end}"
        assert row[1:] == spans
    assert (found.cycles, found.of("layer").busy.array) == (49, 12)

"""Laws of every schedule: nothing is lost, everything fits, and time stays between its bounds."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chips import arrays, chip, chips
from hwsim.core.chip import Chip, Dataflow, Scratchpad, SystolicArray, VectorUnit
from hwsim.core.counters import Counters
from hwsim.core.functions import Function
from hwsim.core.laws import is_depthwise, law
from hwsim.core.precision import Precision
from hwsim.core.program import Program
from hwsim.core.schedule import OpSchedule, Ports, Repeat, Ring, Schedule, StepTree
from hwsim.core.tensor import Granularity, Scaling
from hwsim.engine.digital import run
from hwsim.errors import Unsupported
from hwsim.mapping.schedule import schedule
from hwsim.timing.systolic import gemm_cycles
from hwsim.timing.timeline import op_time
from programs import GEMMS, PER_CHANNEL, PROGRAMS, SIZES, elementwise, gemm
from timeline_witness import Walk

ONE_GEMM = st.builds(
    gemm, m=SIZES, k=SIZES, n=SIZES, precision=st.sampled_from([Precision.INT4, Precision.INT8, Precision.FP16])
)
FREE_PORTS = Ports(dram_read=None, dram_write=None, scratchpad_read=None, scratchpad_write=None, latency=0, slots=64)


def counters(op: OpSchedule, ports: Ports) -> Counters:
    return op_time(op, ports).counters


def scheduled(program: Program, on: Chip) -> Schedule:
    """The schedule, or a new example where the chip is too small for the op."""
    try:
        return schedule(program, on)
    except Unsupported:
        assume(False)
        raise


@given(PROGRAMS, chips())
def test_work_is_conserved(program: Program, on: Chip) -> None:
    (op,) = scheduled(program, on).ops
    (placed,) = program.placed()
    work, shape = op.work(), program.shapes()
    rules = law(placed.op)
    assert op.times == placed.times
    assert op.macs == rules.macs(placed.op, shape)
    assert op.macs * op.times == program.macs
    assert work.macs == (0 if is_depthwise(placed.op, shape) else op.macs)
    cycles = dict(on.vector.cycles)
    assert work.vector_lane_cycles == sum(n * cycles[f] for f, n in rules.vector_work(placed.op, shape).items())
    assert work.dram_write_bytes >= sum(program.view_bytes(view, shape) for view in rules.writes(placed.op))
    assert work.scratchpad_write_bytes >= work.dram_read_bytes
    assert work.scratchpad_read_bytes >= work.dram_write_bytes


@given(ONE_GEMM, chips())
def test_an_operand_is_loaded_when_it_is_not_the_one_of_the_step_before(program: Program, on: Chip) -> None:
    (op,) = scheduled(program, on).ops
    assert op.block is not None
    act, weight = program.tensor("act"), program.tensor("weight")
    _, m, k = act.shape
    n = weight.shape[-1]
    pieces = {
        axis: [(start, min(size, whole - start)) for start in range(0, whole, size)]
        for axis, whole, size in (("m", m, op.block.m), ("k", k, op.block.k), ("n", n, op.block.n))
    }
    order = ("n", "m", "k") if on.array.dataflow is Dataflow.IS else ("m", "n", "k")
    expected, before = 0, (None, None, None)
    for steps in product(*(pieces[axis] for axis in order)):
        at = dict(zip(order, steps, strict=True))
        closes = at["k"] == pieces["k"][-1]
        now = ((at["m"], at["k"]), (at["k"], at["n"]), at["n"])
        expected += at["m"][1] * act.precision.row_bytes(at["k"][1]) if now[0] != before[0] else 0
        expected += at["n"][1] * weight.precision.row_bytes(at["k"][1]) if now[1] != before[1] else 0
        if closes and now[2] != before[2]:
            scales = 0 if weight.precision.floating else 4 * at["n"][1]
            expected += 4 * at["n"][1] + scales
        before = (now[0], now[1], now[2] if closes else before[2])  # type: ignore[assignment]
    assert op.work().dram_read_bytes == expected


@given(PROGRAMS, chips())
def test_no_step_needs_more_than_the_scratchpad(program: Program, on: Chip) -> None:
    (op,) = scheduled(program, on).ops
    held: dict[Ring, int] = {}
    for step in op.unrolled():
        held |= {load.ring: load.bytes for load in step.loads}
        assert (sum(held.values()) + (step.store_bytes or 0)) * on.scratchpad.buffers <= on.scratchpad.size
        held = {ring: size for ring, size in held.items() if ring not in step.releases}


@given(GEMMS, chips())
def test_a_column_never_holds_more_partial_sums_than_its_entries(program: Program, on: Chip) -> None:
    entries = on.array.accumulator_of(Precision.INT8).entries
    assume(entries is not None and on.array.dataflow is not Dataflow.OS)
    assert entries is not None
    (op,) = scheduled(program, on).ops
    assert op.mode is not None
    assert op.block is not None
    packed, k = on.array.packed(op.mode), program.tensor("act").shape[-1]
    stream, across = (op.block.n, op.block.m) if on.array.dataflow is Dataflow.IS else (op.block.m, op.block.n)
    if k > on.array.rows * packed.k:
        tiles = -(-across // (on.array.cols * packed.n)) if op.block.k < k else 1
        assert stream * tiles <= entries


@settings(max_examples=200)
@given(PROGRAMS, chips())
def test_schedules_take_the_time_that_a_plain_walk_takes(program: Program, on: Chip) -> None:
    plan = scheduled(program, on)
    (op,) = plan.ops
    assert counters(op, plan.ports).cycles == Walk(plan.ports).walk(op).span


@given(PROGRAMS, chips())
def test_time_is_between_the_busiest_unit_and_one_after_another(program: Program, on: Chip) -> None:
    plan = scheduled(program, on)
    (op,) = plan.ops
    done = counters(op, plan.ports)
    busy = [done.busy.load, done.busy.array, done.busy.vector, done.busy.store]
    tails = sum(step.array.tail for step in op.unrolled() if step.array)
    latencies = sum(len(step.loads) for step in op.unrolled()) * plan.ports.latency
    assert max(busy) <= done.cycles <= sum(busy) + tails + latencies


@given(PROGRAMS, chips(), st.integers(1, 3))
def test_more_bandwidth_or_slots_never_add_a_cycle(program: Program, on: Chip, more: int) -> None:
    plan = scheduled(program, on)
    (op,) = plan.ops
    base = plan.ports
    assert base.dram_read is not None
    for better in (
        replace(base, dram_read=base.dram_read * (1 + Fraction(1, more))),
        replace(base, scratchpad_write=None),
        replace(base, dram_write=None),
        replace(base, slots=base.slots + more),
        replace(base, latency=base.latency // (1 + more)),
    ):
        assert counters(op, better).cycles <= counters(op, base).cycles


@settings(max_examples=300)
@given(ONE_GEMM, arrays(), st.integers(100, 4000))
def test_with_memory_out_of_the_way_a_gemm_takes_the_cycles_of_the_closed_form(
    program: Program, array: SystolicArray, size: int
) -> None:
    _, m, k = program.tensor("act").shape
    n = program.tensor("out").shape[-1]
    on = chip(array=array, scratchpad=Scratchpad(size=size, read=2**30, write=2**30))
    (op,) = scheduled(program, on).ops
    assert op.mode is not None
    assert op.block is not None
    chunk = op.block.n if array.dataflow is Dataflow.IS else op.block.m
    alone = replace(op, steps=tuple(array_alone(node) for node in op.steps))
    assert counters(alone, FREE_PORTS).cycles == gemm_cycles(array, op.mode, m, k, n, chunk).out


def array_alone(node: StepTree) -> StepTree:
    """The same steps with nothing but the array's own time."""
    if isinstance(node, Repeat):
        return replace(node, body=tuple(array_alone(inner) for inner in node.body))
    return replace(node, loads=(), releases=(), vector_cycles=None, store_bytes=None)


@pytest.mark.parametrize(
    ("program", "changes", "message"),
    [
        (gemm(4, 4, 4), {"scratchpad": Scratchpad(size=16, read=1, write=1)}, "one tile of the array takes"),
        (
            gemm(4, 4, 4, Precision.BF16),
            {},
            "gemm on small: the array multiplies no bf16 by bf16; it does fp16, int4, int8",
        ),
        (gemm(4, 4, 4), {"cores": 2}, "has 2 cores"),
        (elementwise(4, 4), {"vector": VectorUnit(lanes=1, cycles=())}, "the vector unit has no mul"),
        (elementwise(4, 400), {"scratchpad": Scratchpad(size=16, read=1, write=1)}, "one row takes"),
    ],
)
def test_what_a_chip_cannot_run_is_refused_by_name(program: Program, changes: dict[str, object], message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        schedule(program, chip(**changes))


def test_equal_products_are_mapped_once() -> None:
    on, other = chip(), chip(name="other", clock=10**9)
    first, second = (schedule(gemm(20, 20, 20), one).ops[0].steps for one in (on, other))
    assert first is second


def test_a_run_is_the_sum_of_its_ops() -> None:
    plan = schedule(gemm(9, 9, 9, times=7), chip())
    (op,) = run(plan)
    assert op.counters.cycles == 7 * counters(plan.ops[0], plan.ports).cycles
    assert op.counters.work.macs == 7 * 9**3


def weight_only(m: int, k: int, n: int, group: int) -> Program:
    """int4 weights with a scale for each group, below fp16 activations."""
    base = gemm(m, k, n, Precision.FP16)
    scaling = Scaling(granularity=Granularity.GROUP, group=group)
    weight = replace(base.tensor("weight"), precision=Precision.INT4, scaling=scaling)
    return replace(base, tensors=tuple(weight if t.name == "weight" else t for t in base.tensors))


@given(SIZES, SIZES, SIZES, st.integers(1, 9), chips())
def test_weights_below_floating_activations_are_dequantised_by_the_vector_unit(
    m: int, k: int, n: int, group: int, on: Chip
) -> None:
    program = weight_only(m, k, n, group)
    (op,) = scheduled(program, on).ops
    work, cycles = op.work(), dict(on.vector.cycles)
    weight = program.tensor("weight")
    (placed,) = program.placed()
    alone = sum(count * cycles[f] for f, count in law(placed.op).vector_work(placed.op, program.shapes()).items())
    dequantised = (work.vector_lane_cycles - alone) // cycles[Function.REQUANTIZE]
    assert op.mode is Precision.FP16
    assert (work.vector_lane_cycles - alone) % cycles[Function.REQUANTIZE] == 0
    # Each weight at least once, and as often as it comes from DRAM.
    assert dequantised >= k * n
    assert work.dram_read_bytes >= weight.stored_bytes + program.tensor("act").packed_bytes
    no_group = replace(weight, scaling=PER_CHANNEL)
    plain = replace(program, tensors=tuple(no_group if t.name == "weight" else t for t in program.tensors))
    assert scheduled(plain, on).ops[0].mode is Precision.FP16


def test_weight_only_work_by_hand() -> None:
    """1 × 4 · 4 × 4: 16 weights of 4 bits, two groups of 2 a column, dequantised to 32 bytes."""
    (op,) = schedule(weight_only(1, 4, 4, 2), chip()).ops
    work = op.work()
    weights = 4 * 2 + 4 * 2 * 4
    assert work.dram_read_bytes == 4 * 2 + weights + 4 * 4
    assert work.vector_lane_cycles == 2 * (4 + 4 + 16)  # bias, results, weights; two cycles each
    # Activations and weights enter the array in fp16; the store; bias, then packed weights and scales.
    assert work.scratchpad_read_bytes == (4 * 2 + 16 * 2) + 4 + (16 + weights)
    assert work.scratchpad_write_bytes == work.dram_read_bytes + 4 + 16 * 2


def test_group_scales_need_floating_activations() -> None:
    scaling = Scaling(granularity=Granularity.GROUP, group=4)
    base = gemm(4, 4, 4)
    weight = replace(base.tensor("weight"), scaling=scaling)
    program = replace(base, tensors=tuple(weight if t.name == "weight" else t for t in base.tensors))
    with pytest.raises(Unsupported, match="gemm on small: weights with a scale per group need floating-point"):
        schedule(program, chip())

"""Laws of every schedule: nothing is lost, everything fits, and the mapper keeps its promises."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.closed_form import gemm_cycles
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.engine.accounting import counters_of
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip, Scratchpad, VectorUnit, WeightLayout
from hwsim.hardware.summation import Accumulator
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import is_depthwise, op_spec
from hwsim.ir.ops import Function, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Scaling
from hwsim.ir.view import View
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.planner import Planner, schedule
from hwsim.quantities.precision import Precision
from hwsim.schedule.schedule import OpSchedule, Ports, Schedule
from hwsim.schedule.steps import Repeat, Ring, StepTree
from hwsim.timing.timeline import times
from plans import naive_schedule, nothing, plans_of
from strategies.chips import arrays, chip, chips, systolic
from strategies.programs import GEMMS, PER_CHANNEL, PROGRAMS, SIZES, elementwise, gemm
from witnesses.clock_laws import waits

ONE_GEMM = st.builds(
    gemm, m=SIZES, k=SIZES, n=SIZES, precision=st.sampled_from([Precision.INT4, Precision.INT8, Precision.FP16])
)
FREE_PORTS = Ports(dram_read=None, dram_write=None, scratchpad_read=None, scratchpad_write=None, latency=0, slots=64)


def scheduled(program: Program, on: Chip) -> Schedule:
    """The naive schedule, or a new example where the chip is too small for the op."""
    try:
        return naive_schedule(program, on)
    except Unsupported:
        assume(False)
        raise


def fastest(program: Program, on: Chip) -> Schedule:
    """The mapper's schedule, or a new example where the chip is too small for the op."""
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
    rules = op_spec(placed.op)
    assert op.macs == rules.macs(placed.op, shape)
    assert op.macs * placed.times == program.macs
    assert work.macs == (0 if is_depthwise(placed.op, shape) else op.macs)
    cycles = dict(on.vector.cycles)
    assert work.vector_lane_cycles == sum(n * cycles[f] for f, n in rules.vector_work(placed.op, shape).items())
    assert work.dram_write_bytes >= sum(program.view_bytes(view, shape) for view in rules.writes(placed.op))
    assert work.scratchpad_write_bytes >= work.dram_read_bytes
    assert work.scratchpad_read_bytes >= work.dram_write_bytes


@settings(max_examples=60)
@given(PROGRAMS, chips())
def test_the_fastest_schedule_does_the_same_work_with_no_more_traffic_than_it_says(program: Program, on: Chip) -> None:
    counters = counters_of(fastest(program, on))
    (op,) = counters.ops
    (placed,) = program.placed()
    assert (op.times, op.macs) == (placed.times, program.macs)
    shape, rules = program.shapes(), op_spec(placed.op)
    assert op.work.dram_write_bytes >= placed.times * sum(program.view_bytes(v, shape) for v in rules.writes(placed.op))
    assert op.work.scratchpad_write_bytes >= op.work.dram_read_bytes


def laid_out(k: int, n: int, precision: Precision, on: Chip) -> int:
    """Bytes of so many weights as they lie in the DRAM of the chip."""
    mode = on.array.mode(precision, precision)
    if on.dram.weight_layout is WeightLayout.TILES and mode is not None:
        limits = on.array.constraints(mode)
        unit_k, (_, unit_n) = limits.unit.k, limits.m_and_n(limits.unit)
        k, n = -(-k // unit_k) * unit_k, -(-n // unit_n) * unit_n
    return n * precision.row_bytes(k)


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
    order = ("n", "m", "k") if systolic(on).dataflow is Dataflow.IS else ("m", "n", "k")
    expected, before = 0, (None, None, None)
    for steps in product(*(pieces[axis] for axis in order)):
        at = dict(zip(order, steps, strict=True))
        closes = at["k"] == pieces["k"][-1]
        now = ((at["m"], at["k"]), (at["k"], at["n"]), at["n"])
        expected += at["m"][1] * act.precision.row_bytes(at["k"][1]) if now[0] != before[0] else 0
        expected += laid_out(at["k"][1], at["n"][1], weight.precision, on) if now[1] != before[1] else 0
        if closes and now[2] != before[2]:
            scales = 0 if weight.precision.floating else 4 * at["n"][1]
            expected += 4 * at["n"][1] + scales
        before = (now[0], now[1], now[2] if closes else before[2])  # type: ignore[assignment]
    assert op.work().dram_read_bytes == expected


@pytest.mark.slow
@settings(max_examples=60)
@given(PROGRAMS, chips())
def test_slots_and_buffers_share_the_scratchpad(program: Program, on: Chip) -> None:
    try:
        found = Planner(on).plan(program)
    except Unsupported:
        assume(False)
        raise
    places = analyse(program).uses.place_of
    for op in found.schedule.ops:
        held: dict[Ring, int] = {}
        room = found.plan.room[places[op.name]]
        assert room <= on.scratchpad.size
        for step in op.unrolled():
            held |= {load.ring: load.bytes for load in step.loads}
            slots = {ring: 1 if ring in op.single else found.schedule.ports.slots for ring in Ring}
            results = (step.store_bytes or 0) * found.schedule.ports.slots
            assert sum(slots[ring] * size for ring, size in held.items()) + results <= room
            held = {ring: size for ring, size in held.items() if ring not in step.releases}


@pytest.mark.slow
@given(GEMMS, chips())
def test_a_column_never_holds_more_partial_sums_than_its_entries(program: Program, on: Chip) -> None:
    array = systolic(on)
    entries = array.accumulator_of(Precision.INT8).entries
    assume(entries is not None and array.dataflow is not Dataflow.OS)
    assert entries is not None
    (op,) = fastest(program, on).ops
    assert op.mode is not None
    assert op.block is not None
    packed, k = array.packed(op.mode), program.tensor("act").shape[-1]
    stream, across = (op.block.n, op.block.m) if array.dataflow is Dataflow.IS else (op.block.m, op.block.n)
    if k > array.rows * packed.k:
        tiles = -(-across // (array.cols * packed.n)) if op.block.k < k else 1
        assert stream * tiles <= entries


@settings(max_examples=60)
@given(PROGRAMS, chips())
def test_time_is_between_the_busiest_unit_and_one_after_another(program: Program, on: Chip) -> None:
    plan = fastest(program, on)
    done = counters_of(plan).total
    busy = [done.busy.load, done.busy.array, done.busy.vector, done.busy.store]
    assert max(busy) <= done.cycles <= sum(busy) + waits(plan)


@pytest.mark.slow
@settings(max_examples=150)
@given(ONE_GEMM, arrays(), st.integers(100, 4000))
def test_with_memory_out_of_the_way_a_gemm_takes_the_cycles_of_the_closed_form(
    program: Program, array: SystolicArray, size: int
) -> None:
    _, m, k = program.tensor("act").shape
    n = program.tensor("out").shape[-1]
    on = chip(array=array, scratchpad=Scratchpad(size=size, read=2**30, write=2**30))
    for op in (*scheduled(program, on).ops, *fastest(program, on).ops):
        assert op.mode is not None
        assert op.block is not None
        chunk = op.block.n if array.dataflow is Dataflow.IS else op.block.m
        alone = OpSchedule(name="alone", kind="gemm", steps=tuple(array_alone(node) for node in op.steps))
        cycles = times(Schedule(ports=FREE_PORTS, body=(alone,))).cycles
        assert cycles == gemm_cycles(array, op.mode, m, k, n, chunk).out


def array_alone(node: StepTree) -> StepTree:
    """The same steps with nothing but the array's own time."""
    if isinstance(node, Repeat):
        return replace(node, body=tuple(array_alone(inner) for inner in node.body))
    return replace(node, loads=(), releases=(), vector_cycles=None, store_bytes=None, store_portions=())


@pytest.mark.parametrize(
    ("program", "changes", "message"),
    [
        (gemm(4, 4, 4), {"scratchpad": Scratchpad(size=16, read=1, write=1)}, "one tile of the array takes"),
        (
            gemm(4, 4, 4, Precision.BF16),
            {},
            "gemm on small: the array multiplies no bf16 by bf16; it does fp16, int4, int8",
        ),
        (elementwise(4, 4), {"vector": VectorUnit(lanes=1, cycles=())}, "the vector unit has no mul"),
        (elementwise(4, 400), {"scratchpad": Scratchpad(size=16, read=1, write=1)}, "one row takes"),
    ],
)
def test_what_a_chip_cannot_run_is_refused_by_name(program: Program, changes: dict[str, object], message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        schedule(program, chip(**changes))


def test_equal_products_are_mapped_once() -> None:
    plan = Planner(chip()).plan(two_products(20, 20))
    first, second = plan.schedule.ops
    assert first.steps is second.steps
    assert len(plan.candidate.op_cuts.classes) == 1
    assert first.operands != second.operands
    other, unlike = Planner(chip()).plan(two_products(20, 21)).schedule.ops
    assert other.steps == first.steps != unlike.steps


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
    alone = sum(count * cycles[f] for f, count in op_spec(placed.op).vector_work(placed.op, program.shapes()).items())
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


def two_products(k_first: int, k_second: int, times: int = 1) -> Program:
    """A product with K = k_first, then one with K = k_second, of one tile each, in a loop if `times` is more than 1."""
    ops, tensors = [], []
    for name, k in (("first", k_first), ("second", k_second)):
        (placed,) = gemm(3, k, 3).placed()
        assert isinstance(placed.op, Gemm)
        act, weight, bias, out = (View(tensor=f"{name}.{field}") for field in ("act", "weight", "bias", "out"))
        ops.append(replace(placed.op, name=name, act=act, weight=weight, bias=bias, out=out))
        tensors += [replace(one, name=f"{name}.{one.name}") for one in gemm(3, k, 3).tensors]
    body = tuple(ops) if times == 1 else (Loop(name="loop", times=times, body=tuple(ops)),)
    return Program(name="two", tensors=tuple(sorted(tensors, key=lambda t: t.name)), body=body)


@pytest.mark.parametrize(
    ("k_first", "k_second", "times", "first", "second"),
    [
        # R = 4, one product along K a cycle. The drain registers are busy for 4 cycles after a tile's last sum.
        (10, 2, 1, 10 + (4 - 2), 2),  # the first waits for the shorter second; nothing follows the second
        (10, 7, 1, 10, 7),
        (2, 10, 1, 2, 10),  # a short one before a long one need not wait at all
        (2, 3, 1, 2 + (4 - 3), 3),
        (10, 2, 5, 10 + (4 - 2), 2),  # around the loop a long one follows the short one
        (3, 2, 5, 3 + (4 - 2), 2 + (4 - 3)),
    ],
)
def test_the_last_tile_waits_for_a_shorter_next_one(
    k_first: int, k_second: int, times: int, first: int, second: int
) -> None:
    array = SystolicArray(rows=4, cols=4, dataflow=Dataflow.OS, macs_per_pe=((Precision.INT8, 1),))
    on = chip(array=array, scratchpad=Scratchpad(size=4096, read=2**20, write=2**20))
    found = schedule(two_products(k_first, k_second, times), on)
    steps = {op.name: list(op.unrolled()) for op in found.ops}
    # K may be cut inside the tile: its steps together are what counts.
    assert [sum(s.array.cycles for s in steps[name] if s.array) for name in steps] == [first, second]
    for name, k in (("first", k_first), ("second", k_second)):
        last = steps[name][-1].array
        assert last is not None
        # However long a tile keeps the array, its results are out as soon as its structure allows.
        assert sum(s.array.cycles for s in steps[name] if s.array) + last.tail == k + 2 * 4 + 4 - 2


@settings(max_examples=150)
@given(st.builds(gemm, m=SIZES, k=st.integers(8, 40), n=SIZES), chips(), st.integers(1, 6), st.integers(1, 8))
def test_partly_resident_weights_leave_no_more_partial_sums_than_fit(
    program: Program, on: Chip, rows: int, entries: int
) -> None:
    """Their K is cut where the resident rows end, so all columns of a block have sums under way."""
    array = replace(systolic(on), accumulator=Accumulator(entries=entries))
    on = replace(on, array=array)
    assume(array.dataflow is not Dataflow.OS)
    cuts = plans_of(program, on).cuts
    (row,) = cuts.classes
    assert row.mode is not None
    assert row.operands is not None
    packed = array.packed(row.mode)
    assume(rows * array.rows * packed.k < row.operands.size.k)
    resident = nothing(cuts)
    resident[cuts.table.spots["weight"]] = rows
    for one in cuts.tried(0, nothing(cuts), resident, on.scratchpad.size):
        outer, inner, *_ = one.sides
        across = -(-inner // (array.cols * packed.n))
        assert outer * across <= entries

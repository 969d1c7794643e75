"""Several cores in lockstep: shares, what passes the ports that they share, what they send each other, by hand and by
law."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hwsim.engine.accounting import counters_of
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip, Interconnect
from hwsim.ir.ops import Gemm
from hwsim.ir.place import Place
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.mapping import run_columns
from hwsim.mapping.op_shapes import Shares
from hwsim.mapping.plan import Strategy
from hwsim.mapping.planner import Planned, Planner
from hwsim.mapping.splits import Split, core_counts
from hwsim.mapping.target import array_alone
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.schedule.counters import Units, Work
from hwsim.schedule.schedule import OpSchedule, Schedule
from hwsim.schedule.steps import Step
from hwsim.schedule.unit_table import Unit
from hwsim.timing.timeline import times
from mapping.test_mapped_networks import roomy_chips
from mapping.test_model_by_hand import TINY
from plans import plans_of, scheduled, steps_in_blocks
from strategies import programs
from strategies.chips import chips
from strategies.programs import elementwise, gemm
from strategies.recipes import POLICIES, RECIPES
from timing.test_timeline import agree
from witnesses.timeline_simpy import simulate

BETWEEN = Interconnect(rate=4, latency=3000)


def with_cores(on: Chip, cores: int, between: Interconnect = BETWEEN) -> Chip:
    return replace(on, cores=cores, interconnect=between)


@given(st.integers(1, 300), st.integers(1, 40))
def test_shares_are_the_whole_and_the_largest_is_as_small_as_it_can_be(whole: int, cores: int) -> None:
    shares = Shares.of(whole, cores)
    assert shares.size * shares.full + shares.rest == whole
    assert 0 <= shares.rest < shares.size == -(-whole // cores)
    assert shares.cores <= cores


# -- the layer of docs/model.md, section 4.12, by hand


def test_the_layer_worked_by_hand_on_two_cores() -> None:
    """M = 3, K = 4, N = 4 over two cores along N: each has one pass over two columns, in blocks of 3 × 2 × 2.

    A step loads the weights of both cores, 8 bytes in 2 cycles, and the activations once for both, 6 in 2. At the end
    of K bias and scales of four columns, 32 bytes, take 8, of which 16 pass each core's port at 4 a cycle. The array
    starts when the activations are there, 10 cycles later: 14-17 and 18-21, and the tile is complete 5 later, at 26,
    when bias and scales are there too. Vector units 26-32; both tiles are stored together, 12 bytes at 2 a cycle: 38.
    """
    cuts = plans_of(gemm(3, 4, 4), with_cores(TINY, 2), splits={"gemm": Split(n=2)}).cuts
    op = OpSchedule(name="layer", kind="gemm", steps=steps_in_blocks(cuts, 0, 3, 2, 2))
    first, last = op.unrolled()
    assert [(load.bytes, load.of_core) for load in first.loads] == [(8, 4), (6, 6)]
    assert [(load.bytes, load.of_core) for load in last.loads] == [(8, 4), (6, 6), (32, 16)]
    assert (last.store_bytes, last.stored_by_core, last.exchange_bytes) == (12, 6, None)
    schedule = Schedule(ports=cuts.target.ports, body=(op,))
    found = times(schedule)
    assert (found.cycles, found.ends) == (38, (16, 21, 32, 38, 0))
    assert found.of("layer").busy == Units(load=2 + 2 + 2 + 2 + 8, array=6, vector=6, store=6)
    assert agree(found, simulate(schedule))
    work = op.work()
    assert (work.macs, work.dram_read_bytes, work.dram_write_bytes) == (3 * 4 * 4, 2 * (8 + 6) + 32, 12)
    assert work.scratchpad_write_bytes == 2 * (4 + 6) * 2 + 32 + 12  # activations into both, results of both


def test_a_tile_that_others_read_counts_as_written_when_it_is_there() -> None:
    """Two products, the second of which needs all columns that the first makes over two cores: its array starts when
    the last tile of the first has passed the interconnect, and 3 cycles more have gone by. The first makes tiles of 2
    rows and of 1, of both cores 8 and 4 bytes, which pass in 2 cycles and in 1."""
    plan = plans_of(chain(3, 4), with_cores(TINY, 2), splits={"first": Split(n=2), "second": Split(n=2)})
    schedule = scheduled(plan.candidate(TINY.scratchpad.size, Strategy(4)))
    first, second = schedule.ops
    assert [step.exchange_bytes for step in first.unrolled()] == [8, 4]
    assert first.kept
    assert second.array_reads == ("hidden",)
    found = times(schedule)
    assert agree(found, simulate(schedule))
    assert found.of("first").busy.exchange == 2 + 1
    seen = simulate(schedule)
    sent = [job for job in seen.order if job.unit is Unit.EXCHANGE]
    begun = next(job for job in seen.order if (job.op, job.unit) == ("second", Unit.ARRAY))
    assert [job.end - job.start for job in sent] == [2, 1]
    assert begun.start == sent[-1].end + 3


def chain(rows: int, size: int) -> Program:
    """Two square products, the second of what the first makes."""
    tensors = [programs.tensor("x", rows, size, role=Role.INPUT), programs.tensor("hidden", rows, size)]
    tensors.append(programs.tensor("out", rows, size, role=Role.OUTPUT))
    ops = []
    for name, act, out in (("first", "x", "hidden"), ("second", "hidden", "out")):
        tensors.append(programs.tensor(f"{name}.weight", size, size, role=Role.WEIGHT))
        weight = View(tensor=f"{name}.weight")
        ops.append(Gemm(name=name, act=View(tensor=act), weight=weight, out=View(tensor=out)))
    return Program(name="chain", tensors=tuple(sorted(tensors, key=lambda t: t.name)), body=tuple(ops))


def sent_by(schedule: Schedule) -> Counter[str]:
    """What each op sends to other cores."""
    return Counter({op.name: op.work().exchange_bytes for op in schedule.ops if op.work().exchange_bytes})


@pytest.mark.parametrize(
    ("first", "second", "sent"),
    [
        (Split(m=2), Split(m=2), 0),  # each core reads the rows that it wrote
        (Split(n=2), Split(n=2), 6 * 4),  # each core reads all columns
        (Split(m=2), Split(m=3), 6 * 4),  # other rows
        (Split(m=2), Split(n=2), 6 * 4),
        (Split(m=2), Split(), 6 * 4),  # one core reads all
        (Split(), Split(m=2), 6 * 4),
        (Split(), Split(), 0),
    ],
)
def test_results_are_sent_once_where_other_cores_read_them(first: Split, second: Split, sent: int) -> None:
    splits = {name: split for name, split in (("first", first), ("second", second)) if split.cores > 1}
    plan = plans_of(chain(6, 4), with_cores(TINY, 4), splits=splits).candidate(TINY.scratchpad.size, Strategy(4))
    assert sum(sent_by(scheduled(plan)).values()) == sent
    (hidden,) = (place for place in Planned(plan).placements if place.tensor == "hidden")
    by_rows = first.m == second.m == 2 and first.n == second.n == 1
    assert hidden.kept_bytes == (3 * 4 if by_rows else 6 * 4)


# -- laws


@given(
    st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5),
    chips(), st.integers(0, 10**6),
)  # fmt: skip
def test_cores_do_together_what_each_would_do_alone(
    m: int, k: int, n: int, batch: int, over_m: int, over_n: int, on: Chip, seed: int
) -> None:
    """The products, sums, register bits, lanes, reads and stores of all cores are those of products of the sizes of
    their shares, each alone on a chip of one core in blocks as large; what several of them load is loaded once."""
    split, on = Split(batch, min(over_m, m), min(over_n, n)), replace(on, scratchpad=replace(on.scratchpad, size=2**20))
    together = plans_of(gemm(m, k, n, batch=batch), with_cores(on, split.cores), splits={"gemm": split}).cuts
    limits = on.array.constraints(Precision.INT8)
    rng, unit = np.random.default_rng(seed), limits.unit
    whole = limits.extent(Shares.of(m, split.m).size, k, Shares.of(n, split.n).size)
    outer, inner, deep = (
        min(size, int(rng.integers(1, 4)) * side)
        for size, side in ((whole.outer, unit.outer), (whole.inner, unit.inner), (whole.k, unit.k))
    )
    deep = k if limits.outputs_stay else deep
    steps = steps_in_blocks(together, 0, outer, inner, deep)
    found = OpSchedule(name="gemm", kind="gemm", steps=steps).work()
    alone = Work()
    for rows in sizes(m, split.m):
        for columns in sizes(n, split.n):
            cuts = plans_of(gemm(rows, k, columns), on).cuts
            of_core = limits.extent(rows, k, columns)
            steps_of_core = steps_in_blocks(cuts, 0, min(outer, of_core.outer), min(inner, of_core.inner), deep)
            alone += OpSchedule(name="gemm", kind="gemm", steps=steps_of_core).work() * batch
    for counted in (
        "macs", "array_register_bits", "accumulator_reads", "accumulator_writes", "vector_lane_cycles",
        "scratchpad_read_bytes", "dram_write_bytes",
    ):  # fmt: skip
        assert getattr(found, counted) == getattr(alone, counted), counted
    assert found.macs == batch * m * k * n
    assert batch * (k * n + m * k) <= found.dram_read_bytes
    assert found.scratchpad_write_bytes >= found.dram_read_bytes + found.dram_write_bytes


def sizes(whole: int, cores: int) -> list[int]:
    shares = Shares.of(whole, cores)
    return [shares.size] * shares.full + [shares.rest] * (shares.rest > 0)


def test_every_byte_of_a_product_in_one_block_passes_the_dram_once() -> None:
    """10 × 6 weights and 5 × 10 activations over 2 · 3 cores: shares of 3 and 2 rows, of 2 columns each."""
    cuts = plans_of(gemm(5, 10, 6), with_cores(TINY, 6), splits={"gemm": Split(m=2, n=3)}).cuts
    (step,) = OpSchedule(name="gemm", kind="gemm", steps=steps_in_blocks(cuts, 0, 3, 2, 10)).unrolled()
    assert isinstance(step, Step)
    assert [load.bytes for load in step.loads] == [10 * 6, 5 * 10, 6 * 8]
    assert [load.of_core for load in step.loads] == [10 * 2, 3 * 10, 2 * 8]
    assert (step.store_bytes, step.stored_by_core) == (5 * 6, 3 * 2)
    # Weights go to the two cores with the same columns, activations to the three with the same rows.
    assert step.work.scratchpad_write_bytes == 2 * 60 + 3 * 50 + 2 * 48 + 5 * 6


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 4), st.integers(1, 4), chips())
def test_the_array_takes_the_closed_form_of_the_largest_share(
    m: int, k: int, n: int, over_n: int, arrays: int, on: Chip
) -> None:
    """Memory and vector unit out of the way: as one array does the tiles across that the most burdened one has."""
    on = replace(with_cores(on, over_n), arrays=arrays)
    split = {"gemm": Split(n=over_n)} if over_n > 1 else {}
    plan = plans_of(gemm(m, k, n), on, splits=split)
    cut = plan.cuts
    target = cut.target
    mode = cut.row(0).mode
    assert mode is not None
    size = cut.row(0).operands.size  # type: ignore[union-attr]
    assert size.n == Shares.of(n, over_n).size
    limits = target.array.constraints(mode)
    whole = limits.extent(size.m, size.k, size.n)
    if limits.stream is not None or limits.entries is not None:
        return
    free = replace(
        target.ports, dram_read=None, dram_write=None, scratchpad_read=None, scratchpad_write=None, latency=0,
        scratchpad_shared=False,
    )  # fmt: skip
    steps = steps_in_blocks(cut, 0, whole.outer, whole.inner, whole.k)
    (step,) = OpSchedule(name="gemm", kind="gemm", steps=steps).unrolled()
    assert step.array is not None
    own = step.array.hidden_cycles if step.array.port_bound else step.array.cycles
    bare = replace(step.array, cycles=own, port_bound=False, hidden_cycles=0)
    alone = Step(array=bare, work=Work())
    found = times(Schedule(ports=free, body=(OpSchedule(name="gemm", kind="gemm", steps=(alone,)),)))
    assert found.cycles == array_alone(mode, size, target)


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(RECIPES, POLICIES, roomy_chips(), st.integers(2, 6), st.integers(1, 32), st.integers(0, 20))
def test_networks_on_several_cores_obey_all_laws_of_one(
    recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip, cores: int, rate: int, latency: int
) -> None:
    """The event simulation sees the same times; tables and steps count the same; no product is lost or made twice; and
    as cores may be left idle, more of them never slow the plan."""
    program = workload(recipe, policy).program
    between = Interconnect(rate=rate, latency=latency * 10**12 // on.clock)
    try:
        alone = Planner(on).plan(program)
    except Unsupported:
        assume(False)
    before = alone.columns.cycles
    for count in (count for count in core_counts(cores) if count > 1):
        planned = Planner(with_cores(on, count, between)).plan(program)
        counters = counters_of(planned.schedule)
        assert counters == run_columns.counters_of(planned.columns)
        assert all(op.work.macs in (0, op.macs) for op in counters.ops)
        assert sum(op.macs for op in counters.ops) == program.macs
        assert counters.total.cycles <= before
        before = counters.total.cycles
        for placement in planned.placements:
            assert placement.kept_bytes <= on.scratchpad.size
    found = times(planned.schedule)
    assume(found.unrolled_iterations < 2000)
    assert agree(found, simulate(planned.schedule))


def test_a_chain_on_one_row_is_split_by_its_values() -> None:
    """21 values over 4 cores: 6 on the core with most, in a cycle of 4 lanes less than on one."""
    program = elementwise(1, 21)
    one = plans_of(program, TINY).cuts
    several = plans_of(program, with_cores(TINY, 4), splits={"chain": Split(m=4)}).cuts
    assert one.row(0).shape.rows == 1  # type: ignore[union-attr]
    assert several.row(0).shape.rows == 6  # type: ignore[union-attr]


# -- what is refused


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Place(m=3, n=2), "gemm on tiny: place takes 6 cores, the chip has 4; split it less, or give more cores"),
        (Place(m=4), "gemm on tiny: place.m = 4: there are 3 to split; give less"),
        (Place(batch=2), "gemm on tiny: place.batch = 2: must divide the 3 products of the batch"),
    ],
)
def test_a_split_that_cannot_be_is_refused(place: Place, message: str) -> None:
    program = placed_at(gemm(3, 4, 4, batch=3), place)
    with pytest.raises(Unsupported) as refused:
        Planner(with_cores(TINY, 4)).plan(program)
    assert str(refused.value) == message


def placed_at(program: Program, place: Place) -> Program:
    (one,) = program.placed()
    assert isinstance(one.op, Gemm)
    return replace(program, body=(replace(one.op, place=place),))


def test_a_forced_split_is_taken_though_another_is_faster() -> None:
    program = gemm(8, 64, 64)
    on = with_cores(replace(TINY, scratchpad=replace(TINY.scratchpad, size=2**16)), 4)
    free, forced = Planner(on).plan(program), Planner(on).plan(placed_at(program, Place(m=2)))
    assert forced.candidate.split_of("gemm") == "2 of m"
    assert free.columns.cycles < forced.columns.cycles


def test_several_cores_need_to_be_joined() -> None:
    with pytest.raises(InvalidValue, match=r"^cores = 2: must be joined; give an interconnect with its rate"):
        replace(TINY, cores=2)

"""Planning is bounded by what a program is made of, not by how large its sizes are; nothing in it wraps."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip, Dram, Scratchpad
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.mapping import plan_store, search_budget
from hwsim.mapping import planner as limits
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.items import MOST_ITEMS
from hwsim.mapping.knapsack import MOST_STATES, MOST_SUMS, Group, Knapsacks, Sums
from hwsim.mapping.liveness import ALL, Span
from hwsim.mapping.lower import sized_ops
from hwsim.mapping.planner import Planner, schedule
from hwsim.mapping.residency import AlikeItems, Item, Items
from hwsim.mapping.search_budget import LEAST_SUMS, MOST_SEARCH_SUMS, SearchBudget
from hwsim.mapping.target_plans import TargetPlans
from hwsim.models.catalogue import at_length, workload
from hwsim.models.gemms import Gemms, GemmSize
from hwsim.models.transformer_lm import TransformerLm
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision
from hwsim.quantities.registry import EqualityCache, IdentityCache
from hwsim.schedule.schedule import OpSchedule, Residency
from hwsim.schedule.steps import Repeat, Step
from hwsim.timing.encode_steps import LONGEST
from hwsim.timing.timeline import encode, times
from kernels.test_placing import Case, Wanted, by_kernels
from plans import choose, plans_of
from strategies.chips import chip
from strategies.programs import gemm
from witnesses.planner.liveness import Buffer, ScratchpadAllocator

RECIPE = load_workload("transformer_lm").recipe
assert isinstance(RECIPE, TransformerLm)
SMALL_LM = replace(RECIPE, outputs=40, model=replace(RECIPE.model, layers=2, size=16, heads=2, feed_forward=32))
"""Its cache grows with every symbol."""
LARGE = 2**62
GROUPS = st.lists(
    st.lists(st.tuples(st.integers(1, 30), st.integers(-50, 50)), min_size=1, max_size=3), min_size=1, max_size=4
)
NARROW = Dram(read=10**8, write=10**8)
SMALL_ARRAY = SystolicArray(rows=1, cols=4, macs_per_pe=sorted_pairs({Precision.INT8: 1}))


def products(*sizes: tuple[int, int, int], times: int = 1) -> Gemms:
    made = tuple(GemmSize(name=f"p{i}", m=m, k=k, n=n, times=times) for i, (m, k, n) in enumerate(sizes))
    return Gemms(name="products", products=made)


@settings(max_examples=60)
@given(
    GROUPS,
    st.integers(0, 100),
    st.sampled_from([1, 7, LARGE, LARGE * 3 + 1]),
    st.sampled_from([0, 1, LARGE + 5, -LARGE - 5]),
)
def test_a_knapsack_never_wraps(groups: list[list[tuple[int, int]]], capacity: int, factor: int, more: int) -> None:
    groups = [[(size, value * factor + more) for size, value in group] for group in groups]

    def of(which: int, lengths: tuple[int, ...] | list[int]) -> int:
        return sum(thing[which] for group, length in zip(groups, lengths, strict=True) for thing in group[:length])

    taken = Knapsacks().solved(list(map(Group.of, groups)), capacity)
    every = product(*(range(len(group) + 1) for group in groups))
    assert of(0, taken) <= capacity
    assert of(1, taken) == max(of(1, lengths) for lengths in every if of(0, lengths) <= capacity)


@given(GROUPS, st.integers(0, 2**50), st.sampled_from([1, LARGE + 1]))
def test_the_work_of_a_knapsack_is_bounded(groups: list[list[tuple[int, int]]], capacity: int, factor: int) -> None:
    groups = [[(size * 1009 + 1, value * factor + value % 7) for size, value in group] for group in groups]
    sizes = capacity // Sums.of(list(map(Group.of, groups))).unit_within(capacity) + 1
    assert sizes * (len(groups) + 1) <= MOST_STATES + len(groups) + 1
    assert sizes * sum(map(len, groups)) <= MOST_SUMS + sum(map(len, groups))


@given(GROUPS, st.integers(0, 2**40), st.integers(1, 2**12))
def test_a_knapsack_takes_no_more_sums_than_it_may(
    groups: list[list[tuple[int, int]]], capacity: int, most: int
) -> None:
    groups = [[(size * 1009 + 1, value) for size, value in group] for group in groups]
    things, knapsacks = sum(map(len, groups)), Knapsacks()
    taken = knapsacks.solved(list(map(Group.of, groups)), capacity, most)
    assert sum(size for group, length in zip(groups, taken, strict=True) for size, _ in group[:length]) <= capacity
    # A table serves capacities up to a power of two, if that is no more work than it may take.
    assert knapsacks.sums <= max(most, things) + things


def test_a_search_that_has_summed_enough_chooses_in_coarser_units_and_says_so() -> None:
    alone = [Item(f"w{i}", 0, (1 << 30) + 2 * i + 1, ("a",), ((1 << 50) - i,)) for i in range(400)]
    items = Items.of((item.name, item.loops, AlikeItems((item,))) for item in alone)
    rich, poor = SearchBudget(), SearchBudget(sums=MOST_SEARCH_SUMS)
    fine = items.choose({"a": 250 << 30}, Knapsacks(), rich)
    coarse = items.choose({"a": 250 << 30}, Knapsacks(), poor)
    assert 1 < fine.unit < coarse.unit
    assert (rich.fell_short, poor.fell_short) == (False, True)
    assert 0 < poor.sums - MOST_SEARCH_SUMS <= LEAST_SUMS + 400 < rich.sums
    for chosen in (fine, coarse):
        assert sum(head.bytes for head in chosen.heads) <= 250 << 30
    assert len(coarse.heads) >= 0.8 * len(fine.heads)


def test_what_is_to_stay_counts_to_the_plans_that_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once enough are made, none is made for fewer slots or less room: of one of four searches after a quarter as
    many."""
    program = workload(products((8, 16, 8), times=3)).program
    on, made, candidates = (
        chip(scratchpad=Scratchpad(size=4096, read=16, write=16, buffers=4)),
        [],
        TargetPlans.candidates,
    )

    def noted(plans: TargetPlans, sizes: Any, ways: Any, budget: SearchBudget) -> list[CandidatePlan]:
        found = candidates(plans, sizes, ways, budget)
        made.extend([found] if found and list(ways) != [None] else [])
        return found

    monkeypatch.setattr(TargetPlans, "candidates", noted)
    Planner(on).plan(program)
    assert {(plan.size, plan.slots) for found in made for plan in found} >= {(4096, slots) for slots in (4, 3, 2)}
    alone = analyse(program).size * len(made[0])
    assert sum(plan.wanted for plan in made[0]) > 0
    monkeypatch.setattr(search_budget, "MOST_MADE", alone)
    made.clear()
    Planner(on).plan(program)
    assert len(made) == 1
    monkeypatch.setattr(search_budget, "MOST_MADE", 4 * alone)
    made.clear()
    Planner(on, searches=4).plan(program)
    assert len(made) == 1


def test_what_is_chosen_in_coarser_units_fits_and_says_so() -> None:
    """Sizes that nothing divides, and more room than a knapsack may have states."""
    items = [Item(f"w{i}", 0, (1 << 40) + 2 * i + 1, ("frames",), ((1 << 50) - i,)) for i in range(40)]
    capacity = {"frames": 25 << 40}
    chosen = [item for item, loop in zip(items, choose(items, capacity).choice, strict=True) if loop is not None]
    assert sum(item.bytes for item in chosen) <= capacity["frames"]
    assert len(chosen) >= 23
    assert choose(items, capacity).unit > 1
    assert choose(items[:2], capacity).unit == 0  # all of it fits: nothing is rounded
    assert choose(items, {"frames": 5}).unit == 0


def test_a_choice_in_exact_sizes_names_no_unit() -> None:
    """Few items in loops inside loops are tried one by one; what outer loops leave of a room may be little of it."""
    few = [Item(f"w{i}", 0, (1 << 40) + 2 * i + 1, ("a", "b"), (1 << 50, 1 << 51)) for i in range(4)]
    room = {"a": 2 << 40, "b": 3 << 40}
    assert Sums.of([Group.of([(one.bytes, one.saves[1])]) for one in few]).unit_within(room["b"]) > 1
    assert choose(few, room).unit == 0
    outer = Item("outer", 0, 1 << 40, ("a",), (1 << 60,))
    inner = [Item(f"w{i}", 0, 2 * i + 1, ("a", "b"), (0, 9 + i)) for i in range(40)]
    whole = {"a": (1 << 40) + 99, "b": (1 << 40) + 99}
    assert Sums.of([Group.of([(one.bytes, one.saves[1])]) for one in inner]).unit_within(whole["b"]) > 1
    choice, unit = choose([outer, *inner], whole)
    assert choice[0] == "a"
    assert 0 < choice.count("b") < 40
    assert unit == 0


@pytest.mark.parametrize("part", [1, 3])
def test_a_knapsack_with_losses_does_not_wrap(part: int) -> None:
    """The losses would take the sum of all values below what 63 bits hold, the best sum is above it."""
    groups = [Group.of([(1, value * part)]) for value in (2**62, 2**62, -(2**62) - 1)]
    assert Knapsacks().solved(groups, 2) == [1, 1, 0]
    assert Knapsacks().solved(groups, 3) == [1, 1, 0]
    groups = [Group.of([(1, -(2**63) * part), (1, 2**63 * part + 1)]), Group.of([(1, 1)])]
    assert Knapsacks().solved(groups, 2) == [2, 0]


def test_a_weight_that_stays_in_part_names_the_unit_that_sizes_were_rounded_to() -> None:
    """257 things of multiples of five bytes in eight million: more sums than a knapsack may take."""
    on = chip(array=SMALL_ARRAY, dram=NARROW, scratchpad=Scratchpad(size=1 << 23, read=16, write=16))
    places = schedule(workload(products((3, 4_000_003, 5), times=2), "w8a8").program, on).placements
    (why,) = (one.why for one in places if one.tensor == "p0.weight")
    assert why.endswith("bytes fit, in sizes rounded up to 20 bytes")
    assert MOST_SUMS // 4 < 257 * (1 << 23) // 20 < MOST_SUMS


@pytest.mark.parametrize("k", [1, 255, 256, 257, 100_003, 1 << 22])
def test_the_parts_of_a_weight_are_few_and_all_of_it(k: int) -> None:
    program = workload(products((1, k, 5), times=2), "w8a8").program
    on = chip(array=SMALL_ARRAY)
    items = [item for item in plans_of(program, on).items.all if item.name == "p0.weight"]
    assert len(items) <= MOST_ITEMS
    assert [item.row for item in items] == [sum(one.rows for one in items[:place]) for place in range(len(items))]
    assert sum(item.rows for item in items) == k
    assert sum(item.bytes for item in items) == 5 * k


def test_ops_that_are_alike_have_items_that_differ_in_names_and_loops_alone() -> None:
    """And the bytes of each op's weight are those that it has in a program of its own."""
    shapes = (3, 300, 5), (3, 300, 5), (3, 20, 5)
    items = plans_of(workload(products(*shapes, times=2), "w8a8").program, chip(array=SMALL_ARRAY)).items
    tensors = {tensor.name: tensor for tensor in items.tensors}
    assert tensors["p0.weight"].alike is tensors["p1.weight"].alike is not tensors["p2.weight"].alike
    assert all({item.name for item in tensor.items} == {name} for name, tensor in tensors.items())
    assert items.all == tuple(item for tensor in items.tensors for item in tensor.items)
    for place, shape in enumerate(shapes):
        alone = plans_of(workload(products(shape, times=2), "w8a8").program, chip(array=SMALL_ARRAY)).items
        own = [replace(item, name="", loops=()) for item in alone.all if item.name == "p0.weight"]
        assert own == [replace(item, name="", loops=()) for item in tensors[f"p{place}.weight"].items]
        assert {item.loops for item in tensors[f"p{place}.weight"].items} == {(f"p{place}.times",)}


def test_a_long_weight_stays_in_part() -> None:
    """More rows of tiles than there are parts: as many of these as fit are loaded once."""
    work = workload(products((3, 100_003, 5), times=2), "w8a8")
    on = chip(array=SMALL_ARRAY, dram=NARROW, scratchpad=Scratchpad(size=1 << 18, read=16, write=16))
    one = Planner(on).plan(work.program).plan
    resident = one.residents["p0.weight"]
    piece = 5 * -(-100_003 // MOST_ITEMS)
    assert (1 << 18) // 2 < resident.bytes <= 1 << 18
    assert resident.bytes % piece == 0
    assert resident.rows * 5 == resident.bytes


@pytest.mark.parametrize("dataflow", Dataflow)
@pytest.mark.parametrize("k", [1 << 10, 1 << 16, 1 << 22])
def test_a_schedule_has_as_few_steps_however_long_a_product_is(dataflow: Dataflow, k: int) -> None:
    """One row of an array makes a tile of each row of the weight; some of them stay."""
    array = replace(SMALL_ARRAY, dataflow=dataflow)
    on = chip(array=array, dram=NARROW, scratchpad=Scratchpad(size=1 << 12, read=16, write=16))
    made = list(schedule(workload(products((17, k, 1), times=2), "w8a8").program, on).placed())
    assert len(made) <= 3
    assert sum(steps_in(one.node.steps) for one in made if isinstance(one.node, OpSchedule)) <= 12


def steps_in(steps: tuple[Step | Repeat, ...]) -> int:
    return sum(steps_in(one.body) if isinstance(one, Repeat) else 1 for one in steps)


def test_a_network_is_as_large_as_what_grows_in_it_and_no_larger() -> None:
    """The cache of the language model grows with each symbol of a minute, and in each layer the ops that read it."""
    program = at_length(load_workload("transformer_lm"), 60 * 10**12).program
    found = analyse(program)
    (symbols,) = {loop.most for placed in program.placed() for loop in placed.loops}
    growing = sum(1 for placed in program.placed() if placed.counts)
    every = len(list(program.placed()))
    assert 0 < growing < every
    assert symbols > 200
    assert len({id(one) for one in sized_ops(found.nodes)}) <= every + growing * symbols
    assert found.size <= every * symbols


@pytest.mark.parametrize(
    ("sizes", "how_often", "message"),
    [
        ((1 << 24, 10**6, 1 << 24), 1, "p0 on int4_array: makes 281,474,976,710,656,000,000 products at once"),
        ((1 << 20, 1 << 20, 1 << 20), 2**30, "products on int4_array: takes at least 37,778,931,862,957,161,709,568"),
    ],
)
def test_what_is_too_much_to_count_is_refused_before_anything_is_planned(
    sizes: tuple[int, int, int], how_often: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_store, "TargetPlans", None)
    with pytest.raises(Unsupported, match=message):
        schedule(workload(products(sizes, times=how_often), "w8a8").program, load_chip("int4_array"))


def test_too_many_sizes_are_refused_before_anything_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_OPS", 3)
    monkeypatch.setattr(plan_store, "TargetPlans", None)
    program = workload(products(*[(1, 1, 1)] * 4), "fp16").program
    with pytest.raises(Unsupported, match="change their sizes 4 times, hwsim plans up to 3; shorten the audio"):
        schedule(program, chip())


SLOW = Dram(read=1, write=1, latency=86_400 * 10**12)
EXTREMES = [
    chip(clock=1, scratchpad=Scratchpad(size=12 << 30, read=1 << 20, write=1 << 20)),
    chip(clock=10**12, dram=SLOW),
    chip(clock=10**12, dram=SLOW, scratchpad=Scratchpad(size=1 << 50, read=1, write=1)),
    chip(array=replace(SMALL_ARRAY, cols=1), scratchpad=Scratchpad(size=1 << 40, read=8, write=1, buffers=16)),
]


@pytest.mark.slow
@pytest.mark.parametrize("on", EXTREMES)
@pytest.mark.parametrize("sizes", [(1 << 24, 1 << 24, 1), (1, 1 << 24, 1 << 24), (7, 9_999_991, 1 << 20), (3, 5, 7)])
@pytest.mark.parametrize("how_often", [1, 3, 2**30])
def test_extremes_are_answered_or_refused_by_a_law(on: Chip, sizes: tuple[int, int, int], how_often: int) -> None:
    program = workload(products(sizes, sizes, times=how_often), "w8a8").program
    m, k, n = sizes
    peak = on.array.macs_per_cycle(Precision.INT8)
    least = -(-2 * how_often * m * k * n // peak)
    try:
        cycles = times(schedule(program, on)).cycles
    except Unsupported as error:
        cycles = None
        said = str(error)
    assert least <= cycles <= LONGEST if cycles is not None else "hwsim counts to" in said


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 45))
def test_a_gap_is_never_less_than_nothing(low: int, middle: int, working: int) -> None:
    """Between two buffers that lie higher than the slots of a later op begin."""
    allocator = ScratchpadAllocator(40, [0, 0, working])
    for name, size, last in (("low", low, 1), ("middle", middle, 0), ("high", 5, 1)):
        allocator.place(Buffer(name, size, Span(0, last)))
    room = 40 - working
    gap = max(0, min(low + middle, room) - low, room - low - middle - 5)
    assert allocator.gap(Span(1, 2)) == gap
    # The kernel keeps as many rows as fit in the gap, whose bytes it tells by rows of one byte, or of a few.
    fixed = [Wanted(Buffer("low", low, Span(0, 1))), Wanted(Buffer("middle", middle, Span(0, 0)))]
    fixed.append(Wanted(Buffer("high", 5, Span(0, 1))))
    for row_bytes in range(1, 7):
        rows = Wanted(Buffer("rows", 8 * row_bytes, Span(1, 2)), all_rows=8)
        kept = by_kernels(Case(40, [0, 0, working], [*fixed, rows], 3, True)).allocations[-1][0]
        assert kept == (ALL if gap >= 8 * row_bytes else gap // row_bytes)


@pytest.mark.slow
def test_equal_sizes_of_an_op_are_one_object_and_their_uses_stand_once_in_the_code() -> None:
    program = workload(SMALL_LM, "w8a8").program
    found = analyse(program)
    every = list(sized_ops(found.nodes))
    kinds = {(one.op.name, one.shapes, None if one.epilogue is None else one.epilogue.shapes) for one in every}
    assert len({id(one) for one in every}) == len(kinds) < len(every)
    body = schedule(program, chip(scratchpad=Scratchpad(size=1 << 16, read=16, write=16)))
    _, refs, touched, *_ = encode(body).arrays
    names = {op.name for op in body.ops}
    assert len(refs) <= 20 * len(names)
    assert len(touched) <= 20 * len(names)


def test_what_is_remembered_may_be_asked_for_by_many_threads() -> None:
    """Two places for five things, so that threads push out what others look for."""
    equal, same = EqualityCache[int](most=2), IdentityCache[int](most=2)
    things = [(number,) for number in range(5)]

    def ask(first: int) -> bool:
        right = True
        for turn in range(3000):
            thing = things[(first + turn) % 5]
            right &= equal.of(thing, make=lambda: thing[0]) == thing[0]  # noqa: B023
            right &= same.of(thing, make=lambda: thing[0]) == thing[0]  # noqa: B023
        return right

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(ask, range(8)))
    finally:
        sys.setswitchinterval(before)


def test_schedules_may_be_asked_for_by_many_threads() -> None:
    programs = [gemm(m, 5, 7) for m in range(1, 5)]
    alone = [times(schedule(program, chip())).cycles for program in programs]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            asked = list(pool.map(lambda program: times(schedule(program, chip())).cycles, programs * 20))
    finally:
        sys.setswitchinterval(before)
    assert asked == alone * 20


@pytest.mark.slow
def test_reasons_say_what_is_reserved_for_whom() -> None:
    """A quarter of the scratchpad goes to the slots of the largest op, before its blocks are chosen."""
    on = chip(scratchpad=Scratchpad(size=8192, read=16, write=16))
    program = workload(SMALL_LM, "w8a8").program
    one = Planner(on).plan(program)
    reasons = [each.why for each in one.schedule.placements if each.place is Residency.SPILLED]
    told = [why for why in reasons if "bytes reserved for the slots of" in why]
    assert told
    for why in told:
        reserved = int(why.split("kept tensors and ")[1].split(" bytes")[0].replace(",", ""))
        op = why.split("the slots of ")[1].split(":")[0]
        assert one.plan.reserved[one.plan.analysed.uses.place_of[op]] == reserved
        divisor = one.plan.strategy(one.plan.analysed.uses.place_of[op]).working_set_divisor
        assert f"within 1/{divisor} of the scratchpad" in why

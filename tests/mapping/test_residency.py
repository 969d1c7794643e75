"""What stays in the scratchpad: the best choice that fits, found exactly; spaces that nobody shares at one time."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.mapping.knapsack import Group, Knapsacks
from hwsim.mapping.liveness import Span
from hwsim.mapping.residency import Choice, Item, fits, saved
from kernels.test_placing import Case, Wanted, by_kernels
from plans import choose
from witnesses.planner.liveness import Buffer
from witnesses.planner.residency import knapsack

PATHS = [("a",), ("b",), ("b", "c"), ("b", "d"), ("b", "c", "e")]
TIMES = {"a": 9, "b": 3, "c": 4, "d": 7, "e": 2}


@st.composite
def items(draw: st.DrawFn, paths: list[tuple[str, ...]], most: int) -> list[Item]:
    found = []
    for number in range(draw(st.integers(0, most))):
        path, size = draw(st.sampled_from(paths)), draw(st.integers(1, 12))
        every, saves, outside = 1, [], 1
        for loop in path:
            every *= TIMES[loop]
        for loop in path:
            saves.append(size * (every - outside))
            outside *= TIMES[loop]
        found.append(Item(f"t{number}", 0, size, path, tuple(saves)))
    return found


CAPACITY = st.fixed_dictionaries({loop: st.integers(0, 40) for loop in TIMES})


def best_of_all(found: list[Item], capacity: dict[str, int]) -> int:
    choices: list[Choice] = list(product(*((*item.loops, None) for item in found)))
    return max(saved(found, choice) for choice in choices if fits(found, choice, capacity))


@pytest.mark.slow
@settings(max_examples=150)
@given(items([("a",), ("b",)], 12), CAPACITY)
def test_the_choice_saves_as_much_as_the_best_of_all_choices(found: list[Item], capacity: dict[str, int]) -> None:
    choice = choose(found, capacity).choice
    assert fits(found, choice, capacity)
    assert saved(found, choice) == best_of_all(found, capacity)


@settings(max_examples=80)
@given(items(PATHS, 6), CAPACITY)
def test_so_it_does_with_loops_inside_loops(found: list[Item], capacity: dict[str, int]) -> None:
    choice = choose(found, capacity).choice
    assert fits(found, choice, capacity)
    assert saved(found, choice) == best_of_all(found, capacity)


@given(items(PATHS, 40), CAPACITY)
def test_a_large_choice_fits(found: list[Item], capacity: dict[str, int]) -> None:
    assert fits(found, choose(found, capacity).choice, capacity)


@given(items([("a",), ("b",)], 12), CAPACITY, st.integers(0, 20))
def test_more_room_never_means_more_traffic(found: list[Item], capacity: dict[str, int], more: int) -> None:
    larger = {loop: room + more for loop, room in capacity.items()}
    assert saved(found, choose(found, larger).choice) >= saved(found, choose(found, capacity).choice)


@settings(max_examples=150)
@given(items(PATHS, 40), CAPACITY, st.data())
def test_room_goes_to_what_saves_something_where_it_stays(
    found: list[Item], capacity: dict[str, int], data: st.DataObject
) -> None:
    """An op that runs less often than a loop around it begins is no resident of that loop; one inside it may be."""
    factors = data.draw(st.lists(st.sampled_from([-3, -1, 0, 1]), min_size=len(PATHS), max_size=len(PATHS)))
    worth = dict(zip(PATHS, factors, strict=True))
    found = [
        replace(one, saves=tuple(s * worth.get(one.loops[: d + 1], 1) for d, s in enumerate(one.saves)))
        for one in found
    ]
    choice = choose(found, capacity).choice
    assert fits(found, choice, capacity)
    for item, loop in zip(found, choice, strict=True):
        assert loop is None or item.saves[item.loops.index(loop)] > 0
        if loop is None and len(item.loops) == 1 and item.saves[0] > 0:
            full = [*choice]
            full[found.index(item)] = item.loops[0]
            assert not fits(found, tuple(full), capacity)


GROUPS = st.lists(st.lists(st.tuples(st.integers(1, 30), st.integers(-50, 50)), min_size=1, max_size=3), max_size=5)


@given(GROUPS, st.integers(0, 100))
def test_a_knapsack_takes_the_best_heads_of_its_groups(groups: list[list[tuple[int, int]]], capacity: int) -> None:
    def value(lengths: tuple[int, ...] | list[int]) -> int:
        return sum(value for group, length in zip(groups, lengths, strict=True) for _, value in group[:length])

    def size(lengths: tuple[int, ...] | list[int]) -> int:
        return sum(size for group, length in zip(groups, lengths, strict=True) for size, _ in group[:length])

    taken = Knapsacks().solved(list(map(Group.of, groups)), capacity)
    every = product(*(range(len(group) + 1) for group in groups))
    assert size(taken) <= capacity
    assert value(taken) == max(value(lengths) for lengths in every if size(lengths) <= capacity)


@st.composite
def equal_things(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Rows of tiles of a large weight: many alike, and some behind them that are not."""
    alike = draw(st.tuples(st.integers(1, 6), st.integers(-3, 9)))
    return [alike] * draw(st.integers(1, 70)) + draw(
        st.lists(st.tuples(st.integers(1, 9), st.integers(-9, 30)), max_size=2)
    )


@settings(max_examples=150)
@given(
    st.lists(equal_things(), min_size=1, max_size=4),
    st.integers(0, 300),
    st.sampled_from([1, 1 << 43, (1 << 45) + 1, 1 << 60]),
)
def test_many_equal_things_are_taken_as_one_by_one(
    groups: list[list[tuple[int, int]]], capacity: int, factor: int
) -> None:
    """The same of equal choices too, and where values leave no bits to count things in."""
    groups = [[(size, value * factor) for size, value in group] for group in groups]
    assert Knapsacks().solved(list(map(Group.of, groups)), capacity) == knapsack(groups, capacity)


@settings(max_examples=100)
@given(GROUPS, st.integers(0, 100), st.integers(0, 30))
def test_rows_of_one_tensor_stay_from_the_first_on(
    groups: list[list[tuple[int, int]]], capacity: int, more: int
) -> None:
    rows = [
        Item(f"t{number}", row, size, ("a",), (size * 8,))
        for number, group in enumerate(groups)
        for row, (size, _) in enumerate(group)
    ]
    choice = choose(rows, {"a": capacity}).choice
    for item, loop in zip(rows, choice, strict=True):
        earlier = [one for one, other in zip(rows, choice, strict=True) if one.name == item.name and other is None]
        assert loop is None or all(one.row > item.row for one in earlier)
    assert saved(rows, choose(rows, {"a": capacity + more}).choice) >= saved(rows, choice)


LOOP = Span(6, 13)


@st.composite
def buffers(draw: st.DrawFn) -> tuple[int, Span, str | None]:
    """Inside the loop, or before it, after it, or all through it: as lives are."""
    size, where = draw(st.integers(1, 30)), draw(st.sampled_from(["inside", "before", "after", "through"]))
    low, high = {"inside": (6, 13), "before": (0, 5), "after": (14, 19), "through": (0, 19)}[where]
    one, other = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    live_range = Span(one, other)
    return size, live_range.joined(LOOP) if where == "through" else live_range, "loop" if where == "inside" else None


BUFFERS = st.lists(buffers(), max_size=12)


@given(BUFFERS, st.integers(20, 120), st.lists(st.integers(0, 30), min_size=20, max_size=20))
def test_no_two_buffers_share_a_byte_at_one_time(
    wishes: list[tuple[int, Span, str | None]], size: int, working: list[int]
) -> None:
    wanted = [Wanted(Buffer(f"t{number}", *wish)) for number, wish in enumerate(wishes)]
    found = by_kernels(Case(size, working, wanted, len(wanted), False))
    placed = [
        (one.buffer, address, end) for one, (kept, address, end) in zip(wanted, found.allocations, strict=True) if kept
    ]
    assert found.overwrites.keys() == {buffer.name for buffer, _, _ in placed}
    for buffer, address, end in placed:
        assert end - address == buffer.bytes
        assert end <= size - max(working[buffer.live_range.first : buffer.live_range.last + 1])
        for other, low, high in placed:
            if other is not buffer and other.live_range.meets(buffer.live_range):
                assert high <= address or end <= low
    # Whoever lay on a buffer's bytes before it hands them over, directly or through others.
    for buffer, address, end in placed:
        reached, open_ = set(), [buffer.name]
        while open_:
            for name in found.overwrites[open_.pop()]:
                if name not in reached:
                    reached.add(name)
                    open_.append(name)
        for other, low, high in placed:
            overlaps = low < end and address < high
            before = other.live_range.last < buffer.live_range.first
            together = buffer.loop is not None and buffer.loop == other.loop
            if other is not buffer and overlaps and (before or together):
                assert other.name in reached or other.live_range.meets(buffer.live_range)

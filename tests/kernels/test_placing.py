"""The kernels that place buffers do what the allocator does, buffer by buffer: rows, addresses, order of the dead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.tensor import Role
from hwsim.kernels import placing_code as c
from hwsim.kernels import tiling_code
from hwsim.kernels.placing import overwritten, place
from hwsim.mapping import liveness
from hwsim.mapping.activations import row_partitionable
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.liveness import ALL, Span, prefix_name
from hwsim.mapping.plan import Strategy
from witnesses.planner.analysed_program import analyse
from witnesses.planner.liveness import Allocation, Buffer, ScratchpadAllocator
from witnesses.planner.plan import PREFIX_UNITS, Plan, plan
from witnesses.planner.target import target_of

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Wanted:
    """A buffer, how many rows it has if some of them can be kept, how many may be, and bits of units that may not."""

    buffer: Buffer
    all_rows: int = 0
    row_limit: int = ALL
    barred: int = 0


@dataclass(frozen=True)
class Case:
    """What is to be placed: the first `fixed` of the buffers as a whole, the others in part if `partial`."""

    size: int
    working: list[int]
    wanted: list[Wanted]
    fixed: int
    partial: bool


@dataclass(frozen=True)
class Found:
    """Rows, addresses and ends of all buffers, the rest as the allocator says it."""

    allocations: list[list[int]]
    high_water: tuple[int, ...]
    overwrites: dict[str, tuple[str, ...]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Few places and bytes, so that buffers touch, split gaps and overwrite each other's parts all the time."""
    places = draw(st.integers(1, 12))
    wanted = []
    for number in range(draw(st.integers(0, 24))):
        first = draw(st.integers(0, places - 1))
        last = min(first + draw(st.integers(0, 2) | st.integers(0, places)), places - 1)
        loop, size = draw(st.sampled_from([None, "a", "b", "c"])), draw(st.integers(0, 9) | st.integers(10, 40))
        wanted.append(
            Wanted(
                Buffer(f"t{number}", size, Span(first, last), loop),
                draw(st.integers(0, size)),
                draw(st.sampled_from([ALL, ALL, ALL, 0]) | st.integers(1, 40)),
                draw(st.sampled_from([0, 0, 0, 2, 4, 6, 0b11111110])),
            )
        )
    fixed = draw(st.integers(0, len(wanted)))
    if draw(st.booleans()):
        wanted[fixed:] = sorted(wanted[fixed:], key=lambda one: one.buffer.live_range.first)
    working = draw(st.lists(st.integers(0, 6), min_size=places, max_size=places))
    return Case(draw(st.integers(0, 40)), working, wanted, fixed, draw(st.booleans()))


def kept_by_hand(one: Wanted, allocator: ScratchpadAllocator, *, partial: bool) -> tuple[int, Allocation | None]:
    """How many rows are kept, and where: the whole, or else as many whole units of rows as fit."""
    buffer = one.buffer
    whole = allocator.place(buffer) if one.row_limit == ALL else None
    if whole is not None:
        return ALL, whole
    if not (partial and one.row_limit and one.all_rows):
        return 0, None
    row_bytes, unit = buffer.bytes // one.all_rows, -(-one.all_rows // PREFIX_UNITS)
    rows = min(one.row_limit, one.all_rows - 1, allocator.gap(buffer.live_range) // row_bytes) // unit * unit
    if not rows or one.barred >> rows // unit & 1:
        return 0, None
    return rows, allocator.place(replace(buffer, name=prefix_name(buffer.name, rows), bytes=rows * row_bytes))


def by_hand(case: Case) -> Found:
    allocator, allocations = ScratchpadAllocator(case.size, case.working), []
    for number, one in enumerate(case.wanted):
        if number >= case.fixed:
            allocator.retire_before(one.buffer.live_range.first)
        rows, allocation = kept_by_hand(one, allocator, partial=case.partial and number >= case.fixed)
        allocations.append([0, 0, 0] if allocation is None else [rows, allocation.address, allocation.end])
    return Found(allocations, allocator.high_water(), allocator.overwrites())


def by_kernels(case: Case) -> Found:
    """The same from tables that are full of rubbish before."""
    count = len(case.wanted)
    buffers = np.zeros((count, c.BUFFER), np.int64)
    loops = numbered([one.buffer.loop for one in case.wanted])
    for row, one in zip(buffers, case.wanted, strict=True):
        span = one.buffer.live_range
        row[:] = one.buffer.bytes, span.first, span.last, one.all_rows, one.row_limit, one.barred
    allocations, present = rubbish(count, c.ALLOCATION), rubbish(count, c.BLOCK)
    high_water, working = rubbish(len(case.working)), np.array(case.working, np.int64)
    placed = place(case.size, working, buffers, case.fixed, case.partial, allocations, high_water, present)
    assert placed == np.count_nonzero(allocations[:, c.KEPT])
    dead, dead_at = rubbish(c.DEAD_ROOM * count), rubbish(count + 1)
    rooms = rubbish(c.SCRATCH, count), rubbish(c.PARTS_ROOM * count, c.PART), rubbish(c.LOG_ROOM * count)
    total = overwritten(buffers, allocations, loops, dead, dead_at, *rooms)
    assert total == dead_at[count]
    if total:
        few = rubbish(total - 1)
        assert overwritten(buffers, allocations, loops, few, dead_at, *rooms) == -1
        assert (few == rubbish(total - 1)).all()
        just = rubbish(total)
        assert overwritten(buffers, allocations, loops, just, dead_at, *rooms) == total
        assert (just == dead[:total]).all()
    names = [
        one.buffer.name if rows == ALL else prefix_name(one.buffer.name, rows)
        for one, rows in zip(case.wanted, allocations[:, c.KEPT].tolist(), strict=True)
    ]
    overwrites = {
        names[number]: tuple(names[other] for other in dead[dead_at[number] : dead_at[number + 1]])
        for number in range(count)
        if allocations[number, c.KEPT]
    }
    return Found(allocations.tolist(), tuple(high_water.tolist()), overwrites)


def rubbish(*shape: int) -> Ints:
    return np.full(shape, -77, np.int64)


def numbered(loops: Sequence[str | None]) -> Ints:
    numbers: dict[str, int] = {}
    return np.array([-1 if loop is None else numbers.setdefault(loop, len(numbers)) for loop in loops], np.int64)


@settings(max_examples=300)
@given(cases())
def test_buffers_lie_where_the_allocator_puts_them(case: Case) -> None:
    assert by_kernels(case) == by_hand(case)


def wholes(*buffers: tuple[int, int, int], loop: str | None = None) -> list[Wanted]:
    """Buffers of so many bytes, live from one place to another."""
    return [
        Wanted(Buffer(f"t{number}", size, Span(first, last), loop))
        for number, (size, first, last) in enumerate(buffers)
    ]


@pytest.mark.parametrize("loop", [None, "frames"])
def test_a_buffer_without_bytes_takes_a_place(loop: str | None) -> None:
    """It divides the gap in which it lies, and the part of another buffer."""
    wanted = wholes((4, 0, 0), (3, 0, 0), (4, 1, 1), (0, 1, 2), (9, 0, 2), (9, 0, 0), (9, 2, 2), loop=loop)
    for size in range(27):
        case = Case(size, [0, 0, 0], wanted, 0, True)
        assert by_kernels(case) == by_hand(case)


def test_a_buffer_without_bytes_lies_where_the_room_ends_if_something_lies_higher() -> None:
    wanted = wholes((4, 0, 2), (2, 0, 0), (3, 0, 1), (0, 1, 2))
    ends = []
    for working in range(11):
        case = Case(10, [0, 0, working], wanted, 0, True)
        found = by_kernels(case)
        assert found == by_hand(case)
        ends.append(found.allocations[3])
    assert ends[6] == [ALL, 4, 4]


def test_what_is_not_met_keeps_its_place_in_the_order_of_addresses() -> None:
    """A low buffer is placed after a higher one that ends before it begins; the last one meets both."""
    case = Case(20, [0, 0, 0], wholes((5, 0, 1), (3, 0, 0), (2, 2, 2), (3, 0, 2)), 4, False)
    found = by_kernels(case)
    assert found == by_hand(case)
    assert [address for _, address, _ in found.allocations] == [0, 5, 0, 8]


def test_a_prefix_takes_the_largest_gap() -> None:
    """Gaps of four, of six and of two bytes, in each order."""
    for low, middle, high in permutations((4, 6, 2)):
        blocks = wholes((low, 0, 0), (1, 0, 1), (middle, 0, 0), (2, 0, 1), (high, 0, 0), (1, 0, 1))
        case = Case(16, [0, 0], [*blocks, Wanted(Buffer("rows", 7, Span(1, 1)), 7)], 6, True)
        found = by_kernels(case)
        assert found == by_hand(case)
        assert found.allocations[6][c.KEPT] == 6


def test_nothing_is_placed_of_nothing() -> None:
    assert by_kernels(Case(5, [3, 9], [], 0, True)) == Found([], (0, 0), {})


def test_a_chain_of_buffers_stays_within_its_rooms() -> None:
    """Small buffers, then one over all of them, then small ones that divide it, and again: many dead of each."""
    wanted = []
    for number in range(40):
        first, small = 2 * number, [Buffer(f"s{number}.{i}", 1 + i % 2, Span(0, 0), "a") for i in range(9)]
        wanted += [Wanted(replace(one, live_range=Span(first, first))) for one in small]
        wanted.append(Wanted(Buffer(f"l{number}", 14, Span(first + 1, first + 1), "a")))
    case = Case(14, [0] * 80, wanted, 0, True)
    assert by_kernels(case) == by_hand(case)


def test_units_and_limits_are_those_of_plans() -> None:
    assert (c.PREFIX_UNITS, c.ALL) == (PREFIX_UNITS, ALL)
    assert ALL == liveness.ALL == tiling_code.ALL


def case_of(analysed: AnalysedProgram, found: Plan, residency: Plan | None, *, partial: bool) -> Case:
    """What a plan placed as a whole, and then every activation, whether it found room for it or not."""
    tensors = analysed.uses.tensors
    states = {name for name in found.kept if tensors[name].tensor.role is Role.STATE}
    buffers = [allocation.buffer for allocation in found.allocator.allocations]
    fixed = [Wanted(buffer) for buffer in buffers if buffer.name in found.residents or buffer.name in states]
    activations = []
    for name, uses in tensors.items():
        if uses.tensor.role is Role.ACTIVATION and name not in analysed.elided:
            loops, size = uses.common_loops, uses.tensor.packed_bytes * uses.spaces
            buffer = Buffer(name, size, analysed.live_range(name), loops[0].name if loops else None)
            limit = ALL if residency is None else residency.resident_rows.get(name, 0)
            activations.append(Wanted(buffer, row_partitionable(analysed).get(name, 0), limit))
    activations.sort(key=lambda one: (one.buffer.live_range.first, one.buffer.name))
    return Case(found.size, found.allocator.working, fixed + activations, len(fixed), partial)


def placed_by(found: Plan) -> dict[str, list[int]]:
    """Rows, address and end of everything that a plan placed."""
    wholes = found.kept | {name: resident.allocation for name, resident in found.residents.items()}
    placed = {name: [ALL, allocation.address, allocation.end] for name, allocation in wholes.items()}
    for name, prefix in found.prefixes.items():
        placed[name] = [prefix.rows, prefix.allocation.address, prefix.allocation.end]
    return placed


@pytest.mark.parametrize("name", ["rnnt", "tdnnf_7q"])
def test_the_plans_of_a_shipped_network_are_placed_again(name: str) -> None:
    """Plans of their own, then plans that take over what another one keeps."""
    analysed, target = analyse(load_workload(name).program), target_of(load_chip("int4_array"))
    residency = None
    for size in (3 << 20, 1 << 18, 1 << 20):
        for partial in (False, True):
            strategy = Strategy(2, partial_residency=partial)
            found = plan(analysed, target, size, (strategy,) * len(analysed.uses.placed), residency=residency)
            case = case_of(analysed, found, residency, partial=partial)
            again = by_kernels(case)
            names = [one.buffer.name for one in case.wanted]
            assert placed_by(found) == {
                name: allocation for name, allocation in zip(names, again.allocations, strict=True) if allocation[0]
            }
            assert found.room == tuple(size - top for top in again.high_water)
            assert found.overwrites == again.overwrites
            assert names
        residency = found


def test_each_kernel_is_compiled_once() -> None:
    by_kernels(Case(5, [3, 0], [Wanted(Buffer("a", 2, Span(0, 1)))], 0, True))
    for compiled in (place, overwritten):
        assert len(getattr(compiled, "signatures", (None,))) == 1  # without compilation there are none

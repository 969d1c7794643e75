"""One small timeline for each reason to wait, to the cycle: in the kernel and in the event simulation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from hwsim.schedule.counters import Stalls, Units
from hwsim.schedule.schedule import Loaded, Ports, Preload, Schedule
from hwsim.schedule.steps import ArrayWork, Fused, Load, Phase, Ring, Step
from hwsim.schedule.unit_table import StallReason, Unit
from hwsim.timing.timeline import times
from strategies.schedules import WORK
from strategies.timeline_cases import op, program
from witnesses.timeline_simpy import simulate

W, A, V = Ring.WEIGHTS, Ring.ACTIVATIONS, Ring.VECTOR_OPERANDS


def ports(*, latency: int = 0, slots: int = 2, shared: bool = False, store_delay: int = 1) -> Ports:
    """A byte each cycle."""
    return Ports(
        dram_read=Fraction(1),
        dram_write=Fraction(1),
        scratchpad_read=None,
        scratchpad_write=None,
        latency=latency,
        slots=slots,
        shared=shared,
        store_delay=store_delay,
    )


def step(
    array: int | None = None,
    tail: int = 0,
    *,
    loads: Mapping[Ring, int] | None = None,
    releases: Sequence[Ring] | None = None,
    phase: Phase = Phase.WHOLE,
    vector: int | None = None,
    fused: int | None = None,
    store: int | None = None,
) -> Step:
    loads = loads or {}
    return Step(
        loads=tuple(Load(ring=ring, bytes=size) for ring, size in loads.items()),
        array=None if array is None else ArrayWork(cycles=array, tail=tail),
        phase=phase,
        vector_cycles=vector,
        fused=None if fused is None else Fused(cycles=fused, work=WORK),
        store_bytes=store,
        releases=tuple(loads) if releases is None else tuple(releases),
        work=WORK,
    )


def takes(schedule: Schedule, cycles: int, **stalls: Units) -> None:
    """Holds a schedule's end and all its stalls against what is told."""
    found, seen = times(schedule), simulate(schedule)
    assert found.cycles == cycles
    assert seen.total == cycles
    assert sum((op.stalls for op in found.by_op().values()), Stalls()) == Stalls(**stalls)
    for reason in StallReason:
        for unit in Unit:
            waited = sum(count for (_, u, why), count in seen.stalls.items() if (u, why) == (unit, reason.key))
            assert waited == Stalls(**stalls)[reason][unit], (reason, unit)


def test_array_waits_for_its_load_and_the_latency() -> None:
    takes(program(ports(latency=5), op("a", step(3, loads={W: 10}))), 10 + 5 + 3, load=Units(array=15))


def test_loads_wait_for_slots_and_latencies_overlap() -> None:
    """With one slot the second load waits until the array has read the first one, at 4 + 6 + 10."""
    steps = (step(10, loads={W: 4}), step(10, loads={W: 4}))
    one, two = ports(latency=6, slots=1), ports(latency=6)
    takes(program(one, op("a", *steps)), 40, load=Units(array=10 + 10), slot=Units(load=16))
    takes(program(two, op("a", *steps)), 30, load=Units(array=10))


def test_operand_is_released_by_the_last_step_that_reads_it() -> None:
    """Activations are kept for a second tile; those of the third wait for their only slot until 4 + 5 + 5."""
    first = step(5, loads={A: 4}, releases=())
    takes(
        program(ports(slots=1), op("a", first, step(5, releases=[A]), step(5, loads={A: 4}))),
        23,
        load=Units(array=4 + 4),
        slot=Units(load=10),
    )


def test_vector_unit_waits_for_the_tail() -> None:
    takes(program(ports(), op("a", step(10, 4, vector=2))), 16, array=Units(vector=14))


def test_next_step_does_not_wait_for_the_tail() -> None:
    takes(program(ports(), op("a", step(10, 4), step(10, 4))), 24)


def test_sums_along_k_take_their_result_slot_once() -> None:
    """With one slot the next tile begins when the vector unit is done with the one before, at 3 + 3 + 4 + 6."""
    tile = (step(3, phase=Phase.FIRST), step(3, phase=Phase.LAST, tail=4, vector=6))
    takes(program(ports(slots=1), op("a", *tile, *tile)), 32, array=Units(vector=10 + 10), slot=Units(array=10))


def test_result_slot_is_free_when_the_tile_is_stored() -> None:
    tile = step(3, store=10)
    takes(program(ports(slots=1), op("a", tile, tile)), 26, array=Units(store=3 + 3), slot=Units(array=10))
    takes(program(ports(slots=2), op("a", tile, tile)), 23, array=Units(store=3))


def test_epilogue_works_in_the_tile_and_counts_for_itself() -> None:
    tile = replace(op("a", step(3, vector=4, fused=5), step(3, vector=4, fused=5)), fused=("b", "activation"))
    schedule = program(ports(), tile)
    takes(schedule, 21, array=Units(vector=3))
    found, seen = times(schedule).by_op(), simulate(schedule)
    assert (found["a"].cycles, found["b"].cycles) == (3 + 4 + 4, 5 + 5)
    assert (found["a"].span, found["b"].span) == (16, 14)
    assert (seen.span["a"], seen.span["b"]) == (16, 14)


def test_reader_waits_for_the_whole_tensor() -> None:
    """The array for the last tile's tail; the array does not wait if only the vector unit reads the tensor."""
    first = op("a", step(10), step(10, 5), kept=["x"])
    takes(program(ports(), first, op("b", step(3), array_reads=["x"])), 28, tensor=Units(array=5))
    takes(program(ports(), first, op("b", step(3, vector=1), vector_reads=["x"])), 26, tensor=Units(vector=25))


def test_part_of_a_tensor_completes_it_with_the_parts_before() -> None:
    late, early = op("a", step(4, 30), kept=["x"]), op("b", step(4), parts=["x"])
    takes(program(ports(), late, early, op("c", step(3), array_reads=["x"])), 37, tensor=Units(array=26))


def test_load_waits_until_a_spilled_tensor_is_stored() -> None:
    """The weights of another op behind it wait, too: the load unit works in order."""
    spill = op("a", step(4, store=20), stored=["x"])
    reader = op("b", step(1, loads={A: 6}), loaded=[Loaded(ring=A, tensor="x")])
    behind = op("c", step(1, loads={W: 2}))
    takes(
        program(ports(), spill, reader, behind),
        33,
        array=Units(store=4),
        tensor=Units(load=24),
        load=Units(array=26 + 1),
    )


def test_writer_waits_for_the_last_reader_of_the_old_content() -> None:
    """The vector unit reads x until 24. With two spaces the array writes the other one, and only then waits."""
    write, read = op("a", step(4), kept=["x"]), op("b", step(vector=20), vector_reads=["x"])
    takes(program(ports(), write, read, write), 28, tensor=Units(vector=4), overwrite=Units(array=20))
    takes(program(ports(), write, read, write, two=["x"]), 24, tensor=Units(vector=4))
    takes(program(ports(), write, read, write, write, two=["x"]), 28, tensor=Units(vector=4), overwrite=Units(array=16))


def test_vector_unit_waits_if_it_is_what_writes() -> None:
    """The array reads x until 34, works on at once, and the vector unit writes x then."""
    write, read = op("a", step(4, vector=0), kept=["x"]), op("b", step(30), array_reads=["x"])
    takes(program(ports(), write, read, op("c", step(0, vector=3), kept=["x"])), 37, array=Units(vector=4 + 30))
    store = op("c", step(0, vector=3, store=1), stored=["y"])
    takes(program(ports(), write, read, store), 38, array=Units(vector=4 + 30, store=37))


def test_space_of_a_dead_tensor_is_waited_for() -> None:
    write, read = op("a", step(4), kept=["x"]), op("b", step(vector=20), vector_reads=["x"])
    heir = op("c", step(5), kept=["y"], overwrites=["x"])
    takes(program(ports(), write, read, heir), 29, tensor=Units(vector=4), overwrite=Units(array=20))
    preload = Preload(op="c", kind="gemm", tensor="w", bytes=7, overwrites=("x",))
    takes(
        program(ports(latency=2), write, read, preload, op("c", step(5), array_reads=["w"])),
        24 + 7 + 2 + 5,
        tensor=Units(vector=4, array=29),
        overwrite=Units(load=24),
    )


def test_stored_tensor_is_not_overwritten_while_it_is_loaded() -> None:
    """The first store of the new content, ready at 4, waits for the load of the old one, from 8 to 38."""
    read = op("b", step(vector=0, loads={V: 30}), loaded=[Loaded(ring=V, tensor="x")])
    schedule = program(ports(), op("a", step(4, store=4), stored=["x"]), read, op("c", step(0, store=1), stored=["x"]))
    takes(schedule, 39, array=Units(store=4), tensor=Units(load=8), load=Units(vector=38), overwrite=Units(store=30))


def test_stores_pass_a_shared_port_in_their_turn() -> None:
    """The store of the first tile goes before the loads of the second step, or of the third."""
    tiles = op("a", *(3 * [step(10, loads={W: 2}, store=5)]))
    takes(program(ports(shared=True), tiles), 51, load=Units(array=2 + 7 + 7), array=Units(store=30))
    takes(program(ports(shared=True, store_delay=2), tiles), 37, load=Units(array=2), array=Units(store=8 + 3 + 5))


def test_store_passes_a_shared_port_before_the_load_that_reads_it() -> None:
    spill, read = (
        op("a", step(10, store=5), stored=["x"]),
        op("b", step(1, loads={A: 2}), loaded=[Loaded(ring=A, tensor="x")]),
    )
    takes(
        program(ports(slots=4, shared=True, store_delay=4), spill, read), 18, array=Units(store=10), load=Units(array=7)
    )

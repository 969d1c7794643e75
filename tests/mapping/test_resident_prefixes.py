"""Tensors that are kept in part: their first rows stay in the scratchpad, the others are stored and loaded."""

from dataclasses import replace

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from hwsim.hardware.chip import Chip, Scratchpad
from hwsim.ir.ops import Apply, Elementwise, Function, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.mapping.activations import row_partitionable
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.placements import placements
from hwsim.mapping.plan import Plan, Strategy
from hwsim.mapping.program_table import program_table
from hwsim.mapping.target import UnsupportedOp
from hwsim.schedule.schedule import OpSchedule, Residency, Schedule
from hwsim.schedule.steps import Ring
from hwsim.timing.timeline import times
from plans import plan_on, scheduled
from strategies.chips import chip, chips
from strategies.programs import tensor
from timing.test_timeline import agree
from witnesses.timeline_simpy import simulate


def chain(rows: int, k: int, middle: int, n: int) -> Program:
    """Products and chains that make three tensors and read them row by row: `made`, on whose tiles no chain can follow,
    because others read it too; `doubled`; and `added`, made by a chain on the tiles of a product, with `made`."""
    first = Gemm(name="first", act=View(tensor="x"), weight=View(tensor="w"), out=View(tensor="made"))
    double = Elementwise(
        name="double",
        reads=(("a", View(tensor="made")),),
        chain=(
            Apply(function=Function.ADD, args=("a", "a"), result="b"),
            Apply(function=Function.REQUANTIZE, args=("b",), result="out"),
        ),
        writes=(("out", View(tensor="doubled")),),
    )
    second = Gemm(name="second", act=View(tensor="doubled"), weight=View(tensor="v"), out=View(tensor="sums"))
    add = Elementwise(
        name="add",
        reads=(("a", View(tensor="sums")), ("b", View(tensor="made"))),
        chain=(
            Apply(function=Function.ADD, args=("a", "b"), result="c"),
            Apply(function=Function.REQUANTIZE, args=("c",), result="out"),
        ),
        writes=(("out", View(tensor="added")),),
    )
    third = Gemm(name="third", act=View(tensor="added"), weight=View(tensor="u"), out=View(tensor="z"))
    tensors = [
        tensor("x", rows, k, role=Role.INPUT),
        tensor("w", k, middle, role=Role.WEIGHT),
        tensor("made", rows, middle),
        tensor("doubled", rows, middle),
        tensor("v", middle, middle, role=Role.WEIGHT),
        tensor("sums", rows, middle),
        tensor("added", rows, middle),
        tensor("u", middle, n, role=Role.WEIGHT),
        tensor("z", rows, n, role=Role.OUTPUT),
    ]
    return Program(
        name="chain", tensors=tuple(sorted(tensors, key=lambda t: t.name)), body=(first, double, second, add, third)
    )


CHAINS = st.builds(chain, st.integers(8, 60), st.integers(1, 9), st.integers(1, 12), st.integers(1, 9))


def divided(program: Program, on: Chip, *, min_traffic: bool = False) -> tuple[Plan, Schedule]:
    """The plan that keeps tensors in part, or a new example where there is none."""
    try:
        made = plan_on(program, on, Strategy(4, partial_residency=True, min_traffic=min_traffic, latency=0))
        return made.plan(), scheduled(made)
    except UnsupportedOp:
        assume(False)
        raise


def ops_of(schedule: Schedule) -> dict[str, OpSchedule]:
    return {op.name: op for op in schedule.ops}


@pytest.mark.slow
@given(CHAINS, chips(), st.integers(100, 1500), st.booleans())
def test_what_is_not_kept_is_stored_once_and_loaded_with_each_pass(
    program: Program, on: Chip, size: int, min_traffic: bool
) -> None:
    on = replace(on, scratchpad=replace(on.scratchpad, size=size, buffers=1))
    one, schedule = divided(program, on, min_traffic=min_traffic)
    ops = ops_of(schedule)
    assert ops["second"].fused is not None
    outside = {}
    for name in ("made", "doubled", "added"):
        rows, row_bytes = program.tensor(name).shape
        kept = rows if name in one.kept else one.prefixes[name].rows if name in one.prefixes else 0
        event(f"{name} " + ("kept" if kept == rows else "in part" if kept else "spilled"))
        outside[name] = (rows - kept) * row_bytes
    for name, writer in (("made", "first"), ("doubled", "double"), ("added", "second")):
        assert sum(step.store_bytes or 0 for step in ops[writer].unrolled()) == outside[name]
        # Who loads the rest waits until all of it was stored.
        assert (name in {written.tensor for written in ops[writer].stored}) is (outside[name] > 0)
    for name, reader, ring in (
        ("made", "double", Ring.VECTOR_OPERANDS),
        ("made", "second", Ring.VECTOR_OPERANDS),
        ("doubled", "second", Ring.ACTIVATIONS),
        ("added", "third", Ring.ACTIVATIONS),
    ):
        loads = [load for step in ops[reader].unrolled() for load in step.loads]
        brought = sum(load.bytes for load in loads if load.ring is ring)
        assert ((ring, name) in {(one.ring, one.tensor) for one in ops[reader].loaded}) is (outside[name] > 0)
        if (name, reader) == ("made", "second"):
            # The scales of columns come with the rows that the chain adds.
            scales = 0 if ops[reader].vector_reads[:1] == ("second.columns",) else 4 * program.tensor("v").shape[-1]
            assert brought >= outside[name]
            assert (brought - outside[name]) % (scales or 1) == 0
        elif ops[reader].block is None:
            assert brought == outside[name]
        else:
            # Every pass over the rows loads all of the rest: a byte an element, however K is cut.
            assert (brought == 0) if not outside[name] else (brought > 0 and brought % outside[name] == 0)


@pytest.mark.slow
@given(CHAINS, chips(), st.integers(100, 1500), st.integers(1, 3), st.booleans())
def test_the_event_simulation_agrees_where_tensors_are_kept_in_part(
    program: Program, on: Chip, size: int, buffers: int, shared: bool
) -> None:
    pad, dram = replace(on.scratchpad, size=size, buffers=buffers), replace(on.dram, shared_port=shared)
    one, schedule = divided(program, replace(on, scratchpad=pad, dram=dram))
    assume(one.prefixes)
    assert agree(times(schedule), simulate(schedule))


def test_a_tensor_of_more_bytes_than_can_be_counted_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedOp, match=r"^first: made has 9,223,372,036,854,775,808 bytes, hwsim counts to "):
        program_table(analyse(chain(1 << 40, 1, 1 << 23, 1)))


def test_a_head_by_hand() -> None:
    """Tensors have 40 rows of 8 bytes, kept in units of 5; there is room for the first, and for part of the second."""
    program = chain(40, 4, 8, 4)
    assert row_partitionable(analyse(program)) == {"made": 40, "doubled": 40, "added": 40}
    on = chip(scratchpad=Scratchpad(size=512, read=16, write=16, buffers=1))
    one, schedule = divided(program, on)
    assert set(one.kept) == {"made"}
    # Working sets take at most a quarter: 128 bytes, less what blocks leave; `doubled` gets what is left, whole units.
    head = one.prefixes["doubled"]
    left = 512 - 320 - max(one.reserved[1:4])
    assert head.rows == left // 8 // 5 * 5 > 0
    (spot,) = ops_of(schedule)["double"].kept
    assert spot.tensor == f"doubled[:{head.rows}]"
    assert ops_of(schedule)["second"].array_reads == (spot.tensor,)
    place = next(one for one in placements(one) if one.tensor == "doubled")
    assert (place.place, place.bytes, place.kept_bytes) == (Residency.PARTLY, 320, head.rows * 8)
    assert place.why.startswith(f"{head.rows} of 40 rows fit")


def test_what_is_not_read_row_by_row_is_kept_whole_or_not_at_all() -> None:
    """A weight is read by columns, also where the same tensor is the activations."""
    base = chain(40, 4, 8, 4)
    tensors = [t for t in base.tensors if t.name not in ("u", "z")]
    by_columns = Gemm(name="third", act=View(tensor="other"), weight=View(tensor="added"), out=View(tensor="z"))
    other = [tensor("other", 3, 40, role=Role.INPUT), tensor("z", 3, 8, role=Role.OUTPUT)]
    added = View(tensor="added")
    by_itself = Gemm(name="third", act=added, weight=added, out=View(tensor="z"), transposed=True)
    for turned, more in ((by_columns, other), (by_itself, [tensor("z", 40, 40, role=Role.OUTPUT)])):
        body = tuple(turned if placed.op.name == "third" else placed.op for placed in base.placed())
        named = tuple(sorted((*tensors, *more), key=lambda t: t.name))
        assert row_partitionable(analyse(Program(name="turned", tensors=named, body=body))) == {
            "made": 40,
            "doubled": 40,
        }


def test_names_as_long_as_names_may_be_have_heads_and_columns() -> None:
    base = chain(40, 4, 8, 4)
    renamed = {name: name.ljust(80, "_") for name in ("made", "doubled")}

    def view(old: View) -> View:
        return replace(old, tensor=renamed.get(old.tensor, old.tensor))

    body: list[Gemm | Elementwise] = []
    for placed in base.placed():
        op = placed.op
        if isinstance(op, Gemm):
            body.append(replace(op, name=op.name.ljust(80, "_"), act=view(op.act), out=view(op.out)))
        elif isinstance(op, Elementwise):
            reads, writes = (tuple((name, view(one)) for name, one in views) for views in (op.reads, op.writes))
            body.append(replace(op, reads=reads, writes=writes))
    tensors = [replace(one, name=renamed.get(one.name, one.name)) for one in base.tensors]
    program = Program(name="long", tensors=tuple(sorted(tensors, key=lambda t: t.name)), body=tuple(body))
    one, schedule = divided(program, chip(scratchpad=Scratchpad(size=512, read=16, write=16, buffers=1)))
    assert renamed["doubled"] in one.prefixes
    assert times(schedule).cycles > 0

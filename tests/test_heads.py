"""Tensors that are kept in part: their first rows stay in the scratchpad, the others are stored and loaded."""

from dataclasses import replace

from hypothesis import assume, event, given
from hypothesis import strategies as st

from chips import chip, chips
from hwsim.core.chip import Chip, Scratchpad
from hwsim.core.functions import Function
from hwsim.core.ops import Apply, Elementwise, Gemm
from hwsim.core.program import Program
from hwsim.core.schedule import OpSchedule, Place, Schedule
from hwsim.core.steps import Ring
from hwsim.core.tensor import Role
from hwsim.core.view import View
from hwsim.mapping.assemble import assemble
from hwsim.mapping.divisible import divisible
from hwsim.mapping.network import network
from hwsim.mapping.placements import placements
from hwsim.mapping.plan import Plan, plan
from hwsim.mapping.refusal import UnsupportedOp
from hwsim.mapping.target import target_of
from hwsim.timing.timeline import times
from programs import tensor
from test_timeline import agree
from timeline_simpy import simulate


def chain(rows: int, k: int, middle: int, n: int) -> Program:
    """A product, then a doubling that cannot follow on its tiles because others read the product too, then a second
    product of the doubled: so `made` and `doubled` are read and written row by row."""
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
    second = Gemm(name="second", act=View(tensor="doubled"), weight=View(tensor="v"), out=View(tensor="y"))
    third = Gemm(name="third", act=View(tensor="made"), weight=View(tensor="u"), out=View(tensor="z"))
    tensors = [
        tensor("x", rows, k, role=Role.INPUT),
        tensor("w", k, middle, role=Role.WEIGHT),
        tensor("made", rows, middle),
        tensor("doubled", rows, middle),
        tensor("v", middle, n, role=Role.WEIGHT),
        tensor("u", middle, n, role=Role.WEIGHT),
        tensor("y", rows, n, role=Role.OUTPUT),
        tensor("z", rows, n, role=Role.OUTPUT),
    ]
    return Program(
        name="chain", tensors=tuple(sorted(tensors, key=lambda t: t.name)), body=(first, double, second, third)
    )


CHAINS = st.builds(chain, st.integers(8, 60), st.integers(1, 9), st.integers(1, 12), st.integers(1, 9))


def divided(program: Program, on: Chip) -> tuple[Plan, Schedule]:
    """The plan that keeps tensors in part, or a new example where there is none."""
    try:
        one = plan(network(program), target_of(on), on.scratchpad.size, share=4, divide=True)
    except UnsupportedOp:
        assume(False)
        raise
    return one, assemble(one)


def ops_of(schedule: Schedule) -> dict[str, OpSchedule]:
    return {op.name: op for op in schedule.ops}


@given(CHAINS, chips(), st.integers(100, 1500))
def test_what_is_not_kept_is_stored_once_and_loaded_with_each_pass(program: Program, on: Chip, size: int) -> None:
    on = replace(on, scratchpad=replace(on.scratchpad, size=size, buffers=1))
    one, schedule = divided(program, on)
    ops = ops_of(schedule)
    for name, writer, reader in (("made", "first", "double"), ("doubled", "double", "second")):
        made = program.tensor(name)
        rows, row_bytes = made.shape[0], made.precision.row_bytes(made.shape[1])
        kept = rows if name in one.kept else one.heads[name].rows if name in one.heads else 0
        event(f"{name} " + ("kept" if kept == rows else "in part" if kept else "spilled"))
        outside = (rows - kept) * row_bytes
        assert ops[writer].work().dram_write_bytes == outside
        loads = [load for step in ops[reader].unrolled() for load in step.loads]
        ring = Ring.VECTOR_OPERANDS if reader == "double" else Ring.ACTIVATIONS
        loaded = sum(load.bytes for load in loads if load.ring is ring)
        if ops[reader].block is None:
            assert loaded == outside
        else:
            # Every pass over the rows loads all of the rest: a byte an element, however K is cut.
            assert (loaded == 0) if not outside else (loaded > 0 and loaded % outside == 0)


@given(CHAINS, chips(), st.integers(100, 1500))
def test_the_event_simulation_agrees_where_tensors_are_kept_in_part(program: Program, on: Chip, size: int) -> None:
    on = replace(on, scratchpad=replace(on.scratchpad, size=size, buffers=1))
    one, schedule = divided(program, on)
    assume(one.heads)
    assert agree(times(schedule), simulate(schedule))


def test_a_head_by_hand() -> None:
    """Both tensors have 40 rows of 8 bytes, kept in units of 5; there is room for one, and for part of the other."""
    program = chain(40, 4, 8, 4)
    assert divisible(network(program)) == {"made": 40, "doubled": 40}
    on = chip(scratchpad=Scratchpad(size=512, read=16, write=16, buffers=1))
    one, schedule = divided(program, on)
    assert set(one.kept) == {"made"}
    # Working sets take at most a quarter: 128 bytes, less what blocks leave; `doubled` gets what is left, whole units.
    head = one.heads["doubled"]
    left = 512 - 320 - max(one.floor.working[1:3])
    assert head.rows == left // 8 // 5 * 5 > 0
    (spot,) = ops_of(schedule)["double"].kept
    assert spot.tensor == f"doubled[:{head.rows}]"
    assert ops_of(schedule)["second"].array_reads == (spot.tensor,)
    place = next(one for one in placements(one) if one.tensor == "doubled")
    assert (place.place, place.bytes, place.kept_bytes) == (Place.PARTLY, 320, head.rows * 8)
    assert place.why.startswith(f"{head.rows} of 40 rows fit")


def test_what_is_not_read_row_by_row_is_kept_whole_or_not_at_all() -> None:
    """A weight that an op made is read by columns of another product."""
    base = chain(40, 4, 8, 4)
    turned = Gemm(name="third", act=View(tensor="other"), weight=View(tensor="made"), out=View(tensor="z"))
    tensors = [t for t in base.tensors if t.name not in ("u", "z")]
    tensors += [tensor("other", 3, 40, role=Role.INPUT), tensor("z", 3, 8, role=Role.OUTPUT)]
    body = tuple(turned if placed.op.name == "third" else placed.op for placed in base.placed())
    program = Program(name="turned", tensors=tuple(sorted(tensors, key=lambda t: t.name)), body=body)
    assert divisible(network(program)) == {"doubled": 40}


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
    assert set(one.heads) == {renamed["doubled"]}
    assert times(schedule).cycles > 0

"""What some iterations have together: sums are exact after each of them, and programs keep to them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import InvalidValue
from hwsim.ir.nodes import Loop, Placed
from hwsim.ir.ops import Move
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import Affine, Share, View, Window, spread, window
from hwsim.mapping.liveness import ProgramUses
from hwsim.mapping.planner import schedule
from hwsim.timing import timeline
from strategies.chips import chip
from strategies.programs import move

SHARES = st.builds(
    Share, loop=st.just("steps"), over=st.integers(1, 40), total=st.integers(0, 90), first=st.integers(0, 3)
)


@given(SHARES)
def test_sums_of_a_share_are_exact_after_each_iteration(share: Share) -> None:
    sizes = [share.at({"steps": i}) for i in range(share.over)]
    for i in range(1, share.over + 1):
        assert sum(sizes[:i]) == share.first + i * share.total // share.over
        assert share.before({"steps": i - 1}) == sum(sizes[: i - 1])
    assert (min(sizes), max(sizes), sum(sizes)) == (share.least, share.most, share.all)
    assert spread(share) == (sizes[0] if len(set(sizes)) == 1 else share)


@given(st.integers(1, 9), st.integers(1, 30), st.integers(0, 50), st.integers(0, 2))
def test_chunks_share_as_their_steps_would_and_each_shares_what_it_has(
    chunks: int, steps: int, total: int, first: int
) -> None:
    earlier = Share(loop="chunks", over=chunks, total=steps)
    inside = Share(loop="steps", over=steps, total=total, first=first, earlier=earlier)
    found: list[int] = []
    for chunk in range(chunks):
        places = [{"chunks": chunk, "steps": i} for i in range(earlier.at({"chunks": chunk}))]
        own: list[int] = []
        for place in places:
            assert inside.before(place) == sum(found) + sum(own)
            own.append(inside.at(place))
        if places and not found:
            own[0] -= first
        for i in range(len(own)):
            assert sum(own[:i]) == i * sum(own) // len(own)
        found += own if found or not own else [own[0] + first, *own[1:]]
        assert sum(found) == (first + len(found) * total // steps if found else 0)
    assert (min(found), max(found), sum(found)) == (inside.least, inside.most, inside.all)


@given(st.integers(1, 9), st.integers(0, 30), st.integers(0, 50), st.integers(0, 2), st.integers(-9, 9))
def test_sizes_along_a_loop_are_those_of_its_iterations(
    chunks: int, steps: int, total: int, first: int, step: int
) -> None:
    """Of loops that change a size and of others; in runs that begin in the middle, and in empty ones."""
    earlier = Share(loop="chunks", over=chunks, total=steps)
    inside = Share(loop="steps", over=max(1, steps), total=total, first=first, earlier=earlier)
    affine = Affine(base=7, terms=(("chunks", step), ("steps", 2)))
    sums = Affine(base=1, shares=((earlier, step),))
    for chunk in range(chunks):
        runs = earlier.at({"chunks": chunk})
        for count in (inside, affine, sums, earlier):
            along = list(count.along("steps", {"chunks": chunk}, runs))
            assert along == [count.at({"chunks": chunk, "steps": index}) for index in range(runs)]
    for count in (earlier, affine, sums):
        along = list(count.along("chunks", {"steps": 0}, chunks))
        assert along == [count.at({"chunks": chunk, "steps": 0}) for chunk in range(chunks)]


def test_iterations_that_are_alike_are_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop of 30,000 iterations of two kinds, in each of which an inner loop runs once or twice."""
    often = Share(loop="frames", over=30_000, total=40_000)
    op = move(6, 3).body[0]
    assert isinstance(op, Move)
    inner = Loop(name="symbols", times=often, body=(op,))
    placed = Placed(op, (Loop(name="frames", times=30_000, body=(inner,)), inner))
    asked, at = [], Share.at
    monkeypatch.setattr(Share, "at", lambda share, indices: asked.append(0) or at(share, indices))  # type: ignore[func-returns-value]
    assert placed.times == 40_000
    assert len(asked) < 10


def part_of_a_ring(rows: int | Share, start: Affine, times: int | Share = 1) -> Program:
    """A move of so many rows of a ring of six."""
    program = move(6, 3)
    op = program.body[0]
    assert isinstance(op, Move)
    read = View(tensor="x", windows=(Window(axis=0, start=start, count=rows, wraps=True),))
    write = View(tensor="out", windows=(window(1, count=rows),))
    inner = Loop(name="steps", times=times, body=(replace(op, read=read, write=write),))
    return replace(program, body=(Loop(name="chunks", times=4, body=(inner,)),))


def test_a_share_is_of_all_iterations_of_its_loop() -> None:
    chunks = Share(loop="chunks", over=4, total=6)
    steps = Share(loop="steps", over=6, total=9, earlier=chunks)
    program = part_of_a_ring(steps, Affine(shares=((steps, 1),)), chunks)
    rows = [i.times * i.shape(i.op.read)[0] for i in program.instances() if isinstance(i.op, Move)]
    assert sum(rows) == 9
    wrong = [
        (replace(steps, loop="frames"), chunks, "gone = 'frames': is not a loop around this op"),
        (replace(steps, over=7), chunks, "gone = 7: must be 6, the iterations of steps"),
        (replace(steps, earlier=None), chunks, "gone = 'steps': does not run as often as a share of 9 says"),
        (steps, replace(chunks, over=5), "gone = 'chunks': does not run as often as a share of 6 says"),
        (replace(steps, total=60), chunks, r"lies outside axis 0 of x, which has 6 entries"),
    ]
    for share, times, message in wrong:
        with pytest.raises(InvalidValue, match=message.replace("gone", "move")):
            part_of_a_ring(share, Affine(), times)


def test_what_may_not_have_been_written_is_no_activation() -> None:
    """A loop that some chunks skip leaves something that all chunks read."""
    few = Share(loop="chunks", over=4, total=3)
    first, second = move(2, 2), move(2, 2)
    one, two = first.body[0], second.body[0]
    assert isinstance(one, Move)
    assert isinstance(two, Move)
    between = replace(first.tensor("out"), name="between", role=Role.ACTIVATION)
    write = Loop(name="steps", times=few, body=(replace(one, name="one", write=View(tensor="between")),))
    body = (Loop(name="chunks", times=4, body=(write, replace(two, read=View(tensor="between")))),)
    tensors = (between, first.tensor("out"), first.tensor("x"))
    with pytest.raises(
        InvalidValue, match="move = 'between': is read where no op may have written it; make it a state"
    ):
        Program(name="one", tensors=tensors, body=body)
    kept = Program(name="one", tensors=(replace(between, role=Role.STATE), *tensors[1:]), body=body)
    # It is needed in all iterations, so nobody else gets its space.
    uses = ProgramUses(kept)
    assert uses.tensors["between"].carried
    assert uses.live_range("between") == uses.loop_spans["chunks"]


def test_of_two_writers_that_skip_different_chunks_neither_always_wrote() -> None:
    """A reader is sure of what one writer wrote that ran wherever the reader runs."""
    one, two = Share(loop="chunks", over=4, total=3), Share(loop="chunks", over=4, total=2)
    made = move(2, 2)
    op = made.body[0]
    assert isinstance(op, Move)
    between = replace(made.tensor("out"), name="between", role=Role.ACTIVATION)
    reader = replace(op, name="reader", read=View(tensor="between"))

    def written_by(*skipped: Share | None, read_in: Share | None = None) -> Program:
        writers = [replace(op, name=f"w{i}", write=View(tensor="between")) for i in range(len(skipped))]
        body = [
            node if share is None else Loop(name=f"loop.{node.name}", times=share, body=(node,))
            for node, share in zip((*writers, reader), (*skipped, read_in), strict=True)
        ]
        tensors = (between, made.tensor("out"), made.tensor("x"))
        return Program(name="one", tensors=tensors, body=(Loop(name="chunks", times=4, body=tuple(body)),))

    unsure: list[tuple[tuple[Share | None, ...], Share | None]] = [
        ((one, two), None), ((one,), two), ((two, two), one)
    ]  # fmt: skip
    for skipped, read_in in unsure:
        with pytest.raises(InvalidValue, match="reader = 'between': is read where no op may have written it"):
            written_by(*skipped, read_in=read_in)
    for skipped, read_in in [((one, two), one), ((one, two), two), ((one, None), None), ((None, two), None)]:
        assert written_by(*skipped, read_in=read_in).tensor("between") == between


@pytest.mark.parametrize(("times", "message"), [(0, "must be at least 1"), (True, "must be a whole number")])
def test_a_loop_runs_a_whole_number_of_times(times: int, message: str) -> None:
    with pytest.raises(InvalidValue, match=f"times = {times}: {message}"):
        Loop(name="steps", times=times, body=move(1, 1).body)
    with pytest.raises(InvalidValue, match=r"steps.times = 0: must be at least 1"):
        Loop(name="steps", times=Share(loop="chunks", over=3, total=0), body=move(1, 1).body)


def test_an_op_that_never_runs_asks_for_nothing() -> None:
    """Its loop runs in chunks in which it has no rows; the state that it would write is read all the same."""
    never, seldom = Share(loop="chunks", over=4, total=0, first=1), Share(loop="chunks", over=4, total=2)
    ring = part_of_a_ring(never, Affine(), seldom)
    (chunks,) = ring.body
    assert isinstance(chunks, Loop)
    (steps,) = chunks.body
    assert isinstance(steps, Loop)
    (idle,) = steps.body
    assert isinstance(idle, Move)
    assert not list(ring.instances())
    kept = replace(ring.tensor("x"), name="kept", role=Role.STATE)
    idle = replace(idle, write=View(tensor="kept", windows=(window(0, count=never),), order=idle.write.order))
    idle = replace(idle, read=View(tensor="x", windows=(window(0, count=never),), order=idle.read.order))
    reader = replace(idle, name="reader", read=View(tensor="kept", order=idle.read.order), write=View(tensor="out"))
    body = (replace(chunks, body=(replace(steps, body=(idle,)), reader)),)
    program = replace(ring, tensors=(kept, ring.tensor("out"), ring.tensor("x")), body=body)
    plan = schedule(program, chip())
    assert {op.name for op in plan.ops} == {"reader"}
    assert timeline.times(plan).cycles > 0

"""The kernel's timeline equals a plain walk over all steps, however often they repeat."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.core.counters import Work
from hwsim.core.schedule import ArrayWork, Load, OpSchedule, Phase, Ports, Repeat, Ring, Step, StepTree, Unit
from hwsim.timing.timeline import op_time
from timeline_witness import Walk

CYCLES = st.integers(0, 12)
RATES = st.none() | st.fractions(min_value=Fraction(1, 4), max_value=9, max_denominator=5)
PORTS = st.builds(
    Ports,
    dram_read=RATES,
    dram_write=RATES,
    scratchpad_read=st.none(),
    scratchpad_write=RATES,
    latency=st.integers(0, 40),
    slots=st.integers(1, 4),
)


@st.composite
def array_step(draw: st.DrawFn, phase: Phase, holds_activations: tuple[bool, bool] = (False, False)) -> Step:
    """A step that loads weights; activations are left there by the step before, or for the one after, as told."""
    found, left = holds_activations
    loads = [Load(ring=Ring.WEIGHTS, bytes=draw(CYCLES))]
    releases = [Ring.WEIGHTS]
    if not found:
        loads.append(Load(ring=Ring.ACTIVATIONS, bytes=draw(CYCLES)))
    if not left:
        releases.append(Ring.ACTIVATIONS)
    vector = store = None
    if phase.closes:
        vector = draw(st.none() | CYCLES)
        store = draw(st.none() | CYCLES)
        if vector is not None and draw(st.booleans()):
            loads.append(Load(ring=Ring.VECTOR_OPERANDS, bytes=draw(CYCLES)))
            releases.append(Ring.VECTOR_OPERANDS)
    array = ArrayWork(cycles=draw(CYCLES), tail=draw(CYCLES) if phase.closes else 0)
    return Step(
        loads=tuple(loads),
        array=array,
        phase=phase,
        vector_cycles=vector,
        store_bytes=store,
        releases=tuple(releases),
        work=Work(),
    )


@st.composite
def vector_step(draw: st.DrawFn) -> Step:
    loads = (Load(ring=Ring.VECTOR_OPERANDS, bytes=draw(CYCLES)),)
    store = draw(st.none() | CYCLES)
    return Step(
        loads=loads, vector_cycles=draw(CYCLES), store_bytes=store, releases=(Ring.VECTOR_OPERANDS,), work=Work()
    )


@st.composite
def tile(draw: st.DrawFn, most: int) -> list[StepTree]:
    """A result tile: one step; several along K, the middle ones repeated; or a row of tiles that share activations."""
    match draw(st.sampled_from(["whole", "along k", "sharing", "vector"])):
        case "whole":
            return [draw(array_step(Phase.WHOLE))]
        case "along k":
            middle = Repeat(times=draw(st.integers(1, most)), body=(draw(array_step(Phase.MIDDLE)),))
            return [draw(array_step(Phase.FIRST)), middle, draw(array_step(Phase.LAST))]
        case "sharing":
            middle = Repeat(times=draw(st.integers(1, most)), body=(draw(array_step(Phase.WHOLE, (True, True))),))
            return [draw(array_step(Phase.WHOLE, (False, True))), middle, draw(array_step(Phase.WHOLE, (True, False)))]
        case _:
            return [draw(vector_step())]


@st.composite
def trees(draw: st.DrawFn, depth: int = 2, most: int = 40) -> list[StepTree]:
    nodes: list[StepTree] = []
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.booleans()):
            body = tuple(draw(trees(depth - 1, most=8)))
            nodes.append(Repeat(times=draw(st.integers(1, most)), body=body))
        else:
            nodes += draw(tile(most))
    return nodes


@settings(max_examples=400, deadline=None)
@given(trees(), PORTS)
def test_periodic_stop_equals_walking_every_step(nodes: list[StepTree], ports: Ports) -> None:
    op = OpSchedule(name="op", kind="gemm", times=1, steps=tuple(nodes))
    counters = op_time(op, ports).counters
    walk = Walk(ports).walk(op)
    assert counters.cycles == walk.span
    for unit in Unit:
        name = unit.name.lower()
        assert getattr(counters.busy, name) == walk.busy[unit]
        for reason in ("load", "array", "slot"):
            assert getattr(getattr(counters.stalls, reason), name) == walk.stalls[reason, unit], (reason, name)


@settings(max_examples=50)
@given(trees(depth=1, most=5), PORTS)
def test_a_loop_may_run_for_ever(nodes: list[StepTree], ports: Ports) -> None:
    """What lies beyond any walk follows from what lies within one: 420 is a multiple of all periods that occur."""

    def cycles(times: int) -> int:
        op = OpSchedule(name="op", kind="gemm", times=1, steps=(Repeat(times=times, body=tuple(nodes)),))
        return op_time(op, ports).counters.cycles

    far = 10**12
    assert cycles(far + 420) - cycles(far) == cycles(1420) - cycles(1000)

"""The chip's timeline and the mapper: what a run costs, and that a loop costs the same however often it runs."""

import time
from dataclasses import replace

from benchmarks.measure import seconds
from hwsim.engine.accounting import counters_of as added_up
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.mapping.planner import Planner
from hwsim.mapping.run_columns import counters_of, run_columns
from hwsim.models.catalogue import workload
from hwsim.models.conformer import Conformer, CtcHead
from hwsim.schedule.schedule import LoopSegment, Schedule
from hwsim.timing.timeline import encode, times

FRAMES, MS = 200, 10**9


def conformer_m_encoder() -> Workload:
    """The encoder of Conformer-M over 200 frames of 40 ms, with the smallest of heads."""
    recipe = load_workload("conformer_m").recipe
    assert isinstance(recipe, Conformer)
    return workload(replace(recipe, audio=FRAMES * 40 * MS, decoder=CtcHead(outputs=1)), "w8a8")


def small_chip() -> Chip:
    """The shipped INT4 chip with 32 × 32 processing elements."""
    chip = load_chip("int4_array")
    return chip.with_(**{"array.rows": 32, "array.cols": 32})


def report() -> None:
    """Prints what planning, walking and counting take."""
    work, chip = conformer_m_encoder(), small_chip()
    start = time.process_time()
    planned = Planner(chip).plan(work.program)
    planning = time.process_time() - start
    plan = planned.schedule
    encoded, part = encode(plan), encode(first_ops(plan, 300))
    found = times(encoded)
    taken = seconds(
        {
            "encoding": lambda: encode(plan),
            "walking": lambda: times(encoded),
            "walking the first 300": lambda: times(part),
            "counting, plan given": lambda: run_columns(planned.candidate),
            "and as nouns": lambda: counters_of(run_columns(planned.candidate)),
            "counting all steps": lambda: added_up(replace(plan)),
        }
    )
    ops = len(found.ops)
    print(f"\nConformer-M encoder, {FRAMES} frames, 32 × 32, INT8: {ops} ops, {found.cycles:,} cycles")
    print(f"  mapping               {planning * 1000:9.1f} ms")
    for name, one in taken.items():
        print(f"  {name:21s} {one * 1000:9.3f} ms")
    print(f"  timelines, schedule given: {1 / taken['walking']:,.0f} a CPU-second of {ops} ops")
    print(f"                             {1 / taken['walking the first 300']:,.0f} of its first {len(part.ops)} ops")
    loops(plan)


def first_ops(plan: Schedule, count: int) -> Schedule:
    """The beginning of a schedule, with at least so many ops."""
    nodes = 0
    while len(encode(replace(plan, body=plan.body[:nodes])).ops) < count:
        nodes += 1
    return replace(plan, body=plan.body[:nodes])


def loops(plan: Schedule) -> None:
    """The whole network as the body of a loop: a million iterations beside a thousand."""
    walks = {}
    for iterations in (10**3, 10**6, 10**9):
        many = replace(plan, body=(LoopSegment(loop="again", times=iterations, body=plan.body),))
        encoded = encode(many)
        walks[f"{iterations:,}"] = lambda encoded=encoded: times(encoded)
    taken = seconds(walks, rounds=5)
    for name, one in taken.items():
        print(f"  {name:>13s} iterations of all of it: {one * 1000:9.3f} ms")

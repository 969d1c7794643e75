"""Sums over tables are what adding up the steps of a schedule gives: counters, energies, what ops load, limits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.engine.accounting import counters_of as added_up
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_prices, load_workload
from hwsim.ir.program import Program
from hwsim.mapping.planner import Planned, Planner
from hwsim.mapping.run_columns import counters_of, run_columns
from hwsim.price.book import PriceBook
from hwsim.price.energy_columns import Counted, energy_columns
from hwsim.price.price import Tariff, price
from hwsim.quantities.plain_data import Objective
from hwsim.results.measured import Measured
from hwsim.schedule.schedule import OpSchedule, Preload, Schedule
from hwsim.schedule.steps import Ring, StepTree, unrolled
from hwsim.study.diagnosis import limits_of, loaded_bytes
from hwsim.study.efficiency import aim_of
from strategies.chips import chips
from strategies.programs import PROGRAMS

WORKLOADS = (
    "rnnt", "mlperf_rnnt", "conformer_s", "conformer_m", "conformer_l", "tdnnf_7q", "transformer_lm", "lstm_lm",
)  # fmt: skip
GENERIC = load_prices("generic_7nm")


def ports_of(on: Chip) -> Chip:
    """The chip with ports that set the length of some steps, and one port of the DRAM."""
    pad = replace(on.scratchpad, read=on.scratchpad.read // 8, write=on.scratchpad.write // 8)
    return replace(on, scratchpad=pad, dram=replace(on.dram, shared_port=True))


def must_agree(planned: Planned, on: Chip, zeros: Sequence[int] = ()) -> None:
    """Refuses tables that say something else than the nouns of the same plan."""
    run, slow = run_columns(planned.candidate), added_up(planned.schedule)
    assert counters_of(run) == slow
    assert limits_of(run) == [op.limit for op in slow.ops]
    table = GENERIC if isinstance(on.energy, str) else prices_of(on)
    gated = [op for op in slow.ops if op.mode is not None]
    measured = Measured.of(zero_products={op.name: min(n, op.work.macs) for op, n in zip(gated, zeros, strict=False)})
    energy = price(slow.ops, on, table, measured)
    counted = Counted(run.names, run.modes, run.mode_of, run.works, run.op_cycles)
    columns = energy_columns(counted, Tariff.of(PriceBook(on, table)), measured)
    assert list(columns.by_op()) == [op.components for op in energy.ops]
    assert (columns.prices, columns.lines, columns.components) == (energy.prices, energy.lines, energy.components)
    for op in slow.ops:
        assert loaded_bytes(planned.candidate, {op.name}) == loads_of(planned.schedule, op.name)


def loads_of(schedule: Schedule, name: str) -> tuple[int, int]:
    """The bytes that an op loads of what it is given, and of what other ops computed."""
    given = computed = 0
    for placed in schedule.placed():
        match placed.node:
            case Preload() as preload if preload.op == name:
                given += preload.bytes * placed.times
            case OpSchedule() as op if op.name == name:
                of_ops = {loaded.ring for loaded in op.loaded}
                for ring, size in rings_of(op.steps).items():
                    computed += size * placed.times * (ring in of_ops)
                    given += size * placed.times * (ring not in of_ops)
    return given, computed


def rings_of(steps: tuple[StepTree, ...]) -> Counter[Ring]:
    """The bytes that steps load, by ring."""
    brought: Counter[Ring] = Counter()
    for step in unrolled(steps):
        for load in step.loads:
            brought[load.ring] += load.bytes
    return brought


@settings(max_examples=40)
@given(PROGRAMS, chips(), st.booleans(), st.lists(st.integers(0, 20), max_size=3))
def test_tables_and_schedules_say_the_same(program: Program, on: Chip, shared: bool, zeros: list[int]) -> None:
    on = replace(on, dram=replace(on.dram, shared_port=shared))
    try:
        planned = Planner(on).plan(program)
    except Unsupported:
        assume(False)
    must_agree(planned, on, zeros)


@settings(max_examples=10)
@given(PROGRAMS, chips(), st.integers(1, 3))
def test_counts_beyond_64_bits_stay_exact(program: Program, on: Chip, zeros: int) -> None:
    """Energies of a dear DRAM pass 64 bits in attojoules."""
    quotes = ((kind, replace(quote, energy=Fraction(10**18), high=None)) for kind, quote in GENERIC.dram)
    dear = replace(GENERIC, dram=tuple(quotes))
    on = replace(on, energy=dear)
    try:
        planned = Planner(on).plan(program)
    except Unsupported:
        assume(False)
    must_agree(planned, on, [zeros])


@pytest.mark.slow
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("precision", [None, "w8a8"])
def test_tables_and_schedules_of_shipped_networks_say_the_same(workload: str, precision: str | None) -> None:
    shipped, program = load_chip("int4_array"), load_workload(workload, precision).program
    smaller = shipped.with_(**{"array.rows": 24, "scratchpad.size": "300 KiB"})
    for on in (shipped, smaller, ports_of(shipped)):
        must_agree(Planner(on, aim_of(Objective.LATENCY, on, prices_of(on))).plan(program), on)

"""The explanation of one op of a run: shape, places, cuts, closed form, rooflines."""

from fractions import Fraction

from hwsim.hardware.array import written_rate
from hwsim.hardware.chip import Chip
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import matrix_size
from hwsim.ir.view import Share
from hwsim.mapping.explain import candidates_of, operands_of, producer_of, room_of, row_of, scheduled, sizes_of
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.planner import Planned
from hwsim.mapping.target import array_alone
from hwsim.results.explanation import Explanation, Roof
from hwsim.results.folding import Folded
from hwsim.schedule.counters import OpCounters
from hwsim.schedule.schedule import Ports, port_cycles
from hwsim.schedule.unit_table import Limit, Unit


def explain(
    chip: Chip, planned_program: Planned, op: str, counters: OpCounters, folded: Folded | None = None
) -> Explanation:
    """The explanation of an op that ran on that chip with these counters, by the plan that was taken.

    `folded` is what was precomputed of its program.
    """
    producer = producer_of(planned_program, op)
    leads = producer.op.name == op
    epilogue = None if producer.epilogue is None else producer.epilogue.op.name
    on_array = row_of(planned_program, producer).operands is not None
    size = matrix_size(producer.op, producer.shape) if on_array and leads else None  # type: ignore[arg-type]
    return Explanation(
        op=op,
        kind=counters.kind,
        sizes=sizes_of(planned_program, producer),
        times=counters.times,
        loops=tuple(_with_times(loop) for loop in planned_program.plan.analysed.loops_of(op)),
        product=None if size is None else (size.batch, size.m, size.k, size.n),
        mode=counters.mode,
        follows=None if leads else producer.op.name,
        followed_by=epilogue if leads else None,
        folded=None if folded is None else next((each for each in folded.products if each.op == op), None),
        operands=operands_of(planned_program, op, producer),
        slots=planned_program.plan.target.slots,
        room_bytes=room_of(planned_program, producer),
        candidates=candidates_of(planned_program, producer),
        array_cycles=_array_alone(planned_program, producer) if size is not None else None,
        roofs=_roofs(counters, planned_program.plan.target.ports, chip),
        split=planned_program.candidate.split_of(producer.op.name),
    )


def _with_times(loop: Loop) -> str:
    """A loop with its iterations each time that it runs, or, if these change, in all."""
    times = loop.times
    return f"{loop.name} × {times.all} in all" if isinstance(times, Share) else f"{loop.name} × {times}"


def _array_alone(planned_program: Planned, producer: SizedOp) -> int:
    row, block = row_of(planned_program, producer), scheduled(planned_program, producer).block
    assert row.operands is not None
    assert row.mode is not None
    assert block is not None
    target = planned_program.plan.target
    outer = target.array.constraints(row.mode).extent(block.m, block.k, block.n).outer
    return array_alone(row.mode, row.operands.size, target, outer)


def _roofs(op: OpCounters, ports: Ports, chip: Chip) -> tuple[Roof, ...]:
    """The cycles that each resource needs for the work of all runs at its full rate."""
    roofs = []
    if op.mode is not None and op.macs:
        peak = chip.macs_per_cycle(op.mode)
        roofs.append((Limit.of(Unit.ARRAY), -(-op.macs // peak), f"{op.macs:,} products, {written_rate(peak)} a cycle"))
    work, lanes = op.work, op.work.vector_lane_cycles
    if lanes:
        count = chip.cores * chip.vector.lanes
        roofs.append((Limit.of(Unit.VECTOR), -(-lanes // count), f"{lanes:,} lane cycles, {count:,} lanes"))
    for limit, size, rate, verb in (
        (Limit.of(Unit.LOAD), work.dram_read_bytes, ports.dram_read, "read from DRAM"),
        (Limit.of(Unit.STORE), work.dram_write_bytes, ports.dram_write, "written to DRAM"),
    ):
        if size:
            roofs.append((limit, port_cycles(size, rate), f"{size:,} bytes {verb}, {_rate(rate)} a cycle"))
    if work.exchange_bytes:
        size, rate = work.exchange_bytes, ports.exchange
        text = f"{size:,} bytes between cores, {_rate(rate)} a cycle"
        roofs.append((Limit.of(Unit.EXCHANGE), port_cycles(size, rate), text))
    for unit in sorted(Unit, key=lambda unit: unit.spec.transfers):  # units that compute come first
        bound = op.port_bound[unit]
        if bound:
            text = f"of {op.busy[unit]:,} busy cycles as cut, in steps whose length that port sets"
            roofs.append((Limit.of(unit, ports=True), bound, text))
    return tuple(Roof(limit=limit, cycles=cycles, work=text) for limit, cycles, text in roofs)


def _rate(rate: Fraction | None) -> str:
    return "any number" if rate is None else f"{float(rate):g}"

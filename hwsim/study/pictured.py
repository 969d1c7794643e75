"""What pictures of a run show beside its result, from the chip and the plan with which it ran."""

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from hwsim.hardware.chip import Chip
from hwsim.ir.tensor import Role
from hwsim.ir.workload import Workload
from hwsim.mapping.liveness import Span
from hwsim.mapping.plan import Plan
from hwsim.mapping.weight_layout import laid_out
from hwsim.results.figures import peaks
from hwsim.results.pictured import Bandwidth, Buffer, Occupied, Peak, Pictured
from hwsim.schedule.unit_table import Unit
from hwsim.timing.occupancy import busy_between, edges_of, work_times

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip
    from hwsim.mapping.planner import Planned

PARTS = 200
"""Parts of a run in which the work of units is added up."""

TERA, GIGA = 10**12, 10**9


def pictured(chip: "AnyChip", workload: Workload, planned: "Planned | None") -> Pictured:
    """The pictures of a run that was planned, or of one on tiles."""
    if not isinstance(chip, Chip):
        # Imported where it is asked for: chips of analog tiles are few.
        from hwsim.study.pictured_tiles import pictured_on_tiles

        return pictured_on_tiles(chip, workload)
    assert planned is not None
    cycles = planned.columns.cycles
    times, followed = work_times(planned.schedule, cycles)
    edges = edges_of(followed, PARTS)
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    occupied = [
        Occupied(unit=unit.key, begin=begin, end=end, busy=busy)
        for unit in Unit
        if unit in times
        for (begin, end), busy in zip(spans, busy_between(*times[unit], edges).tolist(), strict=True)
    ]
    return Pictured(
        clock=chip.clock,
        cycles=cycles,
        followed=followed,
        scratchpad_bytes=chip.scratchpad.size,
        peaks=tuple(_peaks(chip)),
        bandwidths=(
            Bandwidth(memory="DRAM", gb_per_second=chip.dram.needed / GIGA),
            Bandwidth(memory="scratchpad", gb_per_second=float(chip.scratchpad.read * chip.cores * chip.clock / GIGA)),
        ),
        occupied=tuple(occupied),
        buffers=tuple(buffers(planned)),
    )


def _peaks(chip: Chip) -> Iterator[Peak]:
    for peak in peaks(chip):
        rates = peak.macs_per_cycle, peak.reachable_macs_per_cycle
        tops, reachable = (float(2 * rate * chip.cores * chip.clock / TERA) for rate in rates)
        yield Peak(mode=peak.mode.value, tops=tops, reachable_tops=reachable)


def buffers(planned: "Planned") -> Iterator[Buffer]:
    """What stays in the scratchpad, where and when."""
    plan, analysed = planned.plan, planned.plan.analysed
    cycles = dict(zip(planned.columns.names, planned.columns.op_cycles.tolist(), strict=True))
    begins = [0, *accumulate(cycles.get(placed.op.name, 0) for placed in analysed.uses.placed)]

    def buffer(tensor: str, what: str, address: int, size: int, span: Span) -> Buffer:
        begin, end = begins[span.first], begins[span.last + 1]
        return Buffer(tensor=tensor, what=what, address=address, bytes=size, begin=begin, end=end)

    for resident in plan.residents.values():
        span = analysed.uses.loop_spans[resident.loop]
        yield buffer(resident.name, "parameters", resident.address, resident.bytes, span)
    for name, address in plan.kept.items():
        tensor = analysed.uses.tensors[name].tensor
        what = "state" if tensor.role is Role.STATE else "activation"
        yield buffer(name, what, address, _kept_bytes(plan, name), analysed.live_range(name))
    for name, prefix in plan.prefixes.items():
        yield buffer(name, "rows of an activation", prefix.address, prefix.bytes, analysed.live_range(name))


def _kept_bytes(plan: Plan, name: str) -> int:
    size, _ = laid_out(name, plan)
    return plan.bytes_of(name, size) * plan.analysed.uses.tensors[name].spaces

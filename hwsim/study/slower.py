"""Ops that take more cycles in one precision than in another, and why."""

from collections.abc import Sequence

from hwsim.results.result import OpResult
from hwsim.results.waterfall import SlowerOp
from hwsim.schedule.unit_table import StallReason, Unit


def slower_ops(first: Sequence[OpResult], last: Sequence[OpResult]) -> tuple[SlowerOp, ...]:
    """Ops with more cycles in the last run than in the first, by falling loss.

    An op that the first run does not have is not compared.
    """
    before = {op.name: op for op in first}
    pairs = [(before[op.name], op) for op in last if op.name in before and op.cycles > before[op.name].cycles]
    return tuple(_slower(*pair) for pair in sorted(pairs, key=lambda pair: pair[0].cycles - pair[1].cycles))


def _slower(before: OpResult, after: OpResult) -> SlowerOp:
    return SlowerOp(
        name=after.name,
        cycles_before=before.cycles,
        cycles_after=after.cycles,
        limit_before=before.limit,
        limit_after=after.limit,
        span_before=before.span,
        span_after=after.span,
        busy_before=before.busy_cycles,
        busy_after=after.busy_cycles,
        reason=_reason(before, after),
    )


def _reason(before: OpResult, after: OpResult) -> str:
    """Why an op is slower: the busy cycles that grew most, or else the stalls that grew most, or less overlap."""
    if after.span <= before.span:
        return "takes no longer itself, but less of it is hidden behind other ops"
    longer = {unit: after.busy_cycles[unit] - before.busy_cycles[unit] for unit in Unit}
    unit = max(Unit, key=lambda unit: longer[unit])
    if longer[unit] > 0:
        return f"the {unit.key} unit works {longer[unit]:,} cycles longer"
    waits = {reason: after.stall_cycles[reason].total - before.stall_cycles[reason].total for reason in StallReason}
    reason = max(StallReason, key=lambda reason: waits[reason])
    if waits[reason] > 0:
        return f"its units wait {waits[reason]:,} cycles longer for {reason.in_full}"
    return "its units work as long, but overlap less"

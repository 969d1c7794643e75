"""What `run --explain OP` prints: why one op runs as it does."""

from rich.table import Table
from rich.text import Text

from hwsim.report.folding import folded_text
from hwsim.report.headline import chips_time
from hwsim.report.numbers import component_table, joules, percent, scaled, seconds
from hwsim.report.tables import Screen, limit_text, new_table, plain_table, render
from hwsim.results.explanation import Explanation
from hwsim.results.result import OpResult, Result
from hwsim.schedule.unit_table import StallReason, Unit

MOST_CANDIDATES = 12


def explanation_text(result: Result, clock: int, screen: Screen) -> str:
    """The explanation that the result holds."""
    explanation = result.explanation
    assert explanation is not None
    op = next(op for op in result.ops if op.name == explanation.op)
    summary = result.summary
    title = Text.assemble(
        (explanation.op, "bold"), f" of {summary.workload} in {summary.precision} on ", (summary.chip, "bold")
    )
    blocks = (
        title, _facts(explanation, op, result, clock), *_operands(explanation), *_candidates(explanation),
        _roofs(explanation, op), _units(op),
        component_table(op.energy_by_component_aj, f"Energy: {joules(op.energy_aj)}"),
    )  # fmt: skip
    return render(blocks, screen)


def _facts(explanation: Explanation, op: OpResult, result: Result, clock: int) -> Table:
    table = plain_table()
    loops = f", inside {', '.join(explanation.loops)}" if explanation.loops else ""
    table.add_row(
        "kind", f"{explanation.kind}, {explanation.times:,} {'run' if explanation.times == 1 else 'runs'}{loops}"
    )
    if explanation.product is not None:
        batch, m, k, n = explanation.product
        times = "" if batch == 1 else f"{batch} × "
        largest = "" if explanation.sizes == 1 else f" at its largest of {explanation.sizes} sizes"
        table.add_row("product", f"{times}({m} × {k}) · ({k} × {n}){largest}")
    if explanation.split is not None:
        table.add_row("cores", f"{explanation.split}; cuts are those of the core with most to do")
    if explanation.mode is not None:
        table.add_row("mode", explanation.mode.value)
    elif explanation.kind == "gemm":
        table.add_row("unit", "the vector unit makes its products")
    if explanation.follows is not None:
        table.add_row("fused", f"works on the tiles of {explanation.follows}, which has its loads, stores and cuts")
    if explanation.followed_by is not None:
        table.add_row("fused", f"{explanation.followed_by} works on its tiles as they are finished")
    if explanation.folded is not None:
        table.add_row("folded", folded_text(explanation.folded))
    share = f"{percent(op.cycles, result.summary.cycles)} of the {chips_time(result.summary)}"
    table.add_row(
        "cycles",
        f"{op.cycles:,} ({seconds(op.cycles / clock)}), {share}, over all runs of the op",
    )
    table.add_row("span", f"{op.span:,} cycles from the first step of array or vector unit to the last end")
    table.add_row("bound by", limit_text(op.limit))
    if op.bank_conflict_cycles:
        remark = "cycles of the scratchpad's read port lost, because words for the array wait for the same bank"
        table.add_row("banks", f"{op.bank_conflict_cycles:,} {remark}")
    slots = f"in up to {explanation.slots} slots of each ring" if explanation.slots > 1 else "in one slot of each ring"
    table.add_row("room", f"{scaled(explanation.room_bytes, 'B')} of the scratchpad for blocks, {slots}")
    return table


def _operands(explanation: Explanation) -> list[Table]:
    """The tensors that the op touches in one run, and the reason for the place of each."""
    table = new_table("tensor", "one run", "format", "bytes", "place", title="What it reads, and → writes")
    reasons = new_table("tensor", "why", title="Why that lies where it does")
    for operand in explanation.operands:
        name = f"→ {operand.tensor}" if operand.written else operand.tensor
        shape, size = " × ".join(map(str, operand.shape)), scaled(operand.bytes, "B")
        table.add_row(name, shape, operand.precision.value, size, operand.place.value)
        reasons.add_row(operand.tensor, f"{operand.place.value}: {operand.why}")
    return [table, reasons]


def _candidates(explanation: Explanation) -> list[Table | Text]:
    table = new_table("block", "steps", "bytes", "cycles of a run alone", "", title="Blocks that were tried")
    shown = [
        candidate
        for place, candidate in enumerate(explanation.candidates)
        if place < MOST_CANDIDATES or candidate.chosen
    ]
    for candidate in shown:
        remark = "chosen" if candidate.chosen else "" if candidate.fits else "does not fit"
        table.add_row(
            candidate.block,
            f"{candidate.steps:,}",
            scaled(candidate.bytes_held, "B"),
            f"{candidate.cycles_alone:,}",
            remark,
        )
    more = len(explanation.candidates) - len(shown)
    return [table, Text(f"and {more} more")] if more else [table]


def _roofs(explanation: Explanation, op: OpResult) -> Table:
    table = new_table("at least", "cycles", "of span", "", title="What each unit needs at its full rate, all runs")
    for roof in explanation.roofs:
        table.add_row(limit_text(roof.limit), f"{roof.cycles:,}", percent(roof.cycles, op.span), roof.work)
    if explanation.array_cycles is not None:
        cycles = explanation.array_cycles * op.times
        largest = "" if explanation.sizes == 1 else ", if all were of the largest size"
        remark = f"closed form: {explanation.array_cycles:,} a run, memory never in the way{largest}"
        table.add_row("array alone", f"{cycles:,}", percent(cycles, op.span), remark)
    return table


def _units(op: OpResult) -> Table:
    first, *others = (reason.label for reason in StallReason)
    table = new_table(
        "unit", "busy", "set by ports", f"for {first}", *others, title="Its steps on each unit, in cycles"
    )
    for unit in Unit:
        if unit.spec.among_cores and not op.busy_cycles[unit]:
            continue
        stalls = [op.stall_cycles[reason][unit] for reason in StallReason]
        busy = op.busy_cycles[unit], op.port_bound_cycles[unit]
        table.add_row(unit.key, *(f"{cycles:,}" for cycles in (*busy, *stalls)))
    return table

"""What `run --explain OP` prints of a chip of analog tiles: where an op works, what it waits for, what it costs."""

from rich.table import Table
from rich.text import Text

from hwsim.report.numbers import component_name, figure, joules, percent, seconds, spent
from hwsim.report.tables import Screen, new_table, plain_table, render
from hwsim.results.tiles_result import PLACE_NAMES, TilesOpResult, TilesResult


def explanation_text(result: TilesResult, name: str, screen: Screen) -> str:
    """All that is known of one op."""
    op = next(op for op in result.ops if op.name == name)
    head = Text.assemble((op.name, "bold"), f": {op.kind}, {op.times:,} runs, {op.rows:,} rows")
    return render((head, _facts(result, op), _waits(result, op), *_parts(result, op), _energy(op)), screen)


def _facts(result: TilesResult, op: TilesOpResult) -> Table:
    clock, table = result.operation.clock, plain_table()
    digital = {one.op: one.reason for one in result.placement.digital}
    span = op.last_end - op.first_start
    rows = [
        ("works on", PLACE_NAMES[op.place], digital.get(op.name, "")),
        ("from, to", f"{seconds(op.first_start / clock)}, {seconds(op.last_end / clock)}", ""),
        ("a row every", f"{figure(span / max(1, op.rows))} cycles", "on average, from its first start to its last end"),
        ("the run waits", percent(op.cycles, result.summary.cycles), f"{op.cycles:,} cycles of its time"),
        ("products", f"{op.macs:,}", ""),
        ("energy", joules(op.energy_aj), f"{percent(op.energy_aj, result.summary.energy_aj)} of the run"),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def _waits(result: TilesResult, op: TilesOpResult) -> Table:
    """Mean cycles of a row in each place."""
    table = new_table(
        "cycles of a row, on average", "rows", "kept", "between operands", "for the unit", title="Its rows"
    )
    for place in op.places:
        each = (place.busy, place.for_operands, place.for_unit)
        means = [figure(cycles / max(1, place.tasks)) for cycles in each]
        table.add_row(PLACE_NAMES[place.place], f"{place.tasks:,}", *means)
    return table


def _parts(result: TilesResult, op: TilesOpResult) -> list[Table]:
    """Where its weights stand, tile by tile of the first copy."""
    placement = result.placement
    matrices = list(placement.of_op(op.name))
    if not matrices:
        return []
    table = new_table("chip, tile", "rows", "columns", "from column", title="Where its weights stand")
    for part in (part for matrix in matrices for part in matrix.parts if part.copy == 0):
        rows, cols = f"{part.row:,} to {part.row + part.rows:,}", f"{part.col:,} to {part.col + part.cols:,}"
        table.add_row(f"{part.chip}, {part.tile}", rows, cols, str(part.at))
    return [table]


def _energy(op: TilesOpResult) -> Table:
    table = new_table("component", "energy", "share", title="Its energy")
    for name, attojoules in spent(op.energy_by_component_aj):
        table.add_row(component_name(name), joules(attojoules), percent(attojoules, op.energy_aj))
    return table

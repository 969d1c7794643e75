"""Where weights stand on analog tiles, what stays digital and why, and how busy the units are."""

from rich.table import Table

from hwsim.report.numbers import groups, percent
from hwsim.report.tables import new_table
from hwsim.results.tiles_result import TilesResult
from hwsim.schedule.tiles import PlacedMatrix, Placement


def matrices_table(placement: Placement, *, joined: bool) -> Table:
    """Each matrix of weights; those of equal layers joined, if they may be."""
    title = (
        f"Weights on tiles{', layers joined' if joined else ''}: {placement.programmed_cells:,} cells programmed once"
    )
    table = new_table("weights", "size", "parts", "tiles", "of their room", "chips", title=title)
    named = groups(placement.matrices, lambda matrix: _name(matrix) if joined else f"{_name(matrix)} {matrix.batch}")
    for group in named:
        first = group.members[0]
        tiles = frozenset(spot for matrix in group.members for spot in matrix.spots)
        chips = sorted({chip for matrix in group.members for chip in matrix.chips})
        size = f"{first.matrices} × " if first.matrices > 1 else ""
        extra = (" dense" if first.dense else "") + (f", {first.copies} copies" if first.copies > 1 else "")
        table.add_row(
            group.title.removesuffix(" 0"),
            f"{size}{first.k:,} × {first.n:,}{extra}",
            f"{first.row_parts} × {first.col_parts}",
            f"{len(tiles):,}",
            percent(sum(map(placement.utilisation, group.members)) / len(group.members)),
            ", ".join(map(str, chips)),
        )
    return table


def _name(matrix: PlacedMatrix) -> str:
    return matrix.ops[0] if len(matrix.ops) == 1 else f"{matrix.ops[0]} and {len(matrix.ops) - 1} more"


def digital_table(placement: Placement) -> list[Table]:
    """The products that no tile makes, if there are any."""
    if not placement.digital:
        return []
    table = new_table("digital products, layers joined", "why", title="On vector units")
    for group in groups(placement.digital, lambda one: one.op):
        table.add_row(group.title, group.members[0].reason)
    return [table]


def units_table(result: TilesResult) -> Table:
    """How busy each unit is; tiles that take vectors together are one."""
    names = {matrix.unit: _name(matrix) for matrix in reversed(result.placement.matrices)}
    table = new_table("unit", "of", "busy", title="Units")
    for unit in sorted(result.units, key=lambda unit: -unit.busy / unit.servers):
        kind, _, number = unit.name.partition(".")
        of = names.get(int(number), "") if kind == "tiles" else f"chip {number}" if number else ""
        table.add_row(kind, of, percent(unit.busy, result.summary.cycles * unit.servers))
    return table

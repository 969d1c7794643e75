"""The drain hazard between ops: the least lead of the products that may follow an op on the array.

On an output-stationary array with drain registers a tile may not complete its sums before the tile before it has left
those registers: the last tile of an op occupies K + max(0, R - K') cycles, K' being the least lead of the products
that may come next.
"""

from collections.abc import Iterable, Sequence

from hwsim.hardware.array import NOTHING_FOLLOWS
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.target import Target


def leads_after(table: ProgramTable, classes: Sequence[OpRow], target: Target) -> dict[str, int]:
    """For each op on the array whose end depends on it, by name, the least lead of the products that may follow it."""
    array = target.array
    if all(array.step_costs(mode).hazard is None for mode in array.modes):
        return {}
    rows = {id(sized): classes[number] for sized, number in zip(table.ops, table.class_of, strict=True)}
    shortest: dict[str, int] = {}
    hazards: dict[str, bool] = {}

    def lead(sized: SizedOp) -> int:
        row = rows[id(sized)]
        assert row.mode is not None
        assert row.operands is not None
        hazards[sized.op.name] = array.step_costs(row.mode).hazard is not None
        return array.lead(row.mode, row.operands.size.k)

    def follow(before: str | None, sized: SizedOp) -> None:
        following = lead(sized)
        if before is not None:
            shortest[before] = min(shortest.get(before, following), following)

    def walk(nodes: Iterable[SizedNode], before: str | None) -> tuple[SizedOp | None, str | None]:
        """The first op on the array among the nodes, and the name of the last op on it."""
        first: SizedOp | None = None
        for node in nodes:
            if isinstance(node, SizedLoop):
                node_first, node_last = walk(node.body, before)
                if node_first is not None and node.times > 1:
                    follow(node_last, node_first)
            elif node.on_array:
                node_first, node_last = node, node.op.name
                follow(before, node)
            else:
                continue
            if node_first is not None:
                first, before = first or node_first, node_last
        return first, before

    walk(table.analysed.nodes, None)
    return {name: shortest.get(name, NOTHING_FOLLOWS) for name, hazard in hazards.items() if hazard}

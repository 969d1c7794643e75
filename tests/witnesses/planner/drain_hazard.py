"""The drain hazard between ops: the least lead of the products that may follow an op on the array.

On an output-stationary array with drain registers a tile may not complete its sums before the tile before it has left
those registers: the last tile of an op occupies K + max(0, R - K') cycles, K' being the least lead of the products
that may come next.
"""

from collections.abc import Iterable
from functools import lru_cache

from hwsim.hardware.array import NOTHING_FOLLOWS
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from witnesses.planner.analysed_program import mappers_of
from witnesses.planner.op_mappers import MatmulMapper
from witnesses.planner.target import Target


@lru_cache(maxsize=32)
def next_streams(analysed: AnalysedProgram, target: Target) -> dict[str, int]:
    """For each op on the array, by name, the least lead of the products that may follow it."""
    mappers = mappers_of(analysed, target)
    shortest: dict[str, int] = {}

    def stream(sized: SizedOp) -> int:
        mapper = mappers.of(sized)
        assert isinstance(mapper, MatmulMapper)
        return target.array.lead(mapper.mode, mapper.operands.size.k)

    def follow(before: str | None, sized: SizedOp) -> None:
        if before is not None:
            shortest[before] = min(shortest.get(before, stream(sized)), stream(sized))

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

    walk(analysed.nodes, None)
    return {name: shortest.get(name, NOTHING_FOLLOWS) for name, sized in analysed.largest.items() if sized.on_array}

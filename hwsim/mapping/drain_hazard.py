"""What follows an op on an array where the end of a product waits for the next one, if that is shorter.

On an output-stationary array with drain registers of its own a tile may not complete its sums before the one before it
has left the drain registers: the last tile of an op occupies K + max(0, R - K') cycles, K' being the lead of the
product with the least that may come next.
"""

from collections.abc import Iterable
from functools import lru_cache

from hwsim.hardware.array import NOTHING_FOLLOWS
from hwsim.mapping.analysed_program import AnalysedProgram, mappers_of
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.op_mappers import MatmulMapper
from hwsim.mapping.target import Target


@lru_cache(maxsize=32)
def next_streams(analysed: AnalysedProgram, target: Target) -> dict[str, int]:
    """For each op on the array the least lead of what may follow it."""
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
        """The first op on the array among the nodes, and the name of the last one."""
        first: SizedOp | None = None
        for node in nodes:
            if isinstance(node, SizedLoop):
                one, last = walk(node.body, before)
                if one is not None and node.times > 1:
                    follow(last, one)
            elif node.on_array:
                one, last = node, node.op.name
                follow(before, node)
            else:
                continue
            if one is not None:
                first, before = first or one, last
        return first, before

    walk(analysed.nodes, None)
    return {name: shortest.get(name, NOTHING_FOLLOWS) for name, sized in analysed.largest.items() if sized.on_array}

"""What follows an op on an output-stationary array whose drain registers are its own.

There a tile may not complete its sums before the one before it has left the drain registers, so the last tile of an op
waits for a shorter next one: it occupies K + max(0, R - K') cycles, K' being the shortest that may come next.
"""

from collections.abc import Iterable
from functools import lru_cache

from hwsim.hardware.chip import Dataflow, Drain, SystolicArray
from hwsim.mapping.analysed_program import AnalysedProgram, mappers_of
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.op_mappers import MatmulMapper
from hwsim.mapping.target import Target


def waits_for_next(array: SystolicArray) -> bool:
    """Whether tiles of this array wait for what follows."""
    return array.dataflow is Dataflow.OS and array.drain is Drain.SEPARATE


@lru_cache(maxsize=32)
def next_streams(analysed: AnalysedProgram, target: Target) -> dict[str, int]:
    """For each op on the array the shortest stream that may follow its last tile; R where nothing does."""
    mappers = mappers_of(analysed, target)
    shortest: dict[str, int] = {}

    def stream(sized: SizedOp) -> int:
        mapper = mappers.of(sized)
        assert isinstance(mapper, MatmulMapper)
        return -(-mapper.operands.size.k // target.array.packed(mapper.mode).k)

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
    return {name: shortest.get(name, target.array.rows) for name, sized in analysed.largest.items() if sized.on_array}

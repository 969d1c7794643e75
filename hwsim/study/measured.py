"""A workload whose search is as long as the one that was really made."""

from dataclasses import replace

from hwsim.core.decoded import Decoded
from hwsim.core.program import Loop, Node
from hwsim.core.workload import Workload
from hwsim.errors import Unsupported


def with_counts(work: Workload, decoded: Decoded | None) -> Workload:
    """The same workload, its loops over steps and symbols as often as the search ran them."""
    if decoded is None:
        raise Unsupported(f"{work.name} has no search whose counts could be measured; use --counts declared")
    times = {"search.symbols": decoded.predictions, "search.evaluations": decoded.steps, "search.steps": decoded.steps}
    chunked = [node for node in work.program.body if isinstance(node, Loop) and node.name == "chunks"]
    if chunked:
        # Every chunk runs the same body: the counts of all of them, evenly, rounded up.
        times = {name: -(-count // chunked[0].times) for name, count in times.items()}
    body = tuple(_with_times(node, times) for node in work.program.body)
    return replace(work, program=replace(work.program, body=body))


def _with_times(node: Node, times: dict[str, int]) -> Node:
    if not isinstance(node, Loop):
        return node
    body = tuple(_with_times(inner, times) for inner in node.body)
    return replace(node, times=max(1, times.get(node.name, node.times)), body=body)

"""Going through a loop tree, op by op."""

from collections.abc import Callable, Iterable

from hwsim.engine.values.tensor_store import TensorStore, last_uses
from hwsim.engine.values.views import Indices
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.ops import Op
from hwsim.ir.program import Program

RunOp = Callable[[Op, TensorStore, Indices], None]
RunLoop = Callable[[Loop, TensorStore, Indices], bool]
"""Runs a whole loop at once, if it can; says whether it did."""


def never(loop: Loop, memory: TensorStore, indices: Indices) -> bool:
    """Runs no loop at once."""
    return False


def run_nodes(
    nodes: Iterable[Node], memory: TensorStore, indices: Indices, run_op: RunOp, run_loop: RunLoop = never
) -> None:
    """Run nodes in program order, the loops around them at these indices."""
    for node in nodes:
        if not isinstance(node, Loop):
            if memory.runs(node, indices):
                run_op(node, memory, indices)
        elif not run_loop(node, memory, indices):
            for index in range(node.runs(indices)):
                run_nodes(node.body, memory, {**indices, node.name: index}, run_op, run_loop)


def run_program(
    program: Program,
    memory: TensorStore,
    run_op: RunOp,
    run_loop: RunLoop = never,
    skip: frozenset[str] = frozenset(),
    *,
    first: int = 0,
    end: int | None = None,
) -> None:
    """Run a program, but the loops and ops named in `skip`; what no later node touches is given back.

    `first` and `end` are places in its body: then only the nodes between them run, on arrays that those before left.
    """
    for node, done in zip(program.body[first:end], last_uses(program)[first:end], strict=True):
        if node.name not in skip:
            run_nodes((node,), memory, {}, run_op, run_loop)
        memory.forget(done)

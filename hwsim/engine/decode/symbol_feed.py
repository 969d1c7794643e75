"""Language models alone: the symbols that they read, one after another, come from outside."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import RunOp, run_nodes
from hwsim.ir.nodes import Loop
from hwsim.ir.program import Program
from hwsim.ir.tensor import SymbolLoop
from hwsim.results.decoded import Decoded


@dataclass(frozen=True, slots=True, eq=False)
class SymbolFeed:
    """Runs the loop over symbols of a language model, each time with the next symbols[step, sequence]."""

    run_op: RunOp
    fed: SymbolLoop
    symbols: NDArray[np.int32]

    def __call__(self, loop: Loop, memory: TensorStore, indices: Indices) -> bool:
        """Run the loop if it is that of a language model; says whether it is."""
        if loop.name != self.fed.symbols:
            return False
        for step in range(loop.runs(indices)):
            memory[self.fed.symbol].reshape(-1)[:] = self.symbols[step]
            run_nodes(loop.body, memory, {**indices, loop.name: step}, self.run_op)
        return True

    @property
    def chosen(self) -> list[Any]:
        """Nothing: it does not choose."""
        return []

    def decoded(self) -> Decoded | None:
        """Nothing: it does not search."""
        return None


def symbols_shape(program: Program) -> tuple[int, int] | None:
    """Steps and sequences of a language model alone; None for any other program."""
    fed = program.search
    if not isinstance(fed, SymbolLoop):
        return None
    (loop,) = (node for node in program.body if isinstance(node, Loop) and node.name == fed.symbols)
    return loop.most, program.tensor(fed.symbol).elements

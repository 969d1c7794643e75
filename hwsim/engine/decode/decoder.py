"""The search that a workload asks for, run in place of the loops that count its steps."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.decode.beam import BeamDecoder
from hwsim.engine.decode.greedy import MOST_SYMBOLS_PER_FRAME, GreedyDecoder
from hwsim.engine.decode.symbol_feed import SymbolFeed
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import RunLoop, RunOp, never
from hwsim.ir.nodes import Loop
from hwsim.ir.tensor import BeamLoop, GreedyLoops, SymbolLoop
from hwsim.ir.workload import Workload
from hwsim.results.decoded import Decoded


class Search(Protocol):
    """Runs loops on the hypotheses that it decides; tells its choices in each step, and its result."""

    @property
    def chosen(self) -> list[Any]: ...
    def __call__(self, loop: Loop, memory: TensorStore, indices: Indices) -> bool: ...
    def decoded(self) -> Decoded | None: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steering:
    """What a search follows: choices of another search, symbols from outside, a limit of symbols per frame, and where
    each of several padded utterances ends."""

    forced: Sequence[Any] | None = None
    symbols: NDArray[np.int32] | None = None
    most_symbols: int = MOST_SYMBOLS_PER_FRAME
    ends: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class NoSearch:
    """The search of a program without one: all loops run as often as they say."""

    @property
    def chosen(self) -> list[Any]:
        """Nothing: it does not choose."""
        return []

    def __call__(self, loop: Loop, memory: TensorStore, indices: Indices) -> bool:
        """No loop is steered."""
        return False

    def decoded(self) -> Decoded | None:
        """Nothing: it does not search."""
        return None


def search_of(workload: Workload, run_op: RunOp, steering: Steering, run_loop: RunLoop = never) -> Search:
    """The search that a workload's program names; of loops inside of a greedy one `run_loop` runs those that it can."""
    program = workload.program
    match program.search:
        case BeamLoop() as beam:
            return BeamDecoder(program, run_op, beam, steering.forced)
        case GreedyLoops() as greedy:
            return GreedyDecoder(
                program, run_op, greedy, forced=steering.forced, most_symbols=steering.most_symbols,
                ends=steering.ends, run_loop=run_loop,
            )  # fmt: skip
        case SymbolLoop() as fed if steering.symbols is not None:
            return SymbolFeed(run_op, fed, steering.symbols)
        case _:
            return NoSearch()

"""The search that a workload asks for, as something that takes the place of the loops that count it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.decode.beam import BeamDecoder
from hwsim.engine.decode.greedy import MOST_SYMBOLS_PER_FRAME, GreedyDecoder
from hwsim.engine.decode.symbol_feed import SymbolFeed
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import RunOp
from hwsim.ir.program import Loop
from hwsim.ir.workload import Workload
from hwsim.models.conformer import Conformer, TransducerDecoder
from hwsim.models.decoding import AlignmentLength, Greedy, TimeSynchronous
from hwsim.models.rnnt import Rnnt
from hwsim.results.decoded import Decoded


def decoding_of(workload: Workload) -> Greedy | TimeSynchronous | AlignmentLength | None:
    """The search that a workload file asks for; None if it has none."""
    match workload.recipe:
        case Rnnt(decoding=decoding) | Conformer(decoder=TransducerDecoder(decoding=decoding)):
            return decoding
        case _:
            return None


class Search(Protocol):
    """Runs loops on what it decides; tells what it chose in each step, and what it did."""

    @property
    def chosen(self) -> list[Any]: ...
    def __call__(self, loop: Loop, memory: TensorStore, indices: Indices) -> bool: ...
    def decoded(self) -> Decoded | None: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steering:
    """What a search follows: choices of another search, symbols from outside, a limit of symbols per frame."""

    forced: Sequence[Any] | None = None
    symbols: NDArray[np.int32] | None = None
    most_symbols: int = MOST_SYMBOLS_PER_FRAME


def search_of(workload: Workload, run_op: RunOp, steering: Steering) -> Search:
    """The search of a workload; of one without a search, something that runs nothing."""
    if steering.symbols is not None:
        return SymbolFeed(run_op, steering.symbols)
    frames_first = isinstance(workload.recipe, Rnnt)
    decoding = decoding_of(workload)
    if isinstance(decoding, TimeSynchronous | AlignmentLength):
        expansions = decoding.expansions if isinstance(decoding, TimeSynchronous) else None
        return BeamDecoder(workload.program, run_op, frames_first, expansions, steering.forced)
    return GreedyDecoder(
        workload.program,
        run_op,
        frames_first=frames_first,
        forced=steering.forced,
        most_symbols=steering.most_symbols,
    )

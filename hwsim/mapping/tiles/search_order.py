"""When a greedy search runs its networks: a prediction between evaluations, as soon as a symbol asks for it.

A program has the two loops of a search one behind the other, and counts of their runs: on units that work one after
another their order makes no difference. Tiles work side by side, and would run all predictions before the first frame
is there. As everywhere symbols are spread evenly: before evaluation e of E so many of U predictions have run, and it
looks at frame ⌊e · F / E⌋ of the F that the encoder leaves.
"""

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.ops import Lookup, Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import GreedyLoops


class Turn(NamedTuple):
    """One iteration of one of the loops."""

    loop: Loop
    iteration: int


@dataclass(frozen=True, slots=True)
class SearchOrder:
    """The greedy search of a program, whose loops alternate."""

    search: GreedyLoops
    utterances: int

    @classmethod
    def of(cls, program: Program) -> "SearchOrder | None":
        """The order of a program's search; None if it has no greedy one."""
        search = program.search
        if not isinstance(search, GreedyLoops):
            return None
        return cls(search, prod(program.tensor(search.symbol).shape))

    def pair(self, nodes: tuple[Node, ...], place: int) -> tuple[Loop, Loop] | None:
        """The loops of predictions and of evaluations, if they stand at this place and right behind it."""
        pair = nodes[place : place + 2]
        if len(pair) < 2 or tuple(node.name for node in pair) != self.search.loops:
            return None
        predictions, evaluations = pair
        assert isinstance(predictions, Loop)
        assert isinstance(evaluations, Loop)
        return predictions, evaluations

    def frames(self, op: Op, rows: int, evaluation: int, evaluations: int) -> NDArray[np.int64] | None:
        """Which of so many rows of its table a lookup of frames reads, one for each utterance; None for another op."""
        if not isinstance(op, Lookup) or op.index.tensor != self.search.frame or rows % self.utterances:
            return None
        frames = rows // self.utterances
        frame = evaluation * frames // evaluations
        each = np.arange(self.utterances)
        return frame * self.utterances + each if self.search.frames_first else each * frames + frame


def turns(predictions: Loop, evaluations: Loop, predicted: int, evaluated: int) -> Iterator[Turn]:
    """The iterations of both loops in the order in which the search runs them, the first prediction first.

    >>> from hwsim.ir.ops import Move
    >>> from hwsim.ir.view import View
    >>> body = (Move(name="m", read=View(tensor="a"), write=View(tensor="b")),)
    >>> loops = Loop(name="p", times=2, body=body), Loop(name="e", times=4, body=body)
    >>> [f"{turn.loop.name}{turn.iteration}" for turn in turns(*loops, 2, 4)]
    ['p0', 'e0', 'e1', 'e2', 'e3', 'p1']
    """
    done = min(1, predicted)
    for index in range(done):
        yield Turn(predictions, index)
    for evaluation in range(evaluated):
        yield Turn(evaluations, evaluation)
        due = min(1, predicted) + (evaluation + 1) * max(0, predicted - 1) // evaluated
        for index in range(done, due):
            yield Turn(predictions, index)
        done = due
    for index in range(done, predicted):
        yield Turn(predictions, index)

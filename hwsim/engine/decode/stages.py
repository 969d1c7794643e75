"""Several models as stages: each run of one begins as its file does, and what it leaves is shown."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.decode.decoder import Search, Steering, search_of
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import RunLoop, RunOp, never, run_nodes
from hwsim.ir.nodes import Loop
from hwsim.ir.ops import Op
from hwsim.ir.workload import Workload
from hwsim.tensor.carried import Carried, Named, StageMarks

Array = NDArray[Any]
Leave = Callable[[Named, Array], None]
"""Told of each result of a stage, in each of its runs."""


def unheeded(one: Named, values: Array) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """How a program is gone through: its search, and what runs its ops and its loops."""

    search: Search
    run_op: RunOp
    run_loop: RunLoop


def walk_of(
    workload: Workload, run_op: RunOp, steering: Steering, fast: RunLoop = never, leave: Leave = unheeded
) -> Walk:
    """How a workload is gone through: loops that are no search's are run by `fast`, where it can."""
    stages = workload.carried.stages if isinstance(workload.carried, Carried) else ()
    inside: RunLoop = never
    if stages:
        runs = StageRuns(run_op, fast, stages, leave)
        run_op, fast = runs.op, runs.loop
        inside = fast
    search = search_of(workload, run_op, steering, inside)

    def run_loop(loop: Loop, memory: TensorStore, indices: Indices) -> bool:
        return search(loop, memory, indices) or fast(loop, memory, indices)

    return Walk(search, run_op, run_loop)


@dataclass(slots=True, eq=False)
class StageRuns:
    """Runs ops and loops of stages. When a run of a stage begins, the states of its own are zero once more."""

    inner_op: RunOp
    inner_loop: RunLoop
    stages: Sequence[StageMarks]
    leave: Leave
    _runs: Counter[str] = field(default_factory=Counter)
    _zeros: dict[str, Array] = field(default_factory=dict)
    _begins: dict[str, StageMarks] = field(init=False)
    _ends: dict[str, StageMarks] = field(init=False)
    _once: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._begins = {stage.first: stage for stage in self.stages}
        self._ends = {stage.last: stage for stage in self.stages}
        self._once = {op: stage.first for stage in self.stages for op in stage.once}

    def op(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run an op."""
        self._begin(op.name, memory)
        if self._runs[self._once.get(op.name, "")] <= 1:
            self.inner_op(op, memory, indices)
        self._end(op.name, memory, indices)

    def loop(self, loop: Loop, memory: TensorStore, indices: Indices) -> bool:
        """Run a loop that begins or ends a run of a stage, or that can be run at once; says whether it did."""
        self._begin(loop.name, memory)
        ran = self.inner_loop(loop, memory, indices)
        if loop.name not in self._ends:
            return ran
        if not ran:
            for index in range(loop.runs(indices)):
                run_nodes(loop.body, memory, {**indices, loop.name: index}, self.op, self.loop)
        self._end(loop.name, memory, indices)
        return True

    def _begin(self, node: str, memory: TensorStore) -> None:
        stage = self._begins.get(node)
        if stage is None:
            return
        self._runs[node] += 1
        for name in stage.fresh:
            if name in self._zeros:
                memory[name][...] = self._zeros[name]
            else:  # as they are before the first op: the integers that stand for zero
                self._zeros[name] = memory[name].copy()

    def _end(self, node: str, memory: TensorStore, indices: Indices) -> None:
        stage = self._ends.get(node)
        for one in () if stage is None else stage.results:
            self.leave(one, memory.read(one.view, indices).reshape(one.shape))

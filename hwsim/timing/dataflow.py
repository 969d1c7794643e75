"""When the tasks of a network on tiles run: a graph of tasks, its times, and what they say of units."""

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.kernels.dataflow import walk

Longs = NDArray[np.int64]
JOIN = -1
"""The unit of a task that only joins others."""
MOST_CYCLES = 1 << 60
"""The longest run whose times are exact: all tasks one after another must take less."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks in program order, and edges from each to those that read what it makes.

    `unit` is -1 for a task that only joins others. A server of the unit is kept `occupancy` cycles, the result is there
    after `complete`, and at the task `target[e]` another `delay[e]` later.
    """

    unit: Longs
    occupancy: Longs
    complete: Longs
    first_edge: Longs
    target: Longs
    delay: Longs
    servers: Longs

    @property
    def tasks(self) -> int:
        return int(self.unit.size)

    @property
    def edges(self) -> int:
        return int(self.target.size)


@dataclass(frozen=True, slots=True)
class Times:
    """Of each task: when its first operand was there, when all were, when it started, and when its result was there.

    `cycles` is when all results are there, and all units are free.
    """

    first: Longs
    ready: Longs
    start: Longs
    end: Longs
    cycles: int


def times(graph: Graph) -> Times:
    """Run a graph."""
    longest = int(np.maximum(graph.occupancy, graph.complete).sum()) + int(graph.delay.sum())
    if longest >= MOST_CYCLES:
        raise Unsupported(f"the run may take {longest:,} cycles, hwsim counts to {MOST_CYCLES:,}; shorten the audio")
    pending = np.bincount(graph.target, minlength=graph.tasks).astype(np.int64)
    first, ready, start = (np.empty(graph.tasks, np.int64) for _ in range(3))
    tasks, edges = (graph.unit, graph.occupancy, graph.complete, pending), (graph.first_edge, graph.target, graph.delay)
    ran = walk(*tasks, *edges, graph.servers, first, ready, start)
    assert ran == graph.tasks, "a task waits for itself"
    done = start + np.maximum(graph.occupancy, graph.complete)
    return Times(first, ready, start, start + graph.complete, int(done.max(initial=0)))


def busy_cycles(graph: Graph) -> Longs:
    """The cycles in which servers of each unit are kept."""
    busy = np.zeros(graph.servers.size, np.int64)
    real = graph.unit != JOIN
    np.add.at(busy, graph.unit[real], graph.occupancy[real])
    return busy

"""Which tasks the whole run waited for: the path back from the last end, step by step."""

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.timing.dataflow import JOIN, Graph, Longs, Times


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """Cycles that the whole run waited for each task, those included in which its last operand was under way: they sum
    to the cycles of the run. `on_links` are those in which an operand was under way."""

    cycles: Longs
    on_links: Longs


def critical_path(graph: Graph, times: Times) -> CriticalPath:
    """The path back from the task that ends last, of equals the first.

    A task that started when its last operand arrived waited for the task that made it; one that started later waited
    for the task that left its unit at that time. Of several such tasks the first counts.
    """
    cycles, on_links = (np.zeros(graph.tasks, np.int64) for _ in range(2))
    if not graph.tasks:
        return CriticalPath(cycles, on_links)
    source = np.repeat(np.arange(graph.tasks), np.diff(graph.first_edge))
    by_target = np.argsort(graph.target, kind="stable")
    first_operand = np.searchsorted(graph.target[by_target], np.arange(graph.tasks + 1))
    left = times.start + graph.occupancy
    real = np.flatnonzero(graph.unit != JOIN)
    leaving = real[np.lexsort((real, left[real], graph.unit[real]))]
    units, lefts = graph.unit[leaving], left[leaving]
    done = times.start + np.maximum(graph.occupancy, graph.complete)
    task, until = int(done.argmax()), times.cycles
    waiting = task  # of a join, the task for which it joins operands
    while True:
        begun = int(times.start[task])
        waiting = waiting if graph.unit[task] == JOIN else task
        cycles[task] += until - begun
        if begun > times.ready[task]:
            low, high = np.searchsorted(units, [graph.unit[task], graph.unit[task] + 1])
            task = int(leaving[low + np.searchsorted(lefts[low:high], begun)])
            until = begun
            continue
        edges = by_target[first_operand[task] : first_operand[task + 1]]
        arrives = times.end[source[edges]] + graph.delay[edges]
        last = edges[arrives == begun] if edges.size else edges
        if not last.size:
            assert begun == 0, "a task without operands starts at once, or waits for its unit"
            return CriticalPath(cycles, on_links)
        delay = int(graph.delay[last[0]])
        on_links[waiting] += delay
        cycles[waiting] += delay
        task, until = int(source[last[0]]), begun - delay

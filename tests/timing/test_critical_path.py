"""The path that a run waits for: all of its time, task by task."""

from dataclasses import replace

import numpy as np
from hypothesis import given

from hwsim.timing.critical_path import critical_path
from hwsim.timing.dataflow import JOIN, Graph, times
from timing.test_dataflow import DRAWN, graphs


@DRAWN
@given(graphs())
def test_the_cycles_that_a_run_waits_for_its_tasks_are_all_its_cycles(graph: Graph) -> None:
    when = times(graph)
    path = critical_path(graph, when)
    assert path.cycles.sum() == when.cycles
    assert (path.cycles >= path.on_links).all()
    assert (path.on_links >= 0).all()


@DRAWN
@given(graphs())
def test_a_run_waits_for_a_join_only_where_nothing_follows_it(graph: Graph) -> None:
    path = critical_path(graph, times(graph))
    joins = np.flatnonzero(graph.unit == JOIN)
    for join in joins[path.cycles[joins] > 0]:
        assert times(graph).end[join] == times(graph).cycles


@DRAWN
@given(graphs())
def test_with_a_server_for_each_task_a_longer_task_on_the_path_makes_the_run_as_much_longer(graph: Graph) -> None:
    roomy = replace(graph, servers=np.full(graph.servers.size, graph.tasks, np.int64))
    before = times(roomy)
    path = critical_path(roomy, before)
    for task in np.flatnonzero(path.cycles - path.on_links > 0).tolist():
        longer = [column.copy() for column in (roomy.complete, roomy.occupancy)]
        for column in longer:
            column[task] += 7
        complete, occupancy = longer
        assert times(replace(roomy, complete=complete, occupancy=occupancy)).cycles == before.cycles + 7

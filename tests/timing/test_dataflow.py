"""Tasks run when an event simulation of their graph says, in order, and no server does two things at once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hwsim.errors import Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.kernels.dataflow import walk
from hwsim.mapping.tiles.graph import program_graph
from hwsim.mapping.tiles.homes import homes_of, parameters_of
from hwsim.mapping.tiles.placement import place
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.timing.dataflow import JOIN, MOST_CYCLES, Graph, busy_cycles, times
from strategies.analog_chips import analog_chips, in_integers
from strategies.recipes import RECIPES
from witnesses.dataflow_simpy import simulate

DRAWN = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A few tasks on a few units; each waits for some earlier ones."""
    units = draw(st.integers(1, 3))
    tasks = draw(st.lists(st.integers(-1, units - 1), min_size=1, max_size=25))
    edges = draw(st.sets(st.tuples(*[st.integers(0, len(tasks) - 1)] * 2).filter(lambda pair: pair[0] < pair[1])))
    ordered = sorted(edges)
    cycles = st.lists(st.integers(1, 6), min_size=len(tasks), max_size=len(tasks))
    real = np.array([one != JOIN for one in tasks], np.int64)
    return Graph(
        unit=np.array(tasks),
        occupancy=np.array(draw(cycles)) * real,
        complete=np.array(draw(cycles)) * real,
        first_edge=np.searchsorted([source for source, _ in ordered], np.arange(len(tasks) + 1)).astype(np.int64),
        target=np.array([target for _, target in ordered], np.int64),
        delay=np.array([draw(st.integers(0, 4)) for _ in ordered], np.int64),
        servers=np.array(draw(st.lists(st.integers(1, 3), min_size=units, max_size=units))),
    )


def agree(graph: Graph) -> None:
    found = times(graph)
    ready, first, start = simulate(graph)
    assert found.ready.tolist() == ready
    assert found.first.tolist() == first
    assert found.start.tolist() == start
    obey(graph)


def obey(graph: Graph) -> None:
    """Every task starts when its operands are there, and a unit never keeps more servers than it has."""
    found = times(graph)
    for task in range(graph.tasks):
        for edge in range(int(graph.first_edge[task]), int(graph.first_edge[task + 1])):
            assert found.start[graph.target[edge]] >= found.end[task] + graph.delay[edge]
    for unit, servers in enumerate(graph.servers.tolist()):
        mine = graph.unit == unit
        changes = [(start, 1) for start in found.start[mine].tolist()]
        changes += [(end, -1) for end in (found.start + graph.occupancy)[mine].tolist()]
        kept = 0
        for _, change in sorted(changes):
            kept += change
            assert kept <= servers
        assert busy_cycles(graph)[unit] <= found.cycles * servers


@DRAWN
@given(graphs())
def test_drawn_graphs_run_as_the_event_simulation_says(graph: Graph) -> None:
    agree(graph)


@DRAWN
@given(graphs())
def test_no_server_is_idle_while_a_task_waits_for_it(graph: Graph) -> None:
    found = times(graph)
    for task in np.flatnonzero(found.start > found.ready).tolist():
        same = graph.unit == graph.unit[task]
        ends = found.start + graph.occupancy
        for now in range(int(found.ready[task]), int(found.start[task])):
            assert np.sum(same & (found.start <= now) & (ends > now)) == graph.servers[graph.unit[task]]


@DRAWN
@given(graphs(), st.integers(1, 3))
def test_with_a_server_for_each_task_none_waits_for_a_unit(graph: Graph, more: int) -> None:
    free = times(replace(graph, servers=np.full_like(graph.servers, graph.tasks)))
    assert np.array_equal(free.start, free.ready)
    assert np.all(free.start <= times(graph).start)
    obey(replace(graph, servers=graph.servers + more))


def graph_of(recipe: AnyRecipe, chip: AnalogChip) -> Graph:
    program = in_integers(workload(recipe).program)
    try:
        placement = place(program, chip)
    except Unsupported:
        assume(False)
    homes = homes_of(program, placement)
    return program_graph(program, chip, placement, homes, parameters_of(program, chip, placement, homes)).built.graph


@DRAWN
@given(RECIPES, analog_chips())
def test_networks_run_as_the_event_simulation_says(recipe: AnyRecipe, chip: AnalogChip) -> None:
    graph = graph_of(recipe, chip)
    assume(graph.tasks < 3000)
    agree(graph)


def test_a_run_too_long_to_count_is_refused() -> None:
    graph = Graph(
        unit=np.zeros(1, np.int64),
        occupancy=np.array([MOST_CYCLES]),
        complete=np.ones(1, np.int64),
        first_edge=np.zeros(2, np.int64),
        target=np.empty(0, np.int64),
        delay=np.empty(0, np.int64),
        servers=np.ones(1, np.int64),
    )
    with pytest.raises(Unsupported, match="hwsim counts to"):
        times(graph)


def test_the_walk_compiles_once() -> None:
    times(
        Graph(
            unit=np.zeros(1, np.int64),
            occupancy=np.ones(1, np.int64),
            complete=np.ones(1, np.int64),
            first_edge=np.zeros(2, np.int64),
            target=np.empty(0, np.int64),
            delay=np.empty(0, np.int64),
            servers=np.ones(1, np.int64),
        )
    )
    assert len(getattr(walk, "signatures", [None])) == 1

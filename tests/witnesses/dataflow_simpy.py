"""A graph of tasks as an event simulation in SimPy: each unit looks at its queue when a time has nothing else left."""

from collections import defaultdict
from collections.abc import Generator
from typing import Any

import simpy
from simpy.events import EventPriority

from hwsim.timing.dataflow import Graph

LAST = EventPriority(2)
"""The priority of what comes after all that ends or arrives at a time; SimPy's own are 0 and 1."""


def simulate(graph: Graph) -> tuple[list[int], list[int], list[int]]:
    """When each task was ready, when its first operand was there, and when it started."""
    env = simpy.Environment()
    unit, occupancy, complete = (array.tolist() for array in (graph.unit, graph.occupancy, graph.complete))
    edges: list[list[tuple[int, int]]] = [[] for _ in unit]
    waits = [0] * len(unit)
    for task in range(len(unit)):
        for place in range(int(graph.first_edge[task]), int(graph.first_edge[task + 1])):
            edges[task].append((int(graph.target[place]), int(graph.delay[place])))
            waits[int(graph.target[place])] += 1
    first: list[int | None] = [None] * len(unit)
    ready: list[int] = [-1] * len(unit)
    start: list[int] = [-1] * len(unit)
    free = dict(enumerate(graph.servers.tolist()))
    queues: dict[int, list[int]] = defaultdict(list)

    def look(one: int) -> None:
        event = env.event()
        event._ok, event._value = True, None
        event.callbacks = [lambda _: serve(one)]
        env.schedule(event, priority=LAST)

    def serve(one: int) -> None:
        while free[one] and queues[one]:
            task = min(queues[one], key=lambda task: (ready[task], task))
            queues[one].remove(task)
            free[one] -= 1
            start[task] = int(env.now)
            env.process(keep(one, occupancy[task]))
            env.process(finish(task, complete[task]))

    def keep(one: int, cycles: int) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(cycles)
        free[one] += 1
        look(one)

    def finish(task: int, cycles: int) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(cycles)
        for target, delay in edges[task]:
            env.process(arrive(target, delay))

    def arrive(task: int, delay: int) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(delay)
        if first[task] is None:
            first[task] = int(env.now)
        waits[task] -= 1
        if not waits[task]:
            begin(task)

    def begin(task: int) -> None:
        ready[task] = int(env.now)
        if unit[task] < 0:
            start[task] = int(env.now)
            env.process(finish(task, 0))
        else:
            queues[unit[task]].append(task)
            look(unit[task])

    for task in range(len(unit)):
        if not waits[task]:
            first[task] = 0
            begin(task)
    env.run()
    assert min(start, default=0) >= 0, "a task never ran"
    return ready, [0 if one is None else one for one in first], start

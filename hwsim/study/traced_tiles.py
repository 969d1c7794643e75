"""A run on analog tiles as a timeline: the tasks of each unit as slices, rows that wait for a unit as levels."""

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush, merge

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.ir.workload import Workload
from hwsim.mapping.tiles.run import Timed, timed_on_tiles, unit_names
from hwsim.mapping.tiles.task_list import Role
from hwsim.results.traced import Extent, Level, Selection, Slice, Timeline, Track
from hwsim.study.traced import about, begun, title_of
from hwsim.timing.dataflow import JOIN, Longs

_SAYS = {Role.TILES: "tiles", Role.VECTOR: "vector", Role.LOAD: "load", Role.STORE: "store"}


@dataclass(frozen=True, slots=True)
class _Task:
    """A row of an op on a unit: when all its operands were there, and when a server was kept by it."""

    unit: int
    op: str
    row: int
    role: Role
    ready: int
    start: int
    end: int
    complete: int


def traced_on_tiles(chip: AnalogChip, workload: Workload, selection: Selection) -> Timeline:
    """The timeline of a run: a track for each server of a unit, several where copies of weights take rows in turn."""
    timed = timed_on_tiles(workload.program, chip)
    tasks, extent = _selected(timed, selection)
    names, first = unit_names(chip, timed.placement), 1
    tracks: list[Track] = []
    records: list[Iterator[Slice | Level]] = []
    for unit, (name, servers) in enumerate(zip(names, timed.graph.servers.tolist(), strict=True)):
        mine = [task for task in tasks if task.unit == unit]
        copies = [name] if servers == 1 else [f"{name} copy {copy}" for copy in range(servers)]
        tracks += [Track(first + place, copy) for place, copy in enumerate(copies)]
        records += [iter(_slices(mine, first, servers)), _waiting(mine, name)]
        first += servers
    return Timeline(
        title=title_of(chip, workload),
        clock=chip.clock,
        tracks=tuple(tracks),
        records=merge(*records, key=begun),
        extent=extent,
        about=about(chip, workload, timed.when.cycles),
    )


def _selected(timed: Timed, selection: Selection) -> tuple[list[_Task], Extent]:
    """The tasks that are selected, in the order of their starts; tasks that only join others are no work."""
    built, when, names = timed.graph.built, timed.when, timed.graph.ops
    graph, rows = built.graph, _rows(built.op * len(Role) + built.role)
    work = graph.unit != JOIN
    wanted = work & np.array([selection.wants(name) for name in names], np.bool_)[built.op]
    if selection.iterations is not None:
        wanted &= rows < selection.iterations
    chosen = np.flatnonzero(wanted)[: selection.most]
    chosen = chosen[np.lexsort((chosen, graph.occupancy[chosen], when.start[chosen]))]
    columns = (graph.unit, built.op, rows, built.role, when.ready, when.start, graph.occupancy, graph.complete)
    tasks = [
        _Task(unit, names[op], row, Role(role), ready, start, start + kept, complete)
        for unit, op, row, role, ready, start, kept, complete in zip(
            *(column[chosen].tolist() for column in columns), strict=True
        )
    ]
    return tasks, Extent(shown=len(tasks), selected=int(wanted.sum()), all=int(work.sum()), of=selection)


def _rows(key: Longs) -> Longs:
    """The number of each task among those with its key, in the order of the program."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    rows = np.empty(key.size, np.int64)
    rows[order] = np.arange(key.size) - np.repeat(begins, np.diff(np.append(begins, key.size)))
    return rows


def _slices(tasks: Iterable[_Task], first: int, servers: int) -> Iterator[Slice]:
    """Each task on the track of a server that is free: of several the lowest."""
    idle, kept = list(range(servers)), list[tuple[int, int]]()
    for task in tasks:
        while kept and kept[0][0] <= task.start:
            heappush(idle, heappop(kept)[1])
        server = heappop(idle)
        heappush(kept, (task.end, server))
        args: dict[str, int | str] = {
            "row": task.row,
            "ready_cycle": task.ready,
            "start_cycle": task.start,
            "cycles": task.end - task.start,
            "result_after": task.complete,
        }
        yield Slice(first + server, task.op, _SAYS[task.role], task.start, task.end, args)


def _waiting(tasks: Iterable[_Task], unit: str) -> Iterator[Level]:
    """How many rows have all their operands and wait for the unit."""
    changes = Counter[int]()
    for task in tasks:
        if task.start > task.ready:
            changes[task.ready] += 1
            changes[task.start] -= 1
    waiting = 0
    for at in sorted(changes):
        if changes[at]:
            waiting += changes[at]
            yield Level(f"waiting for {unit}", "rows", at, waiting)

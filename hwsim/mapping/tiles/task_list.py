"""Tasks and edges while a graph is built: blocks of alike tasks, and pairs of tasks, put together once at the end."""

from dataclasses import field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.timing.dataflow import JOIN, Graph, Longs

MOST_TASKS = 4_000_000
"""The most tasks of a run: each takes some hundred bytes, and about a microsecond."""
FEW = 3
"""So many operands that rows share are edges of each row; more are joined first."""
_JOINS_KEPT = 256


class Role(IntEnum):
    """What a task does for its op."""

    TILES = 0
    VECTOR = 1
    LOAD = 2
    STORE = 3
    JOIN = 4


@dataclass(frozen=True, slots=True)
class Built:
    """A graph, with the op and the role of each task."""

    graph: Graph
    op: Longs
    role: Longs


@dataclass(slots=True)
class TaskList:
    """Grows a graph. Sites are where tasks run: from one to another it takes as long as `delays` says."""

    name: str
    delays: NDArray[np.int64]
    servers: Longs
    tasks: int = 0
    _blocks: list[tuple[int, int, int, int, int, int, int]] = field(default_factory=list)
    _targets: list[NDArray[np.int64]] = field(default_factory=list)
    _sources: list[NDArray[np.int64]] = field(default_factory=list)
    _joins: dict[tuple[int, bytes], Longs] = field(default_factory=dict)

    def add(self, count: int, *, unit: int, occupancy: int, complete: int, site: int, op: int, role: Role) -> Longs:
        """So many tasks that are alike; their numbers."""
        first = self.tasks
        self.tasks += count
        if self.tasks > MOST_TASKS:
            raise Unsupported(
                f"{self.name}: has more than {MOST_TASKS:,} tasks, up to two a row of an op, hwsim runs no more "
                "on tiles; take a shorter utterance"
            )
        self._blocks.append((count, unit, occupancy, complete, site, op, role))
        return np.arange(first, self.tasks)

    def after(self, tasks: Longs, sources: Longs) -> None:
        """Each of the tasks waits for its row of sources, [tasks, any number], or for nobody where one is below 0."""
        if sources.shape[1] == 1:
            self._targets.append(tasks)
        else:
            self._targets.append(np.repeat(tasks, sources.shape[1]))
        self._sources.append(sources.flatten())  # a copy: writers change

    def after_shared(self, tasks: Longs, sources: Longs, *, site: int, op: int) -> None:
        """Tasks in as many equal groups as there are rows of sources: each waits for all sources of its group."""
        many = sources.shape[1] > FEW
        if many and len(sources) > 1 and (sources == sources[0]).all():
            sources = sources[:1]
        if len(sources) == len(tasks) and (len(tasks) > 1 or not many):
            self.after(tasks, sources)
            return
        for group, row in zip(tasks.reshape(len(sources), -1), sources, strict=True):
            needed = self._joined_once(row, site=site, op=op) if many else row[row >= 0]
            for source in needed.tolist():
                self._targets.append(group)
                self._sources.append(np.full(group.size, source))

    def _joined_once(self, row: Longs, *, site: int, op: int) -> Longs:
        """The tasks of a row, none twice, or one that joins them; equal rows have one join at each site."""
        key = site, row.tobytes()
        if key not in self._joins:
            if len(self._joins) == _JOINS_KEPT:
                self._joins.clear()
            needed = _sorted_once(row[row >= 0])
            self._joins[key] = needed if needed.size <= FEW else self.joined(needed, site=site, op=op)
        return self._joins[key]

    def joined(self, sources: Longs, *, site: int, op: int) -> Longs:
        """A task that is done when all sources are."""
        join = self.add(1, unit=JOIN, occupancy=0, complete=0, site=site, op=op, role=Role.JOIN)
        self.after(join, sources.reshape(1, -1))
        return join

    def built(self) -> Built:
        """The whole graph, each edge once."""
        blocks: Any = np.array(self._blocks, np.int64).reshape(-1, 7)
        unit, occupancy, complete, site, op, role = (np.repeat(blocks[:, at], blocks[:, 0]) for at in range(1, 7))
        none = [np.empty(0, np.int64)]
        targets, sources = np.concatenate(self._targets or none), np.concatenate(self._sources or none)
        there = sources >= 0
        pairs = _sorted_once(sources[there] * np.int64(max(self.tasks, 1)) + targets[there])
        sources, targets = pairs // max(self.tasks, 1), pairs % max(self.tasks, 1)
        delay = self.delays[site[sources], site[targets]]
        first_edge = np.searchsorted(sources, np.arange(self.tasks + 1))
        return Built(Graph(unit, occupancy, complete, first_edge, targets, delay, self.servers), op, role)


def _sorted_once(numbers: Longs) -> Longs:
    """Numbers in order, each once."""
    ordered = np.sort(numbers)
    once: Longs = ordered[np.diff(ordered, prepend=-1) != 0]
    return once

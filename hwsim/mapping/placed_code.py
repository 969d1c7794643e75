"""What the places of tensors say of a plan's code, the same however its ops are cut: what is loaded ahead of loops,
which tensors each op waits for, and which of them each loop touches."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.kernels import assembly as a
from hwsim.kernels import timeline_code as c
from hwsim.mapping.placing import Placed, Wanted
from hwsim.schedule.schedule import Ports
from hwsim.timing.encode_steps import LONGEST

Ints = NDArray[np.int64]

TOUCHED_ROWS = 1 << 10
"""Room at first for what loops touch."""


class Preloaded(NamedTuple):
    """A resident, its spot, and the cycles of its load."""

    buffer: Wanted
    spot: int
    cycles: int


@dataclass(frozen=True, eq=False)
class PlacedCode:
    """The code of all plans whose tensors lie in the same places, behind the same ports, as far as it is the same."""

    placed: Placed
    ports: Ports

    @cached_property
    def preloaded(self) -> tuple[Preloaded, ...]:
        """The residents."""
        resident = self.placed.resident.tolist()
        found = [
            (buffer, spot)
            for buffer, spot in zip(self.placed.wanted, self.placed.spots.tolist(), strict=False)
            if resident[spot]
        ]
        sizes = dict.fromkeys((buffer.loaded, buffer.bytes) for buffer, _ in found)  # few, if layers are alike
        cycles = {size: min(self.ports.load_cycles(*size), LONGEST) for size in sizes}
        return tuple(Preloaded(buffer, spot, cycles[buffer.loaded, buffer.bytes]) for buffer, spot in found)

    @cached_property
    def _loads(self) -> tuple[tuple[int, int], ...]:
        """The cycles of each resident's load, and how often it is loaded."""
        entries = self.placed.table.analysed.entries
        return tuple((one.cycles, entries[one.buffer.loop]) for one in self.preloaded)

    @cached_property
    def preload_cycles(self) -> int:
        """Cycles of all loads of residents in a run."""
        return sum(cycles * times for cycles, times in self._loads)

    @cached_property
    def longest_preloads(self) -> float:
        """The same with the latency of each load."""
        return sum(float(cycles + self.ports.latency) * times for cycles, times in self._loads)

    def plan(self, cuts: Ints) -> a.Plan:
        """A plan with these cuts, to assemble."""
        return self._uncut._replace(cuts=cuts)

    @cached_property
    def _uncut(self) -> a.Plan:
        """A plan without cuts: what each op waits for, and what is loaded before each loop."""
        table, spots = self.placed.table, self.placed.named_spots()
        ref_at = np.zeros(len(table.use_at), np.int64)
        refs = np.zeros((4 * len(table.uses) + len(spots.dead) + 64, 2), np.int64)
        while (count := a.list_refs(table.uses, table.use_at, spots, refs, ref_at)) < 0:
            refs = np.zeros((2 * len(refs), 2), np.int64)
        rows, lists, at = [], [np.zeros(0, np.int64)], count
        for buffer, spot, cycles in self.preloaded:
            assert buffer.op is not None
            low, high = int(spots.dead_low[spot]), int(spots.dead_high[spot])
            rows.append((table.loops[buffer.loop], table.totals[buffer.op], cycles, spot, at, at + high - low))
            at += high - low
            lists.append(spots.dead[low:high])
        dead = np.concatenate(lists)
        of_preloads = np.stack((np.full(len(dead), c.OVERWRITES), dead), axis=1)
        preloads = np.array(rows, np.int64).reshape(len(rows), a.PRELOAD)
        all_refs, none = np.concatenate((refs[:count], of_preloads)), np.zeros(0, np.int64)
        return a.Plan(table.nodes, table.op_rows, none, all_refs, ref_at, preloads, 2 * len(table.spots))

    @property
    def touches(self) -> a.Touches:
        """Where the tensors begin and end that the body of each loop touches."""
        return self._touches[0]

    @property
    def touched(self) -> Ints:
        """The tensors that bodies of loops touch."""
        return self._touches[1]

    @cached_property
    def _touches(self) -> tuple[a.Touches, Ints]:
        plan, bodies = self._uncut, self.placed.table.bodies
        touches = a.Touches(
            bits=np.zeros(plan.spots, np.int64),
            order=np.zeros(plan.spots, np.int64),
            low=np.zeros(bodies, np.int64),
            high=np.full(bodies, -1, np.int64),
        )
        touched = np.zeros((TOUCHED_ROWS, c.TOUCHED_COLUMNS), np.int64)
        while (count := a.touch_bodies(plan, touches, touched)) < 0:
            touched = np.zeros((4 * len(touched), c.TOUCHED_COLUMNS), np.int64)
            touches.high[:] = -1
        return touches, touched[:count]

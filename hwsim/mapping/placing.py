"""Where the tensors of a plan lie.

Residents and states come first, chosen for the DRAM traffic that they avoid beside the largest working set of their
loop. Then come activations in program order: each is kept if it fits for all of its live range, or else as many of its
first rows as fit.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.tensor import Role
from hwsim.kernels import assembly as a
from hwsim.kernels import placing_code as p
from hwsim.kernels.placing import overwritten, place
from hwsim.mapping.activations import outermost
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.liveness import Span, prefix_name
from hwsim.mapping.plan import Plan, Resident, ResidentPrefix
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.residency import Head, Items

Ints = NDArray[np.int64]


class Wanted(NamedTuple):
    """A buffer that is placed before all activations: rows of tiles of a parameter, or a state; its bytes on a core,
    and of a parameter those that pass the DRAM's port, and that go into all scratchpads."""

    name: str
    op: str | None
    """The op whose parameter it is; None for a state."""
    loop: str
    rows: int
    bytes: int
    loaded: int
    written: int


def wanted(analysed: AnalysedProgram, heads: Sequence[Head]) -> tuple[Wanted, ...]:
    """The buffers of what was chosen."""
    tensors = analysed.uses.tensors
    buffers = []
    for head in heads:
        uses = tensors.get(head.name)
        op = head.name.rsplit(".", 1)[0] if uses is None else uses.uses[0].op.name
        state = uses is not None and uses.tensor.role is Role.STATE
        sizes = head.bytes, head.loaded, head.written
        buffers.append(Wanted(head.name, None if state else op, head.loop, head.rows, *sizes))
    return tuple(buffers)


def as_before(items: Items, before: Plan) -> tuple[Head, ...]:
    """The choice that another plan made, as far as its tensors are here."""
    heads = []
    for tensor in items.tensors:
        name, resident = tensor.name, before.residents.get(tensor.name)
        if name in before.kept:
            heads.append(tensor.head(tensor.loops[0], len(tensor.alike.items)))
        elif resident is not None:
            length = sum(item.row + item.rows <= resident.rows for item in tensor.alike.items)
            heads += [tensor.head(resident.loop, length)] * (length > 0)
    return tuple(heads)


@dataclass(frozen=True, eq=False)
class Placed:
    """All buffers of a plan, those wanted first, and where they lie."""

    table: ProgramTable
    wanted: tuple[Wanted, ...]
    buffers: Ints
    allocations: Ints
    high_water: Ints
    spots: Ints
    """The spot of each buffer."""

    @cached_property
    def codes(self) -> dict[Any, Any]:
        """What the code of plans says of these places, by the ports behind which they are."""
        return {}

    @cached_property
    def kept(self) -> Ints:
        """Rows kept by spot, of states and activations."""
        kept = np.zeros(len(self.table.spots), np.int64)
        kept[self.spots] = self.allocations[:, p.KEPT]
        kept[self._residents] = 0
        return kept

    @cached_property
    def resident(self) -> Ints:
        """Rows of tiles that are resident, by spot."""
        resident, first = np.zeros(len(self.table.spots), np.int64), len(self.wanted)
        rows = np.array([0 if buffer.op is None else buffer.rows for buffer in self.wanted], np.int64)
        resident[self.spots[:first]] = np.where(self.allocations[:first, p.KEPT] > 0, rows, 0)
        return resident

    @cached_property
    def _residents(self) -> Ints:
        """The spots of parameters."""
        spots = [spot for spot, buffer in zip(self.spots, self.wanted, strict=False) if buffer.op is not None]
        return np.array(spots, np.int64)

    @property
    def in_part(self) -> bool:
        """Whether some tensor is kept in part."""
        return bool(((self.kept > 0) & (self.kept < p.ALL)).any())

    @cached_property
    def _dead(self) -> tuple[Ints, Ints]:
        """The dead buffers that each buffer overwrites, in one list, and where each one's begin."""
        count, outer = len(self.buffers), self.table.outer_loops
        loops = np.concatenate((np.array([self._loop(buffer) for buffer in self.wanted], np.int64), outer))
        width = max(1, count + len(self.table.loops))
        dead, at = np.zeros(p.DEAD_ROOM * width, np.int64), np.zeros(count + 1, np.int64)
        overwritten(
            self.buffers, self.allocations, loops, dead, at,
            np.zeros((p.SCRATCH, width), np.int64),
            np.zeros((p.PARTS_ROOM * width, p.PART), np.int64),
            np.zeros(p.LOG_ROOM * width, np.int64),
        )  # fmt: skip
        return dead, at

    def _loop(self, buffer: Wanted) -> int:
        """The number of the outermost loop around all uses of a buffer, -1 for none."""
        if buffer.op is None:
            return outermost(self.table.analysed.uses.tensors[buffer.name], self.table.loops)
        return self.table.loops[self.table.analysed.loops_of(buffer.op)[0].name]

    def named_spots(self) -> a.Spots:
        """The places of tensors as the timeline's code asks for them."""
        dead, at = self._dead
        here = np.where(self.allocations[:, p.KEPT] < p.ALL, self.spots + len(self.table.spots), self.spots)
        here[: len(self.wanted)] = self.spots[: len(self.wanted)]
        low, high = np.zeros((2, len(self.table.spots)), np.int64)
        low[self.spots], high[self.spots] = at[:-1], at[1:]
        return a.Spots(self.kept, self.resident, low, high, here[dead[: at[-1]]])

    def mark(self) -> tuple[bytes, ...]:
        """What distinguishes the places of one plan from those of another."""
        loops = "\n".join(f"{buffer.name} {buffer.loop}" for buffer in self.wanted)
        return self.allocations.tobytes(), loops.encode()

    # -- as nouns

    def residents(self) -> dict[str, Resident]:
        return {
            buffer.name: Resident(
                buffer.name,
                buffer.op,
                buffer.loop,
                buffer.rows,
                buffer.bytes,
                int(address),
                buffer.loaded,
                buffer.written,
            )
            for buffer, (kept, address, _) in zip(self.wanted, self.allocations, strict=False)
            if buffer.op is not None and kept
        }

    def whole(self) -> dict[str, int]:
        """The addresses of states and activations that are kept as a whole."""
        names = [*(buffer.name for buffer in self.wanted), *self.table.activations]
        states = {buffer.name for buffer in self.wanted if buffer.op is None}
        parameters = {buffer.name for buffer in self.wanted} - states
        return {
            name: int(address)
            for name, (kept, address, _) in zip(names, self.allocations, strict=True)
            if kept == p.ALL and name not in parameters
        }

    def prefixes(self) -> dict[str, ResidentPrefix]:
        first = len(self.wanted)
        return {
            name: ResidentPrefix(int(kept), int(buffer[p.ALL_ROWS]), int(end - address), int(address))
            for name, (kept, address, end), buffer in zip(
                self.table.activations, self.allocations[first:], self.buffers[first:], strict=True
            )
            if 0 < kept < p.ALL
        }

    def overwrites(self) -> dict[str, tuple[str, ...]]:
        """Which dead buffers each buffer overwrites, by the names that schedules have for them."""
        dead, at = self._dead
        names = [*(buffer.name for buffer in self.wanted), *self.table.activations]
        for number in range(len(self.wanted), len(names)):
            kept = int(self.allocations[number, p.KEPT])
            if 0 < kept < p.ALL:
                names[number] = prefix_name(names[number], kept)
        return {
            name: tuple(names[other] for other in dead[at[number] : at[number + 1]])
            for number, name in enumerate(names)
            if self.allocations[number, p.KEPT]
        }


def placed(
    table: ProgramTable, size: int, reserved: Ints, first: tuple[Wanted, ...], limits: Ints | None, *, partial: bool
) -> Placed:
    """The buffers of a plan in a scratchpad of that size, of which `reserved` bytes are kept free by place.

    The buffers wanted come `first`. With `partial` activations that do not fit are kept in part; `limits`, if given,
    are the most rows kept of each of them.
    """
    buffers = np.zeros((len(first) + len(table.activations), p.BUFFER), np.int64)
    if first:
        spans = [(buffer.bytes, _span(table.analysed, buffer)) for buffer in first]
        rows = [(size, span.first, span.last) for size, span in spans]
        buffers[: len(first), p.BYTES : p.LAST + 1], buffers[: len(first), p.ROW_LIMIT] = rows, p.ALL
    buffers[len(first) :] = table.activation_buffers
    if limits is not None:
        buffers[len(first) :, p.ROW_LIMIT] = limits
    allocations = np.zeros((len(buffers), p.ALLOCATION), np.int64)
    high_water = np.zeros(len(reserved), np.int64)
    place(
        size, reserved, buffers, len(first), partial, allocations, high_water,
        np.zeros((len(buffers) + 1, p.BLOCK), np.int64),
    )  # fmt: skip
    spots = [table.spots[buffer.name] for buffer in first]
    all_spots = np.concatenate((np.array(spots, np.int64), table.activation_spots))
    return Placed(table, first, buffers, allocations, high_water, all_spots)


def _span(analysed: AnalysedProgram, buffer: Wanted) -> Span:
    return analysed.live_range(buffer.name) if buffer.op is None else analysed.uses.loop_spans[buffer.loop]


def nothing_placed(table: ProgramTable, places: int) -> Placed:
    """No buffers at all: the naive plan's."""
    none = np.zeros((len(table.activations), p.ALLOCATION), np.int64)
    return Placed(table, (), table.activation_buffers, none, np.zeros(places, np.int64), table.activation_spots)

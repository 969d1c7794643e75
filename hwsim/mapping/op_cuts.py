"""The cuts of a program's ops on a target, found when a plan first asks for them and kept for all further plans."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.hardware.array import TileShape
from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.blocks import naive_block, naive_rows
from hwsim.kernels.candidates import candidates
from hwsim.kernels.cut_search import find_cuts
from hwsim.kernels.cut_walks import cycles_alone, walk_all, write_cut
from hwsim.kernels.tiling_bytes import all_slots_bytes, held_bytes, held_rows_bytes
from hwsim.kernels.tilings import least_rooms, most_blocks, tiling_of, write_key
from hwsim.mapping.analysed_program import columns_of, parameters_of
from hwsim.mapping.cut_tables import new_room, new_store, with_more_blocks, with_more_cuts, with_more_tilings
from hwsim.mapping.drain_hazard import leads_after
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.op_shapes import ProductShape
from hwsim.mapping.placing import Placed
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.target import Target, UnsupportedOp
from hwsim.mapping.works import Counts, KnownWorks, StepCosts, StepWorks
from hwsim.quantities.precision import Precision
from hwsim.schedule.schedule import Block
from hwsim.schedule.steps import Ring
from hwsim.timing.encode_steps import LONGEST
from hwsim.timing.timeline import fixed_of

Ints = NDArray[np.int64]


class TriedCut(NamedTuple):
    """A cut that was tried: its blocks, the bytes of all slots, its cycles on a chip that does nothing else."""

    name: str
    sides: tuple[int, ...]
    held: int
    cycles: int
    steps: int


class Walked(NamedTuple):
    """How many steps were walked to find cuts, and whether some cut was not walked because that was enough."""

    steps: int
    ended: bool


@dataclass(eq=False, slots=True)
class CutRequest:
    """A plan whose ops are to be cut, and how each of them; `cuts` become the numbers of cuts by the numbers of
    ops."""

    placed: Placed
    size: int
    how: Ints
    cuts: Ints
    problem: UnsupportedOp | None = None

    @property
    def pending(self) -> bool:
        """Whether some cut is not known yet."""
        return self.problem is None and bool((self.cuts < 0).any())


def rings_in(mask: int) -> tuple[Ring, ...]:
    """The rings of a mask.

    >>> rings_in(1 << Ring.ACTIVATIONS)
    (<Ring.ACTIVATIONS: 1>,)
    """
    return tuple(ring for ring in Ring if mask >> ring & 1)


def rows_of(store: s.Store, used: Ints) -> tuple[Ints, Ints]:
    """These cuts alone, and their rows."""
    cuts = store.cuts[used]
    lengths = cuts[:, s.ROWS]
    starts = np.cumsum(lengths) - lengths
    places = np.repeat(cuts[:, s.FIRST_ROW] - starts, lengths) + np.arange(lengths.sum())
    cuts[:, s.FIRST_ROW] = starts
    return cuts, store.code[places]


def _summed(works: Counts, owners: Ints, count: int) -> Counts:
    """The sum over the steps of each owner."""
    sums = np.zeros((count, works.shape[1]), works.dtype)
    np.add.at(sums, owners, works)
    return sums


class OpCuts:
    """All cuts of a program's ops on a target."""

    def __init__(
        self, table: ProgramTable, target: Target, classes: tuple[OpRow, ...], latencies: Sequence[int]
    ) -> None:
        self.table, self.target, self.classes = table, target, classes
        self.latencies = np.array(latencies, np.int64)
        self.ops = self._ops()
        self.is_product = np.array([op_class.operands is not None for op_class in classes], np.int64)
        self.fixed = fixed_of(target.ports)
        self.room = new_room(self.ops, self.fixed)
        self.store = new_store(self.ops, len(latencies), int(most_blocks(self.ops, self.is_product)), self.room)
        self._key = np.zeros(self.store.keys.shape[1], np.int64)
        self._known = KnownWorks.none()

    def row(self, op: int) -> OpRow:
        """The row of an op's shape, by the number of the op."""
        return self.classes[self.table.class_of[op]]

    def row_of(self, cut: int) -> OpRow:
        """The row of the shape of the ops that a cut cuts."""
        return self.classes[int(self.store.keys[self.store.cuts[cut, s.TILING], s.K_CLASS])]

    def _ops(self) -> s.Ops:
        spots, place_of = self.table.spots, self.table.analysed.uses.place_of
        leads, shaped = leads_after(self.table, self.classes, self.target), self.table.shaped
        table = np.zeros((len(shaped), s.OP_COLUMNS), np.int64)
        roles = np.full((len(shaped), max((len(op.roles) for op in shaped), default=0)), -1, np.int64)
        for number, (sized, op) in enumerate(zip(self.table.ops, shaped, strict=True)):
            name, product, entry = sized.op.name, isinstance(op.shape, ProductShape), table[number]
            entry[s.CLASS], entry[s.IS_PRODUCT], entry[s.PLACE] = self.table.class_of[number], product, place_of[name]
            entry[s.FOLLOWING] = leads.get(name, -1)
            entry[s.WEIGHT] = spots[op.names[1]] if product else -1
            entry[s.TOGETHER] = spots[columns_of(name) if product else parameters_of(name)]
            entry[s.ROLES], entry[s.RESIDENT_UNIT] = len(op.roles), self.row(number).resident_unit
            for role, tensor in enumerate(op.roles):
                roles[number, role] = -1 if tensor is None else spots[tensor]
        classes = np.zeros((len(self.classes), max((len(row.row) for row in self.classes), default=0)), np.int64)
        for number, op_class in enumerate(self.classes):
            classes[number, : len(op_class.row)] = op_class.row
        classes[:, t.SLOTS] = self.target.slots
        return s.Ops(table, roles, classes)

    def find(self, requests: Sequence[CutRequest], most: int = s.NO_END) -> Walked:
        """Find the cuts of several plans at once, so that all cuts that must be walked for any of them are walked
        together. After `most` steps, no further cut is walked."""
        counts = self.store.counts  # the same when tables grow
        before = int(counts[s.STEPS])
        counts[s.MOST_STEPS], counts[s.ENDED] = min(s.NO_END, before + most), 0
        self._find(requests)
        counts[s.MOST_STEPS] = s.NO_END
        return Walked(int(counts[s.STEPS]) - before, bool(counts[s.ENDED]))

    def _find(self, requests: Sequence[CutRequest]) -> None:
        waiting = list(requests)
        while waiting:
            for request in waiting:
                while self._found(request) == s.FULL:
                    self._walk()  # which empties the lists
                    if self.store.counts[s.TILINGS] + 1 >= len(self.store.keys):
                        self.store = with_more_tilings(self.store)
                    if self.store.counts[s.BLOCKS] + len(self.store.listed) > len(self.store.blocks):
                        self.store = with_more_blocks(self.store)
            self._walk()
            waiting = [request for request in waiting if request.pending]

    def _found(self, request: CutRequest) -> int:
        """Look up the cuts of a plan; what must be done before all are known is listed in the store."""
        place = request.placed
        op = int(
            find_cuts(
                self.ops, self.store, place.kept, place.resident, place.high_water, request.size, request.how,
                self._key, request.cuts,
            )
        )  # fmt: skip
        if op >= 0:
            free = int(request.size - place.high_water[self.ops.table[op, s.PLACE]])
            why = self._why(int(request.cuts[op]), op, place.kept, place.resident, free)
            request.problem = UnsupportedOp(self.table.ops[op].op.name, why)
        return op

    def _walk(self) -> None:
        """Walk all candidates that searches ask for, until none is open, and keep the cuts that they end with."""
        done = 0
        while (done := int(walk_all(self.store, done, self.latencies, self.room))) >= 0:
            self.store = with_more_cuts(self.store)

    def _why(self, error: int, op: int, kept: Ints, resident: Ints, free: int) -> str:
        """Why an op cannot be cut."""
        if error != s.NOTHING_FITS:
            return f"takes too many cycles, hwsim counts to {LONGEST:,}; make it smaller"
        tiling = self.store.tilings[self.tiling(op, kept, resident)]
        slots = self.target.slots
        if self.row(op).operands is None:
            held = int(held_rows_bytes(1, tiling)) * slots
            return (
                f"one row takes {held} bytes with {slots} buffers, the scratchpad has {free} for it; give a larger one"
            )
        outer, inner, k = naive_block(0, tiling)
        held = int(held_bytes(outer, inner, k, tiling)) * slots
        return (
            f"one tile of the array takes {held} bytes with {slots} buffers, the scratchpad has {free} for it; "
            "give a larger one"
        )

    def tiling(self, op: int, kept: Ints, resident: Ints) -> int:
        """The number of an op's tiling with these tensors kept and resident."""
        write_key(self.ops, op, kept, resident, self._key)
        return int(tiling_of(self.ops, op, self._key, self.store))

    def held(self, limit: int) -> Ints:
        """Bytes of all slots of the naive cut of each op within a limit, nothing kept; in the order of `largest`."""
        of_class = np.empty(len(self.classes), np.int64)
        least_rooms(self.ops, self.is_product, limit, of_class)
        return of_class[self.table.largest_classes]

    def sides(self, cut: int) -> tuple[int, ...]:
        """What tells the blocks of a cut from others of its op: outer, inner and K, whether `inner` is the outer loop,
        and the mask of single rings; of an op of the vector unit the rows alone."""
        return tuple(self.store.cuts[cut, s.BLOCK : s.BLOCK + t.SIDES].tolist())

    def single(self, cut: int) -> tuple[Ring, ...]:
        """The rings whose slots an operand of a cut takes all at once."""
        return rings_in(int(self.store.cuts[cut, s.BLOCK + t.B_SINGLE]))

    def block(self, cut: int) -> Block | None:
        """The block of a cut of a product."""
        mode = self.row_of(cut).mode
        return None if mode is None else self._block(mode, *self.sides(cut)[:3])

    def _block(self, mode: Precision, outer: int, inner: int, k: int) -> Block:
        m, n = self.target.array.constraints(mode).m_and_n(TileShape(outer, inner, k))
        return Block(m=m, k=k, n=n)

    def tried(self, op: int, kept: Ints, resident: Ints, room: int) -> tuple[TriedCut, ...]:
        """All cuts of an op that are tried for some budget, and the naive one for this room."""
        row, tiling = self.row(op), self.store.tilings[self.tiling(op, kept, resident)].copy()
        slots, latency = self.target.slots, self.target.ports.latency
        if row.operands is None:
            most = max(1, int(held_rows_bytes(tiling[t.ROWS], tiling)) * slots)
            budgets = [1 << power for power in range((most - 1).bit_length(), -1, -1)]
            sides = [(int(naive_rows(budget, tiling)), 0, 0, 0, 0) for budget in (*budgets, room)]
        else:
            found = self.store.listed[: candidates(tiling, self.store.listed), : t.SIDES].tolist()
            sides = [(*block,) for block in (*found, (*map(int, naive_block(room, tiling)), 0, 0))]
        tries = []
        for side in dict.fromkeys(sides):
            outer, inner, k, swapped, single = side
            block_row = np.array(side, np.int64)
            rows = write_cut(tiling, block_row, row.operands is not None, self.room)
            steps = self.room.code[:rows]
            count = int(steps[steps[:, c.KIND] == c.STEP, t.D_TIMES].sum())
            cycles = int(cycles_alone(rows, latency, self.room))
            if row.operands is None or row.mode is None:
                name, held = f"{outer} of {tiling[t.ROWS]} rows", int(held_rows_bytes(outer, tiling)) * slots
            else:
                block = self._block(row.mode, outer, inner, k)
                name = f"{block.m} × {block.k} × {block.n}" + ", loops exchanged" * swapped
                name += "".join(f", one slot of {ring.name.lower()}" for ring in rings_in(single))
                held = int(all_slots_bytes(outer, inner, k, single, tiling))
            tries.append(TriedCut(name, side, held, cycles, count))
        return tuple(tries)

    def works(self, cuts: Ints) -> Counts:
        """What one run of each of these cuts does: [cut, columns of works]."""
        known = self._known.up_to(len(self.store.cuts))
        new = np.unique(cuts[known.rows[cuts] < 0])
        if len(new):
            steps, owners = self._steps(new)
            classes = self.store.keys[self.store.cuts[new, s.TILING], s.K_CLASS]
            known = known.and_also(new, _summed(self.step_works.of(steps, classes[owners]), owners, len(new)))
            self._known = known
        return known.works[known.rows[cuts]]

    def port_bounds(self, cuts: Ints) -> Counts:
        """The same columns, of which only the cycles that ports bind are filled in."""
        used, which = np.unique(cuts, return_inverse=True)
        steps, owners = self._steps(used)
        return _summed(self.step_works.bounds(steps), owners, len(used))[which]

    def _steps(self, cuts: Ints) -> tuple[Ints, Ints]:
        """The steps of these cuts, and the place of each one's cut among them."""
        _, code = rows_of(self.store, cuts)
        steps = code[:, c.KIND] == c.STEP
        return code[steps], np.repeat(np.arange(len(cuts)), self.store.cuts[cuts, s.ROWS])[steps]

    def forget_works(self) -> None:
        """Forget what the runs of cuts do: whoever copied these cuts gives them other steps, or other ports. What a
        step costs on the array stays the same."""
        self._known = KnownWorks.none()
        self.__dict__.pop("step_works", None)

    @cached_property
    def step_works(self) -> StepWorks:
        """The work of single steps."""
        return StepWorks(self.step_costs, self.target.ports)

    @cached_property
    def step_costs(self) -> StepCosts:
        """What single steps cost on the array."""
        return StepCosts.of(self.classes, self.target.array)

    def code(self, cut: int) -> Ints:
        """The rows of a cut."""
        first, rows = self.store.cuts[cut, s.FIRST_ROW], self.store.cuts[cut, s.ROWS]
        return self.store.code[first : first + rows]

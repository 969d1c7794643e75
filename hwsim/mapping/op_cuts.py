"""The cuts of a program's ops on a target, found when a plan first asks for them and kept for all further plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.hardware.array import TileShape
from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.candidates import candidates, naive_block, naive_rows
from hwsim.kernels.cut_search import NOTHING_FITS, Room, cycles_alone
from hwsim.kernels.tiling_bytes import held_bytes, held_rows_bytes
from hwsim.mapping.analysed_program import columns_of, parameters_of
from hwsim.mapping.drain_hazard import leads_after
from hwsim.mapping.op_rows import OpRow, op_row
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.target import Target, UnsupportedOp, naming
from hwsim.mapping.works import OWN, StepWorks
from hwsim.quantities.precision import Precision
from hwsim.schedule.schedule import Block
from hwsim.timing.encode_steps import LONGEST
from hwsim.timing.timeline import LEVELS, fixed_of, least_key

Ints = NDArray[np.int64]


class TriedCut(NamedTuple):
    """A cut that was tried: its blocks, the bytes of all slots, its cycles on a chip that does nothing else."""

    name: str
    sides: tuple[int, int, int]
    held: int
    cycles: int
    steps: int


class OpCuts:
    """All cuts of a program's ops on a target."""

    def __init__(self, table: ProgramTable, target: Target, latencies: Sequence[int]) -> None:
        self.table, self.target = table, target
        self.rows = tuple(self._rows())
        """Of each op."""
        self.latencies = np.array(latencies, np.int64)
        self.ops = self._ops()
        self.store = _store(self.ops, len(latencies), tilings=256, cuts=1024, code=1 << 15)
        self.fixed = fixed_of(target.ports)
        self.room = _room(self.ops, self.fixed)
        self._key = np.zeros(self.store.keys.shape[1], np.int64)
        self._tried = np.zeros(64, np.int64)
        self._works: dict[int, list[int]] = {}

    def _rows(self) -> list[OpRow]:
        rows = []
        for sized in self.table.ops:
            with naming(sized.op.name):
                rows.append(op_row(sized, self.table.analysed.program, self.target))
        return rows

    @cached_property
    def classes(self) -> tuple[OpRow, ...]:
        """Of each class of equal ops one."""
        return tuple({row.row: row for row in self.rows}.values())

    @cached_property
    def class_of(self) -> tuple[int, ...]:
        """The class of each op."""
        numbers = {row.row: number for number, row in enumerate(self.classes)}
        return tuple(numbers[row.row] for row in self.rows)

    def _ops(self) -> s.Ops:
        spots, place_of = self.table.spots, self.table.analysed.uses.place_of
        leads = leads_after(self.table.analysed.nodes, dict(zip(map(id, self.table.ops), self.rows)), self.target)
        table = np.zeros((len(self.rows), s.OP_COLUMNS), np.int64)
        roles = np.full((len(self.rows), max(len(row.roles) for row in self.rows)), -1, np.int64)
        for number, (sized, row) in enumerate(zip(self.table.ops, self.rows, strict=True)):
            name, product = sized.op.name, row.operands is not None
            entry = table[number]
            entry[s.CLASS], entry[s.IS_PRODUCT], entry[s.PLACE] = self.class_of[number], product, place_of[name]
            entry[s.FOLLOWING] = leads.get(name, -1)
            entry[s.WEIGHT] = spots[row.names[1]] if product else -1
            entry[s.TOGETHER] = spots[columns_of(name) if product else parameters_of(name)]
            entry[s.ROLES], entry[s.RESIDENT_UNIT] = len(row.roles), row.resident_unit
            for role, tensor in enumerate(row.roles):
                roles[number, role] = -1 if tensor is None else spots[tensor]
        classes = np.zeros((len(self.classes), max(len(row.row) for row in self.classes)), np.int64)
        for number, op_class in enumerate(self.classes):
            classes[number, : len(op_class.row)] = op_class.row
        return s.Ops(table, roles, classes)

    def cut(self, kept: Ints, resident: Ints, high_water: Ints, size: int, way: int) -> Ints:
        """The cut of each op, by number, in a plan with these tensors kept and resident; UnsupportedOp if an op has
        none."""
        cuts = np.empty(len(self.rows), np.int64)
        while True:
            op = s.cut_ops(
                self.ops, self.store, kept, resident, high_water, size, way, self.latencies, self.room,
                self._key, self._tried, cuts,
            )  # fmt: skip
            if op == s.DONE:
                return cuts
            if op != s.FULL:
                free = int(size - high_water[self.ops.table[op, s.PLACE]])
                raise UnsupportedOp(self.table.ops[op].op.name, self._why(int(cuts[op]), op, kept, resident, free))
            self.store = _larger(self.store)

    def _why(self, error: int, op: int, kept: Ints, resident: Ints, free: int) -> str:
        """Why an op cannot be cut."""
        if error != NOTHING_FITS:
            return f"takes too many cycles, hwsim counts to {LONGEST:,}; make it smaller"
        tiling = self.store.tilings[self.tiling(op, kept, resident)]
        slots = self.target.slots
        if self.rows[op].operands is None:
            held = int(held_rows_bytes(1, tiling)) * slots
            return (
                f"one row takes {held} bytes with {slots} buffers, the scratchpad has {free} for it; give a larger one"
            )
        held = int(held_bytes(*naive_block(0, tiling), tiling)) * slots
        return (
            f"one tile of the array takes {held} bytes with {slots} buffers, the scratchpad has {free} for it; "
            "give a larger one"
        )

    def tiling(self, op: int, kept: Ints, resident: Ints) -> int:
        """The number of an op's tiling with these tensors kept and resident."""
        s.write_key(self.ops, op, kept, resident, self._key)
        return int(s.tiling_of(self.ops, op, self._key, self.store))

    @cached_property
    def largest(self) -> dict[str, int]:
        """The number of each op in its largest size, by name."""
        numbers = {id(sized): number for number, sized in enumerate(self.table.ops)}
        return {name: numbers[id(sized)] for name, sized in self.table.analysed.largest.items()}

    def held(self, limit: int) -> dict[str, int]:
        """Bytes of all slots of the naive cut of each op within a limit, nothing kept; by name."""
        is_product = np.array([op_class.operands is not None for op_class in self.classes], np.int64)
        of_class = np.empty(len(self.classes), np.int64)
        s.least_rooms(self.ops, is_product, limit, of_class)
        return {name: int(of_class[self.class_of[number]]) for name, number in self.largest.items()}

    def sides(self, cut: int) -> tuple[int, int, int]:
        """The sides of the blocks of a cut: outer, inner and K; of an op of the vector unit rows, 0, 0."""
        outer, inner, k = self.store.cuts[cut, s.OUTER : s.K + 1].tolist()
        return outer, inner, k

    def block(self, cut: int) -> Block | None:
        """The block of a cut of a product."""
        op_class = self.classes[self.store.keys[self.store.cuts[cut, s.TILING], s.K_CLASS]]
        return None if op_class.mode is None else self._block(op_class.mode, *self.sides(cut))

    def _block(self, mode: Precision, outer: int, inner: int, k: int) -> Block:
        m, n = self.target.array.constraints(mode).m_and_n(TileShape(outer, inner, k))
        return Block(m=m, k=k, n=n)

    def tried(self, op: int, kept: Ints, resident: Ints, room: int) -> tuple[TriedCut, ...]:
        """All cuts of an op that are tried for some budget, and the naive one for this room."""
        row, tiling = self.rows[op], self.store.tilings[self.tiling(op, kept, resident)].copy()
        slots, latency = self.target.slots, self.target.ports.latency
        if row.operands is None:
            most = max(1, int(held_rows_bytes(tiling[t.ROWS], tiling)) * slots)
            budgets = [1 << power for power in range((most - 1).bit_length(), -1, -1)]
            sides = [(int(naive_rows(budget, tiling)), 0, 0) for budget in (*budgets, room)]
        else:
            blocks = np.zeros((s.MOST_BLOCKS, t.BLOCK), np.int64)
            found = blocks[: candidates(tiling, blocks), : t.B_K + 1].tolist()
            sides = [(*block,) for block in (*found, map(int, naive_block(room, tiling)))]
        tries = []
        for outer, inner, k in dict.fromkeys(sides):
            rows = s.write_cut(tiling, outer, inner, k, row.operands is not None, self.room)
            steps = self.room.code[:rows]
            count = int(steps[steps[:, c.KIND] == c.STEP, t.D_TIMES].sum())
            cycles = int(cycles_alone(rows, latency, self.room))
            if row.operands is None or row.mode is None:
                name, held = f"{outer} of {tiling[t.ROWS]} rows", int(held_rows_bytes(outer, tiling)) * slots
            else:
                block = self._block(row.mode, outer, inner, k)
                name = f"{block.m} × {block.k} × {block.n}"
                held = int(held_bytes(outer, inner, k, tiling)) * slots
            tries.append(TriedCut(name, (outer, inner, k), held, cycles, count))
        return tuple(tries)

    def works(self, cuts: Sequence[int]) -> list[list[int]]:
        """The work of one run of each of these cuts, own and epilogue's together."""
        new = [cut for cut in cuts if cut not in self._works]
        if new:
            codes = [self.code(cut) for cut in new]
            rows = np.concatenate(codes)
            steps = rows[:, c.KIND] == c.STEP
            classes = self.store.keys[self.store.cuts[new, s.TILING], s.K_CLASS]
            works = self.step_works.of(rows[steps], np.repeat(classes, list(map(len, codes)))[steps])
            works[:, len(OWN) - 5 : len(OWN) - 2] += works[:, len(OWN) :]
            owners = np.repeat(np.arange(len(new)), list(map(len, codes)))[steps]
            sums = np.zeros((len(new), len(OWN)), works.dtype)
            np.add.at(sums, owners, works[:, : len(OWN)])
            self._works |= zip(new, sums.tolist(), strict=True)
        return [self._works[cut] for cut in cuts]

    @cached_property
    def step_works(self) -> StepWorks:
        """The work of single steps."""
        return StepWorks(self.classes, self.target)

    def code(self, cut: int) -> Ints:
        """The rows of a cut."""
        first, rows = self.store.cuts[cut, s.FIRST_ROW], self.store.cuts[cut, s.ROWS]
        return self.store.code[first : first + rows]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """How many rows the tables of a store have."""

    tilings: int
    cuts: int
    code: int


def _store(ops: s.Ops, latencies: int, *, tilings: int, cuts: int, code: int) -> s.Store:
    """An empty store."""
    hashed = 1 << (2 * tilings - 1).bit_length()
    return s.Store(
        keys=np.zeros((tilings, s.K_ROLES + ops.roles.shape[1]), np.int64),
        hashed=np.full(hashed, -1, np.int64),
        tilings=np.zeros((tilings, ops.classes.shape[1]), np.int64),
        blocks=np.zeros((tilings, s.MOST_BLOCKS, t.BLOCK), np.int64),
        cycles=np.zeros((tilings, latencies, s.MOST_BLOCKS), np.int64),
        states=np.zeros((tilings, s.STATE), np.int64),
        recent=np.zeros((tilings, s.RECENT, 2), np.int64),
        cuts=np.zeros((cuts, s.CUT), np.int64),
        lengths=np.zeros(cuts),
        code=np.zeros((code, _width(ops)), np.int64),
        counts=np.zeros(s.COUNTS, np.int64),
    )


def _larger(store: s.Store) -> s.Store:
    """The same store with twice the room."""
    doubled = s.Store(*(np.concatenate((table, np.zeros_like(table))) for table in store[:-1]), store.counts)
    hashed = np.full(len(doubled.hashed), -1, np.int64)
    for number in range(int(store.counts[s.TILINGS])):
        at = s.hash_of(store.keys[number], len(hashed))
        while hashed[at] >= 0:
            at = at + 1 if at + 1 < len(hashed) else 0
        hashed[at] = number
    return doubled._replace(hashed=hashed)


def _width(ops: s.Ops) -> int:
    """The columns of the rows of cuts: behind the fixed ones, what each operand brings and each result stores."""
    return t.DETAIL + 4 + int((ops.classes[:, t.READS] + ops.classes[:, t.WRITES]).max(initial=0))


def _room(ops: s.Ops, fixed: Ints) -> Room:
    """What searches write into."""
    slots, kept, levels = int(fixed[c.SLOTS]), int(fixed[c.LONGEST]) + 1, LEVELS
    pieces = 16 + 2 * int(ops.classes[:, t.MARKS].max(initial=0))
    walk = c.Walk(
        refs=np.zeros((0, 2), np.int64),
        touched=np.zeros((0, c.TOUCHED_COLUMNS), np.int64),
        fixed=fixed.copy(),
        two_spaces=np.zeros(1, np.int64),
        totals=np.zeros((1, c.TOTALS), np.int64),
        released=np.zeros((c.RINGS, slots), np.int64),
        turn=np.zeros(c.RINGS, np.int64),
        ready=np.zeros(1, np.int64),
        read=np.full((2, 1, c.READERS), c.NEVER, np.int64),
        pending=np.zeros((int(fixed[c.DELAY]) + 1, c.PENDING_COLUMNS), np.int64),
        now=np.zeros(c.NOW, np.int64),
        peaks=np.zeros((levels + 1, c.PEAKS), np.int64),
        events=np.zeros((0, c.EVENT_COLUMNS), np.int64),
    )
    return Room(
        code=np.zeros((s.MOST_ROWS, _width(ops)), np.int64),
        pieces=np.zeros((3, pieces, t.PIECE), np.int64),
        loops=np.zeros((6, 8), np.int64),
        walk=walk,
        done=np.zeros(levels + 1, np.int64),
        taken=np.zeros(levels + 1, np.int64),
        place=np.zeros(levels + 1, np.int64),
        keys=np.zeros(levels * kept * least_key(fixed), np.int64),
        past=np.zeros(levels * kept * (c.TOTALS_AT + c.TOTALS), np.int64),
        stack=np.zeros(levels + 1, np.int64),
    )
